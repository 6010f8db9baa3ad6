"""What a task asks of a model, and how its answers are scored. `family` gives the module for a task family.

Examples of GLUE and SWAG have a label (`labelled`), those of SQuAD a span (`squad`). Both modules have these functions:

- ``head(task) -> Head``: what sits on top of the backbone.
- ``train_features(task, rows, tokenizer) -> Dataset``: model inputs, ready to collate.
- ``dev_sets(task, splits, tokenizer) -> list[DevSet]``: what to predict on, and how to score it.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np
import pandas as pd
from datasets import Dataset


@dataclass(frozen=True)
class Head:
    """The head of a model: `outputs` is the number of classes, of choices, or 1 for a score."""

    kind: Literal["classification", "regression", "span", "choice"]
    outputs: int


@dataclass(frozen=True)
class Scored:
    """The outcome on one dev set.

    metrics: raw floats by name
    predictions: one row an example; the columns of `KEYS` say which example, all others what was predicted
    degenerate: one class, or one constant score, was predicted for every example
    """

    metrics: dict[str, float]
    predictions: pd.DataFrame
    degenerate: bool


KEYS = ("split", "id", "paragraph", "label", "answerable")


@dataclass(frozen=True)
class DevSet:
    """A dev split as the model sees it.

    features: model inputs with a column `length`, without labels
    score: takes the model's outputs for `features`, each array (n features, ...), in their order
    """

    split: str
    features: Dataset
    score: Callable[[tuple[np.ndarray, ...]], Scored]


def family(name: str) -> ModuleType:
    """The module of a task family: "glue", "squad" or "choice"."""
    return importlib.import_module(f"ina.tasks.{'squad' if name == 'squad' else 'labelled'}")
