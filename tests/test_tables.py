"""Tables: true to the records and to the numbers of others, the same in every format, never stale unnoticed."""

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import write_run, write_study

from ina import record
from ina.plan import experiment_runs
from ina.record import RecordError
from ina.tables import collect, files, render
from ina.tables.__main__ import main
from ina.tables.costs import cost_table
from ina.tables.excerpt import excerpt, on_screen
from ina.tables.layout import Column, Row, Table
from ina.tables.scores import score_tables
from ina.tables.verdicts import Judged, judge, pairs, verdict_table


def study(root: Path, experiment: str = "made_up") -> collect.Study:
    [found] = collect.studies(root, experiment)
    return found


def rows(table: Table) -> dict[tuple[str, str], dict[str, str]]:
    """(method, epoch rule) -> column -> cell; a row that continues another has its method."""
    found, method = {}, ""
    for row in table.rows:
        if row.kind == "section":
            continue
        method = row.cells[1] or method
        titles = [" ".join(filter(None, (column.group, column.title))) for column in table.columns]
        found[method, row.cells[3]] = dict(zip(titles, row.cells, strict=True))
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


# what stands in the cells


def test_a_cell_is_mean_and_standard_deviation_over_seeds_in_points(tmp_path):
    scores = [write_run(tmp_path, seed=seed).last.metrics["mcc"] for seed in (1, 2, 3)]
    best = [write_run(tmp_path, seed=seed).best.metrics["mcc"] for seed in (1, 2, 3)]
    table = score_tables(study(tmp_path))[0]
    assert rows(table)["LoRA", "best"]["CoLA"] == f"{100 * np.mean(best):.1f} ± {100 * np.std(best, ddof=1):.1f}"
    assert rows(table)["LoRA", "last"]["CoLA"] == f"{100 * np.mean(scores):.1f} ± {100 * np.std(scores, ddof=1):.1f}"
    assert "n = 3 seeds." in table.caption


def test_the_number_of_seeds_stands_in_the_cells_where_it_differs(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2, 3))
    write_study(tmp_path, tasks=("cola",), methods=("ina",), seeds=(1, 2))
    table = score_tables(study(tmp_path))[0]
    assert "n = 2–3 seeds, n in brackets" in table.caption
    assert rows(table)["LoRA", "best"]["CoLA"].endswith(" (3)")
    assert rows(table)["InA (Inh 0.3)", "best"]["CoLA"].endswith(" (2)")


def test_one_run_has_no_spread(tmp_path):
    run = write_run(tmp_path)
    assert rows(score_tables(study(tmp_path))[0])["LoRA", "best"]["CoLA"] == f"{100 * run.best.metrics['mcc']:.1f}"


def test_a_cell_nobody_measured_is_a_dash(glue):
    assert rows(score_tables(study(glue))[0])["LoRA", "best"]["QNLI"] == "–"


def test_degenerate_runs_are_counted_in_their_cell_and_explained(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2))
    for seed in (3, 4):
        write_run(tmp_path, seed=seed, skill=None)
    table = score_tables(study(tmp_path))[0]
    assert rows(table)["LoRA", "best"]["CoLA"].endswith(" †2")
    assert rows(table)["LoRA", "last"]["CoLA"].endswith("†2")
    assert any(note.startswith("†k: k of the runs are degenerate") for note in table.notes)


def test_what_one_answer_to_everything_scores_stands_above_our_rows(tmp_path):
    write_study(tmp_path, tasks=("cola", "sst2", "stsb", "mnli"), methods=("lora",), seeds=(1,))
    [table, second] = score_tables(study(tmp_path))
    found = rows(table)["Majority class", ""]
    labels = {run.task: study(tmp_path).predictions(run)["label"] for run in study(tmp_path).runs}
    assert found["SST-2"] == f"{100 * labels['sst2'].value_counts(normalize=True).max():.1f}"
    assert (found["CoLA"], found["STS-B"], found["RTE"]) == ("0.0", "–", "–")
    mismatched = labels["mnli"][0::2]  # by made_up
    assert rows(second)["Majority class", ""]["MNLI mismatched"] == (
        f"{100 * mismatched.value_counts(normalize=True).max():.1f}"
    )
    assert (
        rows(table)["Majority class", ""]["MNLI"]
        == f"{100 * labels['mnli'][1::2].value_counts(normalize=True).max():.1f}"
    )
    assert excerpt(table, "tables").rows[0].cells[0] == "Majority class"


def test_in_squad_v2_the_one_answer_to_everything_is_none(squad, tmp_path):
    found = rows(score_tables(study(squad))[0])["Majority class", ""]
    assert {found[f"v2.0 {name}"] for name in ("F1", "EM")} == {"50.0"}
    assert (found["v2.0 HasAns F1"], found["v2.0 NoAns"], found["v1.1 F1"]) == ("0.0", "100.0", "–")
    write_run(tmp_path, task="squad_v1")
    assert "Majority class" not in {method for method, _ in rows(score_tables(study(tmp_path))[0])}


def test_columns_come_in_the_order_of_the_authors_table(glue):
    titles = [column.title for column in score_tables(study(glue))[0].columns]
    assert titles[4:] == ["CoLA", "QQP", "MNLI", "SST-2", "STS-B", "QNLI", "RTE", "MRPC", "Avg. of 3"]


def test_wnli_stands_apart_from_the_average(tmp_path):
    write_run(tmp_path, task="cola")
    write_run(tmp_path, task="wnli")
    assert [column.title for column in score_tables(study(tmp_path))[0].columns][-2:] == ["Avg. of 1", "WNLI"]


def test_the_average_is_over_the_measured_tasks_and_a_dash_where_one_is_missing(glue):
    table = score_tables(study(glue))[0]
    cells = study(glue).cells
    expected = np.mean([cells["minilm", t, "lora"].scores(m, "best").mean() for t, m in
                        (("cola", "mcc"), ("stsb", "pearson"), ("mrpc", "accuracy"))])  # fmt: skip
    assert rows(table)["LoRA", "best"]["Avg. of 3"].startswith(f"{100 * expected:.1f} ± ")
    assert rows(table)["InA (Inh 0.1)", "best"]["Avg. of 3"] == "–"


def test_an_average_of_unlike_seeds_has_no_spread(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora",), seeds=(1, 2))
    write_study(tmp_path, tasks=("stsb",), methods=("lora",), seeds=(1, 3))
    assert re.fullmatch(r"\d+\.\d", rows(score_tables(study(tmp_path))[0])["LoRA", "best"]["Avg. of 2"])


def test_trainable_weights_are_told_for_adapter_and_head_apart(glue):
    table = rows(score_tables(study(glue))[0])
    assert table["LoRA", "best"]["Trainable"] == "0.074M + 0.00038M–0.00077M"
    assert table["Full fine-tuning", "best"]["Trainable"] == "22.7M"


def test_second_metrics_have_their_own_table(glue):
    table = score_tables(study(glue))[1]
    assert table.number == "Table 3b"
    assert [column.title for column in table.columns][4:] == ["STS-B Spearman", "MRPC F1"]


def test_table_4_keeps_the_best_threshold_apart_from_the_fixed_one(squad):
    [table] = score_tables(study(squad))
    groups = {column.group for column in table.columns if column.title in ("F1", "EM")}
    assert groups == {"v1.1", "v2.0", "v2.0 best-thr."}
    cells = rows(table)["LoRA", "last"]
    assert cells["v2.0 F1"] != cells["v2.0 best-thr. F1"]
    assert any("not comparable" in note for note in table.notes)


# what the title says


def test_the_title_says_experiment_source_rule_seeds_model_and_number_format(glue):
    table = score_tables(study(glue))[0]
    assert table.heading == "Table 3: GLUE, dev set, experiment made_up, data source files"
    for told in ("all-MiniLM-L6-v2", "28 runs", "n = 1–3 seeds", "bfloat16", "Epoch best", "last", "2 epochs",
                 "240 training and 120 dev examples"):  # fmt: skip
        assert told in table.caption
    assert rows(table)["training examples", ""]["CoLA"] == "240"
    assert rows(table)["dev examples", ""]["CoLA"] == "120"


def test_an_unfinished_experiment_says_how_many_of_its_runs_there_are(tmp_path):
    write_run(tmp_path, task="cola", method="lora", seed=1, experiment="glue_smoke")
    planned = len(experiment_runs("glue_smoke"))
    assert f"1 of {planned} runs" in score_tables(study(tmp_path, "glue_smoke"))[0].caption


def test_a_table_never_mixes_data_sources(tmp_path):
    write_run(tmp_path, source="files")
    write_run(tmp_path, source="probe")
    assert [found.name for found in collect.studies(tmp_path)] == ["made_up-files", "made_up-probe"]


def test_runs_of_one_cell_that_differ_in_more_than_the_seed_are_pointed_out(tmp_path):
    write_run(tmp_path, seed=1)
    write_run(tmp_path, seed=2, train={"epochs": 5})
    assert "minilm--cola--lora: runs differ in train.epochs." in score_tables(study(tmp_path))[0].notes


def test_runs_of_uncommitted_code_are_pointed_out(tmp_path):
    write_run(tmp_path, dirty=True)
    assert any("not committed" in note for note in score_tables(study(tmp_path))[0].notes)


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ({"kind": "full", "name": "full"}, "Full fine-tuning"),
        ({"kind": "lora", "name": "lora", "r": 8, "alpha": 16.0}, "LoRA"),
        ({"kind": "lora", "name": "lora", "r": 4}, "LoRA (r 4)"),
        ({"kind": "lora", "name": "lora_released", "r": 4}, "LoRA, released code"),
        ({"kind": "ina", "name": "ina", "inhibition": 0.3}, "InA (Inh 0.3)"),
        ({"kind": "ina", "name": "ina", "inhibition": 0.0, "activation": "identity"}, "InA (Inh 0, identity)"),
        ({"kind": "ina", "name": "ina_released", "inhibition": 0.9}, "InA, released code (Inh 0.9)"),
        ({"kind": "ina", "name": "ina_p10", "inhibition": 0.1}, "InA (Inh 0.1)"),
        ({"kind": "gate", "name": "gate", "inhibition": 0.3, "layers": None}, "giBERT, full-rank gate (Inh 0.3)"),
        (
            {"kind": "gate", "name": "gate_p0", "inhibition": 0.0, "layers": 3},
            "giBERT, full-rank gate (Inh 0, layers 3)",
        ),
        (
            {"kind": "ina", "name": "ina", "inhibition": 0.3, "threshold": "tensor"},
            "InA (Inh 0.3, threshold per tensor)",
        ),
    ],
)
def test_methods_are_called_what_their_settings_say(method, label):
    assert collect.method_label(method) == label


# the numbers of others


def test_numbers_of_others_stand_below_as_their_source_prints_them(glue):
    table = score_tables(study(glue))[0]
    [digest] = [row for row in table.rows if row.cells[1:2] == ("InA [1]",)]
    assert digest.cells[0] == "BERT-large" and digest.cells[4] == "65.9‡"
    assert "[1] doi:10.1016/j.neunet.2024.106410 as quoted by a public digest, DIGEST" in table.sources[0]
    released = rows(table)["InA (Inh 0.3) [9]", "last"]
    assert (released["CoLA"], released["QQP"], released["Avg. of 3"]) == ("58.80", "–", "76.5")


def test_every_number_beside_ours_is_one_of_results_published(glue, squad):
    known = {value for name in ("glue", "squad") for value in collect.published(name).query("beside != ''")["value"]}
    for root in (glue, squad):
        for table in score_tables(study(root)):
            first = [i for i, row in enumerate(table.rows) if row.kind == "section"][1]
            scores = [i for i, c in enumerate(table.columns) if i >= 4 and not c.title.startswith("Avg.")]
            for row in table.rows[first:]:
                if row.kind != "section":
                    assert {row.cells[i].rstrip("‡") for i in scores} - {"–"} <= known


# who is better


def judged(root: Path, rule: str = "best") -> dict[tuple[str, str, str | None], Judged]:
    return {(one.a, one.b, one.task): one for one in judge(study(root), rule)}


def test_every_adapter_is_compared_with_lora_and_full_fine_tuning_and_variants_with_their_plain_method(glue):
    assert [pair[1:] for pair in pairs(study(glue))] == [
        ("ina", "lora"), ("ina", "full"),
        ("ina-inhibition0.1", "lora"), ("ina-inhibition0.1", "full"), ("ina-inhibition0.1", "ina"),
        ("lora", "full"),
    ]  # fmt: skip


def test_ina_is_compared_with_the_lora_of_its_own_rank_and_sites(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("full", "lora", "lora_released", "ina", "ina_released"))
    of_kind = {(a, b) for _, a, b in pairs(study(tmp_path)) if b != "full"}
    assert of_kind == {("ina", "lora"), ("ina_released", "lora_released")}


def test_without_baselines_all_are_compared_with_the_first(tmp_path):
    write_run(tmp_path, method="ina", inhibition=0.1)
    write_run(tmp_path, method="ina", inhibition=0.9)
    assert list(pairs(study(tmp_path))) == [("minilm", "ina-inhibition0.9", "ina-inhibition0.1")]


def test_one_method_alone_has_no_table_of_verdicts(tmp_path):
    write_run(tmp_path)
    assert "verdicts" not in [table.name for table in files.tables(study(tmp_path))]
    assert "over n = 1 seed." in score_tables(study(tmp_path))[0].caption


def test_a_difference_is_that_of_the_scores_in_the_table(glue):
    cells = study(glue).cells
    for rule in ("best", "last"):
        one = judged(glue, rule)["ina", "lora", "cola"]
        scores = [cells["minilm", "cola", method].scores("mcc", rule).mean() for method in ("ina", "lora")]
        assert one.compared.difference.value == pytest.approx(scores[0] - scores[1])


def test_ina_with_inhibition_is_compared_with_the_method_that_is_the_same_without(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora", "ina", "ina_p0", "ina_p90", "ina_released"))
    without = {a for _, a, b in pairs(study(tmp_path)) if b == "ina_p0"}
    assert without == {"ina", "ina_p90"}


def test_the_precursors_gate_is_compared_with_full_fine_tuning(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("full", "gate"))
    assert list(pairs(study(tmp_path))) == [("minilm", "gate", "full")]


def test_pairs_are_made_of_the_seeds_that_both_have(glue):
    assert judged(glue)["ina-inhibition0.1", "lora", "cola"].compared.seeds == 1


def test_a_large_difference_gets_a_verdict_and_the_mean_over_tasks_too(tmp_path):
    for method, skill in (("lora", 0.5), ("ina", 0.9)):
        write_study(tmp_path, tasks=("sst2", "rte"), methods=(method,), seeds=range(5), skill=skill, n=1000)
    verdicts = {task: one.verdict.verdict for (_, _, task), one in judged(tmp_path).items()}
    assert verdicts == {"sst2": "better", "rte": "better", None: "better"}


def test_what_a_study_asks_is_a_family_of_its_own(tmp_path):
    write_study(tmp_path, tasks=("sst2",), methods=("lora", "ina"), seeds=range(4))
    alone = judged(tmp_path)["ina", "lora", "sst2"]
    write_study(tmp_path, tasks=("sst2",), methods=("full",), seeds=range(4))
    together = judged(tmp_path)
    assert alone.primary and alone.verdict == together["ina", "lora", "sst2"].verdict
    others = [one for one in together.values() if not one.primary]
    assert {(one.a, one.b) for one in others} == {("ina", "full"), ("lora", "full")}
    for one in others:
        assert one.verdict.p_difference == pytest.approx(min(1, 2 * one.compared.p_value))


def test_over_several_tasks_a_study_asks_for_their_mean(tmp_path):
    write_study(tmp_path, tasks=("sst2", "cola"), methods=("lora", "ina"), seeds=range(4))
    assert {task for (_, _, task), one in judged(tmp_path).items() if one.primary} == {None}


def test_squad_is_compared_by_its_scores_per_question(squad):
    one = judged(squad)["ina", "lora", "squad_v2"]
    scores = [study(squad).cells["minilm", "squad_v2", m].scores("f1", "best").mean() for m in ("ina", "lora")]
    assert one.compared.metric == "mean"
    assert one.compared.difference.value == pytest.approx(scores[0] - scores[1])


def test_a_mean_over_tasks_with_unequal_seeds_counts_the_fewest(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2, 3, 4))
    write_study(tmp_path, tasks=("mrpc",), methods=("lora", "ina"), seeds=(1, 2, 3))
    shown = {row.cells[0]: row.cells[2] for row in verdict_table(study(tmp_path)).rows if len(row.cells) > 1}
    assert (shown["CoLA"], shown["MRPC"], shown["mean over 2 tasks"]) == ("4", "3", "3")


def test_questions_on_one_paragraph_are_one_draw(squad):
    one = judged(squad)["ina", "lora", "squad_v2"]
    assert (one.compared.examples, one.compared.difference.example_df) == (120, 120 / 4 - 1)
    [note, *_] = verdict_table(study(squad)).notes
    assert "resamples of the paragraphs with all their questions" in note


def test_mnli_is_compared_on_the_matched_split(tmp_path):
    write_study(tmp_path, tasks=("mnli",), methods=("lora", "ina"), seeds=(1, 2))
    one = judged(tmp_path)["ina", "lora", "mnli"]
    assert one.compared.examples == 60  # half of the 120


def test_cells_measured_on_different_examples_are_not_compared(tmp_path):
    write_run(tmp_path, method="lora", n=100)
    write_run(tmp_path, method="ina", n=90)
    with pytest.raises(
        ValueError, match="minilm--cola--ina and minilm--cola--lora were measured on different examples"
    ):
        judge(study(tmp_path), "best")


def test_the_csv_has_the_interval_of_every_headline_score(glue):
    data = score_tables(study(glue))[0].data.query("origin == 'ours'")
    assert ((data["low"] < data["mean"]) & (data["mean"] < data["high"])).all()


# what it costs, and where it comes from


def test_the_costs_say_what_an_experiment_took_and_how_to_repeat_it(glue):
    made = study(glue)
    row = cost_table([made]).data.iloc[0]
    seconds = sum(run.wall_seconds for run in made.runs)
    threads = made.runs[0].provenance.threads
    assert row["runs"] == len(made.runs) and row["process_hours"] == pytest.approx(seconds / 3600)
    assert row["core_hours"] == pytest.approx(seconds * threads / 3600)
    assert row["repeat"] == "INA_DATA_DIR=… make reproduce-glue EXPERIMENT=made_up"
    assert f"`{row['repeat']}`" in render.markdown(cost_table([made]))


@pytest.mark.parametrize(("given", "ending"), [("auto", " ARGS=data=probe"), ("probe", "")])
def test_the_line_that_repeats_names_the_source_where_the_experiment_does_not(tmp_path, given, ending):
    run = write_run(tmp_path, task="squad_v1", source="probe")
    run.config["data"]["source"] = given
    record.write(tmp_path, run, record.read_predictions(tmp_path, run))
    line = cost_table(collect.studies(tmp_path)).data.iloc[0]["repeat"]
    assert line == f"make reproduce-squad EXPERIMENT=made_up{ending}"


# formats


def test_the_csv_has_every_number_once_with_full_precision(glue):
    made = study(glue)
    found = pd.read_csv(io.StringIO(render.csv(score_tables(made)[:1])))
    [row] = found.query("origin == 'ours' and task == 'cola' and method == 'lora' and selection == 'best'").to_dict(
        "records"
    )
    scores = 100 * made.cells["minilm", "cola", "lora"].scores("mcc", "best")
    assert row["n"] == 3 and row["degenerate"] == 0 and row["trainable"] == 74498
    assert row["mean"] == pytest.approx(scores.mean(), abs=1e-4)
    assert (row["min"], row["max"]) == pytest.approx((scores.min(), scores.max()), abs=1e-4)
    assert not found.duplicated(["origin", "source", "model", "task", "method", "metric", "selection"]).any()
    assert found.query("origin not in ('ours', 'baseline')")["status"].notna().all()


def test_markdown_is_one_aligned_table(glue):
    text = render.markdown(score_tables(study(glue))[0])
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1
    assert len({line.count("|") for line in lines}) == 1


def test_latex_is_balanced_booktabs(squad):
    text = render.latex(score_tables(study(squad))[0])
    for name in ("table", "tabular*", "minipage"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == 1
    assert [text.count(rule) for rule in ("\\toprule", "\\bottomrule")] == [1, 1]
    assert "$\\pm$" in text and "±" not in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_latex_compiles(glue, squad, tmp_path):
    tables = [render.latex(table) for root in (glue, squad) for table in score_tables(study(root))]
    head = "\\documentclass{article}\\usepackage{booktabs,caption}\\begin{document}\n"
    (tmp_path / "tables.tex").write_text(head + "\n".join(tables) + "\\end{document}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "tables.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:]


def test_html_needs_nothing_from_elsewhere_and_is_the_same_every_time(glue):
    table = score_tables(study(glue))[0]
    text = render.page(table)
    assert text == render.page(table)
    assert not re.search(r"(src|href)=|@import|url\(", text)
    assert "Table 3: GLUE" in text and "±" in text


@pytest.mark.parametrize(
    ("format", "text"),
    [("md", "<x> \\| y"), ("latex", "a\\_b \\& 50 \\%"), ("html", "a_b &amp; 50 % &lt;x&gt;")],
)
def test_awkward_characters_survive(format, text):
    cells = ("a_b & 50 % <x> | y",)
    assert text in files.FORMATS[format](Table("t", "", "T", "c", (Column("X", numeric=False),), (Row(cells),)))


# the terminal


@pytest.mark.parametrize("published", [False, True])
def test_the_terminal_shows_our_rows_and_those_of_others_on_request(glue, published):
    whole = score_tables(study(glue))[0]
    shown = on_screen(whole, published)
    assert [column.title for column in shown.columns[4:]] == ["CoLA", "STS-B", "MRPC", "Avg. of 3"], "not QQP, …"
    sections = [row.cells[0] for row in shown.rows if row.kind == "section"]
    assert sections == ["This replication", "Published", "Authors' released runs, with their code"] * published
    for of, row in rows(whole).items():
        ours = of in [(method, rule) for method in ("LoRA", "InA (Inh 0.3)") for rule in ("best", "last")]
        if ours:
            assert rows(shown)[of] == {title: row[title] for title in rows(shown)[of]}
    assert any("[" in row.cells[1] for row in shown.rows if row.kind == "main") == published
    assert not shown.sources and any("‡" in note for note in shown.notes) == published


def test_a_table_that_is_no_table_of_scores_is_shown_whole(glue):
    table = verdict_table(study(glue))
    assert on_screen(table, published=False) == table


# files


def test_the_command_writes_markdown_and_csv_and_prints_the_table(glue, tmp_path, capsys):
    root = tmp_path / "outputs"
    shutil.copytree(glue, root)
    main(["made_up", "--results", str(root)])
    assert "**Table 3: GLUE" in capsys.readouterr().out
    assert "BERT-large" in (root / "tables" / "made_up-files" / "scores.md").read_text(encoding="utf-8")
    folder = root / "tables" / "made_up-files"
    assert {path.name for path in folder.iterdir()} == {"scores.md", "scores.csv", "verdicts.md", "verdicts.csv"}
    assert list(csv.DictReader((folder / "scores.csv").open()))[0]["origin"] == "ours"


def test_the_command_prints_other_formats_and_writes_nothing(glue, tmp_path, capsys):
    root = tmp_path / "outputs"
    shutil.copytree(glue, root)
    main(["made_up", "--results", str(root), "--format", "latex"])
    assert capsys.readouterr().out.startswith("\\begin{table}") and not (root / "tables").exists()


def test_check_passes_after_writing_and_names_the_file_that_is_stale(glue, tmp_path, capsys):
    root = tmp_path / "outputs"
    shutil.copytree(glue, root)
    main(["--results", str(root)])
    main(["--results", str(root), "--check"])
    write_run(root, task="rte")
    with pytest.raises(SystemExit) as exit:
        main(["--results", str(root), "--check"])
    assert "scores.md is out of date" in str(exit.value)
    (root / "tables" / "made_up-files" / "table9.md").write_text("")
    with pytest.raises(SystemExit, match="table9.md belongs to no record"):
        main(["--results", str(root), "--check"])


def test_the_table_in_the_readme_is_kept_up_to_date_and_the_rest_left_alone(glue, tmp_path):
    root, readme = tmp_path / "results", tmp_path / "README.md"
    shutil.copytree(glue, root)
    block = "<!-- table: {} -->\nold\n<!-- /table -->"
    readme.write_text(f"# Title\n\n{block.format('made_up-files')}\n\ntext\n{block.format('other-files')}\n")
    with pytest.raises(SystemExit, match="README.md is out of date"):
        main(["--results", str(root), "--check"])
    main(["--results", str(root)])
    text = readme.read_text()
    assert text.startswith("# Title\n\n<!-- table: made_up-files -->\n**Table 3: GLUE")
    assert text.endswith(f"\n\ntext\n{block.format('other-files')}\n")


def test_a_document_has_our_rows_alone_and_a_link_to_the_rest(glue, squad):
    table = score_tables(study(glue))[0]
    short = excerpt(table, "results/tables/made_up-files")
    titles = ["CoLA", "STS-B", "MRPC", "Avg. of 3"]
    assert [column.title for column in short.columns] == ["Method", "Trainable", "Epoch", *titles]
    mine = {row.cells[0]: row.cells[3] for row in short.rows}
    assert mine["LoRA"] == rows(table)["LoRA", "best"]["CoLA"] and len(short.rows) == 1 + 4
    assert "[The whole table](results/tables/made_up-files/scores.md)" in short.caption and not short.sources
    [table4] = score_tables(study(squad))
    assert not any("Ans" in column.title for column in excerpt(table4, "").columns)


def test_a_table_in_the_readme_that_no_record_supports_is_stale(glue, tmp_path):
    root, readme = tmp_path / "results", tmp_path / "README.md"
    shutil.copytree(glue, root)
    readme.write_text(
        "<!-- table: made_up-files -->\n<!-- /table -->\n<!-- table: gone-files -->\nold\n<!-- /table -->\n"
    )
    main(["--results", str(root)])
    with pytest.raises(SystemExit, match="^[^\n]*README.md: the table gone-files belongs to no record; empty it\nrun:"):
        main(["--results", str(root), "--check"])


def test_tables_of_outputs_never_reach_the_readme(glue, tmp_path):
    root, readme = tmp_path / "outputs", tmp_path / "README.md"
    shutil.copytree(glue, root)
    readme.write_text("<!-- table: made_up-files -->\nold\n<!-- /table -->\n")
    assert readme not in files.wanted(root, [study(root)], whole=True)


def test_an_experiment_without_records_is_refused_with_what_there_is(glue):
    with pytest.raises(FileNotFoundError, match="no finished run of experiment 'nope'.*there are made_up"):
        study(glue, "nope")


def test_a_results_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="there is no folder .*nowhere"):
        main(["--check", "--results", str(tmp_path / "nowhere")])


def test_a_damaged_record_is_named(tmp_path):
    write_run(tmp_path)
    [path] = tmp_path.glob("runs/*/*/*.json")
    path.write_text(path.read_text()[:100])
    with pytest.raises(RecordError, match=re.escape(str(path))):
        study(tmp_path)
