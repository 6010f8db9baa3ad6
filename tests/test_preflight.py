"""scripts/preflight.py reports weights, steps and memory of a command line before anything starts."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from ina.config import configured


@pytest.fixture(scope="module")
def preflight():
    """The module scripts/preflight.py."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "preflight.py")))


def params(preflight, *overrides):
    return preflight.measure(configured(list(overrides)))[0]


# BERT-large uncased, r 8 at query, key and value: 1,282,050 in the log, which trains 49 LayerNorms as well
def test_the_released_codes_weights_are_those_of_the_authors_log(preflight):
    counted = params(preflight, "model=bert_large", "task=squad_v1", "method=ina_released")
    assert counted.trainable + 49 * 2 * 1024 == 1_282_050


def test_memory_counts_weights_gradients_and_moments_of_what_is_trained(preflight):
    common = ["model=roberta_large", "task=cola", "task.max_length=8"]  # hardly any activations
    common += ["train.dtype=float32", "train.device_batch_size=1"]
    full, ina = (preflight.memory(configured([*common, f"method={name}"])) for name in ("full", "ina"))
    assert full - ina == pytest.approx(12 * 355_361_794, rel=0.02)


def test_checkpointing_and_smaller_batches_need_less_memory(preflight):
    common = ["model=bert_large", "method=ina", "task=cola", "train.dtype=float32", "train.batch_size=32"]
    changes = ([], ["train.gradient_checkpointing=true"], ["train.device_batch_size=8"])
    most, *others = (preflight.memory(configured(common + change)) for change in changes)
    assert max(others) < 0.7 * most


def test_every_cell_is_listed_with_seeds_weights_and_steps(preflight, capsys):
    preflight.main(["model=tiny_bert", "data=probe", "task=cola,mrpc", "method=full,ina", "seed=1,2"])
    printed = capsys.readouterr().out
    for task in ("cola", "mrpc"):
        for method in ("full", "ina"):
            counted = params(preflight, "model=tiny_bert", f"task={task}", f"method={method}")
            [row] = [line for line in printed.splitlines() if line.startswith(f"tiny_bert--{task}--{method} ")]
            counts = (counted.trainable, counted.adapter, counted.head, counted.total)
            assert row.split()[1:6] == ["1,2", *(f"{count:,}" for count in counts)]
            cfg = configured(["model=tiny_bert", f"task={task}", f"method={method}"])
            assert row.split()[6] == f"{4000 / cfg.train.batch_size * cfg.train.epochs:,.0f}"
    assert "8 runs" in printed and "every run fits" in printed
    assert "model tiny_bert: random weights" in printed and "task cola: from probe, 4,000 training rows" in printed


def test_in_a_search_every_run_is_listed_with_the_steps_of_the_rows_that_are_left(preflight, capsys, monkeypatch):
    search = ["model=tiny_bert", "task=cola", "method=ina", "data.select=0.2", "train.learning_rate=1e-3,2e-3"]
    monkeypatch.delenv("INA_DATA_DIR", raising=False)
    preflight.main([*search, "train.epochs=1"])
    rows = [
        line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("tiny_bert--cola--ina--s1-")
    ]
    assert len({row[0] for row in rows}) == 2 and {row[6] for row in rows} == {f"{-(-8551 * 4 // 5 // 32):,}"}


def test_what_cannot_fit_or_is_wrong_is_named_and_ends_the_command(preflight, capsys):
    command = ["model=tiny_bert", "data=probe", "task=cola", "method=ina"]
    with pytest.raises(SystemExit, match="^1$"):
        preflight.main([*command, "train.batch_size=100000000"])
    printed = capsys.readouterr().out
    assert "GB: tiny_bert--cola--ina" in printed and "lower train.device_batch_size" in printed
    with pytest.raises(SystemExit, match="epochs=0"):
        preflight.main([*command, "train.epochs=0"])
