"""Tables of searches: trials by setting, the choice among them, and that they never pass for results."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import write_run

from ina.claims.ledger import ledger
from ina.figures.rates import rates, whole_searches
from ina.tables import collect, files, search

SKILL = {1e-3: 0.7, 2e-3: 0.9, 4e-3: 0.6}


def write_trials(root: Path, tasks=("cola", "mrpc"), skill=SKILL) -> None:
    for method in ("lora", "ina"):
        for task in tasks:
            for rate, share in skill.items():
                train = {"learning_rate": rate}
                write_run(root, task=task, method=method, skill=share, experiment="search", select=0.2, train=train)


@pytest.fixture
def study(tmp_path) -> collect.Study:
    write_trials(tmp_path)
    [found] = collect.searches(tmp_path)
    return found


def test_a_method_takes_the_setting_with_the_best_mean_over_the_tasks(study):
    assert search.taken(study) == {
        ("minilm", "lora"): {"learning_rate": 2e-3},
        ("minilm", "ina"): {"learning_rate": 2e-3},
    }


def test_a_setting_that_was_not_tried_on_every_task_is_not_taken(tmp_path):
    write_trials(tmp_path, tasks=("cola",))
    write_trials(tmp_path, tasks=("mrpc",), skill={1e-3: 0.7, 4e-3: 0.6})
    [found] = collect.searches(tmp_path)
    assert search.taken(found)["minilm", "lora"] == {"learning_rate": 1e-3}
    assert [each.mean is None for each in search.trials(found)] == [False, True, False] * 2


def test_what_a_task_changes_for_every_trial_is_no_setting(tmp_path):
    for task, epochs in (("cola", 5), ("stsb", 3)):
        for rate in SKILL:
            write_run(tmp_path, task=task, select=0.2, train={"learning_rate": rate, "epochs": epochs})
    [found] = collect.searches(tmp_path)
    assert [each.setting for each in search.trials(found)] == [{"learning_rate": rate} for rate in sorted(SKILL)]
    assert all(each.mean is not None for each in search.trials(found))


def test_seeds_of_a_setting_are_averaged(tmp_path):
    for seed in (1, 2):
        write_run(tmp_path, seed=seed, select=0.2, train={"learning_rate": 1e-3})
        write_run(tmp_path, seed=seed, select=0.2, train={"learning_rate": 2e-3})
    [found] = collect.searches(tmp_path)
    low, high = search.trials(found)
    assert len(low.scores["cola"]) == len(high.scores["cola"]) == 2
    assert low.mean == pytest.approx(low.scores["cola"].mean())


def test_the_table_shows_every_trial_and_marks_what_is_taken(study):
    table = search.search_table(study)
    assert [column.title for column in table.columns][2:] == [
        "learning rate",
        "CoLA (mcc)",
        "MRPC (accuracy)",
        "Mean",
        "",
    ]
    assert [row.cells[2] for row in table.rows] == ["0.001", "0.002", "0.004"] * 2
    assert [row.cells[-1] for row in table.rows] == ["", "taken", ""] * 2
    assert "20 % of the training rows" in table.caption
    assert list(table.data["taken"]) == [False, True, False] * 2


def test_nothing_is_taken_while_settings_of_a_method_are_still_to_be_tried(study, monkeypatch):
    def planned(method: str) -> SimpleNamespace:
        return SimpleNamespace(model=SimpleNamespace(name="minilm"), method_label=method)

    plan = {run.id: planned(run.method) for run in study.runs} | {"a fourth rate": planned("lora")}
    monkeypatch.setattr(collect.Study, "plan", plan)
    table = search.search_table(study)
    assert [row.cells[-1] for row in table.rows] == ["", "best so far", "", "", "taken", ""]
    assert "others are still to be tried" in table.notes[0]


def test_trials_are_in_no_table_of_scores_and_no_claim(tmp_path):
    write_trials(tmp_path)
    write_run(tmp_path, experiment="search")  # beside a run that is measured on dev rows
    [found] = collect.studies(tmp_path, "search")
    assert [run.id for run in found.runs] == ["minilm--cola--lora--s1"]
    [trials] = collect.searches(tmp_path, "search")
    assert [table.name for table in files.tables(trials)] == ["search"]
    assert "search, data source" not in ledger(list(collect.studies(tmp_path)))


def test_the_figure_has_a_curve_of_score_against_rate_for_each_method(study):
    figure = rates(study)
    assert [axis.get_title() for axis in figure.axes] == ["CoLA", "MRPC"]
    curves = {line.get_label(): line.get_xydata() for line in figure.axes[0].lines if not line.get_label()[0] == "_"}
    assert curves.keys() == {"LoRA", "InA (Inh 0.3)"}
    cell = {
        run.config["train"]["learning_rate"]: run for run in study.runs if (run.task, run.method) == ("cola", "ina")
    }
    expected = [(rate, 100 * cell[rate].best.metrics["mcc"]) for rate in sorted(SKILL)]
    assert curves["InA (Inh 0.3)"] == pytest.approx(np.array(expected))


def test_a_search_is_drawn_together_with_the_experiments_that_complete_it(tmp_path):
    for experiment, rate in (("search_x", 1e-3), ("search_x_full", 2e-3), ("search_xy", 3e-3)):
        write_run(tmp_path, experiment=experiment, select=0.2, train={"learning_rate": rate})
    joined = {study.experiment: len(study.runs) for study in whole_searches(list(collect.searches(tmp_path)))}
    assert joined == {"search_x": 2, "search_xy": 1}
