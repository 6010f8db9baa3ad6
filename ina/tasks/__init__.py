"""Model inputs and scoring of the tasks. `family` returns the module for a task family.

GLUE and SWAG examples have a label (`labelled`), SQuAD examples a span (`squad`). Both modules have these functions:

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
    """The head of a model. `outputs`: number of classes or choices, 1 for a score, 2 for a span."""

    kind: Literal["classification", "regression", "span", "choice"]
    outputs: int


@dataclass(frozen=True)
class Scored:
    """The outcome on one dev set.

    metrics: raw floats by name
    predictions: one row per example; the columns in `KEYS` identify the example, the others hold the prediction
    degenerate: the prediction is the same for every example
    """

    metrics: dict[str, float]
    predictions: pd.DataFrame
    degenerate: bool


KEYS = ("split", "id", "paragraph", "label", "answerable")


@dataclass(frozen=True)
class DevSet:
    """A dev split as the model sees it.

    features: model inputs, without labels
    score: takes the model's outputs for `features`, arrays of (n features, ...) in the same order
    """

    features: Dataset
    score: Callable[[tuple[np.ndarray, ...]], Scored]


def family(name: str) -> ModuleType:
    """The module of a task family: "glue", "squad" or "choice"."""
    return importlib.import_module(f"ina.tasks.{'squad' if name == 'squad' else 'labelled'}")
