"""What a task's data looks like, whichever source it comes from: splits, columns, label values, content hash.

The columns are those of the hub's `nyu-mll/glue`, `rajpurkar/squad`, `rajpurkar/squad_v2` and `allenai/swag` (with
an `idx`, as GLUE has), so that a source can be exchanged for another without anything downstream noticing.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

    from ina.config import GlueTask, TaskFiles

TEXT_COLUMNS = {
    "cola": ("sentence",),
    "sst2": ("sentence",),
    "mrpc": ("sentence1", "sentence2"),
    "stsb": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "mnli": ("premise", "hypothesis"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
    "wnli": ("sentence1", "sentence2"),
    "swag": ("sent1", "sent2", "ending0", "ending1", "ending2", "ending3"),
}
"""The texts of each task that has a label: one or two sentences in GLUE, in the order in which a model reads them; for
SWAG a sentence, the beginning of the next and its four endings."""

NUM_CLASSES = {"cola": 2, "sst2": 2, "mrpc": 2, "qqp": 2, "mnli": 3, "qnli": 2, "rte": 2, "wnli": 2, "swag": 4}
"""Labels are 0 .. n-1. STS-B is missing because it is a regression."""

SCORE_RANGE = (0.0, 5.0)
"""Labels of STS-B: similarity from 0 (unrelated) to 5 (equivalent)."""

OWN: dict[str, TaskFiles] = {}
"""The files of tasks that are not of GLUE; a file of `configs/task` defines them, see :func:`define`."""

SQUAD_TASKS = ("squad_v1", "squad_v2")
TASKS = (*TEXT_COLUMNS, *SQUAD_TASKS)


DISTRACTORS = 2
"""Irrelevant facts in a paragraph of the embedded suite, where `data.distractors` does not say otherwise."""


def define(task: GlueTask) -> None:
    """Add a task of one's own, a classification of TSV rows, to those that there are.

    Raises ValueError where the name is that of another task.
    """
    if task.name in TASKS:
        raise ValueError(f"name={task.name} is a task of GLUE, SQuAD or SWAG; choose another for one with files")
    TEXT_COLUMNS[task.name], NUM_CLASSES[task.name] = tuple(task.columns), task.classes
    OWN[task.name] = task.files


def own_metrics(classes: int) -> tuple[str, ...]:
    """The metrics of a task of one's own; F1 is that of class 1."""
    return ("accuracy", "mcc", "f1") if classes == 2 else ("accuracy", "mcc")


def split_names(task_name: str) -> tuple[str, ...]:
    """The labelled splits of a task: `train` and its development split(s)."""
    if task_name == "mnli":
        return ("train", "validation_matched", "validation_mismatched")
    return ("train", "validation")


def level_split(distractors: int) -> str:
    """The name of a further dev split of the embedded suite, with another number of distractors."""
    return f"validation_d{distractors}"


def features(task_name: str) -> Features:
    """Columns and types of a task's rows; the last column of GLUE and SWAG, the first of SQuAD, identifies the row."""
    from datasets import Features, List, Value

    if task_name in SQUAD_TASKS:
        texts = {name: Value("string") for name in ("id", "title", "context", "question")}
        return Features(texts | {"answers": {"text": List(Value("string")), "answer_start": List(Value("int32"))}})
    label = Value("float32") if task_name == "stsb" else Value("int64")
    texts = {name: Value("string") for name in TEXT_COLUMNS[task_name]}
    return Features(texts | {"label": label, "idx": Value("int32")})


def conform(task_name: str, splits: DatasetDict, source: str) -> DatasetDict:
    """The task's splits and columns, and nothing else, after checking what every source has to fulfil.

    Raises ValueError naming source, split, row and value for: a missing split or column, a split without rows, a label
    outside the task's range, an id that occurs twice.
    """
    from datasets import DatasetDict

    expected = features(task_name)
    out = DatasetDict()
    tested = [split for split in splits if split.startswith(level_split(0)[:-1])]
    for split in (*split_names(task_name), *tested):
        where = f"{source}: {task_name}, split {split}"
        if split not in splits:
            raise ValueError(f"{where}: not there; the splits are {sorted(splits)}")
        rows = splits[split]
        if absent := [name for name in expected if name not in rows.column_names]:
            raise ValueError(f"{where}: no column {absent}; the columns are {rows.column_names}")
        if not len(rows):
            raise ValueError(f"{where}: no rows")
        rows = rows.select_columns(list(expected))
        out[split] = rows if rows.features == expected else rows.cast(expected)
        _check_ids(out[split], where)
        if "label" in expected:
            _check_labels(task_name, out[split], where)
    return out


def _check_ids(rows: Dataset, where: str) -> None:
    name = "id" if "id" in rows.column_names else "idx"
    first = {}
    for row, value in enumerate(rows[name][:]):
        if (earlier := first.setdefault(value, row)) != row:
            raise ValueError(f"{where}, row {row}: {name} {value!r} is already that of row {earlier}; ids are unique")


def _check_labels(task_name: str, rows: Dataset, where: str) -> None:
    labels = np.array(rows["label"][:], dtype=float)
    low, high = SCORE_RANGE if task_name == "stsb" else (0, NUM_CLASSES[task_name] - 1)
    wrong = np.flatnonzero(~((labels >= low) & (labels <= high)))
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(f"{where}, row {row}: label {rows['label'][row]} is not between {low} and {high}")


def fingerprint(splits: DatasetDict) -> str:
    """SHA-256 of the rows of all splits: equal rows give an equal hash in any process and library version.

    Two sources that hold the same rows in the same order have the same fingerprint.
    """
    digest = hashlib.sha256()
    for name in sorted(splits):
        digest.update(f"{name} {len(splits[name])}\n".encode())
        for batch in splits[name].iter(batch_size=1000):
            digest.update(json.dumps(batch, sort_keys=True).encode())
    return digest.hexdigest()
