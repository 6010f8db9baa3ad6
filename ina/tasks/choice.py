"""SWAG, multiple choice: features, predictions and accuracy. Each ending is scored beside what comes before it."""

from __future__ import annotations

from typing import Any

from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase

from ..config import ChoiceTask
from . import DevSet, Head
from .glue import scorer


def head(task: ChoiceTask) -> Head:
    """One score for each ending; the softmax goes over the endings of an example (Devlin et al. 2019, section 4.4)."""
    return Head("choice", task.classes)


def train_features(task: ChoiceTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Token ids (endings, tokens) with labels: sentence, then beginning and ending; not padded."""
    return _features(task, rows, tokenizer).add_column("labels", list(rows["label"]))


def dev_sets(task: ChoiceTask, splits: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> list[DevSet]:
    """The dev split; `length` is that of the longest ending of an example."""
    rows = splits["validation"]
    return [DevSet("validation", _features(task, rows, tokenizer), scorer(task, "validation", rows))]


def _features(task: ChoiceTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    first, beginning, *endings = (list(rows[column]) for column in task.columns)
    each = [
        dict(
            tokenizer(
                first,
                [f"{start} {end}" for start, end in zip(beginning, ending, strict=True)],
                truncation=True,
                max_length=task.max_length,
            )
        )
        for ending in endings
    ]
    made: dict[str, Any] = {
        name: [list(of) for of in zip(*(one[name] for one in each), strict=True)] for name in each[0]
    }
    return Dataset.from_dict(made | {"length": [max(map(len, ids)) for ids in made["input_ids"]]})
