"""The nine GLUE tasks: features, predictions and their official metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase

from ..config import ChoiceTask, GlueTask
from . import DevSet, Head, Scored
from .metrics import label_metrics


def head(task: GlueTask) -> Head:
    """One output a class, or a single one for the similarity score of STS-B."""
    return Head("regression", 1) if task.classes is None else Head("classification", task.classes)


def train_features(task: GlueTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Token ids with labels: sentence or sentence pair, truncated to `task.max_length`, not padded."""
    return _features(task, rows, tokenizer).add_column("labels", rows["label"][:])


def dev_sets(task: GlueTask, splits: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> list[DevSet]:
    """The dev split; for MNLI the matched and the mismatched one."""
    return [
        DevSet(split, _features(task, rows, tokenizer), scorer(task, split, rows))
        for split, rows in splits.items()
        if split.startswith("validation")
    ]


def _features(task: GlueTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    texts = [rows[column][:] for column in task.columns]
    encoded = dict(tokenizer(*texts, truncation=True, max_length=task.max_length))
    return Dataset.from_dict(encoded | {"length": [len(ids) for ids in encoded["input_ids"]]})


def scorer(task: GlueTask | ChoiceTask, split: str, rows: Dataset) -> Callable[[tuple[np.ndarray, ...]], Scored]:
    """Scoring from logits (examples, classes), for STS-B scores (examples, 1)."""
    labels = np.asarray(rows["label"][:])
    keys = {"split": split, "id": rows["idx"][:], "label": labels}

    def score(outputs: tuple[np.ndarray, ...]) -> Scored:
        logits = outputs[0]
        predicted = logits.squeeze(-1) if task.classes is None else logits.argmax(-1)
        metrics = label_metrics(task, predicted, labels)
        suffix = split.removeprefix("validation")  # "_matched", "_mismatched" or nothing
        return Scored(
            metrics={name + suffix: value for name, value in metrics.items()},
            predictions=pd.DataFrame({**keys, "prediction": predicted}),
            degenerate=bool(np.ptp(predicted) == 0),
        )

    return score
