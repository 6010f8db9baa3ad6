"""The format that all data sources share: splits, columns, label values, content hash.

The columns are those of the hub's `nyu-mll/glue`, `rajpurkar/squad`, `rajpurkar/squad_v2` and `allenai/swag` (plus
`idx`, as in GLUE), so that sources are interchangeable. A task's text columns and number of classes come from its file
in `configs/task`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import DatasetDict, Features

    from ina.config import ChoiceTask, GlueTask, Task

SQUAD_TASKS = ("squad_v1", "squad_v2")
TASKS = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli", "swag", *SQUAD_TASKS)
"""Any other task is a user's own: classification of TSV rows."""

SCORE_RANGE = (0.0, 5.0)
"""Labels of STS-B: similarity from 0 (unrelated) to 5 (equivalent)."""

METRICS = {
    "cola": ("mcc",),
    "mrpc": ("accuracy", "f1"),
    "qqp": ("accuracy", "f1"),
    "stsb": ("pearson", "spearman"),
}
"""GLUE's official metrics (Wang et al. 2019, table 1), for tasks not measured by accuracy alone."""


def metric_names(task: GlueTask | ChoiceTask) -> tuple[str, ...]:
    """The metrics of a task with labels; F1 is that of class 1."""
    if task.name in TASKS:
        return METRICS.get(task.name, ("accuracy",))
    return ("accuracy", "mcc", "f1") if task.classes == 2 else ("accuracy", "mcc")


def split_names(task_name: str) -> tuple[str, ...]:
    """The labelled splits of a task: `train` and its development split(s)."""
    if task_name == "mnli":
        return ("train", "validation_matched", "validation_mismatched")
    return ("train", "validation")


def distractor_count(source: str, setting: int | None) -> int:
    """Irrelevant sentences per SQuAD paragraph by `data.distractors`; None means 2 in the generated suite, else 0."""
    return (2 if source == "probe" else 0) if setting is None else setting


def level_split(distractors: int) -> str:
    """The name of an extra SQuAD dev split with this number of distractors."""
    return f"validation_d{distractors}"


def features(task: Task) -> Features:
    """Columns and types of a task's rows; the last column of GLUE and SWAG, the first of SQuAD, identifies the row."""
    from datasets import Features, List, Value

    if task.family == "squad":
        texts = {name: Value("string") for name in ("id", "title", "context", "question")}
        return Features(texts | {"answers": {"text": List(Value("string")), "answer_start": List(Value("int32"))}})
    texts = {name: Value("string") for name in task.columns}
    return Features(texts | {"label": Value("int64" if task.classes else "float32"), "idx": Value("int32")})


def conform(task: Task, splits: DatasetDict) -> DatasetDict:
    """The splits with exactly the columns and types of the task."""
    from datasets import DatasetDict

    expected, out = features(task), DatasetDict()
    for split in (*split_names(task.name), *(name for name in splits if name.startswith("validation_d"))):
        rows = splits[split].select_columns(list(expected))
        out[split] = rows if rows.features == expected else rows.cast(expected)
    return out


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
