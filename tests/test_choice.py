"""Multiple choice: heads, batches and a run."""

import pytest
import torch
from task_files import task

from ina import batches, data, models, run, speed, tiny
from ina.config import DataConfig, ModelConfig, configured
from ina.models import ModelError
from ina.tasks import Head, labelled

FAMILIES = ("bert", "roberta", "deberta-v2")


def backbone(family: str, **settings):
    given = ModelConfig(name="tiny", label="tiny", tiny=family)
    return given, models.load(given, Head("choice", 4), seed=1, **settings).eval()


def test_choices_are_padded_together_and_the_examples_stay_as_they_are():
    tokenizer = tiny.tokenizer("bert")
    rows = data.load(task("swag"), DataConfig(source="probe", dir=None, max_train=3)).splits["train"]
    examples = labelled.train_features(task("swag"), rows, tokenizer).to_list()
    before = [dict(example) for example in examples]
    batch = batches.Collator(tokenizer)(examples)
    longest = max(len(ids) for example in examples for ids in example["input_ids"])
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (3, 4, longest)
    assert batch["labels"].tolist() == [example["labels"] for example in examples]
    for example, padded in zip(examples, batch["input_ids"].tolist(), strict=True):
        assert [ids[: len(own)] for ids, own in zip(padded, example["input_ids"], strict=True)] == example["input_ids"]
    assert examples == before


def test_batches_hold_examples_whose_longest_endings_are_alike():
    examples = [{"input_ids": [[1] * size, [1], [1], [1]]} for size in range(1, 65)]
    made = batches.Batches(examples, lambda chosen: {"sizes": [len(one["input_ids"][0]) for one in chosen]}, 8, seed=1)
    assert all(max(batch["sizes"]) - min(batch["sizes"]) == 7 for batch in made)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_is_trained_with_what_a_checkpoint_lacks_and_needs_the_first_token_alone(family):
    given, model = backbone(family)
    expected = ("classifier",) if family == "bert" else ("pooler", "classifier")
    assert models.head_modules(given, model) == expected
    ids = torch.arange(5, 5 + 2 * 4 * 6).view(2, 4, 6)
    logits = model(ids).logits
    assert logits.shape == (2, 4)
    with speed.first_token_only(model):
        torch.testing.assert_close(model(ids).logits, logits)


def test_a_family_or_a_dropout_that_has_no_place_in_the_head_is_refused():
    with pytest.raises(ModelError, match="no head for multiple choice on models of type 'deberta'; bert, roberta"):
        backbone("deberta")
    with pytest.raises(ModelError, match="leave out train.head_dropout"):
        backbone("roberta", head_dropout=0.2)


def test_a_run_is_recorded_with_its_accuracy(tmp_path):
    given = ["model=tiny_bert", "task=swag", "data=probe", "data.max_train=24", "train.epochs=1", "train.threads=1"]
    cfg = configured([*given, "train.dtype=float32", "train.fast=true", f"output_dir={tmp_path}"])
    result, new = run.run(cfg)
    assert new and result.headline == "accuracy" and result.n == 400
    assert 0 <= result.best.metrics["accuracy"] <= 1
