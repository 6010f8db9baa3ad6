"""A value, how far off it may be, and from where: the seeds trained or the examples tested.

The scores of S seeds on n examples form a crossed design. In first order the score of seed s on examples X is

    T(s, X) = theta + a_s + mean over i of (b_i + c_si)

with a_s what the seed did, b_i what the example did to every seed, c_si what it did to this one. The mean over seeds
then varies around theta, the score to expect of *a new seed on new examples of the same kind*, by

    Var = [Var(a) + Var(c) / n] / S  +  Var(b) / n
        =      seed variance         +  example variance

The first term is estimated by the variance of the seeds' scores over S. The second is what any two seeds share: the
mean covariance of two seeds' scores over resamples of the examples. Counting the seeds' own variance over the
examples on both sides would count c twice, as resampling both sides does (Owen 2007, "The pigeonhole bootstrap").

Examples that hang together, as questions on one paragraph do, are one draw: i then runs over the clusters, and there
are as many degrees of freedom as clusters, less one.

The interval is value ± t(df) · sqrt(Var). The degrees of freedom weigh those of each part by its share of the
variance, 1 / df = sum of share / df_part. Satterthwaite's formula has share² and is too narrow with three seeds, as
three seeds that agree by chance give both a small variance and many degrees of freedom.

Over five metrics, two sizes of dev sets and two spreads of seeds, 95 % intervals from three seeds on cover 95.3 % on
average (92.0 to 98.0), and a 5 % test of two equal methods gives 4.8 % false alarms (2.0 to 7.3). All of it, and other
intervals, which do worse, are in results/STATISTICS.md, by scripts/simulate_stats.py. With two seeds that differ much
this one is too narrow (91 to 94 covered), which is one reason why two seeds decide nothing.

Where a run fails now and then and none of the few seeds happened to, no interval can know: the mean of a cell with
failed runs, or of a setting known to fail, is not to be trusted with few seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its two variances; `seed_variance` is None where there was one seed only."""

    value: float
    seed_variance: float | None
    example_variance: float
    seeds: float
    seed_df: float
    example_df: float

    @property
    def variance(self) -> float:
        """Variance of `value` over seeds and examples."""
        return (self.seed_variance or 0) + self.example_variance

    @property
    def se(self) -> float:
        """Standard error of `value`."""
        return self.variance**0.5

    @property
    def df(self) -> float:
        """Degrees of freedom of `variance`, see above."""
        seed_share = (self.seed_variance or 0) / self.variance
        return 1 / ((seed_share / self.seed_df if seed_share else 0) + (1 - seed_share) / self.example_df)

    def interval(self, level: float = 0.95) -> Interval:
        """Interval for the expected score of a new seed on new examples (of this very run where there is one seed)."""
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.se
        return Interval(self.value - half, self.value + half)

    def p_above(self, bound: float) -> float:
        """One-sided p-value against the hypothesis that the expectation is at most `bound`."""
        return float(stats.t.sf((self.value - bound) / self.se, self.df))

    def p_below(self, bound: float) -> float:
        """One-sided p-value against the hypothesis that the expectation is at least `bound`."""
        return float(stats.t.cdf((self.value - bound) / self.se, self.df))

    def p_value(self) -> float:
        """Two-sided p-value against an expectation of 0; at most 0.05 exactly where the 95 % interval leaves out 0."""
        return min(1.0, 2 * min(self.p_above(0), self.p_below(0)))

    def with_seeds(self, seeds: int) -> "Estimate":
        """The precision to expect with another number of seeds on the same examples."""
        factor = self.seeds / seeds
        seed_df = self.seed_df * (seeds - 1) / (self.seeds - 1)
        return replace(self, seed_variance=self.seed_variance * factor, seeds=seeds, seed_df=seed_df)


def from_resamples(
    scores: np.ndarray, resampled: np.ndarray, examples: int, leverage: float, clusters: int | None = None
) -> Estimate:
    """Estimate of the expected score from `scores` (seeds,) and the same on resampled examples (resamples, seeds).

    `examples` and `clusters` are counts; `clusters` is None where examples are independent.

    The least standard error is what one example can change, `leverage` / `examples`. Without it a small dev set on
    which all seeds agree (all right, say) would claim to know the expectation exactly.
    """
    seeds = len(scores)
    of_mean = resampled.mean(axis=1).var()
    if seeds == 1:
        seed_variance, example_variance = None, of_mean
    else:
        seed_variance = float(scores.var(ddof=1)) / seeds
        example_variance = (seeds**2 * of_mean - resampled.var(axis=0).sum()) / (seeds * (seeds - 1))
    least = max((leverage / examples) ** 2 - (seed_variance or 0), 0)
    return Estimate(
        value=float(scores.mean()),
        seed_variance=seed_variance,
        example_variance=float(max(example_variance, least)),
        seeds=seeds,
        seed_df=seeds - 1,
        example_df=(clusters or examples) - 1,
    )


def mean_of(estimates: Sequence[Estimate], by_seed: np.ndarray | None = None) -> Estimate:
    """Mean of estimates, one for each task. The tasks are fixed; examples are new in each, seeds are shared.

    A seed that does well on one task tends to do well on others: in `glue_small` the means by seed vary 1.4 times as
    much as independent tasks would have it (p = 0.02). So the seed variance is that of the means by seed.

    Args:
        estimates: One for each task.
        by_seed: What they are means of, (tasks, seeds), the same seeds in the same order for every task. None where
            tasks have different seeds: then tasks count as fully correlated, which is the widest case.

    Returns:
        Its `seeds` is the number per task (where tasks differ, the smallest).
    """
    count = len(estimates)
    value = sum(e.value for e in estimates) / count
    parts = [e.example_variance / count**2 for e in estimates]
    dfs = [e.example_df for e in estimates]
    # Satterthwaite's, of a sum of independent variances
    example_df = sum(parts) ** 2 / sum(v**2 / df for v, df in zip(parts, dfs, strict=True)) if any(parts) else sum(dfs)
    if any(e.seed_variance is None for e in estimates):
        return Estimate(value, None, sum(parts), 1, 0, example_df)
    seeds = min(e.seeds for e in estimates)
    if by_seed is None:
        seed_variance = (sum(e.seed_variance**0.5 for e in estimates) / count) ** 2
    else:
        seed_variance = float(np.mean(by_seed, axis=0).var(ddof=1)) / seeds
    return Estimate(value, seed_variance, sum(parts), seeds, seeds - 1, example_df)
