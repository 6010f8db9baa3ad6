"""Tables of searches list trials by setting and the setting chosen; trials never count as results."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import write_run

from ina import record
from ina.figures.comparison import rates
from ina.tables import search
from ina.tables.__main__ import main
from ina.tables.study import Study, searches, studies

SKILL = {1e-3: 0.7, 2e-3: 0.9, 4e-3: 0.6}


def write_trials(root: Path, tasks=("cola", "mrpc"), skill=SKILL, methods=("lora", "ina"), **train) -> None:
    for method in methods:
        for task in tasks:
            for rate, share in skill.items():
                settings = {"experiment": "search", "select": 0.2, "train": {"learning_rate": rate} | train}
                write_run(root, task=task, method=method, skill=share, **settings)


@pytest.fixture
def study(tmp_path) -> Study:
    write_trials(tmp_path)
    [found] = searches(tmp_path)
    return found


def chosen(study: Study) -> dict[str, float]:
    found = search.trials(study).query("chosen")
    return dict(zip(found["method"], found["learning_rate"], strict=True))


def test_a_method_takes_the_setting_with_the_best_mean_over_the_tasks_that_was_tried_on_all(study, tmp_path):
    assert chosen(study) == {"lora": 2e-3, "ina": 2e-3}
    write_trials(tmp_path, tasks=("stsb",), skill={1e-3: 0.7, 4e-3: 0.6})
    [found] = searches(tmp_path)
    assert chosen(found) == {"lora": 1e-3, "ina": 1e-3}
    assert set(search.trials(found).query("over_tasks.isna()")["learning_rate"]) == {2e-3}


def test_a_setting_counts_as_varied_only_if_it_affects_the_numbers_and_differs_within_a_task(tmp_path):
    for task, epochs in (("cola", 5), ("stsb", 3)):
        for rate, ids in ((1e-3, False), (2e-3, True)):  # the tasks have no adapters that read segment ids
            settings = {"epochs": epochs, "adapter_segment_ids": ids, "threads": 1 + ids}
            write_trials(tmp_path, tasks=(task,), skill={rate: 0.7}, **settings)
    [found] = searches(tmp_path)
    assert search.varied_settings(found, "minilm", "lora") == ["learning_rate"]
    assert search.trials(found)["over_tasks"].notna().all()


@pytest.mark.parametrize(
    ("section", "key", "trials"),
    [
        ("data", "max_train", {"max train 100": 100, "max train 200": 200}),
        ("train", "head_dropout", {"head dropout 0.1": 0.1, "head dropout none": None}),
    ],
)
def test_different_training_rows_and_null_are_settings_of_their_own(section, key, trials, tmp_path):
    for value, skill in zip(trials.values(), (0.6, 0.9), strict=True):
        run = write_run(tmp_path, select=0.2, skill=skill, train={"threads": skill})  # so that their ids differ
        run.config[section][key] = value
        record.write(tmp_path, run, record.read_predictions(tmp_path, run))
    [found] = searches(tmp_path)
    shown = search.search_table(found).shown
    assert list(shown) == ["Method", "Task", *trials, "Chosen"]
    assert list(shown["Chosen"]) == [list(trials)[1]]


def test_seeds_of_a_setting_are_averaged(tmp_path):
    runs = [write_run(tmp_path, seed=s, select=0.2, train={"learning_rate": r}) for r in (1e-3, 2e-3) for s in (1, 2)]
    [found] = searches(tmp_path)
    assert search.trials(found)["mean"][0] == pytest.approx(
        100 * np.mean([run.best.metrics["mcc"] for run in runs[:2]])
    )


def test_the_table_shows_every_trial_and_what_is_chosen(study, monkeypatch):
    table = search.search_table(study)
    assert list(table.shown) == ["Method", "Task", "0.001", "0.002", "0.004", "Chosen"]
    assert list(table.shown["Method"]) == ["LoRA"] * 3 + ["InA (Inh 0.3)"] * 3
    assert list(table.shown["Task"]) == ["CoLA", "MRPC", "Mean"] * 2
    scores = table.shown[["0.001", "0.002", "0.004"]].astype(float)
    assert scores.loc[2].tolist() == pytest.approx(scores.loc[:1].mean().tolist(), abs=0.1)
    assert list(table.shown["Chosen"]) == ["", "", "0.002"] * 2
    assert "20 % of them" in table.caption
    assert list(table.data["chosen"]) == [False, False, True, True, False, False] * 2
    fourth = SimpleNamespace(model=SimpleNamespace(name="minilm"), method_id="lora")  # still to be tried
    monkeypatch.setattr(Study, "plan", dict.fromkeys(study.runs["id"]) | {"a fourth rate": fourth})
    unfinished = search.search_table(searches(study.root)[0])
    assert list(unfinished.shown["Chosen"]) == ["", "", "0.002 so far", "", "", "0.002"]
    assert list(unfinished.data["chosen"]) == [False] * 6 + [False, False, True, True, False, False]


def test_rates_are_in_order_whatever_the_methods_tried(tmp_path):
    for method, tried in (("lora", (2e-3, 4e-3)), ("ina", (1e-3, 2e-3))):
        write_trials(tmp_path, tasks=("cola",), methods=(method,), skill=dict.fromkeys(tried, 0.7))
    [found] = searches(tmp_path)
    table = search.search_table(found)
    assert list(table.shown) == ["Method", "Task", "0.001", "0.002", "0.004", "Chosen"]
    assert list(table.shown["0.004"]) != ["–"] * 2 and "–" in list(table.shown["0.004"])


@pytest.mark.parametrize(("best", "shown"), [(1e-3, "0.001 (lowest)"), (2e-3, "0.002"), (4e-3, "0.004 (highest)")])
def test_a_chosen_rate_at_an_end_of_the_rates_tried_is_marked(best, shown, tmp_path):
    skill = dict.fromkeys((1e-3, 2e-3, 4e-3), 0.5) | {best: 0.9}
    write_trials(tmp_path, tasks=("cola",), methods=("lora",), skill=skill)
    write_trials(tmp_path, tasks=("cola",), methods=("ina",), skill={5e-4: 0.5, 8e-3: 0.5} | skill)
    [found] = searches(tmp_path)
    rate = shown.split(" ")[0]
    assert list(search.search_table(found).shown["Chosen"]) == [shown, rate], "of the rates of its own method"


def test_trials_that_hold_out_different_shares_are_not_compared(tmp_path):
    for share in (0.2, 0.3):
        write_run(tmp_path, experiment="search", select=share, train={"learning_rate": share})
    [found] = searches(tmp_path)
    with pytest.raises(ValueError, match=r"search-files hold out different shares .*data.select=0.2 and 0.3"):
        search.trials(found)


def test_several_models_have_a_column(tmp_path):
    for model in ("minilm", "bert_large"):
        for rate in (1e-3, 2e-3):
            write_run(tmp_path, model=model, experiment="search", select=0.2, train={"learning_rate": rate})
    [found] = searches(tmp_path)
    assert list(search.search_table(found).shown["Model"]) == ["BERT-large", "all-MiniLM-L6-v2"]


def test_all_searches_are_in_one_file(study, tmp_path):
    write_run(tmp_path, task="stsb", experiment="another", select=0.2, train={"learning_rate": 1e-3})
    main(["--results", str(tmp_path)])
    assert [path.name for path in sorted((tmp_path / "tables").iterdir())] == ["searches.csv", "searches.md"]
    text = (tmp_path / "tables" / "searches.md").read_text()
    assert text.count("**another.**") == text.count("**search.**") == 1


def test_trials_are_in_no_table_of_scores_of_dev_rows(study, tmp_path):
    write_run(tmp_path, experiment="search")  # beside a run that is measured on dev rows
    [found], [trials] = studies(tmp_path, "search"), searches(tmp_path, "search")
    assert list(found.runs["id"]) == ["minilm--cola--lora--s1"] and len(trials.runs) == 12


def test_the_figure_has_a_curve_of_score_against_rate_for_each_method(study):
    charts = rates(study).charts
    assert [chart.title for chart in charts] == ["CoLA", "MRPC"]
    rows = charts[0].spec["data"]["values"]
    assert {row["method"] for row in rows} == {"LoRA", "InA (Inh 0.3)"}
    runs = [run for run in study.records if (run.task, run.method) == ("cola", "ina")]
    expected = sorted((run.config["train"]["learning_rate"], 100 * run.best.metrics["mcc"]) for run in runs)
    found = [(row["x"], row["value"], row["hollow"]) for row in rows if row["method"] == "InA (Inh 0.3)"]
    assert np.array(found)[:, :2] == pytest.approx(np.array(expected))
    assert [row[2] for row in found] == [True, False, True]


def test_a_search_is_read_together_with_the_experiments_that_complete_it(tmp_path):
    skills = {"search_small": (1e-3, 0.6), "search_small_full": (2e-3, 0.9), "search_sst2": (3e-3, 0.7)}
    for experiment, (rate, skill) in skills.items():
        write_run(tmp_path, experiment=experiment, select=0.2, skill=skill, train={"learning_rate": rate})
    joined = {study.experiment: len(study.runs) for study in searches(tmp_path)}
    assert joined == {"search_small": 2, "search_sst2": 1}
    whole, other = map(search.search_table, searches(tmp_path))
    assert whole.title == "search_small, search_small_full"
    assert list(whole.shown["Chosen"]) == ["0.002 (highest)"]
    assert list(other.shown) == ["Method", "Task", "0.003", "Chosen"]
    assert list(other.shown["Chosen"]) == [""], "of one setting none is chosen"
    [alone] = searches(tmp_path, "search_small")
    assert list(search.search_table(alone).shown["Chosen"]) == ["0.002 (highest)"], "asked for alone, too"


def test_a_trial_that_two_experiments_of_a_search_have_counts_once(tmp_path):
    for experiment in ("search_small", "search_small_full"):
        for rate in (1e-3, 2e-3):
            write_run(tmp_path, experiment=experiment, select=0.2, train={"learning_rate": rate})
    [found] = searches(tmp_path)
    assert list(search.search_table(found).data["seeds"]) == [1, 1]
    [alone] = searches(tmp_path, "search_small_full")
    assert len(alone.runs) == 2
