"""The benchmark's table of parity, which is made of records."""

import importlib
import sys
from pathlib import Path

import pytest
from made_up import write_run

from ina.record import RecordError

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
parity = importlib.import_module("measure.parity")


def runs(root, fast: float, tasks=("cola", "mrpc"), seeds=(1, 2, 3, 4, 5), n=2000):
    """Runs of plain training that get four of five examples right, and of train.fast with another share."""
    for task in tasks:
        for seed in seeds:
            write_run(root, task=task, seed=seed, n=n, experiment="parity_plain")
            write_run(root, task=task, seed=seed, n=n, experiment="parity_fast", skill=fast, train={"fast": True})


def verdicts(lines: list[str]) -> list[tuple[str, ...]]:
    """Task, epoch, difference and verdict of each row."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return [(row[0], row[2], row[5], row[-1]) for row in rows[2:]]


def test_runs_that_predict_the_same_are_equivalent(tmp_path):
    runs(tmp_path, fast=0.8)
    assert verdicts(parity.told(*parity.both(tmp_path))) == [
        (task, rule, "0.0", "equivalent") for rule in ("best", "last") for task in ("CoLA", "MRPC")
    ]


def test_a_way_that_learns_less_is_worse_by_as_much_as_the_scores_say(tmp_path):
    runs(tmp_path, fast=0.7, tasks=("cola",))
    plain, fast = parity.both(tmp_path)
    [(_, _, difference, verdict)] = verdicts(parity.told(plain, fast))[1:]
    scores = [next(iter(study.cells.values())).scores("mcc", "last").mean() for study in (plain, fast)]
    assert verdict == "worse" and difference == f"{100 * (scores[1] - scores[0]):.1f}".replace("-", "−")


def test_only_seeds_that_both_have_are_paired(tmp_path):
    runs(tmp_path, fast=0.8, tasks=("cola",), seeds=(1, 2), n=200)
    write_run(tmp_path, task="cola", seed=3, n=200, experiment="parity_fast", skill=0.1)
    assert [row[2:] for row in verdicts(parity.told(*parity.both(tmp_path)))] == [("0.0", "undecided")] * 2


def test_half_of_the_experiments_is_not_enough(tmp_path):
    write_run(tmp_path, experiment="parity_plain")
    assert parity.both(tmp_path) is None
    write_run(tmp_path, experiment="parity_fast", source="probe")
    assert parity.both(tmp_path) is None


def test_other_examples_are_not_compared(tmp_path):
    write_run(tmp_path, experiment="parity_plain", n=100)
    write_run(tmp_path, experiment="parity_fast", n=90)
    with pytest.raises(RecordError, match="measured on different examples"):
        parity.told(*parity.both(tmp_path))


def test_without_records_it_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "ROOTS", [tmp_path])
    [line] = parity.section(quick=True)
    assert "experiment=parity_plain" in line and "experiment=parity_fast" in line
