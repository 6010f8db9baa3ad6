"""Training measures every epoch, keeps the predictions of the best and the last one, and depends only on its seed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from datasets import Dataset
from peft import AdaLoraConfig, get_peft_model
from tiny_models import LOAD, PAIR, tiny_config

from ina import InaConfig, config, data, environment, methods, run, tiny, train
from ina.tasks import DevSet, Scored

LENGTHS = np.random.default_rng(0).integers(4, 12, 40)


def features(count: int, **more) -> Dataset:
    """Random sentences."""
    draw = np.random.default_rng(count)
    ids = [draw.integers(5, 500, length).tolist() for length in LENGTHS[:count]]
    return Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids], **more})


class Dev:
    """A fake dev set: it keeps the logits it gets and returns the given scores."""

    def __init__(self, *scores: float):
        self.scores, self.logits = scores, []

    def score(self, outputs):
        self.logits.append(outputs[0])
        predicted = outputs[0].argmax(-1)
        rows = {"split": "validation", "id": range(len(predicted)), "label": 0, "prediction": len(self.logits)}
        return Scored({"mcc": self.scores[len(self.logits) - 1]}, pd.DataFrame(rows), bool(np.ptp(predicted) == 0))

    def set(self) -> DevSet:
        return DevSet(features(20), self.score)


def build(adapter=None):
    model = LOAD(tiny_config(), PAIR)
    return get_peft_model(model, adapter) if adapter else model


def fit(folder, dev, model=None, **changed) -> train.Trained:
    """Train on sentences that have label 1 where they start with a small token."""
    rows, model = features(40), model or build()
    rows = rows.add_column("labels", [int(ids[0] < 250) for ids in rows["input_ids"]])
    command = ["model=tiny_bert", "train.epochs=3", "train.batch_size=8", "train.dtype=float32", "train.threads=1"]
    settings = config.configured(command + [f"train.{key}={value}" for key, value in changed.items()]).train
    transformers.set_seed(1)
    return train.fit(
        model, rows, [dev.set()], tiny.tokenizer("bert"), settings,
        headline="mcc", seed=1, folder=folder, report_to=[], callbacks=methods.callbacks(model),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("run"), Dev(0.2, 0.5, 0.5))


def test_every_epoch_is_measured_and_best_is_the_first_with_the_highest_headline(trained):
    assert [one.epoch for one in trained.evaluations] == [1, 2, 3]
    assert [one.metrics for one in trained.evaluations] == [{"mcc": 0.2}, {"mcc": 0.5}, {"mcc": 0.5}]
    assert all(0 < one.train_loss < 2 for one in trained.evaluations)
    assert [trained.best, trained.last] == trained.evaluations[1:]
    assert set(trained.predictions["best_prediction"]) == {2} and set(trained.predictions["last_prediction"]) == {3}


def test_logits_come_in_the_order_of_the_dev_set_though_they_are_computed_by_length(tmp_path):
    model, dev = build(), Dev(0.2, 0.5, 0.5)
    fit(tmp_path, dev, model)
    with torch.no_grad():
        one_by_one = [model.eval()(torch.tensor([ids])).logits[0].numpy() for ids in features(20)["input_ids"]]
    np.testing.assert_allclose(dev.logits[-1], one_by_one, atol=1e-5)


def test_the_model_gets_only_its_inputs(tmp_path):
    model, given = build(), set()
    model.register_forward_pre_hook(lambda _, args, named: given.update(named), with_kwargs=True)
    fit(tmp_path, Dev(0.1), model, epochs=1)
    assert given == {"input_ids", "attention_mask", "labels"}


def test_every_setting_of_the_optimiser_reaches_trainer(tmp_path):
    chosen = dict(learning_rate=3e-4, weight_decay=0.1, max_grad_norm=0.5, epsilon=1e-6, warmup_ratio=0.25, epochs=2)
    given = [f"train.{name}={value}" for name, value in chosen.items()]
    given += ["train.schedule=cosine", "train.betas=[0.8,0.98]", "train.batch_size=8", "train.compile=true"]
    made = train._arguments(config.configured(["model=tiny_bert", *given]).train, 40, 7, tmp_path, [])
    expected = dict(learning_rate=3e-4, weight_decay=0.1, max_grad_norm=0.5, adam_epsilon=1e-6, num_train_epochs=2)
    expected |= dict(lr_scheduler_type="cosine", adam_beta1=0.8, adam_beta2=0.98, torch_compile=True, seed=7)
    expected |= dict(warmup_steps=3)  # a quarter of two epochs of five steps, rounded up
    assert {name: getattr(made, name) for name in expected} == expected


def test_of_several_gpus_a_process_uses_one(tmp_path, monkeypatch):
    monkeypatch.setattr(transformers.TrainingArguments, "n_gpu", property(lambda arguments: 4))
    settings = config.configured(["model=tiny_bert"]).train
    assert train._arguments(settings, 40, 1, tmp_path, [])._n_gpu == 1


def test_time_and_memory_are_measured(trained):
    assert trained.samples_per_second > 40 * 3 / trained.seconds > 0  # the first leaves out evaluation
    assert trained.peak_memory_mb > 50 or not Path("/proc/self/status").exists()
    assert trained.processes == 1 and trained.device


PLAN = dict(total_step=100, tinit=10, tfinal=40, deltaT=1)
ADAPTERS = {
    "ina": lambda: InaConfig(task_type="SEQ_CLS", dropout=0.1),
    "adalora": lambda: AdaLoraConfig(
        task_type="SEQ_CLS", target_modules=["query", "key"], init_r=6, target_r=2, **PLAN
    ),
}


@pytest.mark.parametrize("method, dtype", [("ina", "bfloat16"), ("adalora", "float32")])  # float32: test_resume
def test_runs_resumed_from_a_checkpoint_have_the_same_numbers(method, dtype, tmp_path):
    def run(folder, dev):
        return fit(folder, dev, build(ADAPTERS[method]()), dtype=dtype, learning_rate=0.003)

    whole, killed, resumed = Dev(0.2, 0.5, 0.5), Dev(0.2), Dev(0.5, 0.5)
    expected = run(tmp_path / "whole", whole)
    with pytest.raises(IndexError):
        run(tmp_path / "killed", killed)
    found = run(tmp_path / "killed", resumed)
    assert found.evaluations == expected.evaluations
    assert all(map(np.array_equal, [killed.logits[0], *resumed.logits], whole.logits))
    assert len({one.train_loss for one in found.evaluations}) == 3


def test_without_speed_ups_a_run_has_other_dropout_masks_and_learns_as_well(trained, tmp_path):
    found = fit(tmp_path, Dev(0.2, 0.5, 0.5), fast="false")
    losses, expected = ([one.train_loss for one in run.evaluations] for run in (found, trained))
    assert losses != expected
    assert losses == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    "gpu, has, chosen", [(False, True, "float32"), (True, False, "float32"), (True, True, "bfloat16")]
)
def test_auto_is_bfloat16_on_a_gpu_that_has_it_and_float32_elsewhere(gpu, has, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    assert environment.resolve_dtype("auto") == chosen
    assert [environment.resolve_dtype(name) for name in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_tf32_is_refused_where_no_gpu_has_it_before_anything_is_loaded(tmp_path, monkeypatch):
    given = ["model=tiny_bert", "data=probe", "train.tf32=true", f"output_dir={tmp_path}"]
    monkeypatch.setattr(transformers.utils, "is_torch_tf32_available", lambda: False)
    monkeypatch.setattr(data, "load", None)
    with pytest.raises(ValueError, match="train.tf32=true needs a GPU that has TF32 .*; leave it out here"):
        run.run(config.configured(given))
