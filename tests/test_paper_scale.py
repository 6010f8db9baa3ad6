"""For large models: accumulation, checkpointing and processes do not change the losses."""

import subprocess
import sys

import pytest
import torch
from transformers import AutoModel

from ina import record, run, tiny
from ina.config import configured


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A run without dropout, whose batches of 8 leave 5 examples at the end of an epoch."""
    folder = tmp_path_factory.mktemp("model")
    config = tiny.config("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    tiny.tokenizer("bert").save_pretrained(folder)
    source = ["model=tiny_bert", f"model.path={folder}", "data=probe", "data.max_train=29"]
    train = ["train.batch_size=8", "train.epochs=2", "train.learning_rate=0.01"]
    train += ["train.dtype=float32", "train.threads=1"]
    return [*source, *train, "task=mrpc", "method=ina", "method.dropout=0"]


@pytest.fixture(scope="module")
def alone(settings, tmp_path_factory):
    """The run by one process, in whole batches."""
    return done(settings, tmp_path_factory.mktemp("alone"))


def done(settings, folder):
    return run.run(configured([*settings, f"output_dir={folder}"]))[0]


def assert_same_losses(found, expected):
    losses, wanted = ([each.train_loss for each in one.evaluations] for one in (found, expected))
    assert losses == pytest.approx(wanted, rel=1e-5)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("setting", ["train.device_batch_size=2", "train.gradient_checkpointing=true"])
def test_accumulation_and_gradient_checkpointing_do_not_change_the_losses(setting, settings, alone, tmp_path):
    assert_same_losses(done([*settings, setting], tmp_path), alone)


def test_two_processes_have_the_losses_of_one_and_the_first_records_for_both(settings, alone, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "ina.run"]
    result = subprocess.run(
        [*command, *settings, f"output_dir={tmp_path}"], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch 2 of 2") == 1
    [found] = record.read_all(tmp_path)
    assert found.provenance.processes == 2 and found.provenance.effective_batch == 8
    assert_same_losses(found, alone)
    assert found.n == alone.n and found.params == alone.params
