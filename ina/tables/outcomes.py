"""What the runs of cells predicted, as the arrays that `ina.stats` takes, and its results on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .. import stats
from ..stats.scores import per_run
from .frame import Key, Study

RESAMPLES = 2_000  # the variance from the examples is then known to about 3 %
_SPLITS = {"accuracy_matched": "validation_matched", "accuracy_mismatched": "validation_mismatched"}


@dataclass(frozen=True)
class Outcomes:
    """What the runs of a cell predicted: `labels` (n,) or None, `predictions` (seeds, n); `metric` is `ina.stats`'.

    `paragraphs` (n,) or None says which questions are on one paragraph; older records of SQuAD do not know.
    """

    metric: str
    examples: np.ndarray
    labels: np.ndarray | None
    predictions: np.ndarray
    paragraphs: np.ndarray | None = None


def outcomes(
    study: Study, key: Key, selection: str, seeds: tuple[int, ...] | None = None, split: str | None = None
) -> Outcomes:
    """The outcomes behind the headline scores of a cell, of all its seeds or of those given.

    `split` names another dev split than that of the headline.

    Raises:
        RecordError: A file of predictions is missing.
        ValueError: Two runs were measured on different examples.
    """
    model, task, method = key
    runs, headline = study.runs, study.cells.loc[key, "headline"]
    runs = runs[(runs["model"] == model) & (runs["task"] == task) & (runs["method"] == method)]
    runs = runs if seeds is None else runs[runs["seed"].isin(seeds)]
    frames = [study.predictions(run) for run in runs["id"]]
    frames = [frame[frame["split"] == (split or _SPLITS.get(headline, "validation"))] for frame in frames]
    first = frames[0]
    examples = first["id"].to_numpy()
    if not all(np.array_equal(frame["id"], examples) for frame in frames):
        raise ValueError(f"the runs of {'--'.join(key)} were measured on different examples; no table can be made")
    if f"{selection}_exact" in first:
        predictions = np.stack([frame[f"{selection}_{headline}"].to_numpy(float) for frame in frames])
        return Outcomes("mean", examples, None, predictions, first.get("paragraph"))
    predictions = np.stack([frame[f"{selection}_prediction"].to_numpy() for frame in frames])
    return Outcomes(headline.split("_")[0], examples, first["label"].to_numpy(), predictions)


def majority(study: Study, key: Key, metric: str) -> float | None:
    """What `metric` is if every example gets the most frequent class, or no answer at all in SQuAD v2.0.

    None where no answer fits all: to a similarity, to a question about a span.
    """
    frame = study.predictions(study.cells.loc[key, "id"])
    if "answerable" in frame:
        answerable = frame.loc[frame["split"] == "validation", "answerable"]
        if answerable.all():
            return None
        return {"HasAns": 0.0, "NoAns": 1.0}.get(metric.split("_")[0], float((~answerable).mean()))
    labels = outcomes(study, key, "last", split=_SPLITS.get(metric)).labels
    if labels is None or labels.dtype.kind == "f":
        return None
    classes, counts = np.unique(labels, return_counts=True)
    return float(per_run(metric.split("_")[0], labels, np.full((1, len(labels)), classes[counts.argmax()]))[0])


def resampled(study: Study) -> str:
    """What the resamples are of, in print."""
    known = any("paragraph" in study.predictions(run) for run in study.runs["id"])
    return "paragraphs with all their questions" if known else "examples"


@cache
def summarise(study: Study, key: Key, selection: str) -> stats.CellSummary:
    """The headline scores of a cell with their interval."""
    found = outcomes(study, key, selection)
    return stats.summarise(found.metric, found.labels, found.predictions, 0, RESAMPLES, found.paragraphs)


@cache
def compare(study: Study, a: Key, b: Key, selection: str) -> stats.Comparison | None:
    """Cell A minus cell B over the seeds that both have; None where there is none.

    Raises:
        ValueError: They were measured on different examples.
    """
    seeds = tuple(sorted(set(study.seeds(a)) & set(study.seeds(b))))
    if not seeds:
        return None
    of_a, of_b = (outcomes(study, key, selection, seeds) for key in (a, b))
    if not np.array_equal(of_a.examples, of_b.examples):
        names = " and ".join("--".join(key) for key in (a, b))
        raise ValueError(f"{names} were measured on different examples; they cannot be compared")
    failed = all(study.degenerate(key, selection)[np.isin(study.seeds(key), seeds)].all() for key in (a, b))
    arrays = of_a.labels, of_a.predictions, of_b.predictions
    return stats.compare(of_a.metric, *arrays, 0, RESAMPLES, failed, of_a.paragraphs)
