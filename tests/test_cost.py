"""What a run costs, known before it runs; and the report that is made of it."""

import importlib.util
import sys

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch.utils.flop_counter import FlopCounterMode

from ina import cost, methods, models, run
from ina.config import CONFIG_DIR, check
from ina.task import family

FAMILIES = ("bert", "roberta", "deberta", "deberta_v2")


def configured(*overrides):
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return check(compose("run", list(overrides)))


def counted(cfg, examples: int, tokens: int) -> tuple[int, int]:
    """Operations of a real step, forward and in all, as they happen."""
    head = family(cfg.task.family).head(cfg.task)
    model = models.untrained(cfg.model, head)
    model, _ = methods.prepare(cfg.method, model, models.head_modules(cfg.model, model), span=head.kind == "span")
    with FlopCounterMode(display=False) as counter:
        outputs = model.train()(inputs_embeds=torch.randn(examples, tokens, 32))
        forward = counter.get_total_flops()
        sum(output.sum() for output in outputs.values()).backward()
    return forward, counter.get_total_flops()


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("method", ["full", "ina"])
@pytest.mark.parametrize("task", ["cola", "squad_v1"])
def test_operations_are_known_exactly_for_any_batch(model, method, task):
    cfg = configured(f"model=tiny_{model}", f"method={method}", f"task={task}")
    step = cost.cost(cfg).step(5, 57)
    assert (step.forward, step.training) == pytest.approx(counted(cfg, 5, 57), rel=1e-9)


def test_adapters_save_the_weights_gradients_and_nothing_of_the_forward_pass():
    full, ina = (cost.cost(configured("model=roberta_large", f"method={method}")) for method in ("full", "ina"))
    assert ina.step(8, 64).forward == pytest.approx(full.step(8, 64).forward, rel=0.01)
    assert ina.step(8, 64).training == pytest.approx(2 / 3 * full.step(8, 64).training, rel=0.02)


# BERT-large uncased, r 8 at query, key and value: 1,282,050 in the log, which trains 49 LayerNorms as well
def test_the_released_codes_weights_are_those_of_the_authors_log():
    params = cost.params(configured("model=bert_large", "task=squad_v1", "method=ina_released"))
    assert params.trainable + 49 * 2 * 1024 == 1_282_050


def test_the_committed_table_of_weights_is_what_the_script_prints(monkeypatch):
    script = loaded("parameters")
    monkeypatch.setattr(script, "RANKS", (8,))
    written = (CONFIG_DIR.parent / "results" / "tables" / "parameters.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in written.splitlines()]
    made = script.table(("deberta_large",))
    assert made.caption in written and all(row.cells in rows for row in made.rows)


# 24 layers of 12 d^2 weights and the head's, two operations each, and two products of attention
def test_the_operations_of_bert_large_are_those_of_the_textbook():
    step = cost.cost(configured("model=bert_large", "method=full")).step(1, 128)
    assert step.forward == 24 * (2 * 128 * 12 * 1024**2 + 2 * 2 * 128**2 * 1024) + 2 * (1024**2 + 2 * 1024)
    assert step.training == pytest.approx(3 * step.forward, rel=0.01)


def test_memory_counts_weights_gradients_and_moments_of_what_is_trained():
    full, ina = (cost.cost(configured("model=roberta_large", f"method={method}")) for method in ("full", "ina"))
    bare = dict(examples=0, tested=0, tokens=0, dtype="float32")
    assert full.memory(**bare) == pytest.approx(16 * 355_361_794, rel=0.01)
    assert ina.memory(**bare) == pytest.approx(4 * 355_361_794, rel=0.02)


def test_checkpointing_bfloat16_and_smaller_batches_need_less_memory():
    figures = cost.cost(configured("model=bert_large", "method=ina"))
    usual = dict(examples=32, tested=1, tokens=128, dtype="float32")
    most = figures.memory(**usual)
    for change in ({"checkpointing": True}, {"dtype": "bfloat16"}, {"examples": 8}):
        assert figures.memory(**usual | change) < 0.7 * most


@pytest.mark.parametrize("method", ["full", "lora", "ina"])
def test_weights_are_counted_before_a_run_as_the_run_records_them(method, tmp_path):
    overrides = ["model=tiny_deberta", "task=mnli", f"method={method}", "data=probe", "data.max_train=8"]
    cfg = configured(*overrides, "train.epochs=1", "train.threads=1", f"output_dir={tmp_path}")
    assert run.run(cfg)[0].params == cost.cost(cfg).params


def loaded(script: str):
    """A file of scripts/ as a module."""
    spec = importlib.util.spec_from_file_location(script, CONFIG_DIR.parent / "scripts" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def preflight():
    """scripts/preflight.py as a function of its command line."""
    module = loaded("preflight")

    def call(*overrides: str) -> None:
        module.main(["model=tiny_bert", "data=probe", *overrides])

    return call


def test_preflight_lists_every_run_with_its_exact_number_of_weights(preflight, capsys):
    preflight("task=cola,mrpc", "method=full,ina", "seed=1,2")
    told = capsys.readouterr().out
    for task in ("cola", "mrpc"):
        for method in ("full", "ina"):
            params = cost.cost(configured("model=tiny_bert", f"task={task}", f"method={method}")).params
            [row] = [line for line in told.splitlines() if line.startswith(f"tiny_bert--{task}--{method} ")]
            assert row.split()[1:6] == [
                "1,2", f"{params.trainable:,}", f"{params.adapter:,}", f"{params.head:,}", f"{params.total:,}"
            ]  # fmt: skip
    assert "tiny_bert: 8 runs" in told and "every run fits" in told


def test_preflight_names_what_cannot_fit_and_what_would_help(preflight, capsys):
    with pytest.raises(SystemExit) as stopped:
        preflight("task=cola", "method=ina", "train.batch_size=100000000")
    assert stopped.value.code == 1
    assert "DOES NOT FIT: tiny_bert--cola--ina needs" in capsys.readouterr().out


def test_preflight_says_where_everything_comes_from(preflight, capsys):
    preflight("task=mnli", "method=ina", "data=auto", "model=tiny_roberta")
    told = capsys.readouterr().out
    assert "model tiny_roberta: random weights" in told
    assert "task mnli: " in told


def test_preflight_tells_what_is_wrong_with_the_command_line(preflight):
    with pytest.raises(SystemExit, match="epochs=0"):
        preflight("train.epochs=0")
