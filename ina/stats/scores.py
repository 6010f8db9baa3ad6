"""Metrics of many runs on many resamples of the examples at once.

A resample of n examples is a row of counts: how often each example was drawn. Every metric here is a function of
weighted sums over examples, so 10,000 resamples of five runs cost a few matrix products instead of 50,000 loops.

Each function takes `labels` (n,), `predictions` (runs, n) and `weights` (resamples, n) and returns the metric,
(resamples, runs). Where the metric is not defined on a resample (nothing predicted or labelled positive, constant
predictions) it is 0: no skill shown. That is scikit-learn's convention for MCC and F1; for the correlations it is ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
    """Spearman's correlation; ranks are those within each resample, ties (and repeated draws) share their mid-rank."""
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
    """Square root of the variance of standardised values, where rounding leaves a trace of a constant."""
    return np.sqrt(np.where(variance > 1e-12, variance, 0))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(a.shape, b.shape)
    return np.divide(a, b, out=np.zeros(shape), where=np.broadcast_to(b, shape) > 0)


@dataclass(frozen=True)
class Metric:
    """A metric; how much one example in n can change it, times n (a flipped prediction; for the correlations one that
    is 1.4 standard deviations off); and the margin within which two methods count as equally good."""

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


def per_run(metric: str, labels: np.ndarray | None, predictions: np.ndarray) -> np.ndarray:
    """The metric of each run (runs,) on the examples as they are."""
    return METRICS[metric].score(labels, predictions, np.ones((1, predictions.shape[1])))[0]


def per_resample(
    metric: str,
    labels: np.ndarray | None,
    predictions: np.ndarray,
    rng: np.random.Generator,
    resamples: int,
    cluster: np.ndarray | None = None,
) -> np.ndarray:
    """The metric of each run on each of `resamples` bootstrap samples of the examples, (resamples, runs).

    All runs are scored on the same resamples. The draws depend on `rng` and n alone, not on what is predicted. With
    `cluster` (n,), numbers from 0 without a gap, whole clusters are drawn instead of examples, as many as there are
    (Field and Welsh 2007, "Bootstrapping clustered data").
    """
    n = predictions.shape[1]
    units = n if cluster is None else cluster.max() + 1
    rows = max(1, ELEMENTS_PER_CHUNK // n)
    result = np.empty((resamples, len(predictions)))
    for start in range(0, resamples, rows):
        weights = rng.multinomial(units, np.full(units, 1 / units), size=min(rows, resamples - start)).astype(float)
        if cluster is not None:
            weights = weights[:, cluster]
        result[start : start + rows] = METRICS[metric].score(labels, predictions, weights)
    return result


def checked(metric: str, labels: np.ndarray | None, predictions: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Labels and predictions as arrays, or a ValueError that says what does not fit."""
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; there are {', '.join(METRICS)}")
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or len(predictions) < 1 or predictions.shape[1] < 2:
        raise ValueError(f"predictions have shape {predictions.shape}, not (seeds, examples) with two examples or more")
    _no_nan("predictions", predictions)
    if metric == "mean":
        if labels is not None:
            raise ValueError("metric 'mean' takes scores per example and no labels; pass labels=None")
        if abs(predictions).max() > 1:
            raise ValueError(
                f"scores per example lie in [{predictions.min():g}, {predictions.max():g}]; metric 'mean' "
                "takes 0 to 1, and differences of such scores"
            )
        return None, predictions.astype(float)
    if labels is None:
        raise ValueError(f"metric {metric!r} needs labels")
    labels = np.asarray(labels)
    if labels.shape != predictions.shape[1:]:
        raise ValueError(f"labels have shape {labels.shape}, predictions {predictions.shape}: the examples differ")
    _no_nan("labels", labels)
    if metric == "f1":
        odd = np.setdiff1d(np.union1d(labels, predictions), [0, 1])
        if len(odd):
            raise ValueError(f"metric 'f1' is for classes 0 and 1; found {odd[0]}")
        if not (labels == 1).any():
            raise ValueError("metric 'f1' is undefined: no label is 1")
    if metric in ("mcc", "pearson", "spearman") and (labels == labels[0]).all():
        raise ValueError(f"metric {metric!r} is undefined: every label is {labels[0]}")
    return labels, predictions


def _no_nan(name: str, values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(f"{name} are not finite at index {where}: {values[where]}")
