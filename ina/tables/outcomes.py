"""What the runs of cells predicted, as `ina.stats` takes it; and whether records are true to their predictions."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from ..record import RecordError, record_path
from ..stats import Interval, Scores, per_run, score_runs, stack
from .frame import CELL, SELECTIONS, Key, Study

RESAMPLES = 2_000  # the variance from the examples is then known to about 3 %
TOLERANCE = 1e-6  # predictions are stored in float32
SHARED = ["train_rows", "dev_rows", "adapter", "head", "trainable", "dtype"]  # of a cell, in the CSV files of scores
_ALSO = ["headline", "experiment", "source", "total", "train.learning_rate"]
_SPLITS = {"accuracy_matched": "validation_matched", "accuracy_mismatched": "validation_mismatched"}


def cell_scores(
    study: Study, key: Key, selection: str, seeds: tuple[int, ...] | None = None, split: str | None = None
) -> Scores:
    """The headline scores of a cell, of all its seeds or of those given.

    `split` names another dev split than that of the headline, whose questions are then drawn one by one.

    Raises:
        RecordError: A file of predictions is missing.
        ValueError: Two runs were measured on different examples.
    """
    runs, headline = study.runs, study.cells.loc[key, "headline"]
    runs = runs[(runs[["model", "task", "method"]] == key).all(axis=1)]
    runs = runs if seeds is None else runs[runs["seed"].isin(seeds)]
    found = [study.once(run, (selection, split), lambda run=run: _of_run(study, run, headline, selection, split))
             for run in runs["id"]]  # fmt: skip
    if not all(np.array_equal(one.examples, found[0].examples) for one in found):
        raise ValueError(f"the runs of {'--'.join(key)} were measured on different examples; no table can be made")
    return stack(found)


def _of_run(study: Study, run: str, headline: str, selection: str, split: str | None) -> Scores:
    frame = study.predictions(run)
    frame = frame[frame["split"] == (split or _SPLITS.get(headline, "validation"))]
    if f"{selection}_exact" in frame:  # SQuAD's scores are given per question
        metric, labels, predictions = "mean", None, frame[f"{selection}_{headline}"].to_numpy(float)
    else:
        metric, labels = headline.split("_")[0], frame["label"].to_numpy()
        predictions = frame[f"{selection}_prediction"].to_numpy()
    # older records of SQuAD do not know which questions are on one paragraph
    paragraphs = None if split else frame.get("paragraph")
    return score_runs(metric, labels, predictions[None], 0, RESAMPLES, paragraphs, frame["id"].to_numpy())


def paired(study: Study, a: Key, b: Key, selection: str, split: str | None = None) -> Scores | None:
    """Cell A minus cell B over the seeds that both have; None where there is none.

    Raises:
        ValueError: They were measured on different examples.
    """
    seeds = tuple(seed for seed in study.seeds(a) if seed in study.seeds(b))
    if not seeds:
        return None
    of_a, of_b = (cell_scores(study, key, selection, seeds, split) for key in (a, b))
    if not np.array_equal(of_a.examples, of_b.examples):
        names = " and ".join("--".join(key) for key in (a, b))
        raise ValueError(f"{names} were measured on different examples; they cannot be compared")
    return of_a - of_b


def majority(study: Study, key: Key, metric: str) -> float | None:
    """What `metric` is if every example gets the most frequent class, or no answer at all in SQuAD v2.0.

    None where no answer fits all: to a similarity, to a question about a span.
    """
    frame = study.predictions(study.cells.loc[key, "id"])
    frame = frame[frame["split"] == _SPLITS.get(metric, "validation")]
    if "answerable" in frame:
        if frame["answerable"].all():
            return None
        return {"HasAns": 0.0, "NoAns": 1.0}.get(metric.split("_")[0], float((~frame["answerable"]).mean()))
    if "label" not in frame or frame["label"].dtype.kind == "f":
        return None
    labels = frame["label"].to_numpy()
    classes, counts = np.unique(labels, return_counts=True)
    return float(per_run(metric.split("_")[0], labels, np.full((1, len(labels)), classes[counts.argmax()]))[0])


def resampled(study: Study) -> str:
    """What the resamples are of, in print."""
    known = any("paragraph" in study.predictions(run) for run in study.runs["id"])
    return "paragraphs with all their questions" if known else "examples"


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
        for selection in SELECTIONS:
            for metric, value in getattr(run, selection).metrics.items():
                if metric.startswith("best_"):
                    continue
                right = _metric_of(frame, selection, metric)
                if abs(right - value) > TOLERANCE * max(1, abs(right)):
                    path = study.root / record_path("", run.experiment, run.source, run.id)
                    raise RecordError(f"{path}: {selection}.metrics.{metric} is {value}; its predictions give {right}")


def _metric_of(frame: pd.DataFrame, selection: str, metric: str) -> float:
    """A metric, named as in a record, from per-example predictions."""
    suffixes = sorted(frame["split"].unique(), reverse=True)
    split = next((one for one in suffixes if metric.endswith(one.removeprefix("validation") or "\0")), "validation")
    frame, name = frame[frame["split"] == split], metric.removesuffix(split.removeprefix("validation"))
    if "answerable" in frame:
        part, _, name = name.rpartition("_")
        frame = frame[frame["answerable"] == (part == "HasAns")] if part else frame
        return float(frame[f"{selection}_{name}"].mean())
    labels, predictions = frame["label"].to_numpy(), frame[f"{selection}_prediction"].to_numpy()
    return float(per_run(name, labels, predictions[None].astype(labels.dtype))[0])


@cache
def summary(study: Study) -> pd.DataFrame:
    """What every table of scores is a selection of: one row for each cell × metric × selection, in points.

    Columns: n (runs), mean, std, min, max, degenerate (how many of the runs are), low and high (of the headline: the
    95 % interval of the expected score over seeds and examples), and what all runs of the cell share: SHARED and more.
    """
    frame = study.frame.assign(value=study.frame["value"].astype(float), dev_rows=study.frame["n"])
    groups = frame.groupby([*CELL, "metric", "selection"], sort=False)
    found = 100 * groups["value"].agg(["mean", "std", "min", "max"])
    found = found.assign(n=groups.size(), degenerate=groups["degenerate"].sum().astype(int))
    found = found.join(groups[[*SHARED, *_ALSO]].first()).reset_index()
    ends = [
        cell_scores(study, (one.model, one.task, one.method), one.selection).estimate.interval()
        if one.metric == one.headline
        else Interval(np.nan, np.nan)
        for one in found.itertuples()
    ]
    return found.assign(low=[100 * one.low for one in ends], high=[100 * one.high for one in ends])
