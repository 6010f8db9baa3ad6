"""GLUE features and scores: what goes into a model and what is made of what comes out."""

import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from hydra import compose, initialize_config_dir

from ina import tiny
from ina.compose import CONFIG_DIR
from ina.config import check
from ina.tasks import glue


def task(name):
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return check(compose("run", [f"task={name}"])).task


PAIRS = {"sentence1": ["A cat sat.", "It rained."], "sentence2": ["The cat was sitting.", "The sun shone."]}
ROWS = {
    "cola": Dataset.from_dict({"sentence": ["He sings.", "Sings he the"], "label": [1, 0], "idx": [0, 1]}),
    "mrpc": Dataset.from_dict({**PAIRS, "label": [1, 0], "idx": [4, 8]}),
    "stsb": Dataset.from_dict({**PAIRS, "label": [4.5, 0.5], "idx": [0, 1]}),
    "mnli": Dataset.from_dict(
        {"premise": PAIRS["sentence1"], "hypothesis": PAIRS["sentence2"], "label": [0, 2], "idx": [0, 1]}
    ),
}


@pytest.mark.parametrize(
    "name, kind, outputs", [("cola", "classification", 2), ("mnli", "classification", 3), ("stsb", "regression", 1)]
)
def test_the_head_has_one_output_a_class_or_a_single_score(name, kind, outputs):
    head = glue.head(task(name))
    assert (head.kind, head.outputs) == (kind, outputs)


def test_a_single_sentence_becomes_cls_tokens_sep():
    tokenizer = tiny.tokenizer("bert")
    features = glue.train_features(task("cola"), ROWS["cola"], tokenizer)
    assert features["labels"] == [1, 0]
    tokens = tokenizer.convert_ids_to_tokens(features[0]["input_ids"])
    assert (tokens[0], tokens[-1], tokens.count("[SEP]")) == ("[CLS]", "[SEP]", 1)
    assert list(features["length"]) == [len(ids) for ids in features["input_ids"]]


def test_a_pair_is_told_apart_by_token_types_where_the_family_has_them():
    assert set(glue.train_features(task("mrpc"), ROWS["mrpc"], tiny.tokenizer("bert"))[0]["token_type_ids"]) == {0, 1}
    assert "token_type_ids" not in glue.train_features(task("mrpc"), ROWS["mrpc"], tiny.tokenizer("roberta")).features


def test_long_text_is_truncated_to_the_task_length():
    rows = Dataset.from_dict({"sentence": ["word " * 500], "label": [1], "idx": [0]})
    assert glue.train_features(task("cola"), rows, tiny.tokenizer("bert"))["length"][:] == [128]


def dev_set(name, **splits):
    return glue.dev_sets(task(name), DatasetDict({"train": ROWS[name], **splits}), tiny.tokenizer("bert"))


def test_classes_are_the_largest_output():
    (dev,) = dev_set("mrpc", validation=ROWS["mrpc"])
    assert "labels" not in dev.features.column_names
    scored = dev.score((np.array([[0.1, 2.0], [0.3, 0.2]]),))
    assert scored.metrics == {"accuracy": 1.0, "f1": 1.0}
    assert scored.predictions.to_dict("list") == {
        "split": ["validation"] * 2, "id": [4, 8], "label": [1, 0], "prediction": [1, 0],
    }  # fmt: skip
    assert not scored.degenerate


def test_a_score_is_the_output_itself():
    (dev,) = dev_set("stsb", validation=ROWS["stsb"])
    scored = dev.score((np.array([[4.0], [1.0]]),))
    assert scored.metrics == pytest.approx({"pearson": 1.0, "spearman": 1.0})
    assert scored.predictions["prediction"].tolist() == [4.0, 1.0]


@pytest.mark.parametrize("name, outputs", [("cola", [[0.0, 1.0], [0.0, 2.0]]), ("stsb", [[2.5], [2.5]])])
def test_one_answer_for_everything_is_degenerate(name, outputs):
    (dev,) = dev_set(name, validation=ROWS[name])
    assert dev.score((np.array(outputs),)).degenerate


def test_mnli_is_scored_matched_and_mismatched():
    sets = dev_set("mnli", validation_matched=ROWS["mnli"], validation_mismatched=ROWS["mnli"])
    outputs = (np.array([[1.0, 0, 0], [0, 1.0, 0]]),)
    metrics = [dev.score(outputs).metrics for dev in sets]
    assert metrics == [{"accuracy_matched": 0.5}, {"accuracy_mismatched": 0.5}]
