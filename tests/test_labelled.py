"""GLUE and SWAG: the inputs of a model, and the predictions and metrics from its outputs."""

import copy

import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from task_files import task

from ina import tiny
from ina.batches import Collator
from ina.tasks import Head, family, labelled

FAMILIES = ("bert", "roberta", "deberta-v2")
PAIRS = {"sentence1": ["A cat sat.", "It rained."], "sentence2": ["The cat was sitting.", "The sun shone."]}
SCENES = {"sent1": ["A man sits.", "It rains."], "sent2": ["He", "She"]} | {
    f"ending{place}": [f"eats {'x' * place}.", "sings."] for place in range(4)
}
ROWS = {
    "cola": Dataset.from_dict({"sentence": ["He sings.", "Sings he the"], "label": [1, 0], "idx": [0, 1]}),
    "mrpc": Dataset.from_dict({**PAIRS, "label": [1, 0], "idx": [4, 8]}),
    "stsb": Dataset.from_dict({**PAIRS, "label": [4.5, 0.5], "idx": [0, 1]}),
    "mnli": Dataset.from_dict({"premise": ["A", "B"], "hypothesis": ["C d.", "E."], "label": [0, 2], "idx": [0, 1]}),
    "swag": Dataset.from_dict({**SCENES, "label": [2, 0], "idx": [0, 1]}),
}


def features(name, tokenizer="bert", rows=None, **changed):
    of = task(name).model_copy(update=changed)
    return labelled.train_features(of, rows or ROWS[name], tiny.tokenizer(tokenizer))


def dev_sets(name, **splits):
    return labelled.dev_sets(task(name), DatasetDict(train=ROWS[name], **splits), tiny.tokenizer("bert"))


def test_the_head_has_one_output_a_class_or_choice_or_a_single_score():
    found = {name: family(task(name).family).head(task(name)) for name in ("cola", "mnli", "stsb", "swag")}
    classes = {"cola": Head("classification", 2), "mnli": Head("classification", 3)}
    assert found == classes | {"stsb": Head("regression", 1), "swag": Head("choice", 4)}


def test_a_text_or_a_pair_becomes_the_tokenizers_input_for_it():
    for name, columns in (("cola", ["sentence"]), ("mnli", ["premise", "hypothesis"])):
        expected = tiny.tokenizer("bert")(*(ROWS[name][column][:] for column in columns))
        found = features(name)
        assert found["labels"] == ROWS[name]["label"][:]
        assert {column: found[column][:] for column in expected} == dict(expected)
    assert "token_type_ids" not in features("mrpc", "roberta").features


@pytest.mark.parametrize("tokenizer", FAMILIES)
def test_every_ending_is_read_after_the_sentence_and_its_beginning(tokenizer):
    for row, feature in zip(ROWS["swag"], features("swag", tokenizer), strict=True):
        for place in range(4):
            expected = tiny.tokenizer(tokenizer)(row["sent1"], f"{row['sent2']} {row[f'ending{place}']}")
            assert feature["input_ids"][place] == expected["input_ids"]
        assert feature["labels"] == row["label"]


def test_long_text_is_truncated_to_the_task_length():
    rows = Dataset.from_dict({"sentence": ["word " * 500], "label": [1], "idx": [0]})
    assert [len(ids) for ids in features("cola", rows=rows)["input_ids"]] == [128]
    assert {len(ids) for example in features("swag", max_length=8)["input_ids"] for ids in example} == {8}


@pytest.mark.parametrize(
    ("name", "outputs", "predicted", "metrics"),
    [
        ("mrpc", [[0.1, 2.0], [0.3, 0.2]], [1, 0], {"accuracy": 1.0, "f1": 1.0}),
        ("stsb", [[4.0], [1.0]], [4.0, 1.0], {"pearson": 1.0, "spearman": 1.0}),
        ("swag", [[0, 0, 1.0, 0], [0, 0, 0, 1.0]], [2, 3], {"accuracy": 0.5}),
    ],
)
def test_the_largest_output_is_predicted_or_the_score_itself(name, outputs, predicted, metrics):
    (dev,) = dev_sets(name, validation=ROWS[name])
    assert "labels" not in dev.features.column_names
    scored = dev.score((np.array(outputs),))
    assert scored.metrics == pytest.approx(metrics) and not scored.degenerate
    keys = {"split": ["validation"] * 2, "id": ROWS[name]["idx"][:], "label": ROWS[name]["label"][:]}
    assert scored.predictions.to_dict("list") == {**keys, "prediction": predicted}
    assert dev.score((np.array([outputs[0]] * 2),)).degenerate


def test_mnli_is_scored_matched_and_mismatched():
    sets = dev_sets("mnli", validation_matched=ROWS["mnli"], validation_mismatched=ROWS["mnli"])
    outputs = (np.array([[1.0, 0, 0], [0, 1.0, 0]]),)
    assert [dev.score(outputs).metrics for dev in sets] == [{"accuracy_matched": 0.5}, {"accuracy_mismatched": 0.5}]


def test_choices_are_padded_together_and_the_examples_stay_as_they_are():
    examples = features("swag").to_list()
    before = copy.deepcopy(examples)
    batch = Collator(tiny.tokenizer("bert"))(examples)
    longest = max(len(ids) for example in examples for ids in example["input_ids"])
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, 4, longest)
    assert batch["labels"].tolist() == [2, 0] and examples == before
    for example, padded in zip(examples, batch["input_ids"].tolist(), strict=True):
        assert [ids[: len(own)] for ids, own in zip(padded, example["input_ids"], strict=True)] == example["input_ids"]
