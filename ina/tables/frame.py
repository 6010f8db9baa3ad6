"""Records as one data frame.

Tables, figures and claims read records only through this frame and through `ina.tables.study`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from .. import record
from ..data.schema import SQUAD_TASKS as SQUAD
from ..fingerprint import fingerprint_settings
from ..labels import METHOD_LABELS
from ..record import Record

SELECTIONS = ("best", "last")
CELL = ["model", "task", "method"]
GLUE = ("cola", "qqp", "mnli", "sst2", "stsb", "qnli", "rte", "mrpc")  # the order of the authors' own table
ENDING = re.compile(r"_(matched|mismatched|d\d+)$")  # of a metric: MNLI's dev set, or a number of distractors


def frame(runs: Iterable[Record]) -> pd.DataFrame:
    """The numbers of runs, one row for each run × selection × metric, in the order of the tables.

    Columns: id, experiment, source, model, task, method, seed, model_label, task_label, method_label; selection
    ("best", "last"), epoch, metric, value (raw), n (dev examples of the metric), degenerate, headline (its metric);
    train_rows; adapter, head, trainable, total (weights); hours, core_hours; dtype, uncommitted;
    numbers (every setting that the numbers depend on); and the settings as ``method.*``, ``train.*``, ``data.*``, NaN
    where a run has none.
    """
    return pd.DataFrame([row for run in sorted(runs, key=run_order) for row in _rows(run)])


def _rows(run: Record) -> Iterator[dict[str, Any]]:
    provenance, hours = run.provenance, (run.wall_seconds or 0) * (run.provenance.processes or 1) / 3600
    common = run.model_dump(include={"id", *CELL, "seed", "source", "headline"})
    common |= {f"{name}_label": label for name, label in run.labels.model_dump().items()}
    common |= run.params.model_dump() | {
        "experiment": run.experiment or record.ADHOC,
        "train_rows": run.data.rows["train"],
        "hours": hours,
        "core_hours": hours * provenance.threads,
        "dtype": provenance.dtype,
        "uncommitted": provenance.dirty or provenance.commit is None,
        "numbers": fingerprint_settings(run.config, run.source, run.data.fingerprint, provenance.dtype),
    }
    for section in ("method", "train", "data"):
        for key, value in run.config[section].items():
            common[f"{section}.{key}"] = tuple(value) if isinstance(value, list) else np.nan if value is None else value
    for selection, evaluation in (("best", run.best), ("last", run.last)):
        for metric, value in evaluation.metrics.items():
            columns = {"selection": selection, "epoch": evaluation.epoch, "degenerate": evaluation.degenerate}
            columns["n"] = run.data.rows.get(split_of(metric), run.n)
            yield common | columns | {"metric": metric, "value": value}


def split_of(metric: str) -> str:
    """The dev split that a metric is measured on; the metric's ending names it if the task has several."""
    ending = ENDING.search(metric)
    return f"validation{ending[0]}" if ending else "validation"


def run_order(run: Record) -> tuple[Any, ...]:
    """The sort key of a run in the tables."""
    return (task_order(run.task), method_order(run), run.seed)


def method_order(run: Record) -> tuple[Any, ...]:
    """The sort key of a run's method in the tables."""
    method, known = run.config["method"], list(METHOD_LABELS)
    kind = method["name"] if method["name"] in known else method["kind"]
    place = known.index(kind) if kind in known else len(known)
    return (run.model, place, method.get("inhibition", 0), run.method)


def task_order(task: str) -> tuple[int, str]:
    """The sort key of a task in the tables."""
    known = (*GLUE, *SQUAD)
    return (known.index(task) if task in known else len(known), task)
