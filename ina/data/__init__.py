"""Task data from one of three interchangeable sources: `files`, `hub`, `probe`.

Each source is a module with two functions. `find(task, data)` raises FileNotFoundError if the source lacks the task;
`load(task, data)` returns its splits. The `load` in this file picks a source, selects the columns of `ina.data.schema`
and fingerprints the content.
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
"""`data.source=auto` takes the files if their folder is set, else the hub, else the probe."""

SUBSET_SEED = 20240806


@dataclass(frozen=True)
class TaskData:
    """A task's labelled rows.

    splits: `train` and `validation` (MNLI: `validation_matched`, `validation_mismatched`), columns as in `schema`; with
        `data.select` only one dev split, made of training rows
    source: where the rows came from, one of `SOURCES`
    fingerprint: SHA-256 of the rows
    """

    splits: DatasetDict
    source: str
    fingerprint: str


def load(task: Task, data: DataConfig) -> TaskData:
    """Rows of a task from the source that `resolve` names.

    `data.max_train` limits the training rows to a random subset. It depends only on its size and on the rows available,
    so every seed and method trains on the same rows; a smaller subset is part of a larger one. The fingerprint is taken
    afterwards, so it differs between subsets.

    `data.select` replaces the dev rows by a share of the training rows; `data.max_train` then limits the remaining
    training rows.

    Raises what `resolve` raises, and ValueError with file, row and value if the data is malformed.
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
    """Name of the source that `load` would use for a task; loads nothing.

    If `data.dir` or INA_DATA_DIR names a folder, `auto` tries no other source. Raises ValueError for an unknown task,
    and FileNotFoundError if that folder does not exist or no allowed source has the task.
    """
    own = task.name not in schema.TASKS
    if own and (data.source in ("hub", "probe") or not getattr(task, "files", None)):
        raise ValueError(
            f"task {task.name!r} is not one of {', '.join(schema.TASKS)}; your own task needs `files` in its YAML, "
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
    instead = "; data=probe uses the generated suite instead" if not own and names == ["files"] else ""
    raise FileNotFoundError(f"data.source={data.source} has no {task.name}: {'; '.join(reasons)}{instead}")


def _with_distractors(splits: DatasetDict, count: int, tested: list[int]) -> DatasetDict:
    """SQuAD with `count` irrelevant sentences per paragraph, and a dev split for each other count in `tested`."""
    found = type(splits)({split: distractors.insert(rows, count) for split, rows in splits.items()})
    for level in tested:
        if level != count:
            found[schema.level_split(level)] = distractors.insert(splits["validation"], level)
    return found


def subset(train: Dataset, size: int) -> Dataset:
    """`size` random rows, always the same ones; all rows in their original order if there are no more than `size`."""
    if size >= len(train):
        return train
    # RandomState, not default_rng: its stream is frozen (NEP 19), so later numpy releases draw the same rows.
    return train.select(np.random.RandomState(SUBSET_SEED).permutation(len(train))[:size])


def hold_out(splits: DatasetDict, share: float, groups: list[str] | None = None) -> DatasetDict:
    """Replace all dev splits by one that is cut from the training rows, so a search never sees the reported dev rows.

    The dev split gets `share` of the groups, always the same ones. `groups` names the group of each training row. By
    default SQuAD's questions on one paragraph form a group, and every other row is its own group.
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
