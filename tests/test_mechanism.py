"""Measurements inside trained models: written once a run, then tables, figures and evidence are made of them alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_up import write_measurement, write_run
from tiny_runs import configured

from ina import data, figures, record, run, saved_models
from ina.analysis import measurement, texts
from ina.analysis.__main__ import main
from ina.analysis.measure import Opened, measure_run
from ina.figures import attention
from ina.record import RecordError
from ina.tables import documents, inside
from ina.tables.frame import Study, studies

ARMS = {"full": {}, "lora": {}, "ina_p0": {}, "ina": {}, "ina_p90": {}}


def write(root: Path, seeds=(1, 2, 3), **more: dict) -> None:
    for method in ARMS:
        for seed in seeds:
            made = write_run(root, task="squad_v1", method=method, seed=seed, experiment="inside", source="probe")
            write_measurement(root, made, **{"answer": 0.05 + seed / 1000, **more.get(method, {})})


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Three seeds; InA at 0.9 has 0.03 more attention on answers than LoRA and 0.02 less on distractors."""
    root = tmp_path_factory.mktemp("mechanism")
    write(root, ina_p90={"answer": 0.082, "distractor": 0.18, "inhibited": 0.9})
    [found] = studies(root)
    return found


# measuring


@pytest.fixture(scope="module")
def models(glue, tmp_path_factory) -> Path:
    """Kept models of two tiny runs on sentence pairs."""
    root = tmp_path_factory.mktemp("models")
    for method in ("lora", "ina"):
        run.run(configured(glue, root, "train.epochs=1", "keep_model=true", f"method={method}"))
    return root


def test_all_kept_models_are_measured_once(models, glue, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("INA_DATA_DIR", str(glue))
    arguments = ["adhoc", "--models", str(models), "--results", str(tmp_path)]
    main(arguments)
    first = capsys.readouterr().out
    main(arguments)
    assert first.count("->") == 2 and capsys.readouterr().out.count("already measured") == 2
    found = measurement.read(tmp_path / "analysis" / "adhoc-files.jsonl")
    assert len(found) == 2
    for one in found.values():
        its = record.read(saved_models.path(models, None, "files", one.id) / saved_models.RECORD_FILE)
        assert (one.fingerprint, one.passages, one.example) == (its.fingerprint, 24, None)
        assert one.origin["versions"] == record.versions()
        assert one.origin["command"] == " ".join(["python -m ina.analysis", *arguments])


def test_a_measurement_of_another_run_of_this_name_is_not_taken_for_this_one(models, glue, monkeypatch, tmp_path):
    monkeypatch.setenv("INA_DATA_DIR", str(glue))
    arguments = ["adhoc", "--models", str(models), "--results", str(tmp_path)]
    main(arguments)
    path = tmp_path / "analysis" / "adhoc-files.jsonl"
    first, second = map(json.loads, path.read_text().splitlines())
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second | {'fingerprint': '0' * 64})}\n")
    with pytest.raises(SystemExit, match="is of another run of this name; delete it to measure again"):
        main(arguments)


def test_other_data_than_those_of_the_training_are_refused(models, monkeypatch, tmp_path):
    from tiny_runs import write_glue

    monkeypatch.setenv("INA_DATA_DIR", str(write_glue(tmp_path / "other", dev=12)))
    with pytest.raises(SystemExit, match="not those that it was trained on"):
        main(["adhoc", "--models", str(models), "--results", str(tmp_path)])


def test_without_kept_models_the_command_says_how_to_get_them(tmp_path):
    with pytest.raises(SystemExit, match="python -m ina.run experiment=distractors keep_model=true"):
        main(["distractors", "--models", str(tmp_path)])


def test_an_adapter_is_told_of_on_any_text(models, capsys, tmp_path):
    [folder] = (models / "models" / "adhoc" / "files").glob("*--ina--*")
    main([f"adapter={folder}", "text=the big dog runs", "distractor=the", f"heatmap={tmp_path / 'map.png'}"])
    told = capsys.readouterr().out
    assert "[CLS] ~the~ " in told
    for part in ("inhibited", "negative_peak", "rank_before", "layer", "linear part merged", "got equal"):
        assert part in told
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_reader_answers_as_its_run_did_and_is_measured_on_the_papers_example(glue, tmp_path, monkeypatch):
    small = ["task=squad_v1", "data=probe", "data.max_train=40", "train.epochs=1", "keep_model=true", "method=ina"]
    its, _ = run.run(configured(glue, tmp_path, *small))
    folder = saved_models.path(tmp_path, None, "probe", its.id)
    opened = Opened(folder)
    _, passages = texts.dev_passages(opened.cfg, data.load(opened.cfg.task, opened.cfg.data))
    recorded = record.read_predictions(tmp_path, its)["last_text"]
    for passage, text in list(zip(passages, recorded, strict=True))[:10]:
        assert passage.text[slice(*opened.answer(passage))] == text
    monkeypatch.setattr(texts, "dev_passages", lambda *_: ("validation", passages[:10]))
    found = measurement.read(measure_run(folder, tmp_path, "a command")[0])[its.id]
    assert found.example.answer in texts.EXAMPLE.text and found.example.kinds.count("special") == 3
    maps = np.array(found.example.maps)
    assert maps.sum(axis=-1) == pytest.approx(np.ones(maps.shape[:2]), abs=1e-2)
    paid = {row[3] for row in found.rows if row[2] == "attention"}
    assert paid == {"all", *texts.KINDS}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["adapter=nowhere", "text=a"], "nowhere/record.json is missing; a run with keep_model=true leaves"),
        (["adapter=nowhere"], "adapter=FOLDER and text=TEXT are needed"),
        (["text=a", "adapter=b", "colour=red"], "not 'colour=red'"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(arguments, told):
    with pytest.raises(SystemExit, match=told):
        main(arguments)


# intervals


def test_intervals_are_those_of_t_over_the_seeds_of_means_over_layers(study):
    frame = inside.attention(study)
    found = inside.over_seeds(frame[frame["by"] == "all"], "to").loc["minilm", "squad_v1", "lora", "answer"]
    values = np.array([5.1, 5.2, 5.3])
    half = 4.302653 * values.std(ddof=1) / np.sqrt(3)
    assert found.tolist() == pytest.approx([values.mean(), values.mean() - half, values.mean() + half, 3])


def test_differences_are_paired_by_seed(study):
    frame = inside.attention(study)
    found = inside.difference_to(frame[frame["by"] == "all"], "lora", "to").loc["minilm", "squad_v1"]
    assert found.loc["ina", "answer"].tolist() == pytest.approx([0, 0, 0, 3], abs=1e-9)
    assert found.loc["ina_p90", "distractor"]["mean"] == pytest.approx(-2)


def test_one_seed_has_no_interval(tmp_path):
    write(tmp_path, seeds=(1,))
    [one] = studies(tmp_path)
    shown = inside.attention_table(one).shown
    assert list(shown["Attention to Answer"]) == ["10.0", *["5.1"] * 5, *["0.0"] * 8]
    assert not shown.map(lambda cell: "[" in cell).any(axis=None)


def test_a_measurement_of_another_model_than_the_record_is_refused(tmp_path):
    made = write_run(tmp_path, task="squad_v1")
    write_measurement(tmp_path, made.model_copy(update={"fingerprint": "0" * 64}))
    [one] = studies(tmp_path)
    with pytest.raises(RecordError, match="the line of minilm--squad_v1--lora--s1 is of another run of this name"):
        inside.measured(one)


# tables


def test_a_study_that_nobody_looked_into_has_none_of_these_tables(tmp_path):
    write_run(tmp_path, task="squad_v1")
    [one] = studies(tmp_path)
    assert inside.inside_tables(one) == [] and attention.attention_figures(one) == {}


def test_the_tables_stand_beside_the_others_of_the_experiment(study):
    names = [table.name for table in documents.tables(study)]
    assert names[0] == "scores" and {"attention", "gate"} <= set(names)


def test_arms_stand_in_the_order_of_their_inhibition(study):
    labels = list(inside.attention_table(study).shown["Method"])
    assert labels[1:6] == ["Full fine-tuning", "LoRA", "InA (Inh 0)", "InA (Inh 0.3)", "InA (Inh 0.9)"]


def test_the_table_of_attention_has_shares_and_differences_to_lora_in_points(study):
    table = inside.attention_table(study)
    last = table.shown[table.shown["Method"] == "InA (Inh 0.9)"]
    less = "−2.0 [−2.0, −2.0]"  # than with LoRA, and than without inhibition
    assert list(last["Attention to Distractor"]) == ["18.0 [18.0, 18.0]", less, less]
    assert last["Elsewhere if merged"].iloc[0].startswith("30.0")
    assert "InA (Inh 0.3): black, red, red" in " ".join(table.notes)
    detail = table.data.query("method == 'ina_p90' and layer == 2 and by == 'answer' and to == 'distractor'")
    assert detail["mean"].tolist() == pytest.approx([18.0, -2.0, -2.0])


def test_the_table_of_the_gate_has_a_row_for_each_method_and_site(study):
    table = inside.gate_table(study)
    rows = table.shown.set_index(["Method", "Site"])
    assert len(rows) == 4 * 2  # not full fine-tuning
    assert rows.loc[("LoRA", "query"), "Passed, %"] == "–"
    assert rows.loc[("LoRA", "key"), "Update / base, %"].startswith("50.0")
    ina = rows.loc[("InA (Inh 0.9)", "key")]
    assert ina["Inhibited, %"] == "90.0 [90.0, 90.0]"
    assert ina["Inhibited, answer − distractor"] == "−10.0 [−10.0, −10.0]"
    assert (ina["Effective rank before"], ina["Effective rank behind"]) == ("4.0 [4.0, 4.0]", "3.0 [3.0, 3.0]")


# figures


def test_there_are_figures_of_attention(study):
    names = {"attention", "attention_mass"}
    assert set(attention.attention_figures(study)) == names < set(figures.figures_for(study))


def test_maps_of_all_arms_share_one_scale_and_the_last_is_merged(study):
    figure = attention.heatmaps(study, "minilm", "squad_v1")
    drawn = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in drawn] == [
        "Full fine-tuning", "LoRA", "InA (Inh 0)", "InA (Inh 0.3)", "InA (Inh 0.9)", "InA (Inh 0.3), merged",
    ]  # fmt: skip
    assert len({id(axis.images[0].norm) for axis in drawn}) == 1
    assert [label.get_text() for label in drawn[0].get_yticklabels()] == ["[CLS]", "colour", "?", "red", "black"]
    assert drawn[0].get_yticklabels()[3].get_fontweight() == "bold"


def test_mass_is_drawn_by_layer_in_percent_with_what_equal_attention_would_give(study):
    figure = attention.mass(study, "minilm", "squad_v1")
    answer = figure.axes[0]
    assert answer.get_title() == "to tokens of kind: answer" and len(answer.containers) == 5
    assert answer.containers[-1].lines[0].get_ydata() == pytest.approx([8.2, 8.2])
    assert answer.lines[0].get_ydata()[0] == pytest.approx(10.0)
