"""Task data from one of three interchangeable sources: `files`, `hub`, `probe`.

Each source is a module with `available(task_name, data) -> bool` and `load(task_name, data) -> DatasetDict`; the `load`
here picks one, checks what it gives against `ina.data.schema` and fingerprints the content. `looked_for(task_name,
data) -> str` tells, for the error message, why a source does not have a task.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ina.data import schema

if TYPE_CHECKING:  # `datasets` takes seconds to import, and only loading needs it
    from datasets import Dataset, DatasetDict

    from ina.config import DataConfig

SOURCES = ("files", "hub", "probe")
"""`data.source=auto` takes the files where a folder is named for them, else the hub, else the probe."""

SUBSET_SEED = 20240806


@dataclass(frozen=True)
class TaskData:
    """A task's labelled rows.

    splits: `train` and `validation` (MNLI: `validation_matched`, `validation_mismatched`), columns as in `schema`; with
        `data.select` the (first) dev split is made of training rows
    source: where they came from, one of `SOURCES`
    fingerprint: SHA-256 of their content
    """

    splits: DatasetDict
    source: str
    fingerprint: str


def load(task_name: str, data: DataConfig) -> TaskData:
    """Rows of a task from the source that :func:`resolve` gives.

    `data.max_train` limits the training rows to a subset that depends on nothing but its size and the rows there are,
    so every seed and every method trains on the same ones; a smaller subset is part of a larger one. It is drawn before
    the fingerprint is taken, so the fingerprint tells subsets apart.

    `data.select` puts a share of the training rows in the place of the dev rows; `data.max_train` counts the rest.

    Raises what `resolve` raises, and ValueError naming file or split, row and value when the data is malformed.
    """
    source = resolve(task_name, data)
    splits = schema.conform(task_name, _module(source).load(task_name, data), source)
    if data.select is not None:
        splits = hold_out(splits, data.select)
    if data.max_train is not None:
        splits["train"] = subset(splits["train"], data.max_train)
    return TaskData(splits, source, schema.fingerprint(splits))


def resolve(task_name: str, data: DataConfig) -> str:
    """Name of the source that `load` would take for a task; loads nothing.

    Raises ValueError for an unknown task, or a setting that the source does not read; FileNotFoundError where
    `data.dir`, INA_DATA_DIR or INA_HUB_DIR names a folder that does not exist, or where no source that may be taken has
    the task. Where a folder is named, `auto` takes no other source in its place.
    """
    if task_name in schema.OWN:
        if data.source not in ("auto", "files") or not _module("files").available(task_name, data):
            looked = _module("files").looked_for(task_name, data)
            raise FileNotFoundError(f"{task_name} is a task of your own, which only files have: {looked}")
        return "files"
    if task_name not in schema.TASKS:
        raise ValueError(f"task {task_name!r} is unknown; there are {', '.join(schema.TASKS)}")
    names: tuple[str, ...] = (data.source,)
    if data.source == "auto":
        names = ("files",) if _module("files").data_dir(data) else ("hub", "probe")
    for name in names:
        if _module(name).available(task_name, data):
            _check_settings(name, task_name, data)
            return name
    reasons = "; ".join(_module(name).looked_for(task_name, data) for name in names)
    instead = "; data=probe takes the generated suite instead" if names == ("files",) and data.source == "auto" else ""
    raise FileNotFoundError(f"data.source={data.source} has no {task_name}: {reasons}{instead}")


def _check_settings(source: str, task_name: str, data: DataConfig) -> None:
    """Raises ValueError for a setting that the source, or the task there, does not read."""
    unread = {"distractors": data.distractors != schema.DISTRACTORS, "test_distractors": bool(data.test_distractors)}
    for key, given in unread.items():
        if given and (source != "probe" or task_name not in schema.SQUAD_TASKS):
            raise ValueError(
                f"data.{key}={getattr(data, key)} is for {' and '.join(schema.SQUAD_TASKS)} with data=probe; "
                f"here the task is {task_name} and the data source {source}"
            )
    if data.dir and data.source == "hub":
        raise ValueError(f"data.dir={data.dir} is not read with data=hub; INA_HUB_DIR names a local copy of the hub")


def subset(train: Dataset, size: int) -> Dataset:
    """`size` rows drawn at random, always the same ones; all rows in their own order if there are no more than that."""
    if size >= len(train):
        return train
    # RandomState and not default_rng: its stream is frozen (NEP 19), so later numpy releases draw the same rows.
    return train.select(np.random.RandomState(SUBSET_SEED).permutation(len(train))[:size])


def hold_out(splits: DatasetDict, share: float) -> DatasetDict:
    """The training rows in two parts, the second, `share` of them and always the same ones, as the only dev split.

    So a search for settings never sees the rows that results are reported on. SQuAD's questions about one paragraph
    stay together.
    """
    train = splits["train"]
    groups = np.asarray(train["context"] if "context" in train.column_names else range(len(train)))
    distinct = np.unique(groups)
    size = max(1, round(share * len(distinct)))
    if size == len(distinct):
        raise ValueError(f"data.select={share} leaves no row to train on; choose a smaller share")
    held = np.isin(groups, distinct[np.random.RandomState(SUBSET_SEED).permutation(len(distinct))[:size]])
    dev = next(split for split in splits if split != "train")
    return type(splits)({"train": train.select(np.flatnonzero(~held)), dev: train.select(np.flatnonzero(held))})


def _module(source: str) -> ModuleType:
    return importlib.import_module(f"ina.data.{source}")
