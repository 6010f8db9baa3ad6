"""Whether the metrics of a record are those of its predictions."""

from __future__ import annotations

import pandas as pd

from ..record import RecordError, record_path
from ..stats.scores import per_run
from .frame import Study

TOLERANCE = 1e-6  # predictions are stored in float32


def check_metrics(study: Study) -> None:
    """Work out the metrics of the best and the last epoch from the predictions.

    Those of SQuAD v2.0 at the best threshold need the answers, which are not stored.

    Raises:
        RecordError: A metric is another one; the message names the record's file.
    """
    for run in study.records:
        if run.predictions is None:
            continue
        frame = study.predictions(run.id)
        for selection in ("best", "last"):
            for metric, value in getattr(run, selection).metrics.items():
                if metric.startswith("best_"):
                    continue
                right = metric_of(frame, selection, metric)
                if abs(right - value) > TOLERANCE * max(1, abs(right)):
                    path = study.root / record_path("", run.experiment, run.source, run.id)
                    raise RecordError(f"{path}: {selection}.metrics.{metric} is {value}; its predictions give {right}")


def metric_of(frame: pd.DataFrame, selection: str, metric: str) -> float:
    """A metric, named as in a record, from per-example predictions."""
    for split in sorted(frame["split"].unique(), reverse=True):
        suffix = split.removeprefix("validation")
        if suffix and metric.endswith(suffix):
            metric = metric.removesuffix(suffix)
            frame = frame[frame["split"] == split]
            break
    else:
        frame = frame[frame["split"] == "validation"]
    if "answerable" in frame:
        return _squad_metric(frame, selection, metric)
    labels, predictions = frame["label"].to_numpy(), frame[f"{selection}_prediction"].to_numpy()
    return float(per_run(metric, labels, predictions[None].astype(labels.dtype))[0])


def _squad_metric(frame: pd.DataFrame, selection: str, metric: str) -> float:
    part, _, name = metric.rpartition("_")
    if part:
        frame = frame[frame["answerable"] == (part == "HasAns")]
    return float(frame[f"{selection}_{name}"].mean())
