"""Tables show the records and published numbers, in every format alike, and stale tables are noticed."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import MODEL, RATES, rewrite, study, write_arms, write_rates, write_run, write_study

from ina import record
from ina.config import options
from ina.plan import experiment_runs
from ina.stats import TooFewExamples
from ina.tables import documents, frame, outcomes
from ina.tables import study as roles
from ina.tables.__main__ import main
from ina.tables.costs import cost_table
from ina.tables.outcomes import check_metrics
from ina.tables.published import FOLDER
from ina.tables.scores import OURS, excerpt, on_screen, score_tables
from ina.tables.study import studies
from ina.tables.table import FORMATS, Table, csv, markdown
from ina.tables.verdicts import MEAN, pairs, verdict_table, verdicts

ARMS = {"lora": 0.5, "ina": 0.9}


def scores(root: Path) -> Table:
    return score_tables(study(root))[0]


def rows(table: Table) -> dict[tuple[str, str], dict[str, str]]:
    """(method, epoch) -> column -> cell; a blank method is that of the row above."""
    found, method = {}, ""
    for row in table.shown.fillna("").to_dict("records"):
        method = row["Method"] or method
        found[method, row["Epoch"]] = row
    return found


@pytest.fixture(scope="module")
def of_glue(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("glue") / "results"
    write_study(root, tasks=("cola", "stsb", "mrpc"))
    write_run(root, task="cola", method="ina", inhibition=0.1, seed=1)
    return root


@pytest.fixture(scope="module")
def of_squad(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("squad") / "results"
    write_study(root, tasks=("squad_v1", "squad_v2"), methods=("lora", "ina"), seeds=(1, 2))
    return root


# the frame


def test_the_frame_has_a_row_for_each_run_selection_and_metric_with_settings_and_costs(tmp_path):
    run = write_run(tmp_path, task="mrpc", method="ina", inhibition=0.1)
    found = frame.frame(record.read_all(tmp_path)).set_index(["selection", "metric"])
    assert list(found.index) == [(rule, metric) for rule in ("best", "last") for metric in ("accuracy", "f1")]
    row = found.loc["last", "f1"]
    assert (row["value"], row["n"], row["hours"]) == (run.last.metrics["f1"], 120, run.wall_seconds / 3600)
    assert (row["method.inhibition"], row["method.sites"]) == (0.1, ("query", "key"))
    assert (row["method_label"], row["adapter"]) == ("InA (Inh 0.1)", run.params.adapter)


def test_a_methods_label_is_that_of_each_models_own_runs(tmp_path):
    write_run(tmp_path, model="minilm")
    write_run(tmp_path, model="bert_large")  # its recipe has another rank
    other = write_run(tmp_path, task="rte")
    found = study(tmp_path)
    assert [found.label(model=model, method="lora") for model in ("bert_large", "minilm")] == ["LoRA (r 4)", "LoRA"]
    label = other.labels.model_copy(update={"method": "LoRA (r 4)"})
    rewrite(tmp_path, other, labels=label)
    assert study(tmp_path).label(model="minilm", method="lora") == "LoRA (other settings differ by task)"


def test_variants_whose_rank_differs_by_task_keep_what_tells_them_apart(tmp_path):
    for activation in ("relu", "elu"):
        for task in ("cola", "stsb"):  # BERT-large's recipe has another rank for STS-B
            write_run(tmp_path, task=task, model="bert_large", method="ina", activation=activation)
    found = study(tmp_path)
    assert [found.label(model=model, method=method) for model, method in found.methods] == [
        f"InA (Inh 0.3, {activation}, other settings differ by task)" for activation in ("elu", "relu")
    ]


@pytest.mark.parametrize("tasks", [("wnli",), ("sst2",), ("sst2", "wnli")])
def test_a_study_with_less_than_two_tasks_of_the_mean_has_no_mean(tmp_path, tasks):
    write_study(tmp_path, tasks=tasks, methods=("lora", "ina"))
    assert not any(column.startswith("Avg.") for column in scores(tmp_path).shown)
    assert len(verdict_table(study(tmp_path)).shown) == len(tasks)


def test_the_dev_examples_of_mnli_are_counted_for_each_split(tmp_path):
    run = write_run(tmp_path, task="mnli", n=121)
    by_split = {"validation_matched": 60, "validation_mismatched": 61}
    rewrite(tmp_path, run, data=run.data.model_copy(update={"rows": run.data.rows | by_split}))
    [_, second] = score_tables(study(tmp_path))
    assert rows(second)["dev examples", ""]["MNLI mismatched"] == "61"


def test_a_method_of_an_unknown_kind_stands_last_under_its_own_name(tmp_path):
    run = write_run(tmp_path)
    new = run.model_dump(exclude={"labels"}) | {"method": "novel", "id": "minilm--cola--novel--s1"}
    new["config"] = run.config | {"method": run.config["method"] | {"name": "novel", "kind": "novel"}}
    record.write(tmp_path, record.Record(**new), record.read_predictions(tmp_path, run))
    assert list(dict.fromkeys(method for method, _ in rows(scores(tmp_path))))[3:5] == ["LoRA", "novel"]


@pytest.mark.parametrize("selection", ["best", "last"])
def test_a_metric_that_is_not_that_of_the_predictions_is_refused_with_the_file(tmp_path, selection):
    run = write_run(tmp_path, task="rte")
    check_metrics(study(tmp_path))
    [path] = tmp_path.glob("runs/*/*/*.json")
    right = getattr(run, selection).metrics["accuracy"]
    path.write_text(path.read_text().replace(f"{right}", f"{right + 1e-4}"))
    with pytest.raises(
        SystemExit, match=rf"^error: {re.escape(str(path))}: .*accuracy is 0\.\d+; its predictions give"
    ):
        main(["--check", "--results", str(tmp_path)])


# what stands in the cells


def test_a_cell_is_mean_and_standard_deviation_over_seeds_in_points_with_their_number_where_it_differs(
    of_glue, of_squad
):
    runs = [run for run in record.read_all(of_glue) if (run.task, run.method) == ("cola", "lora")]
    for selection, n in (("best", " (3)"), ("last", "")):
        values = [100 * getattr(run, selection).metrics["mcc"] for run in runs]
        expected = f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}{n}"
        cells = rows(scores(of_glue))["LoRA", selection]
        assert (cells["CoLA"], cells["QNLI"]) == (expected, "–")
    assert re.fullmatch(r"\d+\.\d \(1\)", rows(scores(of_glue))["InA (Inh 0.1)", "best"]["CoLA"])  # no spread
    assert re.fullmatch(r"\d+\.\d ± \d+\.\d", rows(scores(of_squad))["LoRA", "best"]["v1.1 F1"])
    weights = [rows(scores(of_glue))[method, "best"]["Trainable"] for method in ("LoRA", "Full fine-tuning")]
    assert weights == ["0.074M + 0.00038M–0.00077M", "22.7M"], "of adapter and head, or of all"
    assert "n = 2 seeds." in scores(of_squad).caption and "n = 1–3 seeds, n in brackets." in scores(of_glue).caption


def test_degenerate_runs_are_counted_in_their_cell_and_explained(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2))
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(3, 4), skill=None)
    table = scores(tmp_path)
    assert all(rows(table)["LoRA", selection]["CoLA"].endswith(" †2") for selection in ("best", "last"))
    assert any(note.startswith("†k: k of the runs are degenerate") for note in table.notes)


@pytest.mark.parametrize("inserted", [None, 2])
def test_numbers_of_others_do_not_stand_beside_paragraphs_with_inserted_sentences(tmp_path, inserted):
    run = write_run(tmp_path, task="squad_v1")
    config = run.config | {"data": run.config["data"] | {"distractors": inserted}}
    rewrite(tmp_path, run, config=config)
    assert (set(scores(tmp_path).shown["section"]) == {OURS}) == (inserted is not None)


def test_the_majority_class_stands_above_our_rows(tmp_path, of_squad):
    write_study(tmp_path, tasks=("cola", "sst2", "stsb", "mnli", "wnli"), methods=("lora",), seeds=(1,))
    first, second = (rows(table)["Majority class", ""] for table in score_tables(study(tmp_path)))
    labels = {run.task: record.read_predictions(tmp_path, run)["label"] for run in record.read_all(tmp_path)}
    labels |= {"mismatched": labels["mnli"][0::2], "mnli": labels["mnli"][1::2]}  # as made_up assigns the splits
    share = {task: f"{100 * of.value_counts(normalize=True).max():.1f}" for task, of in labels.items()}
    assert (first["SST-2"], first["CoLA"], first["STS-B"], first["RTE"]) == (share["sst2"], "0.0", "–", "–")
    assert (first["MNLI"], second["MNLI mismatched"]) == (share["mnli"], share["mismatched"])
    found = rows(scores(of_squad))["Majority class", ""]  # no answer
    shown = [found[name] for name in ("v2.0 F1", "v2.0 EM", "v2.0 HasAns F1", "v2.0 NoAns", "v1.1 F1")]
    assert shown == ["50.0", "50.0", "0.0", "100.0", "–"]


def test_columns_come_in_the_order_of_the_authors_table_and_the_average_is_over_the_measured_tasks(of_glue, tmp_path):
    tasks = ["CoLA", "QQP", "MNLI", "SST-2", "STS-B", "QNLI", "RTE", "MRPC"]
    assert list(scores(of_glue).shown)[5:] == [*tasks, "Avg. of 3"]
    values = [study(of_glue).scores(("minilm", task, "lora"), "best") for task in ("cola", "stsb", "mrpc")]
    assert rows(scores(of_glue))["LoRA", "best"]["Avg. of 3"].startswith(f"{100 * np.mean(values):.1f} ± ")
    assert rows(scores(of_glue))["InA (Inh 0.1)", "best"]["Avg. of 3"] == "–"  # it lacks two tasks
    write_study(tmp_path, tasks=("cola", "wnli"), methods=("lora",), seeds=(1, 2))
    write_run(tmp_path, task="stsb", seed=3)
    assert list(scores(tmp_path).shown)[5:] == [*tasks, "Avg. of 2", "WNLI"]
    assert re.fullmatch(r"\d+\.\d", rows(scores(tmp_path))["LoRA", "last"]["Avg. of 2"])  # no spread: the seeds differ


def test_second_metrics_and_squad_have_their_own_tables(of_glue, of_squad):
    second = score_tables(study(of_glue))[1]
    assert second.title.startswith("Table 3b: ") and list(second.shown)[5:] == ["STS-B Spearman", "MRPC F1"]
    [table] = score_tables(study(of_squad))
    cells = rows(table)["LoRA", "last"]
    assert cells["v2.0 F1"] != cells["v2.0 best-thr. F1"] and "not comparable" in table.notes[0]


# what the title says


def test_the_title_says_experiment_source_selection_model_and_number_format(of_glue):
    table = scores(of_glue)
    assert table.title == "Table 3: GLUE, dev set, experiment made_up, data source files"
    for words in (MODEL, "28 runs", "bfloat16", "Best: each run", "2 epochs", "240 training and 120 dev examples"):
        assert words in table.caption
    assert [rows(table)[f"{kind} examples", ""]["CoLA"] for kind in ("training", "dev")] == ["240", "120"]


def test_runs_are_counted_by_data_source_with_the_number_of_planned_runs(tmp_path):
    for source in ("files", "probe"):
        write_run(tmp_path, source=source, experiment="glue_smoke")
    found = {one.name: one.count for one in studies(tmp_path)}
    assert found == dict.fromkeys(
        ("glue_smoke-files", "glue_smoke-probe"), f"1 of {len(experiment_runs('glue_smoke'))}"
    )


def test_runs_that_differ_in_more_than_the_seed_or_are_of_uncommitted_code_are_pointed_out(tmp_path):
    write_run(tmp_path, seed=1)
    assert not any("uncommitted" in note for note in scores(tmp_path).notes)
    run = write_run(tmp_path, seed=2, train={"epochs": 5})
    for known in ({"dirty": True}, {"commit": None, "dirty": None}):
        rewrite(tmp_path, run, provenance=run.provenance.model_copy(update=known))
        notes = scores(tmp_path).notes
        assert "minilm--cola--lora: runs differ in train.epochs." in notes
        assert any("uncommitted" in note for note in notes)


# the numbers of others


def test_numbers_of_others_stand_below_as_their_source_prints_them(of_glue, of_squad):
    table = scores(of_glue)
    digest = rows(table)["InA [1]", "unknown"]
    assert (digest["section"], digest["Model"], digest["CoLA"]) == ("Published", "BERT-large", "65.9‡")
    assert any("[1] doi:10.1016/j.neunet.2024.106410 as quoted by a public digest, DIGEST" in n for n in table.notes)
    released = rows(table)["InA (Inh 0.3) [9]", "last"]
    assert (released["CoLA"], released["QQP"], released["Avg. of 3"]) == ("58.80", "–", "76.5")
    files = [pd.read_csv(FOLDER / f"{name}.csv", dtype=str) for name in ("glue", "squad")]
    known = {value for file in files for value in file.query("beside.notna()")["value"]}
    for table in (scores(of_glue), scores(of_squad)):
        others = table.shown[table.shown["section"] != OURS]
        cells = others[[name for name in list(others)[5:] if not name.startswith("Avg.")]].to_numpy().ravel()
        assert {cell.rstrip("‡") for cell in cells} - {"–"} <= known


# who is better


def judged(root: Path, selection: str = "best") -> dict[tuple[str, str, str], pd.Series]:
    found = verdicts(study(root)).query("selection == @selection")
    return {(one["a"], one["b"], one["task"]): one for _, one in found.iterrows()}


@pytest.mark.parametrize(
    ("methods", "second", "firsts"),
    [
        (("full", "lora", "ina", "ina_p0"), "full", {"lora", "ina", "ina_p0"}),
        (("full", "lora", "lora_released", "ina", "ina_released"), "lora", {"ina"}),
        (("full", "lora", "lora_released", "ina", "ina_released"), "lora_released", {"ina_released"}),
        (("lora", "ina", "ina_p0", "ina_p90", "ina_released"), "ina_p0", {"ina", "ina_p90"}),
        (("full", "gate"), "full", {"gate"}),
        (("head", "lora", "ina"), "lora", {"ina"}),
    ],
)
def test_each_method_is_compared_with_full_fine_tuning_and_with_what_is_like_it(tmp_path, methods, second, firsts):
    write_study(tmp_path, tasks=("cola",), methods=methods, seeds=(1,))
    assert {a for _, a, b in pairs(study(tmp_path)) if b == second} == firsts


def test_a_method_with_other_settings_is_compared_with_the_plain_one_too(of_glue):
    assert [b for _, a, b in pairs(study(of_glue)) if a == "ina-inhibition0.1"] == ["lora", "full", "ina"]


def test_methods_without_a_seed_in_common_have_no_table_of_verdicts(tmp_path):
    for method, seed in (("lora", 1), ("ina", 2)):
        write_run(tmp_path, method=method, seed=seed)
        assert "verdicts" not in [table.name for table in documents.tables(study(tmp_path))]


@pytest.mark.parametrize("selection", ["best", "last"])
def test_a_difference_is_that_of_the_mean_scores_over_common_seeds(of_glue, of_squad, selection):
    for root, task in ((of_glue, "cola"), (of_squad, "squad_v2")):
        ina, lora = (study(root).scores(("minilm", task, method), selection) for method in ("ina", "lora"))
        assert judged(root, selection)["ina", "lora", task]["difference"] == pytest.approx(100 * np.mean(ina - lora))
    assert judged(of_glue, selection)["ina-inhibition0.1", "lora", "cola"]["seeds"] == 1


def test_adapters_that_read_no_segment_ids_are_marked_beside_scores_and_verdicts(tmp_path, of_squad):
    for ids, root in ((True, of_squad), (False, tmp_path)):
        if not ids:
            write_study(root, tasks=("squad_v1",), methods=("full", "lora"), train={"adapter_segment_ids": False})
        tables = [scores(root), verdict_table(study(root))]
        assert [any("Segment ids" in note for note in table.notes) for table in tables] == [not ids] * 2


def test_a_large_difference_gets_a_verdict_and_the_mean_over_tasks_too(tmp_path):
    write_arms(tmp_path, ARMS, tasks=("sst2", "rte"))
    found = {task: (one["verdict"], one["family"]) for (_, _, task), one in judged(tmp_path).items()}
    assert found == {"sst2": ("better", "other"), "rte": ("better", "other"), MEAN: ("better", "primary")}


def test_the_main_question_of_a_study_is_a_family_of_its_own(tmp_path):
    write_study(tmp_path, tasks=("sst2",), methods=("lora", "ina"), seeds=range(4))
    alone = judged(tmp_path)["ina", "lora", "sst2"]
    write_study(tmp_path, tasks=("sst2",), methods=("full",), seeds=range(4))
    together = judged(tmp_path)
    assert alone["family"] == "primary" and alone["p_difference"] == together["ina", "lora", "sst2"]["p_difference"]
    others = {(a, b): one for (a, b, _), one in together.items() if one["family"] == "other"}
    assert set(others) == {("ina", "full"), ("lora", "full")}
    for one in others.values():
        assert one["simultaneous_high"] > one["high"] and one["simultaneous_low"] < one["low"]


@pytest.mark.parametrize(
    ("experiment", "model", "task", "size"),
    [
        pytest.param("made_up", "minilm", "sst2", 1, id="it has no plan"),
        pytest.param("glue_small", "minilm", "sst2", 2, id="InA without inhibition is in its plan"),
        pytest.param("glue_base", "mpnet", "rte", 2, id="and here in the plan of an experiment that completes it"),
        pytest.param("squad_small", "minilm", "squad_v1", 4, id="its plan has two tasks without a mean"),
    ],
)
def test_a_primary_family_has_its_planned_size_before_all_its_runs_are_there(tmp_path, experiment, model, task, size):
    write_study(tmp_path, tasks=(task,), methods=("lora", "ina"), experiment=experiment, model=model)
    found = verdicts(study(tmp_path, experiment)).query("selection == 'last'").iloc[0]
    corrected = found["comparison"].difference.interval(1 - 0.05 / size)
    assert (found["family"], found["simultaneous_low"]) == ("primary", pytest.approx(100 * corrected.low))


def test_two_methods_that_fail_on_every_seed_are_not_equivalent_and_one_failed_run_blocks_no_verdict(tmp_path):
    write_study(tmp_path, tasks=("sst2",), methods=("lora", "ina"), skill=None, n=1000)
    assert judged(tmp_path)["ina", "lora", "sst2"]["remark"].startswith("all runs of both methods are degenerate")
    write_arms(tmp_path, ARMS, seeds=(2, 3), experiment="other")
    write_arms(tmp_path, ARMS | {"lora": None}, seeds=(1,), experiment="other")
    found = verdicts(study(tmp_path, "other")).query("selection == 'last'")
    assert list(found["verdict"]) == ["better"]


def test_a_verdict_is_unrestricted_only_if_lower_and_higher_rates_of_both_methods_were_tried(tmp_path):
    names = []
    for rate in RATES:
        for method, skill in ARMS.items():
            write_rates(tmp_path, {method: skill}, [rate])
            names += list(verdicts(study(tmp_path)).get("name", ["none"]))[-1:]
    restricted = [*["better at these rates"] * 3, "better at three rates of LoRA"]
    assert names == ["none", *restricted, "better"]
    assert verdict_table(study(tmp_path)).shown["Remark"].item().count(" instead of 0.002") == 4


@pytest.mark.parametrize("checked", ["minilm", "bert_base"])
def test_a_verdict_on_one_model_is_not_checked_at_the_rates_of_another_model(tmp_path, checked):
    for model in ("minilm", "bert_base"):
        write_rates(tmp_path, ARMS, [""], model=model)
        lora = {"lora": 0.9 if model == checked else 0.5}
        write_rates(tmp_path, ARMS | lora, ["_lower_rate", "_higher_rate"], model=model)
    found = verdicts(study(tmp_path)).query("selection == 'last'").set_index("model")["verdict"]
    assert found.to_dict() == dict.fromkeys(("minilm", "bert_base"), "better") | {checked: "depends on the rate"}


def test_a_mean_over_tasks_is_over_the_seeds_that_all_tasks_have(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2, 3, 4))
    write_study(tmp_path, tasks=("mrpc",), methods=("lora", "ina"), seeds=(2, 3, 4, 5))
    shown = verdict_table(study(tmp_path)).shown.set_index("Task")["n"]
    assert shown.to_dict() == {"mean over 2 tasks": "3", "CoLA": "4", "MRPC": "4"}
    write_study(tmp_path, tasks=("rte",), methods=("lora",), seeds=(2, 3, 4))
    assert list(verdict_table(study(tmp_path)).shown["Task"]) == ["CoLA", "MRPC"], "no mean without RTE"


def test_a_mean_over_tasks_has_the_mean_of_their_margins_and_needs_all_of_them_at_another_rate(tmp_path):
    write_rates(tmp_path, ARMS, tasks=("cola",))
    write_rates(tmp_path, ARMS, [""], tasks=("mrpc",))
    found = judged(tmp_path)
    assert {task: one["margin"] for (_, _, task), one in found.items()} == {"cola": 2, "mrpc": 1, MEAN: 1.5}
    names = {task: one["name"] for (_, _, task), one in found.items()}
    assert names == {"cola": "better", "mrpc": "better at these rates", MEAN: "better at these rates"}


@pytest.mark.parametrize(
    ("method", "seed", "n", "told"),
    [
        ("ina", 1, 90, "minilm--cola--ina and minilm--cola--lora .* the same examples"),
        ("ina", 1, 100, "minilm--cola--ina and minilm--cola--lora .* the same examples"),
        ("lora", 2, 90, "the runs of minilm--cola--lora were measured on different examples"),
    ],
    ids=["fewer", "the same ids with other labels", "fewer in one cell"],
)
def test_runs_measured_on_different_examples_are_not_compared(tmp_path, method, seed, n, told):
    write_run(tmp_path, method="lora", n=100)
    file = tmp_path / write_run(tmp_path, method=method, seed=seed, n=n).predictions
    if n == 100:
        frame = pd.read_parquet(file)
        frame.assign(label=1 - frame["label"]).to_parquet(file)
    with pytest.raises(ValueError, match=told):
        documents.tables(study(tmp_path))


def test_too_few_examples_for_an_interval_have_a_table_without_one(tmp_path, monkeypatch):
    def refuse(*_):
        raise TooFewExamples("all examples are in one cluster")

    write_study(tmp_path, tasks=("mrpc",), methods=("lora", "ina"), seeds=(1, 2, 3))
    monkeypatch.setattr(outcomes, "score_runs", refuse)
    found = study(tmp_path)
    assert outcomes.summary(found)["low"].isna().all() and verdicts(found).empty
    assert "No two methods" in verdict_table(found).caption


def test_methods_with_other_data_epochs_or_batches_are_pointed_out(tmp_path):
    write_run(tmp_path, method="lora")
    run = write_run(tmp_path, method="ina", train={"epochs": 5, "batch_size": 8})
    other = run.model_copy(update={"data": run.data.model_copy(update={"fingerprint": "e" * 64})})
    record.write(tmp_path, other, record.read_predictions(tmp_path, run))
    differing = "data.fingerprint, train.epochs, train.batch_size"
    assert f"minilm--cola: methods differ in {differing}, so they are not comparable." in scores(tmp_path).notes


def test_the_verdict_at_the_best_epochs_stands_beside_that_at_the_last(tmp_path, monkeypatch):
    write_study(tmp_path, tasks=("sst2",), methods=("lora", "ina"))
    found = verdicts(study(tmp_path)).assign(name=["at best", "at last"])
    monkeypatch.setattr("ina.tables.verdicts.verdicts", lambda _: found)
    shown = verdict_table(study(tmp_path)).shown
    assert (shown["Verdict"].item(), shown["Best epochs"].item()) == ("at last", "at best")


def test_a_users_own_tasks_have_a_table_without_the_columns_of_glue(tmp_path):
    run = write_run(tmp_path)
    record.record_path(tmp_path, "made_up", "files", run.id).unlink()
    config = run.config | {"task": run.config["task"] | {"name": "reviews", "label": "Reviews"}}
    labels = run.labels.model_copy(update={"task": "Reviews"})
    named = {"task": "reviews", "id": "minilm--reviews--lora--s1", "config": config, "labels": labels}
    mine = run.model_copy(update=named)
    record.write(tmp_path, mine, record.read_predictions(tmp_path, run))
    table = scores(tmp_path)
    assert table.title.startswith("Your own tasks, dev set") and "Reviews" in table.shown
    assert not {"CoLA", "MNLI"} & set(table.shown) and set(table.shown["section"]) == {"This replication"}


# what it costs, and where it comes from


def test_an_experiment_that_completes_another_stands_in_its_tables_and_has_a_line_of_costs_of_its_own(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora", "ina"), experiment="glue_small")
    write_study(tmp_path, tasks=("cola",), methods=("head",), seeds=(1, 2), experiment="glue_small_head")
    [joined] = studies(tmp_path)
    assert (joined.experiment, joined.count) == ("glue_small", "8 of 225")
    assert [part.experiment for part in joined.parts] == ["glue_small", "glue_small_head"]
    assert [method for _, method in joined.methods] == ["head", "lora", "ina"]
    assert [found.name for found in studies(tmp_path, "glue_small_head")] == ["glue_small-files"], "the whole"
    assert list(cost_table([joined]).shown["Runs"]) == ["6 of 200", "2 of 25", "8"]


def test_an_experiment_completes_another_on_its_own_data_alone_and_if_that_is_recorded(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("head",), experiment="glue_small_head", source="probe")
    write_study(tmp_path, tasks=("cola",), methods=("head",), experiment="glue_small_head")
    assert {found.name for found in studies(tmp_path)} == {"glue_small_head-files", "glue_small_head-probe"}
    write_study(tmp_path, tasks=("cola",), methods=("lora",), experiment="glue_small")
    expected = {"glue_small-files": "6 of 225", "glue_small_head-probe": "3 of 25"}
    assert {found.name: found.count for found in studies(tmp_path)} == expected
    assert {found.name: found.count for found in studies(tmp_path, "glue_small_head")} == expected
    assert [found.name for found in studies(tmp_path, "glue_small")] == ["glue_small-files"]


def test_an_interim_experiment_completes_another_only_when_it_is_finished(tmp_path, monkeypatch):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), experiment="glue_small")
    write_study(tmp_path, tasks=("cola",), methods=("head",), experiment="glue_small_head")
    known = roles.study_settings
    interim = {"glue_small_head": {"completes": "glue_small", "interim": True}}
    monkeypatch.setattr(roles, "study_settings", lambda name: interim.get(name) or known(name))
    found = {one.name: (one.count, one.is_interim) for one in studies(tmp_path)}
    assert found == {"glue_small-files": ("3 of 200", False), "glue_small_head-files": ("3 of 25", True)}


def test_a_name_alone_completes_nothing(tmp_path):
    for experiment in ("reviews", "reviews_full"):
        write_run(tmp_path, experiment=experiment)
    assert {found.name for found in studies(tmp_path)} == {"reviews-files", "reviews_full-files"}


def test_an_experiment_that_completes_another_is_refused_if_their_runs_have_different_settings(tmp_path):
    for experiment, print in (("glue_small", "f"), ("glue_small_head", "e")):
        run = write_run(tmp_path, experiment=experiment).model_copy(update={"fingerprint": print * 64})
        record.write(tmp_path, run, record.read_predictions(tmp_path, run))
    with pytest.raises(record.RecordError, match="glue_small_head completes glue_small, but their runs minilm--cola"):
        studies(tmp_path)


def test_the_role_of_every_experiment_is_valid():
    whole = {name: found.completes for name in options("experiment") if (found := roles.role(name)).completes}
    assert whole["glue_small_head"] == "glue_small" and whole["search_methods_lower"] == "search_methods"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"complets": "glue_small"}, "study.complets: Extra inputs .*; its keys are completes, interim"),
        ({"completes": "glue_smal"}, "study.completes=glue_smal: there is no such experiment"),
        ({"completes": "glue_small_head"}, "study.completes=glue_small_head, which completes glue_small; name"),
    ],
)
def test_a_role_that_does_not_exist_is_named(tmp_path, monkeypatch, said, told):
    write_run(tmp_path)
    known = roles.study_settings
    monkeypatch.setattr(roles, "study_settings", lambda name: said if name == "made_up" else known(name))
    with pytest.raises(SystemExit, match=f"^error: experiment made_up: {told}"):
        main(["made_up", "--results", str(tmp_path)])


def test_costs_are_core_hours_summed_over_runs_processes_and_threads(tmp_path):
    run = write_run(tmp_path)
    larger = run.provenance.model_copy(update={"processes": 2, "threads": 4})
    record.write(tmp_path, run.model_copy(update={"provenance": larger}), record.read_predictions(tmp_path, run))
    row = cost_table([study(tmp_path)]).data.iloc[0]
    assert (row["runs"], row["core_hours"]) == (1, pytest.approx(8 * run.wall_seconds / 3600))


# formats


def test_the_csv_has_every_number_once_with_full_precision(of_glue):
    found = pd.read_csv(io.StringIO(csv(score_tables(study(of_glue))[:1])))
    mine = found.query("origin == 'ours'")
    [row] = mine.query("task == 'cola' and method == 'lora' and selection == 'best'").to_dict("records")
    values = 100 * study(of_glue).scores(("minilm", "cola", "lora"), "best")
    assert (row["n"], row["degenerate"], row["trainable"]) == (3, 0, 74498)
    assert (row["mean"], row["min"], row["max"]) == pytest.approx((values.mean(), values.min(), values.max()), abs=1e-4)
    assert ((mine["low"] < mine["mean"]) & (mine["mean"] < mine["high"])).all()
    assert not found.duplicated(["origin", "source", "model", "task", "method", "metric", "selection"]).any()


@pytest.mark.parametrize(
    ("format", "escaped", "parts"),
    [
        ("md", "a_b & 50 % <x> \\| y", ["**Table 3: GLUE", "± "]),
        ("latex", "a\\_b \\& 50 \\% $<$x$>$", ["\\begin{tabular}", "\\toprule", "\\bottomrule", "$\\pm$"]),
        ("html", "a_b &amp; 50 % &lt;x&gt; | y", ["Table 3: GLUE", "± "]),
    ],
)
def test_every_format_escapes_special_characters_and_is_deterministic(of_glue, format, escaped, parts):
    shown = pd.DataFrame({"Method": ["a_b & 50 % <x> | y"]})
    assert escaped in FORMATS[format](Table("t", "T", "c", shown, pd.DataFrame()))
    text = FORMATS[format](scores(of_glue))
    assert all(part in text for part in parts) and text == FORMATS[format](scores(of_glue))
    assert not re.search(r"(src|href)=|@import|url\(", text)  # a page needs no other file
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({(len(line), line.count("|")) for line in lines}) == (format == "md"), "columns are aligned"


# the terminal, and documents


@pytest.mark.parametrize("published", [False, True])
def test_the_terminal_shows_our_rows_and_those_of_others_on_request(of_glue, published):
    whole = scores(of_glue)
    shown = on_screen(whole, published)
    assert list(shown.shown)[5:] == ["CoLA", "STS-B", "MRPC", "Avg. of 3"], "not QQP, …"
    sections = [OURS, *["Published", "Authors' released runs, with their code"] * published]
    assert list(shown.shown["section"].unique()) == sections
    assert rows(shown)["LoRA", "last"] == {title: rows(whole)["LoRA", "last"][title] for title in shown.shown}
    assert not any(note.startswith("[") for note in shown.notes)
    assert any("‡" in note for note in shown.notes) == published
    verdict = verdict_table(study(of_glue))
    assert on_screen(verdict, published) is verdict


def test_scores_on_generated_data_have_no_published_numbers_beside_them(tmp_path):
    write_run(tmp_path, source="probe")
    table = scores(tmp_path)
    assert table.title.startswith("Table 3: GLUE (generated), dev set") and "CoLA" in table.shown
    assert set(table.shown["section"]) == {OURS} and set(table.data["origin"]) == {"ours", "baseline"}
    assert not any(note.startswith("[") for note in table.notes)


def test_a_document_shows_our_best_rows_in_the_columns_in_which_we_have_numbers(of_glue, of_squad):
    short = excerpt(scores(of_glue), "results/tables/made_up-files")
    assert list(short.shown) == ["Method", "Trainable", "Epoch", "CoLA", "STS-B", "MRPC", "Avg. of 3"]
    mine = short.shown.set_index("Method")["CoLA"]
    assert mine["LoRA"] == rows(scores(of_glue))["LoRA", "best"]["CoLA"] and len(mine) == 1 + 4
    assert mine.index[0] == "Majority class"
    assert "[The whole table](results/tables/made_up-files/scores.md)" in short.caption
    assert not any("Ans" in name for name in excerpt(scores(of_squad), "").shown)


def test_a_row_that_was_deleted_from_a_document_stays_deleted(of_glue, tmp_path):
    document, tables = tmp_path / "REPORT.md", {"made_up-files": excerpt(scores(of_glue), "tables")}
    document.write_text("Before.\n<!-- table: made_up-files -->\n<!-- /table -->\nAfter.\n")
    whole = documents.filled(document, tables, None)
    assert whole.startswith("Before.\n") and whole.endswith("After.\n") and "| Full fine-tuning" in whole
    document.write_text("".join(line for line in whole.splitlines(True) if not line.startswith("| Full fine-tuning")))
    short = documents.filled(document, tables, None)
    assert "| LoRA" in short and "Full fine-tuning" not in short
    assert len(whole.splitlines()) == len(short.splitlines()) + 1


def test_the_command_writes_markdown_and_csv_and_prints_the_table(of_glue, tmp_path, capsys):
    root = shutil.copytree(of_glue, tmp_path / "outputs")
    main(["made_up", "--results", str(root)])
    assert "**Table 3: GLUE" in capsys.readouterr().out
    folder = root / "tables" / "made_up-files"
    assert {path.name for path in folder.iterdir()} == {"scores.md", "scores.csv", "verdicts.md", "verdicts.csv"}
    assert (folder / "scores.md").read_text() == "\n".join(map(markdown, score_tables(study(root))))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    main(["made_up", "--results", str(root), "--format", "latex"])
    assert "\\toprule" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_check_finds_what_is_stale_missing_or_without_records(of_glue, tmp_path):
    readme = tmp_path / "README.md"
    outputs, root = (shutil.copytree(of_glue, tmp_path / name) for name in ("outputs", "results"))
    readme.write_text(
        text := "".join(f"<!-- table: {n}-files -->\nold\n<!-- /table -->\n" for n in ("made_up", "gone"))
    )
    main(["--results", str(outputs)])
    assert readme.read_text() == text, "it is not beside `results`"
    main(["--results", str(root)])
    assert "**Table 3" in readme.read_text() and "old" not in readme.read_text()
    main(["--results", str(root), "--check"])
    (root / "tables" / "made_up-files" / "scores.csv").unlink()
    (root / "tables" / "made_up-files" / "old.csv").write_text("")
    readme.write_text(readme.read_text().replace("±", "+-"))
    with pytest.raises(SystemExit) as error:
        main(["--results", str(root), "--check"])
    for problem in ("scores.csv is missing", "README.md is out of date", "old.csv belongs to no record"):
        assert problem in str(error.value)


def test_an_error_names_the_missing_folder_or_experiment(of_glue, tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished run of experiment 'nope'.*there are made_up"):
        study(of_glue, "nope")
    for root, told in ((tmp_path / "nowhere", "no folder .*nowhere"), (tmp_path, "no record under .*; set --results")):
        for option in ([], ["--check"], ["--format", "latex"]):
            with pytest.raises(SystemExit, match=f"there is {told}"):
                main([*option, "--results", str(root)])
