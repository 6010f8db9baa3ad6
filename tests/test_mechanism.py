"""Measurements inside trained models are written once per run; tables and figures are made only from them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_up import write_measurement, write_run
from tiny_runs import configured, write_glue

from ina import config, data, figures, record, run, saved_models, versions
from ina.analysis import measure, measurement, texts
from ina.analysis.__main__ import main
from ina.analysis.measure import TrainedModel, measure_run
from ina.figures import attention
from ina.record import RecordError
from ina.tables import documents, mechanism
from ina.tables.study import Study, studies

ARMS = ["Full fine-tuning", "LoRA", "InA (Inh 0)", "InA (Inh 0.3)", "InA (Inh 0.9)"]


def write(root: Path, seeds=(1, 2, 3), **more: dict) -> Study:
    for method in ("full", "lora", "ina_p0", "ina", "ina_p90"):
        for seed in seeds:
            made = write_run(root, task="squad_v1", method=method, seed=seed, experiment="inside", source="probe")
            write_measurement(root, made, **{"answer": 0.05 + seed / 1000, **more.get(method, {})})
    [found] = studies(root)
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Three seeds; InA at 0.9 has 0.03 more attention on answers than LoRA and 0.02 less on distractors."""
    changed = {"answer": 0.082, "distractor": 0.18, "inhibited": 0.9}
    return write(tmp_path_factory.mktemp("mechanism"), ina_p90=changed)


# measuring


@pytest.fixture(scope="module")
def models(glue, tmp_path_factory) -> Path:
    """The kept models of two tiny runs on sentence pairs."""
    root = tmp_path_factory.mktemp("models")
    for method in ("lora", "ina"):
        run.run(configured(glue, root, "train.epochs=1", "keep_model=true", f"method={method}"))
    return root


def test_all_kept_models_are_measured_once_and_measurements_of_other_runs_are_refused(
    models, glue, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("INA_DATA_DIR", str(glue))
    arguments = ["adhoc", "--models", str(models), "--results", str(tmp_path)]
    main(arguments)
    first = capsys.readouterr().out
    main(arguments)
    assert first.count("->") == 2 and capsys.readouterr().out.count("already measured") == 2
    path = tmp_path / "analysis" / "adhoc-files.jsonl"
    found = measurement.read(path)
    assert len(found) == 2
    for one in found.values():
        its = record.read(saved_models.path(models, None, "files", one.id) / saved_models.RECORD_FILE)
        assert (one.fingerprint, one.passages, one.example) == (its.fingerprint, 24, None)
        assert one.origin["versions"] == versions.packages()
        assert one.origin["command"] == " ".join(["python -m ina.analysis", *arguments])
    kept, changed = map(json.loads, path.read_text().splitlines())
    path.write_text(f"{json.dumps(kept)}\n{json.dumps(changed | {'fingerprint': '0' * 64})}\n")
    with pytest.raises(SystemExit, match=f"{changed['id']} is of another run"):
        main(arguments)


def test_data_that_the_model_was_not_trained_on_are_refused(models, monkeypatch, tmp_path):
    monkeypatch.setenv("INA_DATA_DIR", str(write_glue(tmp_path / "other", dev=12)))
    with pytest.raises(SystemExit, match="the data found are not those that"):
        main(["adhoc", "--models", str(models), "--results", str(tmp_path)])


def test_an_adapter_is_described_on_any_text(models, capsys, tmp_path):
    [folder] = (models / "models" / "adhoc" / "files").glob("*--ina--*")
    main([f"adapter={folder}", "text=the big dog runs", "distractor=the", f"heatmap={tmp_path / 'map.png'}"])
    printed = capsys.readouterr().out
    for part in ("[CLS] ~the~ ", "inhibited", "negative_peak", "rank_before", "layer", "merged", "equal attention"):
        assert part in printed
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_kept_squad_model_answers_as_in_its_run_and_is_measured_on_the_papers_example(glue, tmp_path, monkeypatch):
    small = ["task=squad_v1", "data=probe", "data.max_train=40", "train.epochs=1", "keep_model=true", "method=ina"]
    its, _ = run.run(configured(glue, tmp_path, *small))
    folder = saved_models.path(tmp_path, None, "probe", its.id)
    opened = TrainedModel(folder)
    _, passages = texts.dev_passages(opened.cfg, data.load(opened.cfg.task, opened.cfg.data))
    recorded = record.read_predictions(tmp_path, its)["last_text"]
    for passage, text in list(zip(passages, recorded, strict=True))[:10]:
        assert passage.text[slice(*opened.answer(passage))] == text
    monkeypatch.setattr(texts, "dev_passages", lambda *_: ("validation", passages[:10]))
    found = measurement.read(measure_run(folder, tmp_path, "a command")[0])[its.id]
    assert found.example.answer in texts.EXAMPLE.text and found.example.kinds.count("special") == 3
    maps = np.array(found.example.maps)
    assert len(maps) == 1, "the mean over layers"
    assert maps.sum(axis=-1) == pytest.approx(np.ones(maps.shape[:2]), abs=1e-2)
    assert {row[3] for row in found.rows if row[2] == "attention"} == {"all", *texts.KINDS}


@pytest.mark.parametrize(
    ("seed", "dirty", "root"), [(1, False, "results"), (99, False, "outputs"), (1, True, "outputs")]
)
def test_what_is_measured_lies_where_the_record_of_the_run_belongs(seed, dirty, root, tmp_path, monkeypatch):
    command = ["experiment=distractors", "task=squad_v1", "method=lora"]
    settings = config.configured([*command, f"seed={seed}"])
    made = write_run(tmp_path / "records", task="squad_v1", experiment="distractors", seed=seed, dirty=dirty)
    folder = saved_models.path(tmp_path, "distractors", "probe", made.id)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(made.model_copy(update={"config": settings.model_dump()}).model_dump_json())
    roots = []
    monkeypatch.setattr(versions, "code", lambda: ("0" * 40, False))
    monkeypatch.setattr(measure, "measure_run", lambda _, root, __: roots.append(root) or (root, True))
    shutil.copytree(folder, folder.with_name(f".{folder.name}.1.partial"))  # left by a killed process
    main(["distractors", "--models", str(tmp_path)])
    assert roots == [Path(root)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["distractors", "--models", "nowhere"],
            "no model of experiment 'distractors' under nowhere/models: .*keep_model=true",
        ),
        (["adapter=nowhere", "text=a"], "nowhere/record.json is missing; a run with keep_model=true leaves"),
        (["--models=nowhere", "distractors"], "no model of experiment 'distractors' under nowhere/models"),
        (["adapter=nowhere"], "adapter=FOLDER and text=TEXT are required"),
        (["text=a", "adapter=b", "colour=red"], "unknown: colour"),
    ],
)
def test_an_error_says_what_is_wrong_with_a_command(arguments, message):
    with pytest.raises(SystemExit, match=message):
        main(arguments)


def test_a_measurement_of_another_model_than_the_record_and_a_damaged_one_are_refused(tmp_path):
    made = write_run(tmp_path, task="squad_v1")
    write_measurement(tmp_path, made.model_copy(update={"fingerprint": "0" * 64}))
    [one] = studies(tmp_path)
    with pytest.raises(RecordError, match="the line of minilm--squad_v1--lora--s1 is of another run of this name"):
        mechanism.measured(one)
    file = measurement.path(tmp_path, made)
    file.write_text(file.read_text().replace('"passages"', '"pages"'))
    with pytest.raises(RecordError, match="made_up-files.jsonl, line 1 is not a measurement: passages"):
        measurement.read(file)


# tables


def test_intervals_are_those_of_t_over_seeds_and_differences_are_paired_by_seed(study):
    frame = mechanism.attention(study)
    frame = frame[frame["by"] == "all"]
    found = mechanism.over_seeds(frame, "to").loc["minilm", "squad_v1", "lora", "answer"]
    values = np.array([5.1, 5.2, 5.3])
    half = 4.302653 * values.std(ddof=1) / np.sqrt(3)
    assert found.tolist() == pytest.approx([values.mean(), values.mean() - half, values.mean() + half, 3])
    found = mechanism.difference_to(frame, "lora", "to").loc["minilm", "squad_v1"]
    assert found.loc["ina", "answer"].tolist() == pytest.approx([0, 0, 0, 3], abs=1e-9)
    assert found.loc["ina_p90", "distractor"]["mean"] == pytest.approx(-2)


def test_one_seed_has_no_interval(tmp_path):
    shown = mechanism.attention_table(write(tmp_path, seeds=(1,))).shown
    assert list(shown["Attention to Answer"]) == ["10.0", *["5.1"] * 5, *["0.0"] * 8]
    assert not shown.map(lambda cell: "[" in cell).any(axis=None)


def test_tables_and_figures_stand_beside_the_others_where_something_was_measured(study, tmp_path):
    names = [table.name for table in documents.tables(study)]
    assert names[0] == "scores" and {"attention", "gate"} <= set(names)
    drawn = set(attention.attention_figures(study))
    assert drawn == {"attention", "attention_mass"} < set(figures.figures_for(study))
    write_run(tmp_path, task="squad_v1")
    [one] = studies(tmp_path)
    assert mechanism.mechanism_tables(one) == [] and attention.attention_figures(one) == {}


def test_the_table_of_attention_has_shares_and_differences_to_lora_in_points(study):
    table = mechanism.attention_table(study)
    assert list(table.shown["Method"])[1:6] == ARMS
    last = table.shown[table.shown["Method"] == "InA (Inh 0.9)"]
    less = "−2.0 [−2.0, −2.0]"  # than with LoRA, and than without inhibition
    assert list(last["Attention to Distractor"]) == ["18.0 [18.0, 18.0]", less, less]
    assert last["Elsewhere if merged"].iloc[0].startswith("30.0")
    assert "InA (Inh 0.3): black, red, red" in " ".join(table.notes)
    detail = table.data.query("method == 'ina_p90' and to == 'distractor'")
    assert detail["mean"].tolist() == pytest.approx([18.0, -2.0, -2.0])


def test_the_table_of_the_gate_has_a_row_for_each_method_and_site(study):
    rows = mechanism.gate_table(study).shown.set_index(["Method", "Site"])
    assert len(rows) == 4 * 2  # not full fine-tuning
    assert rows.loc[("LoRA", "query"), "Passed, %"] == "–"
    assert rows.loc[("LoRA", "key"), "Update / base, %"].startswith("50.0")
    ina = rows.loc[("InA (Inh 0.9)", "key")]
    assert ina["Inhibited, %"] == "90.0 [90.0, 90.0]"
    assert ina["Inhibited, answer − distractor"] == "−10.0 [−10.0, −10.0]"
    assert (ina["Effective rank before"], ina["Effective rank after"]) == ("4.0 [4.0, 4.0]", "3.0 [3.0, 3.0]")


# figures


def test_maps_of_all_arms_share_one_scale_and_the_last_is_merged(study):
    charts = attention.maps(study, "minilm", "squad_v1").charts
    assert [chart.title for chart in charts] == [*ARMS, "InA (Inh 0.3), merged"]
    encodings = [chart.spec["encoding"] for chart in charts]
    assert len({str(of["color"]["scale"]["domain"]) for of in encodings}) == 1
    assert '["[CLS]", "colour", "?", "red", "black"]' in encodings[0]["y"]["axis"]["labelExpr"]
    assert "bold" in str(encodings[0]["y"]["axis"]["labelFontWeight"])


def test_attention_by_layer_is_drawn_in_percent_with_a_line_for_equal_attention(study):
    answer = attention.mass(study, "minilm", "squad_v1").charts[0]
    assert answer.title == "to tokens of kind: answer"
    rows = answer.spec["data"]["values"]
    assert len({row["method"] for row in rows}) == 5
    assert [row["value"] for row in rows[-2:]] == pytest.approx([8.2, 8.2])
    assert answer.spec["layer"][0]["encoding"]["y"]["datum"] == pytest.approx(10.0)
