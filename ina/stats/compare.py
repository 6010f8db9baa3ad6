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
from scipy import optimize, special, stats

from .estimate import Estimate, Interval, Result, from_resamples, mean_of
from .scores import METRICS, checked, per_resample, per_run

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class CellSummary(Result):
    """The runs of one cell. `std` has ddof=1 and is None for one seed; `degenerate` is a share of the runs.

    `interval` is for the expected score of a new seed on new examples: see `ina.stats.estimate`. `multi_bootstrap` is
    the percentile interval of Sellam et al. (2022) for the same quantity, for comparison with the literature: it is
    too narrow with few seeds.
    """

    metric: str
    scores: tuple[float, ...]
    seeds: int
    examples: int
    mean: float
    std: float | None
    min: float
    max: float
    degenerate: float | None
    estimate: Estimate
    interval: Interval
    multi_bootstrap: Interval


@dataclass(frozen=True)
class Comparison(Result):
    """Method A minus method B, paired by seed and by example.

    difference            of the expected scores, with `interval` (see `ina.stats.estimate`) and `p_value`, the test
                          of the verdict: both are the same t statistic, so p < 0.05 exactly where 0 is outside
    multi_bootstrap       percentile interval over resampled seeds and examples, and its p-value
    p_sign_flip           exact seed-level permutation test: on *this* dev set, are A's and B's scores exchangeable?
                          It cannot fall below 2 ** (1 - seeds), 0.06 for five seeds, so it cannot decide alone
    improvement           P(a new run of A beats a new run of B on this dev set), ties one half, over all pairs of
                          runs; `improvement_interval` is over seeds
    effect_size           mean over standard deviation of the paired differences, Hedges' small-sample correction;
                          None for fewer than three seeds or where the differences do not vary
    degenerate            no run of either method has learned anything: nothing is compared
    """

    metric: str
    scores: tuple[float, ...]  # A minus B of each seed
    seeds: int
    examples: int
    difference: Estimate
    interval: Interval
    p_value: float
    multi_bootstrap: Interval
    p_multi_bootstrap: float
    p_sign_flip: float | None
    improvement: float
    improvement_interval: Interval
    effect_size: float | None
    degenerate: bool


@dataclass(frozen=True)
class Average(Result):
    """Mean over tasks of the cells' means, each task with one metric; the tasks are fixed."""

    tasks: int
    estimate: Estimate
    interval: Interval


@dataclass(frozen=True)
class Aggregate(Result):
    """Method A minus method B, mean over tasks; `improvement` is the mean probability (Agarwal et al. 2021)."""

    tasks: int
    scores: tuple[float, ...]  # A minus B of each seed, mean over tasks; empty where tasks have other seeds
    difference: Estimate
    interval: Interval
    p_value: float
    improvement: float
    improvement_interval: Interval
    degenerate: bool


def summarise(
    metric: str,
    labels: np.ndarray | None,
    predictions: np.ndarray,
    rng: np.random.Generator | int,
    degenerate: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    clusters: np.ndarray | None = None,
) -> CellSummary:
    """Summary of one cell: `labels` (n,), `predictions` (seeds, n); for metric "mean" no labels and scores per example.

    `degenerate` (seeds,) says which runs have failed; without it a run counts as failed where it predicts the same
    for every example (unknown, None, for "mean"). Raises ValueError on input the metric is not defined for.
    """
    labels, predictions = checked(metric, labels, predictions)
    rng = np.random.default_rng(rng)
    seeds, examples = predictions.shape
    scores = per_run(metric, labels, predictions)
    count, cluster = _numbered(clusters, examples)
    resampled = per_resample(metric, labels, predictions, rng, resamples, cluster)
    estimate = from_resamples(scores, resampled, examples, METRICS[metric].leverage, count)
    if degenerate is None and metric != "mean":
        degenerate = (predictions == predictions[:, :1]).all(axis=1)
    if degenerate is not None and np.shape(degenerate) != (seeds,):
        raise ValueError(f"degenerate has shape {np.shape(degenerate)} for {seeds} seeds")
    return CellSummary(
        metric=metric,
        scores=tuple(scores.tolist()),
        seeds=seeds,
        examples=examples,
        mean=estimate.value,
        std=float(scores.std(ddof=1)) if seeds > 1 else None,
        min=float(scores.min()),
        max=float(scores.max()),
        degenerate=None if degenerate is None else float(np.mean(degenerate)),
        estimate=estimate,
        interval=estimate.interval(LEVEL),
        multi_bootstrap=_percentiles(multi_bootstrap(resampled, rng), estimate.over),
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
    bootstrapped = multi_bootstrap(resampled, rng)
    improvement = probability_of_improvement(scores_a, scores_b)
    return Comparison(
        metric=metric,
        scores=tuple(differences.tolist()),
        seeds=seeds,
        examples=examples,
        difference=estimate,
        interval=estimate.interval(LEVEL),
        p_value=estimate.p_value(),
        multi_bootstrap=_percentiles(bootstrapped, estimate.over),
        p_multi_bootstrap=_p_bootstrap(bootstrapped),
        p_sign_flip=sign_flip_test(differences, rng) if seeds > 1 else None,
        improvement=improvement,
        improvement_interval=improvement_interval(improvement, seeds),
        effect_size=effect_size(differences),
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


def average(cells: Sequence[CellSummary], same_seeds: bool = True) -> Average:
    """The average of a row, as tables print it; one cell for each task.

    `same_seeds`: row s of every cell has the same seed, see :func:`ina.stats.estimate.mean_of`.
    """
    estimate = mean_of([cell.estimate for cell in cells], _by_seed(cells, same_seeds))
    return Average(len(cells), estimate, estimate.interval(LEVEL))


def aggregate(comparisons: Sequence[Comparison], same_seeds: bool = True) -> Aggregate:
    """A against B over several tasks; one comparison for each task. `same_seeds` is that of :func:`average`.

    The interval of the mean probability joins the tasks' intervals as Zou and Donner (2008, MOVER) do for sums.
    """
    by_seed = _by_seed(comparisons, same_seeds)
    estimate = mean_of([c.difference for c in comparisons], by_seed)
    values = np.array([c.improvement for c in comparisons])
    below = values - [c.improvement_interval.low for c in comparisons]
    above = [c.improvement_interval.high for c in comparisons] - values
    mean, tasks = float(values.mean()), len(comparisons)
    low, high = mean - np.linalg.norm(below) / tasks, mean + np.linalg.norm(above) / tasks
    return Aggregate(
        tasks=tasks,
        scores=() if by_seed is None else tuple(by_seed.mean(axis=0).tolist()),
        difference=estimate,
        interval=estimate.interval(LEVEL),
        p_value=estimate.p_value(),
        improvement=mean,
        improvement_interval=Interval(float(low), float(high), LEVEL, "seeds"),
        degenerate=all(c.degenerate for c in comparisons),
    )


def _by_seed(tasks: Sequence[CellSummary | Comparison], same_seeds: bool) -> np.ndarray | None:
    return np.array([one.scores for one in tasks]) if same_seeds else None


def multi_bootstrap(resampled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean over resampled seeds of scores on resampled examples (Sellam et al. 2022, "The MultiBERTs", section 3).

    `resampled` (resamples, seeds) holds the scores on resampled examples; returns (resamples,).
    """
    seeds = resampled.shape[1]
    counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(resampled))
    return (counts * resampled).sum(axis=1) / seeds


def sign_flip_test(differences: np.ndarray, rng: np.random.Generator) -> float:
    """Two-sided p-value of the mean of paired differences (seeds,) when signs are exchangeable; exact to 13 seeds."""
    return float(
        stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=9_999, vectorized=True, axis=0, rng=rng
        ).pvalue
    )


def probability_of_improvement(a: np.ndarray, b: np.ndarray) -> float:
    """Share of pairs of runs in which A's score is higher, ties one half (Agarwal et al. 2021, rliable)."""
    return float(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b)))


def improvement_interval(value: float, seeds: int, level: float = LEVEL) -> Interval:
    """Score interval for P(A > B) from `seeds` runs each (Newcombe 2006, method 5).

    Resampling seeds gives [1, 1] where five runs of A beat five of B; this gives [0.64, 1].
    """
    z = stats.norm.ppf((1 + level) / 2)

    def excess(p: float) -> float:
        variance = p * (1 - p) * (1 + (seeds - 1) * ((1 - p) / (2 - p) + p / (1 + p))) / seeds**2
        return (value - p) ** 2 - z**2 * variance

    low = optimize.brentq(excess, 0, value - 1e-9) if value > 0 else 0.0
    high = optimize.brentq(excess, value + 1e-9, 1) if value < 1 else 1.0
    return Interval(low, high, level, "seeds")


def effect_size(differences: np.ndarray) -> float | None:
    """Cohen's d_z of paired differences (seeds,) times Hedges' J(df) = G(df/2) / (sqrt(df/2) G((df-1)/2))."""
    df = len(differences) - 1
    if df < 2 or np.ptp(differences) == 0:
        return None
    log_j = special.gammaln(df / 2) - special.gammaln((df - 1) / 2) - 0.5 * np.log(df / 2)
    return float(np.exp(log_j) * differences.mean() / differences.std(ddof=1))


def _percentiles(bootstrapped: np.ndarray, over: str) -> Interval:
    low, high = np.quantile(bootstrapped, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), LEVEL, over)


def _p_bootstrap(bootstrapped: np.ndarray) -> float:
    """Twice the smaller share of resamples on either side of 0."""
    tail = min((bootstrapped <= 0).sum(), (bootstrapped >= 0).sum())
    return min(1.0, 2 * (1 + float(tail)) / (len(bootstrapped) + 1))
