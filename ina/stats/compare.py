"""What a cell, a pair of methods, and a row of tasks show.

Arrays are (seeds, examples) throughout; a higher score is better in every metric. Every function that draws takes
`rng`, a numpy Generator or an integer seed: the same seed gives the same figures to the last digit. Examples with the
same value in `clusters` (examples,) hang together, such as the questions on one paragraph: new ones are new clusters.

What the intervals do not know: that the best of several epochs was picked on the same examples (scores of rule `best`
are optimistic for every method).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .estimate import Estimate, Interval, from_resamples, mean_of
from .scores import METRICS, checked, per_resample, per_run

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class CellSummary:
    """The runs of one cell. `std` has ddof=1 and is None for one seed.

    `interval` is for the expected score over seeds and examples: see `ina.stats.estimate`. One new run varies more.
    """

    metric: str
    scores: tuple[float, ...]
    seeds: int
    examples: int
    mean: float
    std: float | None
    estimate: Estimate
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """Method A minus method B, paired by seed and by example.

    difference    of the expected scores, with its 95 % `interval` and `p_value` (see `ina.stats.estimate`). Both are
                  one t statistic: p < 0.05 exactly where 0 is outside. Neither is corrected for other comparisons
    degenerate    no run of either method has learned anything: nothing is compared
    """

    metric: str
    scores: tuple[float, ...]  # A minus B of each seed
    seeds: int
    examples: int
    difference: Estimate
    interval: Interval
    p_value: float
    degenerate: bool


@dataclass(frozen=True)
class Aggregate:
    """Method A minus method B, mean over tasks."""

    tasks: int
    scores: tuple[float, ...]  # A minus B of each seed, mean over tasks; empty where tasks have other seeds
    difference: Estimate
    interval: Interval
    p_value: float
    degenerate: bool


def summarise(
    metric: str,
    labels: np.ndarray | None,
    predictions: np.ndarray,
    rng: np.random.Generator | int,
    resamples: int = RESAMPLES,
    clusters: np.ndarray | None = None,
) -> CellSummary:
    """Summary of one cell: `labels` (n,), `predictions` (seeds, n); for metric "mean" no labels and scores per example.

    Raises ValueError on input the metric is not defined for.
    """
    labels, predictions = checked(metric, labels, predictions)
    rng = np.random.default_rng(rng)
    seeds, examples = predictions.shape
    scores = per_run(metric, labels, predictions)
    count, cluster = _numbered(clusters, examples)
    resampled = per_resample(metric, labels, predictions, rng, resamples, cluster)
    estimate = from_resamples(scores, resampled, examples, METRICS[metric].leverage, count)
    return CellSummary(
        metric=metric,
        scores=tuple(scores.tolist()),
        seeds=seeds,
        examples=examples,
        mean=estimate.value,
        std=float(scores.std(ddof=1)) if seeds > 1 else None,
        estimate=estimate,
        interval=estimate.interval(LEVEL),
    )


def compare(
    metric: str,
    labels: np.ndarray | None,
    a: np.ndarray,
    b: np.ndarray,
    rng: np.random.Generator | int,
    resamples: int = RESAMPLES,
    degenerate: bool = False,
    clusters: np.ndarray | None = None,
) -> Comparison:
    """Comparison of methods A and B from predictions (seeds, n); row s of both has the same seed, column i the same
    example. `degenerate` says that every run of both has failed. Raises ValueError on input the metric is not defined
    for."""
    labels, a = checked(metric, labels, a)
    _, b = checked(metric, labels, b)
    if a.shape != b.shape:
        raise ValueError(f"methods of a pair need the same seeds and examples; got {a.shape} and {b.shape}")
    rng = np.random.default_rng(rng)
    seeds, examples = a.shape
    both = np.concatenate([a, b])
    scores_a, scores_b = np.split(per_run(metric, labels, both), 2)
    count, cluster = _numbered(clusters, examples)
    resampled_a, resampled_b = np.split(per_resample(metric, labels, both, rng, resamples, cluster), 2, axis=1)
    differences, resampled = scores_a - scores_b, resampled_a - resampled_b
    estimate = from_resamples(differences, resampled, examples, METRICS[metric].leverage, count)
    return Comparison(
        metric=metric,
        scores=tuple(differences.tolist()),
        seeds=seeds,
        examples=examples,
        difference=estimate,
        interval=estimate.interval(LEVEL),
        p_value=estimate.p_value(),
        degenerate=degenerate,
    )


def _numbered(clusters: np.ndarray | None, examples: int) -> tuple[int | None, np.ndarray | None]:
    """How many clusters there are, and the number of the cluster of each example."""
    if clusters is None:
        return None, None
    if np.shape(clusters) != (examples,):
        raise ValueError(f"clusters have shape {np.shape(clusters)} for {examples} examples")
    names, cluster = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        raise ValueError("all examples are in one cluster, which says nothing about new ones; two clusters are needed")
    return len(names), cluster


def aggregate(comparisons: Sequence[Comparison], same_seeds: bool = True) -> Aggregate:
    """A against B over several tasks; one comparison for each task.

    `same_seeds`: row s of every task has the same seed, see :func:`ina.stats.estimate.mean_of`.
    """
    by_seed = np.array([one.scores for one in comparisons]) if same_seeds else None
    estimate = mean_of([c.difference for c in comparisons], by_seed)
    return Aggregate(
        tasks=len(comparisons),
        scores=() if by_seed is None else tuple(by_seed.mean(axis=0).tolist()),
        difference=estimate,
        interval=estimate.interval(LEVEL),
        p_value=estimate.p_value(),
        degenerate=all(c.degenerate for c in comparisons),
    )
