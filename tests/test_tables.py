"""Tables: true to the records and to the numbers of others, the same in every format, never stale unnoticed."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import MODEL, write_run, write_study

from ina import record
from ina.plan import experiment_runs
from ina.record import RecordError
from ina.tables import documents, frame, outcomes
from ina.tables.__main__ import main
from ina.tables.costs import cost_table
from ina.tables.frame import Study, studies
from ina.tables.outcomes import check_metrics
from ina.tables.published import FOLDER
from ina.tables.scores import OURS, excerpt, on_screen, score_tables
from ina.tables.table import FORMATS, Table, csv, html, latex, markdown
from ina.tables.verdicts import MEAN, pairs, verdict_table, verdicts

RESULTS = Path(__file__).parent.parent / "results"
INA, LORA = ("minilm", "cola", "ina"), ("minilm", "cola", "lora")


def study(root: Path, experiment: str = "made_up") -> Study:
    [found] = studies(root, experiment)
    return found


def rows(table: Table) -> dict[tuple[str, str], dict[str, str]]:
    """(method, epoch) -> column -> cell; a row that continues another has its method."""
    found, method = {}, ""
    for row in table.shown.fillna("").to_dict("records"):
        method = row["Method"] or method
        found[method, row["Epoch"]] = row
    return found


@pytest.fixture(scope="module")
def glue(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("glue") / "results"
    write_study(root, tasks=("cola", "stsb", "mrpc"))
    write_run(root, task="cola", method="ina", inhibition=0.1, seed=1)
    return root


@pytest.fixture(scope="module")
def squad(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("squad") / "results"
    write_study(root, tasks=("squad_v1", "squad_v2"), methods=("lora", "ina"), seeds=(1, 2))
    return root


# the frame


def test_the_frame_has_a_row_for_each_run_selection_and_metric_with_settings_and_costs(tmp_path):
    run = write_run(tmp_path, task="mrpc", method="ina", inhibition=0.1)
    found = frame.frame(record.read_all(tmp_path))
    assert list(zip(found["selection"], found["metric"], strict=True)) == [
        (selection, metric) for selection in ("best", "last") for metric in ("accuracy", "f1")
    ]
    row = found[(found["selection"] == "last") & (found["metric"] == "f1")].iloc[0]
    assert row["value"] == run.last.metrics["f1"]
    assert (row["method.inhibition"], row["method.sites"], row["method_label"]) == (
        0.1, ("query", "key"), "InA (Inh 0.1)",
    )  # fmt: skip
    assert (row["adapter"], row["n"], row["hours"]) == (run.params.adapter, 120, run.wall_seconds / 3600)


def test_the_frame_has_every_epoch_on_request(tmp_path):
    run = write_run(tmp_path)
    found = frame.frame([run], every_epoch=True)
    assert dict(zip(found["epoch"], found["value"], strict=True)) == {
        e.epoch: e.metrics["mcc"] for e in run.evaluations
    }


def test_a_method_is_called_what_each_models_own_runs_say(tmp_path):
    write_run(tmp_path, model="minilm")
    write_run(tmp_path, model="bert_large")  # whose recipe has another rank
    ours = score_tables(study(tmp_path))[0].shown.query("section == @OURS").fillna("")
    labels = dict(zip(ours["Model"], ours["Method"], strict=True))
    assert (labels["BERT-large"], labels[MODEL]) == ("LoRA (r 4)", "LoRA")


def test_settings_that_differ_by_task_are_said_to(tmp_path):
    write_run(tmp_path, task="cola")
    other = write_run(tmp_path, task="rte")
    label = other.labels.model_copy(update={"method": "LoRA (r 4)"})
    record.write(tmp_path, other.model_copy(update={"labels": label}), record.read_predictions(tmp_path, other))
    assert study(tmp_path).label(model="minilm", method="lora") == "LoRA (settings differ by task)"


def test_a_method_of_an_unknown_kind_stands_last_under_its_own_name(tmp_path):
    run = write_run(tmp_path)
    new = run.model_dump(exclude={"labels"}) | {"method": "novel", "id": "minilm--cola--novel--s1"}
    new["config"] = run.config | {"method": run.config["method"] | {"name": "novel", "kind": "novel"}}
    record.write(tmp_path, record.Record(**new), record.read_predictions(tmp_path, run))
    assert list(dict.fromkeys(method for method, _ in rows(score_tables(study(tmp_path))[0])))[3:5] == ["LoRA", "novel"]


@pytest.mark.parametrize("selection", ["best", "last"])
def test_a_metric_that_is_not_that_of_the_predictions_is_refused_with_the_file(tmp_path, selection):
    run = write_run(tmp_path, task="rte")
    check_metrics(study(tmp_path))
    [path] = tmp_path.glob("runs/*/*/*.json")
    path.write_text(path.read_text().replace(f"{getattr(run, selection).metrics['accuracy']}", "0.99"))
    message = f"^error: {re.escape(str(path))}: .*accuracy is 0.99; its predictions give 0."
    with pytest.raises(SystemExit, match=message.replace("0.", r"0\.")):
        main(["--check", "--results", str(tmp_path)])


@pytest.mark.parametrize("experiment", ["glue_mini", "squad_mini", "distractors_confirm_lower_rate"])
def test_the_metrics_of_committed_records_are_those_of_their_predictions(experiment):
    [found] = studies(RESULTS, experiment)
    check_metrics(found)  # python -m ina.tables --check does so for all
    assert len(found.runs) >= 10


# what stands in the cells


def test_a_cell_is_mean_and_standard_deviation_over_seeds_in_points(tmp_path):
    runs = [write_run(tmp_path, seed=seed) for seed in (1, 2, 3)]
    table = score_tables(study(tmp_path))[0]
    for selection in ("best", "last"):
        scores = [100 * getattr(run, selection).metrics["mcc"] for run in runs]
        expected = f"{np.mean(scores):.1f} ± {np.std(scores, ddof=1):.1f}"
        assert rows(table)["LoRA", selection]["CoLA"] == expected
    assert "n = 3 seeds." in table.caption


def test_the_number_of_seeds_stands_in_the_cells_where_it_differs(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2, 3))
    write_study(tmp_path, tasks=("cola",), methods=("ina",), seeds=(1, 2))
    table = score_tables(study(tmp_path))[0]
    assert "n = 2–3 seeds, n in brackets" in table.caption
    assert rows(table)["LoRA", "best"]["CoLA"].endswith(" (3)")
    assert rows(table)["InA (Inh 0.3)", "best"]["CoLA"].endswith(" (2)")


def test_one_run_has_no_spread_and_a_cell_nobody_measured_is_a_dash(tmp_path):
    run = write_run(tmp_path)
    cells = rows(score_tables(study(tmp_path))[0])["LoRA", "best"]
    assert (cells["CoLA"], cells["QNLI"]) == (f"{100 * run.best.metrics['mcc']:.1f}", "–")


def test_degenerate_runs_are_counted_in_their_cell_and_explained(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2))
    for seed in (3, 4):
        write_run(tmp_path, seed=seed, skill=None)
    table = score_tables(study(tmp_path))[0]
    assert all(rows(table)["LoRA", selection]["CoLA"].endswith(" †2") for selection in ("best", "last"))
    assert any(note.startswith("†k: k of the runs are degenerate") for note in table.notes)


def test_what_one_answer_to_everything_scores_stands_above_our_rows(tmp_path):
    write_study(tmp_path, tasks=("cola", "sst2", "stsb", "mnli"), methods=("lora",), seeds=(1,))
    [table, second] = score_tables(study(tmp_path))
    found = rows(table)["Majority class", ""]
    labels = {run.task: record.read_predictions(tmp_path, run)["label"] for run in record.read_all(tmp_path)}

    def share(of: pd.Series) -> str:
        return f"{100 * of.value_counts(normalize=True).max():.1f}"

    assert (found["SST-2"], found["CoLA"], found["STS-B"], found["RTE"]) == (share(labels["sst2"]), "0.0", "–", "–")
    mismatched, matched = labels["mnli"][0::2], labels["mnli"][1::2]  # by made_up
    assert rows(second)["Majority class", ""]["MNLI mismatched"] == share(mismatched)
    assert found["MNLI"] == share(matched)
    assert excerpt(table, "tables").shown["Method"].iloc[0] == "Majority class"


def test_in_squad_v2_the_one_answer_to_everything_is_none(squad, tmp_path):
    found = rows(score_tables(study(squad))[0])["Majority class", ""]
    assert (found["v2.0 F1"], found["v2.0 EM"], found["v2.0 HasAns F1"], found["v2.0 NoAns"], found["v1.1 F1"]) == (
        "50.0", "50.0", "0.0", "100.0", "–",
    )  # fmt: skip
    write_run(tmp_path, task="squad_v1")
    assert "Majority class" not in {method for method, _ in rows(score_tables(study(tmp_path))[0])}


def test_columns_come_in_the_order_of_the_authors_table_and_wnli_apart_from_the_average(glue, tmp_path):
    tasks = ["CoLA", "QQP", "MNLI", "SST-2", "STS-B", "QNLI", "RTE", "MRPC"]
    assert list(score_tables(study(glue))[0].shown)[5:] == [*tasks, "Avg. of 3"]
    write_run(tmp_path, task="cola")
    write_run(tmp_path, task="wnli")
    assert list(score_tables(study(tmp_path))[0].shown)[5:] == [*tasks, "Avg. of 1", "WNLI"]


def test_the_average_is_over_the_measured_tasks_and_a_dash_where_one_is_missing(glue):
    table, found = score_tables(study(glue))[0], study(glue)
    expected = np.mean([found.scores(("minilm", task, "lora"), "best").mean() for task in ("cola", "stsb", "mrpc")])
    assert rows(table)["LoRA", "best"]["Avg. of 3"].startswith(f"{100 * expected:.1f} ± ")
    assert rows(table)["InA (Inh 0.1)", "best"]["Avg. of 3"] == "–"


def test_an_average_of_unlike_seeds_has_no_spread(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2))
    write_study(tmp_path, tasks=("stsb",), methods=("lora",), seeds=(1, 3))
    assert re.fullmatch(r"\d+\.\d", rows(score_tables(study(tmp_path))[0])["LoRA", "best"]["Avg. of 2"])


def test_trainable_weights_are_those_of_adapter_and_head(glue):
    table = rows(score_tables(study(glue))[0])
    assert table["LoRA", "best"]["Trainable"] == "0.074M + 0.00038M–0.00077M"
    assert table["Full fine-tuning", "best"]["Trainable"] == "22.7M"


def test_second_metrics_have_their_own_table(glue):
    table = score_tables(study(glue))[1]
    assert table.title.startswith("Table 3b: ") and list(table.shown)[5:] == ["STS-B Spearman", "MRPC F1"]


def test_table_4_keeps_the_best_threshold_apart_from_the_fixed_one(squad):
    [table] = score_tables(study(squad))
    cells = rows(table)["LoRA", "last"]
    assert cells["v2.0 F1"] != cells["v2.0 best-thr. F1"]
    assert any("not comparable" in note for note in table.notes)


# what the title says


def test_the_title_says_experiment_source_selection_seeds_model_and_number_format(glue):
    table = score_tables(study(glue))[0]
    assert table.title == "Table 3: GLUE, dev set, experiment made_up, data source files"
    for words in (MODEL, "28 runs", "n = 1–3 seeds", "bfloat16", "Epoch best", "last", "2 epochs",
                  "240 training and 120 dev examples"):  # fmt: skip
        assert words in table.caption
    assert rows(table)["training examples", ""]["CoLA"] == "240"
    assert rows(table)["dev examples", ""]["CoLA"] == "120"


def test_an_unfinished_experiment_says_how_many_of_its_runs_there_are(tmp_path):
    write_run(tmp_path, task="cola", method="lora", seed=1, experiment="glue_smoke")
    planned = len(experiment_runs("glue_smoke"))
    assert f"1 of {planned} runs" in score_tables(study(tmp_path, "glue_smoke"))[0].caption


def test_a_table_never_mixes_data_sources(tmp_path):
    write_run(tmp_path, source="files")
    write_run(tmp_path, source="probe")
    assert [found.name for found in studies(tmp_path)] == ["made_up-files", "made_up-probe"]


def test_runs_that_differ_in_more_than_the_seed_or_are_of_uncommitted_code_are_pointed_out(tmp_path):
    write_run(tmp_path, seed=1)
    write_run(tmp_path, seed=2, train={"epochs": 5}, dirty=True)
    notes = score_tables(study(tmp_path))[0].notes
    assert "minilm--cola--lora: runs differ in train.epochs." in notes
    assert any("not committed" in note for note in notes)


# the numbers of others


def test_numbers_of_others_stand_below_as_their_source_prints_them(glue):
    table = score_tables(study(glue))[0]
    digest = rows(table)["InA [1]", "unknown"]
    assert (digest["section"], digest["Model"], digest["CoLA"]) == ("Published", "BERT-large", "65.9‡")
    assert any("[1] doi:10.1016/j.neunet.2024.106410 as quoted by a public digest, DIGEST" in n for n in table.notes)
    released = rows(table)["InA (Inh 0.3) [9]", "last"]
    assert (released["CoLA"], released["QQP"], released["Avg. of 3"]) == ("58.80", "–", "76.5")


def test_every_number_beside_ours_is_one_of_results_published(glue, squad):
    files = [pd.read_csv(FOLDER / f"{name}.csv", dtype=str) for name in ("glue", "squad")]
    known = {value for file in files for value in file.query("beside.notna()")["value"]}
    for table in (*score_tables(study(glue)), *score_tables(study(squad))):
        others = table.shown[table.shown["section"] != OURS]
        scores = [name for name in list(others)[5:] if not name.startswith("Avg.")]
        assert {cell.rstrip("‡") for cell in others[scores].to_numpy().ravel()} - {"–"} <= known


# who is better


def judged(root: Path, selection: str = "best") -> dict[tuple[str, str, str], pd.Series]:
    found = verdicts(study(root))
    return {(one["a"], one["b"], one["task"]): one for _, one in found[found["selection"] == selection].iterrows()}


def test_every_adapter_is_compared_with_lora_and_full_fine_tuning_and_variants_with_their_plain_method(glue):
    assert [pair[1:] for pair in pairs(study(glue))] == [
        ("ina", "lora"), ("ina", "full"),
        ("ina-inhibition0.1", "lora"), ("ina-inhibition0.1", "full"), ("ina-inhibition0.1", "ina"),
        ("lora", "full"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("methods", "second", "firsts"),
    [
        (("full", "lora", "lora_released", "ina", "ina_released"), "lora", {"ina"}),
        (("full", "lora", "lora_released", "ina", "ina_released"), "lora_released", {"ina_released"}),
        (("lora", "ina", "ina_p0", "ina_p90", "ina_released"), "ina_p0", {"ina", "ina_p90"}),
        (("full", "gate"), "full", {"gate"}),
    ],
)
def test_each_method_is_compared_with_what_is_like_it(tmp_path, methods, second, firsts):
    write_study(tmp_path, tasks=("cola",), methods=methods, seeds=(1,))
    assert {a for _, a, b in pairs(study(tmp_path)) if b == second} == firsts


def test_one_method_alone_has_no_table_of_verdicts(tmp_path):
    write_run(tmp_path)
    assert "verdicts" not in [table.name for table in documents.tables(study(tmp_path))]
    assert "over n = 1 seed." in score_tables(study(tmp_path))[0].caption


def test_a_difference_is_that_of_the_scores_in_the_table(glue):
    for selection in ("best", "last"):
        one = judged(glue, selection)["ina", "lora", "cola"]
        of_ina, of_lora = (study(glue).scores(key, selection).mean() for key in (INA, LORA))
        assert one["difference"] == pytest.approx(100 * (of_ina - of_lora))


def test_pairs_are_made_of_the_seeds_that_both_have(glue):
    assert judged(glue)["ina-inhibition0.1", "lora", "cola"]["seeds"] == 1


def test_a_large_difference_gets_a_verdict_and_the_mean_over_tasks_too(tmp_path):
    for method, skill in (("lora", 0.5), ("ina", 0.9)):
        write_study(tmp_path, tasks=("sst2", "rte"), methods=(method,), seeds=range(5), skill=skill, n=1000)
    found = {task: one["verdict"] for (_, _, task), one in judged(tmp_path).items()}
    assert found == {"sst2": "better", "rte": "better", MEAN: "better"}
    assert {task for (_, _, task), one in judged(tmp_path).items() if one["family"] == "primary"} == {MEAN}


def test_what_a_study_asks_is_a_family_of_its_own(tmp_path):
    write_study(tmp_path, tasks=("sst2",), methods=("lora", "ina"), seeds=range(4))
    alone = judged(tmp_path)["ina", "lora", "sst2"]
    write_study(tmp_path, tasks=("sst2",), methods=("full",), seeds=range(4))
    together = judged(tmp_path)
    assert alone["family"] == "primary" and alone["p_difference"] == together["ina", "lora", "sst2"]["p_difference"]
    others = {(a, b): one for (a, b, _), one in together.items() if one["family"] == "other"}
    assert set(others) == {("ina", "full"), ("lora", "full")}
    for one in others.values():
        assert one["simultaneous_high"] > one["high"] and one["simultaneous_low"] < one["low"]


def test_squad_is_compared_by_its_scores_per_question_those_on_one_paragraph_together(squad):
    one = judged(squad)["ina", "lora", "squad_v2"]
    scores = [study(squad).scores(("minilm", "squad_v2", method), "best").mean() for method in ("ina", "lora")]
    assert one["difference"] == pytest.approx(100 * (scores[0] - scores[1]))
    assert "resamples of the paragraphs with all their questions" in verdict_table(study(squad)).notes[0]


def test_a_mean_over_tasks_with_unequal_seeds_counts_the_fewest(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2, 3, 4))
    write_study(tmp_path, tasks=("mrpc",), methods=("lora", "ina"), seeds=(1, 2, 3))
    shown = verdict_table(study(tmp_path)).shown.set_index("Task")["n"]
    assert shown.to_dict() == {"CoLA": "4", "MRPC": "3", "mean over 2 tasks": "3"}


def test_cells_measured_on_different_examples_are_not_compared(tmp_path):
    write_run(tmp_path, method="lora", n=100)
    write_run(tmp_path, method="ina", n=90)
    names = "minilm--cola--ina and minilm--cola--lora"
    with pytest.raises(ValueError, match=f"{names} were measured on different examples"):
        verdicts(study(tmp_path))


# what it costs, and where it comes from


def test_the_costs_say_what_an_experiment_took_and_how_to_repeat_it(glue):
    runs = list(record.read_all(glue))
    row = cost_table([study(glue)]).data.iloc[0]
    seconds = sum(run.wall_seconds for run in runs)
    assert row["runs"] == len(runs) and row["process_hours"] == pytest.approx(seconds / 3600) == row["core_hours"]
    assert row["repeat"] == "INA_DATA_DIR=… make reproduce-glue EXPERIMENT=made_up"


@pytest.mark.parametrize(("given", "ending"), [("auto", " ARGS=data=probe"), ("probe", "")])
def test_the_line_that_repeats_names_the_source_where_the_experiment_does_not(tmp_path, given, ending):
    run = write_run(tmp_path, task="squad_v1", source="probe")
    run.config["data"]["source"] = given
    record.write(tmp_path, run, record.read_predictions(tmp_path, run))
    line = cost_table(studies(tmp_path)).data.iloc[0]["repeat"]
    assert line == f"make reproduce-squad EXPERIMENT=made_up{ending}"


# formats


def test_the_csv_has_every_number_once_with_full_precision(glue):
    found = pd.read_csv(io.StringIO(csv(score_tables(study(glue))[:1])))
    mine = found.query("origin == 'ours'")
    [row] = mine.query("task == 'cola' and method == 'lora' and selection == 'best'").to_dict("records")
    scores = 100 * study(glue).scores(LORA, "best")
    assert (row["n"], row["degenerate"], row["trainable"]) == (3, 0, 74498)
    assert (row["mean"], row["min"], row["max"]) == pytest.approx((scores.mean(), scores.min(), scores.max()), abs=1e-4)
    assert ((mine["low"] < mine["mean"]) & (mine["mean"] < mine["high"])).all()
    assert not found.duplicated(["origin", "source", "model", "task", "method", "metric", "selection"]).any()


def test_a_number_of_a_run_gets_into_the_csv_files_by_its_name_in_one_list(glue, monkeypatch):
    monkeypatch.setattr("ina.tables.outcomes.SHARED", [*outcomes.SHARED, "hours"])
    monkeypatch.setattr("ina.tables.scores.SHARED", outcomes.SHARED)
    data = score_tables(study(glue))[0].data
    assert (data.query("origin == 'ours'")["hours"] > 0).all()


def test_markdown_is_one_aligned_table(glue):
    lines = [line for line in markdown(score_tables(study(glue))[0]).splitlines() if line.startswith("|")]
    assert len({(len(line), line.count("|")) for line in lines}) == 1


def test_latex_is_booktabs(squad):
    text = latex(score_tables(study(squad))[0])
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 1
    assert [text.count(rule) for rule in ("\\toprule", "\\bottomrule")] == [1, 1]
    assert "$\\pm$" in text and "±" not in text


def test_html_needs_nothing_from_elsewhere_and_is_the_same_every_time(glue):
    table = score_tables(study(glue))[0]
    text = html(table)
    assert text == html(table) and not re.search(r"(src|href)=|@import|url\(", text)
    assert "Table 3: GLUE" in text and "±" in text


@pytest.mark.parametrize(
    ("format", "text"),
    [("md", "<x> \\| y"), ("latex", "a\\_b \\& 50 \\%"), ("html", "a_b &amp; 50 % &lt;x&gt;")],
)
def test_awkward_characters_survive(format, text):
    shown = pd.DataFrame({"Method": ["a_b & 50 % <x> | y"]})
    assert text in FORMATS[format](Table("t", "T", "c", shown, pd.DataFrame()))


# the terminal, and documents


@pytest.mark.parametrize("published", [False, True])
def test_the_terminal_shows_our_rows_and_those_of_others_on_request(glue, published):
    whole = score_tables(study(glue))[0]
    shown = on_screen(whole, published)
    assert list(shown.shown)[5:] == ["CoLA", "STS-B", "MRPC", "Avg. of 3"], "not QQP, …"
    sections = [OURS, *["Published", "Authors' released runs, with their code"] * published]
    assert list(shown.shown["section"].unique()) == sections
    for of in [(method, selection) for method in ("LoRA", "InA (Inh 0.3)") for selection in ("best", "last")]:
        assert rows(shown)[of] == {title: rows(whole)[of][title] for title in shown.shown}
    assert not any(note.startswith("[") for note in shown.notes)
    assert any("‡" in note for note in shown.notes) == published


def test_a_table_that_is_no_table_of_scores_is_shown_whole(glue):
    table = verdict_table(study(glue))
    assert on_screen(table, published=False) is table


def test_a_document_shows_our_best_rows_in_the_columns_in_which_we_have_numbers(glue, squad):
    table = score_tables(study(glue))[0]
    short = excerpt(table, "results/tables/made_up-files")
    assert list(short.shown) == ["Method", "Trainable", "Epoch", "CoLA", "STS-B", "MRPC", "Avg. of 3"]
    mine = short.shown.set_index("Method")["CoLA"]
    assert mine["LoRA"] == rows(table)["LoRA", "best"]["CoLA"] and len(mine) == 1 + 4
    assert "[The whole table](results/tables/made_up-files/scores.md)" in short.caption
    assert not any("Ans" in name for name in excerpt(score_tables(study(squad))[0], "").shown)


def test_a_row_that_was_deleted_from_a_document_stays_deleted(glue, tmp_path):
    document = tmp_path / "REPORT.md"
    table = excerpt(score_tables(study(glue))[0], "tables")
    document.write_text("Before.\n<!-- table: made_up-files -->\n<!-- /table -->\nAfter.\n")
    whole = documents.filled(document, {"made_up-files": table}, None)
    assert whole.startswith("Before.\n") and whole.endswith("After.\n") and "| Full fine-tuning" in whole
    document.write_text("".join(line for line in whole.splitlines(True) if not line.startswith("| Full fine-tuning")))
    short = documents.filled(document, {"made_up-files": table}, None)
    assert (
        "| LoRA" in short and "Full fine-tuning" not in short and len(whole.splitlines()) == len(short.splitlines()) + 1
    )


def test_the_command_writes_markdown_and_csv_and_prints_the_table(glue, tmp_path, capsys):
    root = tmp_path / "outputs"
    shutil.copytree(glue, root)
    main(["made_up", "--results", str(root)])
    assert "**Table 3: GLUE" in capsys.readouterr().out
    folder = root / "tables" / "made_up-files"
    assert {path.name for path in folder.iterdir()} == {"scores.md", "scores.csv", "verdicts.md", "verdicts.csv"}
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    main(["made_up", "--results", str(root), "--format", "latex"])
    assert "\\toprule" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_check_finds_what_is_stale_missing_or_without_records(glue, tmp_path, capsys):
    root, readme = tmp_path / "results", tmp_path / "README.md"
    shutil.copytree(glue, root)
    readme.write_text("<!-- table: made_up-files -->\n<!-- /table -->\n")
    main(["--results", str(root)])
    assert "**Table 3" in readme.read_text()
    main(["--results", str(root), "--check"])
    (root / "tables" / "made_up-files" / "scores.csv").unlink()
    (root / "tables" / "made_up-files" / "old.csv").write_text("")
    readme.write_text(readme.read_text().replace("±", "+-") + "<!-- table: gone-files -->\nold\n<!-- /table -->\n")
    with pytest.raises(SystemExit) as error:
        main(["--results", str(root), "--check"])
    for problem in ("scores.csv is missing", "README.md is out of date", "old.csv belongs to no record",
                    "the table gone-files belongs to no record"):  # fmt: skip
        assert problem in str(error.value)


def test_tables_of_outputs_never_reach_the_readme(glue, tmp_path):
    root, readme = tmp_path / "outputs", tmp_path / "README.md"
    shutil.copytree(glue, root)
    readme.write_text("<!-- table: made_up-files -->\nold\n<!-- /table -->\n")
    assert readme not in documents.expected_files(root, [study(root)], [], all_studies=True)


def test_what_is_not_there_is_named(glue, tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished run of experiment 'nope'.*there are made_up"):
        study(glue, "nope")
    with pytest.raises(SystemExit, match="there is no folder .*nowhere"):
        main(["--check", "--results", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit, match="there is no record under .*; nothing was checked"):
        main(["--check", "--results", str(tmp_path)])


def test_a_damaged_record_is_named(tmp_path):
    write_run(tmp_path)
    [path] = tmp_path.glob("runs/*/*/*.json")
    path.write_text(path.read_text()[:100])
    with pytest.raises(RecordError, match=re.escape(str(path))):
        study(tmp_path)
