"""Multiple choice: SWAG's features, scores, heads and files."""

import csv

import numpy as np
import pytest
import torch

from ina import batches, data, models, plan, run, speed, tiny
from ina.config import DataConfig, ModelConfig, check
from ina.data import files, schema
from ina.models import ModelError
from ina.tasks import Head, choice

FAMILIES = ("bert", "roberta", "deberta-v2")
HEAD = Head("choice", 4)
HEADER = "video-id fold-ind startphrase sent1 sent2 gold-source ending0 ending1 ending2 ending3 label".split()


def configured(*overrides):
    given = ["model=tiny_bert", "task=swag", "data=probe", "data.max_train=24", "train.epochs=1", "train.threads=1"]
    return check(plan.compose([*given, "train.dtype=float32", *overrides]))


@pytest.fixture(scope="module")
def task():
    return configured().task


@pytest.fixture(scope="module")
def splits():
    return data.load("swag", DataConfig(source="probe", dir=None, max_train=20, distractors=2)).splits


def backbone(family: str, seed: int = 1):
    return models.load(ModelConfig(name="tiny", label="tiny", tiny=family), HEAD, seed=seed).eval()


# features


@pytest.mark.parametrize("family", FAMILIES)
def test_every_ending_is_read_behind_the_sentence_and_the_beginning(family, task, splits):
    tokenizer, rows = tiny.tokenizer(family), splits["train"]
    features = choice.train_features(task, rows, tokenizer)
    for row, feature in zip(rows.select(range(5)), features.select(range(5)), strict=True):
        for place in range(4):
            expected = tokenizer(row["sent1"], f"{row['sent2']} {row[f'ending{place}']}")
            assert feature["input_ids"][place] == expected["input_ids"]
        assert feature["labels"] == row["label"] and feature["length"] == max(map(len, feature["input_ids"]))


def test_long_endings_are_cut(task, splits):
    short = task.model_copy(update={"max_length": 8})
    features = choice.train_features(short, splits["train"], tiny.tokenizer("bert"))
    assert {len(ids) for example in features["input_ids"] for ids in example} == {8}


def test_choices_are_padded_together_and_the_examples_stay_as_they_are(task, splits):
    tokenizer = tiny.tokenizer("bert")
    examples = choice.train_features(task, splits["train"], tokenizer).to_list()[:3]
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


# scores


def test_the_ending_with_the_highest_score_is_predicted(task, splits):
    [dev] = choice.dev_sets(task, splits, tiny.tokenizer("bert"))
    labels = np.array(splits["validation"]["label"])
    outputs = np.eye(4)[labels]
    outputs[:100] = np.eye(4)[(labels[:100] + 1) % 4]
    scored = dev.score((outputs,))
    assert scored.metrics == {"accuracy": pytest.approx(1 - 100 / len(labels))} and not scored.degenerate
    assert list(scored.predictions) == ["split", "id", "label", "prediction"]
    assert dev.score((np.zeros((len(labels), 4)),)).degenerate


# heads


@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_is_trained_with_what_a_checkpoint_lacks(family):
    given = ModelConfig(name="tiny", label="tiny", tiny=family)
    expected = ("classifier",) if family == "bert" else ("pooler", "classifier")
    assert models.head_modules(given, backbone(family)) == expected


def test_a_family_without_a_head_for_multiple_choice_is_refused():
    with pytest.raises(ModelError, match="no head for multiple choice on models of type 'deberta'; bert, roberta"):
        backbone("deberta")


def test_a_dropout_that_the_head_does_not_have_is_refused():
    given = ModelConfig(name="tiny", label="tiny", tiny="roberta")
    with pytest.raises(ModelError, match="leave out train.head_dropout"):
        models.load(given, HEAD, seed=1, head_dropout=0.2)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_layer_may_go_on_with_the_first_token_alone(family):
    ids = torch.arange(5, 5 + 2 * 4 * 6).view(2, 4, 6)
    model = backbone(family)
    expected = model(ids).logits
    assert expected.shape == (2, 4)
    with speed.first_token_only(model):
        torch.testing.assert_close(model(ids).logits, expected)


# runs


def test_a_run_is_recorded_with_its_accuracy(tmp_path):
    cfg = configured("train.fast=true", f"output_dir={tmp_path}")
    result, new = run.run(cfg)
    assert new and result.headline == "accuracy" and result.n == 400
    assert 0 <= result.best.metrics["accuracy"] <= 1


# official files


def write(folder, *changed, header=HEADER):
    folder.mkdir(parents=True, exist_ok=True)
    sound = ["v", "1", "She, then, he", 'A man says "hi".', "He", "gold", "runs.", "sits, down.", "eats.", "sings."]
    for name in ("train", "val"):
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["", *header], *([str(n), *row] for n, row in enumerate([[*sound, "2"], *changed]))])
    return DataConfig(source="files", dir=str(folder.parent), max_train=None, distractors=2)


def row(**changed):
    sound = dict.fromkeys(HEADER, "x") | {"label": "0"} | changed
    return [sound[name] for name in HEADER]


@pytest.mark.parametrize("name", ["swag", "SWAG"])
def test_official_files_are_read(name, tmp_path):
    loaded = data.load("swag", write(tmp_path / name, row(label="3")))
    rows = loaded.splits["train"]
    assert loaded.source == "files" and rows.features == schema.features("swag")
    assert rows[0] == {
        "sent1": 'A man says "hi".', "sent2": "He", "ending0": "runs.", "ending1": "sits, down.", "ending2": "eats.",
        "ending3": "sings.", "label": 2, "idx": 0,
    }  # fmt: skip
    assert rows["label"][:] == [2, 3]


def test_nothing_but_a_newline_ends_a_line(tmp_path):
    cells = {"sent1": "a\rb\nc", "ending0": "d\x0be\x0cf\x1cg\x85h\u2028i\u2029j"}
    rows = data.load("swag", write(tmp_path / "swag", row(**cells))).splits["train"]
    assert {name: rows[1][name] for name in cells} == cells


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (row(label="4"), "train.csv, line 3: label '4' is none of 0, 1, 2, 3"),
        (row(ending2=" "), "train.csv, line 3: ending2 is ' '"),
        (row()[:-1], "train.csv, line 3: 11 columns"),
    ],
)
def test_a_malformed_row_is_named_with_file_line_and_value(changed, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        files.load("swag", write(tmp_path / "swag", changed))


def test_a_missing_column_and_a_missing_file_are_named(tmp_path):
    settings = write(tmp_path / "swag", header=[*HEADER[:-1], "gold"])
    with pytest.raises(ValueError, match=r"train.csv, line 1: no column \['label'\]"):
        files.load("swag", settings)
    (tmp_path / "swag" / "val.csv").unlink()
    with pytest.raises(FileNotFoundError, match="val.csv is missing; .* holds train.csv"):
        files.load("swag", settings)
