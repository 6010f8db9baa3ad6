"""Task data from one of three interchangeable sources: `files`, `hub`, `probe`.

Each source is a module with two functions. `find(task, data)` raises FileNotFoundError where it does not have a task;
`load(task, data)` gives its splits. The `load` here picks a source, takes the columns of `ina.data.schema` and
fingerprints the content.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ina.data import distractors, schema

if TYPE_CHECKING:  # `datasets` takes seconds to import, and only loading needs it
    from datasets import Dataset, DatasetDict

    from ina.config import DataConfig, Task

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


def load(task: Task, data: DataConfig) -> TaskData:
    """Rows of a task from the source that `resolve` gives.

    `data.max_train` limits the training rows to a subset that depends on nothing but its size and the rows there are,
    so every seed and every method trains on the same ones; a smaller subset is part of a larger one. It is drawn before
    the fingerprint is taken, so the fingerprint tells subsets apart.

    `data.select` replaces the dev rows by a share of the training rows; `data.max_train` then limits the remaining
    training rows.

    Raises what `resolve` raises, and ValueError naming file, row and value when the data is malformed.
    """
    source = resolve(task, data)
    splits = schema.conform(task, _module(source).load(task, data))
    if data.select is not None:
        stories = None
        if source == "probe" and task.family == "squad":  # with distractors, contexts of one story differ
            bare = data.model_copy(update={"distractors": 0, "test_distractors": None})
            stories = _module(source).load(task, bare)["train"]["context"][:]
        splits = hold_out(splits, data.select, stories)
    if source != "probe" and (data.distractors or data.test_distractors):
        splits = _with_distractors(splits, data.distractors or 0, data.test_distractors or [])
    if data.max_train is not None:
        splits["train"] = subset(splits["train"], data.max_train)
    return TaskData(splits, source, schema.fingerprint(splits))


def resolve(task: Task, data: DataConfig) -> str:
    """Name of the source that `load` would take for a task; loads nothing.

    Raises ValueError for an unknown task; FileNotFoundError where `data.dir` or INA_DATA_DIR names a folder that does
    not exist, or where no source that may be taken has the task. Where a folder is named, `auto` takes no other source
    in its place.
    """
    own = task.name not in schema.TASKS
    if own and (data.source in ("hub", "probe") or not getattr(task, "files", None)):
        raise ValueError(
            f"task {task.name!r} is none of {', '.join(schema.TASKS)}; a task of your own needs `files` in its YAML, "
            "and data=files"
        )
    names = [data.source]
    if data.source == "auto":
        names = ["files"] if own or _module("files").data_dir(data) else ["hub", "probe"]
    reasons = []
    for name in names:
        try:
            _module(name).find(task, data)
        except FileNotFoundError as error:
            reasons.append(str(error))
        else:
            return name
    instead = "; data=probe takes the generated suite instead" if not own and names == ["files"] else ""
    raise FileNotFoundError(f"data.source={data.source} has no {task.name}: {'; '.join(reasons)}{instead}")


def _with_distractors(splits: DatasetDict, count: int, tested: list[int]) -> DatasetDict:
    """Splits of SQuAD with `count` sentences of other articles in a paragraph, and dev splits with others."""
    found = type(splits)({split: distractors.insert(rows, count) for split, rows in splits.items()})
    for level in tested:
        if level != count:
            found[schema.level_split(level)] = distractors.insert(splits["validation"], level)
    return found


def subset(train: Dataset, size: int) -> Dataset:
    """`size` rows drawn at random, always the same ones; all rows in their own order if there are no more than that."""
    if size >= len(train):
        return train
    # RandomState and not default_rng: its stream is frozen (NEP 19), so later numpy releases draw the same rows.
    return train.select(np.random.RandomState(SUBSET_SEED).permutation(len(train))[:size])


def hold_out(splits: DatasetDict, share: float, groups: list[str] | None = None) -> DatasetDict:
    """Split the training rows into `train` and the only dev split. The dev split gets `share` of the groups, always the
    same ones.

    So a search for settings never sees the rows that results are reported on. Training rows of one of `groups` stay
    together, by default SQuAD's questions about one paragraph.
    """
    train = splits["train"]
    groups = np.asarray(groups or (train["context"] if "context" in train.column_names else range(len(train))))
    distinct = np.unique(groups)
    size = max(1, round(share * len(distinct)))
    if size >= len(distinct):
        raise ValueError(f"data.select={share} leaves nothing to train on: there are {len(distinct)} (groups of) rows")
    held = np.isin(groups, distinct[np.random.RandomState(SUBSET_SEED).permutation(len(distinct))[:size]])
    dev = next(split for split in splits if split != "train")
    return type(splits)({"train": train.select(np.flatnonzero(~held)), dev: train.select(np.flatnonzero(held))})


def _module(source: str) -> ModuleType:
    return importlib.import_module(f"ina.data.{source}")
