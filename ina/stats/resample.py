"""Metrics of many runs on many resamples of the examples at once, kept as `Scores`.

A resample of n examples is a row of counts: how often each example was drawn. Every metric here is a function of
weighted sums over examples, so 2,000 resamples of five runs cost a few matrix products instead of 10,000 loops.

Each function takes `labels` (n,), `predictions` (runs, n) and `weights` (resamples, n) and returns the metric,
(resamples, runs). Where the metric is not defined on a resample (nothing predicted or labelled positive, constant
predictions) it is 0: no skill shown. That is scikit-learn's convention for MCC and F1; for the correlations it is ours.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from .estimate import Estimate, from_resamples

RESAMPLES = 2_000  # the variance from the examples is then known to about 3 %
ELEMENTS_PER_CHUNK = 2**18  # counts held at once: 2 MB, which stays in a core's cache


def mean(labels: None, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of scores given per example, such as SQuAD's exact match and F1; there are no labels."""
    return weights @ predictions.T / weights.sum(axis=1, keepdims=True)


def accuracy(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of right predictions."""
    return mean(None, (predictions == labels).astype(float), weights)


def f1(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """F1 of class 1 in a task with classes 0 and 1."""
    labelled = weights @ (labels == 1)[:, None].astype(float)
    predicted = weights @ (predictions == 1).T.astype(float)
    hits = weights @ ((predictions == 1) & (labels == 1)).T.astype(float)
    return _divide(2 * hits, predicted + labelled)


def mcc(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Matthews correlation for any number of classes (Gorodkin 2004, as in scikit-learn)."""
    total = weights.sum(axis=1, keepdims=True)
    covariance = total * (weights @ (predictions == labels).T.astype(float))
    of_predictions, of_labels = total**2, total**2
    for k in np.union1d(labels, predictions):
        predicted = weights @ (predictions == k).T.astype(float)
        labelled = weights @ (labels == k)[:, None].astype(float)
        covariance = covariance - predicted * labelled
        of_predictions = of_predictions - predicted**2
        of_labels = of_labels - labelled**2
    return _divide(covariance, np.sqrt(of_predictions * of_labels))


def pearson(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation."""
    total = weights.sum(axis=1, keepdims=True)
    x, y = _standardise(labels[None]), _standardise(predictions)
    mean_x, mean_y = weights @ x.T / total, weights @ y.T / total
    covariance = weights @ (x * y).T / total - mean_x * mean_y
    spread_x, spread_y = _root(weights @ (x**2).T / total - mean_x**2), _root(weights @ (y**2).T / total - mean_y**2)
    return _divide(covariance, spread_x * spread_y)


def spearman(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation. Ranks are within each resample; ties and repeated draws share their mean rank."""
    centre = (weights.sum(axis=1, keepdims=True) + 1) / 2
    x = _midranks(labels, weights) - centre
    weighted_x = weights * x
    norm_x = np.sqrt(np.einsum("bn,bn->b", weighted_x, x))
    result = np.empty((len(weights), len(predictions)))
    for run, values in enumerate(predictions):
        y = _midranks(values, weights) - centre
        norm_y = np.sqrt(np.einsum("bn,bn,bn->b", weights, y, y))
        result[:, run] = _divide(np.einsum("bn,bn->b", weighted_x, y), norm_x * norm_y)
    return result


def _midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank of each example in each resample (resamples, n), from running totals of the counts in order of value."""
    distinct, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    last_of_group = np.cumsum(np.bincount(group, minlength=len(distinct))) - 1
    up_to = np.cumsum(weights[:, order], axis=1)[:, last_of_group]
    below = np.hstack([np.zeros((len(weights), 1)), up_to[:, :-1]])
    return ((below + up_to + 1) / 2)[:, group]


def _standardise(values: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and variance 1; a constant row becomes 0. Sums of squares then lose no digits."""
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return _divide(centred, np.where(spread > 1e-12 * np.abs(values).max(axis=1, keepdims=True), spread, 0))


def _root(variance: np.ndarray) -> np.ndarray:
    """Square root of the variance of standardised values; 0 if it is only the rounding error of a constant."""
    return np.sqrt(np.where(variance > 1e-12, variance, 0))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(a.shape, b.shape)
    return np.divide(a, b, out=np.zeros(shape), where=np.broadcast_to(b, shape) > 0)


@dataclass(frozen=True)
class Metric:
    """A metric.

    leverage: n times the most that one of n examples can change it (a flipped prediction; for correlations, a
        prediction 1.4 standard deviations off)
    margin: two methods that differ by less count as equally good
    """

    score: Callable[[np.ndarray | None, np.ndarray, np.ndarray], np.ndarray]
    leverage: float
    margin: float


METRICS = {
    "accuracy": Metric(accuracy, leverage=1, margin=0.01),
    "f1": Metric(f1, leverage=1, margin=0.01),
    "mean": Metric(mean, leverage=1, margin=0.01),
    "mcc": Metric(mcc, leverage=2, margin=0.02),
    "pearson": Metric(pearson, leverage=1, margin=0.01),
    "spearman": Metric(spearman, leverage=1, margin=0.01),
}


class TooFewExamples(ValueError):
    """Nothing can be said about new examples; the message says why."""


def per_run(metric: str, labels: np.ndarray | None, predictions: np.ndarray) -> np.ndarray:
    """The metric of each run (runs,) on the examples as they are."""
    return METRICS[metric].score(labels, predictions, np.ones((1, predictions.shape[1])))[0]


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a cell's runs, or differences or means of such scores for each seed.

    ``a - b`` is the difference of two cells over the seeds that both have, paired by seed and by example.

    seeds: the seed of each run, (seeds,)
    scores: on the examples as they are, (seeds,)
    resampled: on resamples of the examples, (resamples, seeds), the same for all runs
    examples: their ids, (n,)
    clusters: the number of groups of examples that were drawn together; n if examples were drawn singly
    """

    metric: str
    seeds: np.ndarray
    scores: np.ndarray
    resampled: np.ndarray
    examples: np.ndarray
    clusters: int

    def __sub__(self, other: Self) -> Self:
        seeds, index, other_index = np.intersect1d(self.seeds, other.seeds, return_indices=True)
        if not len(seeds) or not np.array_equal(self.examples, other.examples):
            pair = " and ".join(f"seeds {one.seeds.tolist()} on {len(one.examples)} examples" for one in (self, other))
            raise ValueError(f"a pair needs the same examples and a seed in common; got {pair}")
        resampled = self.resampled.take(index, axis=1) - other.resampled.take(other_index, axis=1)
        return replace(self, seeds=seeds, scores=self.scores[index] - other.scores[other_index], resampled=resampled)

    def of_seeds(self, seeds: Collection[int]) -> Self:
        """The scores of some of the seeds."""
        wanted = np.isin(self.seeds, list(seeds))
        chosen = self.resampled[:, wanted]
        return replace(self, seeds=self.seeds[wanted], scores=self.scores[wanted], resampled=chosen)

    @cached_property
    def estimate(self) -> Estimate:
        """The expected score of a new seed on new examples."""
        leverage = METRICS[self.metric].leverage
        return from_resamples(self.scores, self.resampled, len(self.examples), leverage, self.clusters)


def score_runs(
    metric: str,
    labels: np.ndarray | None,
    predictions: np.ndarray,
    rng: np.random.Generator | int,
    resamples: int = RESAMPLES,
    clusters: np.ndarray | None = None,
    examples: np.ndarray | None = None,
    seeds: np.ndarray | None = None,
) -> Scores:
    """Score every run on the examples and on bootstrap samples of them.

    Args:
        metric: One of `METRICS`.
        labels: (n,); None for metric "mean", which takes scores per example.
        predictions: (seeds, n).
        rng: The same integer gives the same resamples for all predictions.
        resamples: The number of bootstrap samples.
        clusters: (n,); examples with the same value, such as the questions on one paragraph, are drawn together. Each
            resample draws as many clusters as there are (Field and Welsh 2007, "Bootstrapping clustered data").
        examples: (n,); their ids, by default their positions.
        seeds: (seeds,); by default their positions.

    Raises:
        TooFewExamples: The metric is not defined for these labels, or all examples are in one cluster.
    """
    predictions = np.asarray(predictions, dtype=float if metric == "mean" else None)
    labels = None if labels is None else np.asarray(labels)
    if (metric in ("mcc", "pearson", "spearman") and np.ptp(labels) == 0) or (metric == "f1" and not labels.any()):
        raise TooFewExamples(f"metric {metric!r} is undefined: every label is {labels[0]}")
    runs, count = predictions.shape
    examples = np.arange(count) if examples is None else np.asarray(examples)
    names, cluster = np.unique(np.arange(count) if clusters is None else clusters, return_inverse=True)
    if len(names) < 2:
        raise TooFewExamples("all examples are in one cluster; an interval needs at least two clusters")
    draw = _drawn if isinstance(rng, int) else _drawn.__wrapped__
    draws = draw(len(names), resamples, rng)
    rows = max(1, ELEMENTS_PER_CHUNK // count)
    resampled = np.empty((resamples, runs))
    for start in range(0, resamples, rows):
        weights = draws[start : start + rows].astype(float)[:, cluster]
        for run in range(runs):  # one by one, so that not even the last bit depends on the other runs
            scored = METRICS[metric].score(labels, predictions[[run]], weights)
            resampled[start : start + rows, run] = scored[:, 0]
    scores = np.concatenate([per_run(metric, labels, run[None]) for run in predictions])
    seeds = np.arange(runs) if seeds is None else np.asarray(seeds)
    return Scores(metric, seeds, scores, resampled, examples, len(names))


@lru_cache(maxsize=8)
def _drawn(units: int, resamples: int, rng: np.random.Generator | int) -> np.ndarray:
    """How often each unit is in each resample."""
    counts = np.random.default_rng(rng).multinomial(units, np.full(units, 1 / units), size=resamples)
    return counts.astype(np.uint16)


def mean_scores(found: Sequence[Scores]) -> Scores:
    """The mean of several `Scores` of the same seeds on the same resamples, for each seed."""
    scores = np.mean([one.scores for one in found], axis=0)
    return replace(found[0], scores=scores, resampled=np.mean([one.resampled for one in found], axis=0))
