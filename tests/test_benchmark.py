"""The benchmark's section on whether `train.fast` learns alike, which is made from records."""

import importlib.util
import sys
from pathlib import Path

import pytest
from made_up import write_run


@pytest.fixture
def parity(tmp_path, monkeypatch):
    """Rows of the section's table for the records under `tmp_path`, or its one line where there are none."""
    path = Path(__file__).parent.parent / "scripts" / "benchmark.py"
    spec = importlib.util.spec_from_file_location("benchmark", path)
    benchmark = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    monkeypatch.setattr(benchmark, "ROOT", tmp_path)

    def rows() -> list:
        lines = benchmark.parity(quick=False)
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[4:]] or lines

    return rows


def write(root, plain: float, fast: float, seeds=(1, 2, 3, 4, 5), n=2000) -> None:
    """Runs on CoLA whose shares of right predictions are `plain` and `fast`."""
    for seed in seeds:
        write_run(root / "results", task="cola", seed=seed, n=n, experiment="parity_plain", skill=plain)
        write_run(root / "results", task="cola", seed=seed, n=n, experiment="parity_fast", skill=fast)


def test_runs_that_predict_the_same_are_equivalent(tmp_path, parity):
    write(tmp_path, 0.8, 0.8)
    assert [(row[0], row[2], row[5], row[-1]) for row in parity()] == [
        ("CoLA", rule, "0.0", "equivalent") for rule in ("best", "last")
    ]


def test_runs_that_learn_less_are_worse(tmp_path, parity):
    write(tmp_path, 0.8, 0.7)
    rows = parity()
    assert {row[-1] for row in rows} == {"worse"}
    assert all(float(row[3].split()[0]) > float(row[4].split()[0]) for row in rows)


def test_only_seeds_that_both_have_are_paired(tmp_path, parity):
    write(tmp_path, 0.8, 0.8, seeds=(1, 2), n=200)
    write_run(tmp_path / "results", task="cola", seed=3, n=200, experiment="parity_fast", skill=0.1)
    assert {row[5] for row in parity()} == {"0.0"}


def test_other_examples_are_not_compared(tmp_path, parity):
    write_run(tmp_path / "results", experiment="parity_plain", n=100)
    write_run(tmp_path / "results", experiment="parity_fast", n=90)
    with pytest.raises(ValueError, match="a pair needs the same examples"):
        parity()


def test_without_records_of_both_it_says_what_to_run(tmp_path, parity):
    write_run(tmp_path / "results", experiment="parity_plain")
    [line] = parity()
    assert "experiment=parity_plain" in line and "experiment=parity_fast" in line
