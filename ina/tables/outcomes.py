"""Per-example outcomes of cells as the arrays that `ina.stats` takes, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import stats
from ..stats.scores import per_run
from .collect import Cell, Rule, Study

RESAMPLES = 2_000  # the variance from the examples is then known to about 3 %
_SPLITS = {"accuracy_matched": "validation_matched", "accuracy_mismatched": "validation_mismatched"}


@dataclass(frozen=True)
class Outcomes:
    """What the runs of a cell predicted: `labels` (n,) or None, `predictions` (seeds, n); `metric` is `ina.stats`'.

    `paragraphs` (n,) or None says which examples hang together; older records of SQuAD do not know.
    """

    metric: str
    examples: np.ndarray
    labels: np.ndarray | None
    predictions: np.ndarray
    paragraphs: np.ndarray | None = None


def outcomes(
    study: Study, cell: Cell, rule: Rule, seeds: tuple[int, ...] | None = None, split: str | None = None
) -> Outcomes:
    """The outcomes behind the headline scores of a cell, of all its seeds or of those given.

    `split` names another dev split than the one of the headline.

    Raises:
        RecordError: A file of predictions is missing.
        ValueError: Two runs were measured on different examples.
    """
    frames = []
    for run in cell.runs:
        if seeds is None or run.seed in seeds:
            frame = study.predictions(run)
            frames.append(frame[frame["split"] == (split or _SPLITS.get(cell.headline, "validation"))])
    first = frames[0]
    examples = first["id"].to_numpy()
    for frame in frames:
        if not np.array_equal(frame["id"], examples):
            raise ValueError(
                f"the runs of {cell.name} were measured on different examples; their tables cannot be made"
            )
    if f"{rule}_exact" in first:
        predictions = np.stack([frame[f"{rule}_{cell.headline}"].to_numpy(float) for frame in frames])
        return Outcomes("mean", examples, None, predictions, first.get("paragraph"))
    predictions = np.stack([frame[f"{rule}_prediction"].to_numpy() for frame in frames])
    return Outcomes(cell.headline.split("_")[0], examples, first["label"].to_numpy(), predictions)


def majority(study: Study, cell: Cell, metric: str) -> float | None:
    """What `metric` is if every example gets the most frequent class, or no answer at all in SQuAD v2.0.

    None where no answer fits all: to a similarity, to a question about a span.
    """
    task = cell.first.config["task"]
    if task["family"] == "squad":
        if not task["version_2"]:
            return None
        frame = study.predictions(cell.first)
        answerable = frame.loc[frame["split"] == "validation", "answerable"]
        parts = {"HasAns": 0.0, "NoAns": 1.0}
        return parts.get(metric.split("_")[0], float((~answerable).mean()))
    labels = outcomes(study, cell, "last", split=_SPLITS.get(metric)).labels
    if labels.dtype.kind == "f":
        return None
    classes, counts = np.unique(labels, return_counts=True)
    return float(per_run(metric.split("_")[0], labels, np.full((1, len(labels)), classes[counts.argmax()]))[0])


def drawn(study: Study) -> str:
    """What the resamples are of, in print."""
    known = any("paragraph" in study.predictions(run) for run in study.runs)
    return "paragraphs with all their questions" if known else "examples"


def summarise(study: Study, cell: Cell, rule: Rule) -> stats.CellSummary:
    """The headline scores of a cell with their intervals."""

    def work() -> stats.CellSummary:
        found = outcomes(study, cell, rule)
        degenerate = np.array([getattr(run, rule).degenerate for run in cell.runs])
        arrays = found.labels, found.predictions
        return stats.summarise(found.metric, *arrays, 0, degenerate, RESAMPLES, found.paragraphs)

    return study.once(("summary", cell.name, rule), work)


def average(study: Study, cells: list[Cell], rule: Rule) -> stats.Average:
    """The mean of the headline scores of cells of several tasks."""
    same_seeds = all(cell.seeds == cells[0].seeds for cell in cells)
    return stats.average([summarise(study, cell, rule) for cell in cells], same_seeds)


def compare(study: Study, a: Cell, b: Cell, rule: Rule) -> stats.Comparison | None:
    """Cell A minus cell B over the seeds that both have; None where there is none.

    Raises:
        ValueError: They were measured on different examples.
    """
    seeds = tuple(sorted(set(a.seeds) & set(b.seeds)))
    if not seeds:
        return None

    def work() -> stats.Comparison:
        of_a, of_b = outcomes(study, a, rule, seeds), outcomes(study, b, rule, seeds)
        if not np.array_equal(of_a.examples, of_b.examples):
            raise ValueError(f"{a.name} and {b.name} were measured on different examples; they cannot be compared")
        runs = [getattr(run, rule) for cell in (a, b) for run in cell.runs if run.seed in seeds]
        failed = all(run.degenerate for run in runs)
        arrays = of_a.labels, of_a.predictions, of_b.predictions
        return stats.compare(of_a.metric, *arrays, 0, RESAMPLES, failed, of_a.paragraphs)

    return study.once(("comparison", a.name, b.name, rule), work)
