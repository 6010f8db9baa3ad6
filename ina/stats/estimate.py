"""A value and its uncertainty, from seeds and from examples.

The scores of S seeds on n examples form a crossed design. To first order, the score of seed s on examples X is

    T(s, X) = theta + a_s + mean over i of (b_i + c_si)

with a_s the effect of seed s, b_i the effect of example i on every seed, and c_si their interaction. theta is the
expected score of *a new seed on new examples of the same kind*. The mean over seeds varies around theta with

    Var = [Var(a) + Var(c) / n] / S  +  Var(b) / n
        =      seed variance         +  example variance

The first term is estimated by the variance of the seeds' scores, divided by S. The second is estimated by the mean
covariance of two seeds' scores over resamples of the examples. The variance of each seed's own score over resamples is
not used: it contains c, which the first term has already. Resampling seeds and examples together, too, counts c more
than once (Owen 2007, "The pigeonhole bootstrap").

Dependent examples, such as the questions on one paragraph, are drawn as one cluster: i then runs over the clusters, and
the degrees of freedom are the number of clusters minus one.

The interval at level 1 - alpha is value ± h with

    h^2 = t(S - 1)^2 · seed variance  +  t(n - 1)^2 · example variance

where t(df) is the quantile of Student's t at 1 - alpha / 2. With normal errors it covers theta with at least that
probability, whatever the two variances are (Banerjee 1961, Sankhya A 23, 359-378; the reason is that the distribution
function of chi-squared with one degree of freedom is concave). This matters at levels near 1, which the correction for
many comparisons needs. One t statistic with pooled degrees of freedom fails there: if a few seeds agree by chance, the
pooled number is near n.

The interval is never narrower than that of these runs alone on new examples, which needs only resampled examples:
seeds can agree by chance, because scores move in steps of one example.

results/STATISTICS.md, written by scripts/simulate_stats.py, has the coverage and the false alarms. With three variances
between seeds, 94 to 99 % of the intervals of cells cover the truth, 1 to 5 % of equal pairs are called different, and 0
to 4 % of families of 27 equal pairs have a false alarm. With one t statistic and Satterthwaite's degrees of freedom, up
to 34 % of the families have one.

If runs fail now and then but none of the few seeds failed, the interval is too narrow. With few seeds, do not trust the
mean of a cell with failed runs, or of a setting known to fail.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

LEAST_P = 1e-12  # smaller p-values are reported as this


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its two variances; `seed_variance` is None for a single seed.

    seeds: number of seeds
    seed_df, example_df: degrees of freedom of the two variances
    runs_variance: variance of `value` over new examples, for these runs alone; the interval reflects at least this
    """

    value: float
    seed_variance: float | None
    example_variance: float
    seeds: float
    seed_df: float
    example_df: float
    runs_variance: float = 0.0

    @property
    def variance(self) -> float:
        """Variance of `value` over seeds and examples."""
        return max((self.seed_variance or 0) + self.example_variance, self.runs_variance)

    def half_width(self, tail: float) -> float:
        """Half the width of the interval that leaves out the probability `tail` at each end."""
        of_seeds = special.stdtrit(self.seed_df, tail) ** 2 * self.seed_variance if self.seed_variance else 0
        of_examples = special.stdtrit(self.example_df, tail) ** 2
        return max(of_seeds + of_examples * self.example_variance, of_examples * self.runs_variance) ** 0.5

    def interval(self, level: float = 0.95) -> Interval:
        """Interval for the expected score of a new seed on new examples; for a single seed, of this run."""
        half = self.half_width((1 - level) / 2)
        return Interval(self.value - half, self.value + half)

    def p_above(self, bound: float) -> float:
        """One-sided p-value against the hypothesis that the expectation is at most `bound`.

        It is the `tail` of the interval that ends at `bound`.
        """
        off = abs(self.value - bound)
        if off >= self.half_width(LEAST_P):
            tail = LEAST_P
        else:  # on a log scale, on which the function is nearly linear
            ends = math.log(LEAST_P), math.log(0.5)
            tail = math.exp(optimize.brentq(lambda log: self.half_width(math.exp(log)) - off, *ends))
        return tail if self.value > bound else 1 - tail

    def p_below(self, bound: float) -> float:
        """One-sided p-value against the hypothesis that the expectation is at least `bound`."""
        return 1 - self.p_above(bound)

    def p_value(self) -> float:
        """Two-sided p-value against an expectation of 0; at most 0.05 exactly if the 95 % interval leaves out 0."""
        return min(1.0, 2 * min(self.p_above(0), self.p_below(0)))

    def with_seeds(self, seeds: int) -> "Estimate":
        """The same mean with the precision expected of another number of seeds on the same examples."""
        factor = self.seeds / seeds
        return replace(
            self,
            seed_variance=self.seed_variance * factor,
            runs_variance=self.example_variance + factor * (self.runs_variance - self.example_variance),
            seeds=seeds,
            seed_df=self.seed_df * (seeds - 1) / (self.seeds - 1),
        )


def from_resamples(
    scores: np.ndarray, resampled: np.ndarray, examples: int, leverage: float, clusters: int | None = None
) -> Estimate:
    """Estimate of the expected score from `scores` (seeds,), and those on resampled examples (resamples, seeds).

    `examples` and `clusters` are counts; `clusters` is None if examples are independent.

    The standard error is at least what one example can change, `leverage` / `examples`. Without this, a small dev set
    on which all seeds agree (say, all are right) would give an interval of width zero.
    """
    seeds = len(scores)
    of_mean = resampled.mean(axis=1).var()
    if seeds == 1:
        seed_variance, example_variance = None, of_mean
    else:
        seed_variance = float(scores.var(ddof=1)) / seeds
        example_variance = (seeds**2 * of_mean - resampled.var(axis=0).sum()) / (seeds * (seeds - 1))
    return Estimate(
        value=float(scores.mean()),
        seed_variance=seed_variance,
        example_variance=float(max(example_variance, 0)),
        seeds=seeds,
        seed_df=seeds - 1,
        example_df=(clusters or examples) - 1,
        runs_variance=float(max(of_mean, (leverage / examples) ** 2)),
    )


def mean_of(estimates: Sequence[Estimate], by_seed: np.ndarray) -> Estimate:
    """Mean of estimates, one for each task. The tasks are fixed and have different examples, but the same seeds.

    A seed that does well on one task tends to do well on others: in `glue_small` the means by seed vary 1.4 times as
    much as they would with independent tasks (p = 0.02). So the seed variance is that of the means by seed.

    Args:
        estimates: One for each task, all of the same seeds.
        by_seed: The score of each seed on each task, (tasks, seeds).
    """
    count, seeds = len(estimates), estimates[0].seeds
    parts = [e.example_variance / count**2 for e in estimates]
    dfs = [e.example_df for e in estimates]
    # Satterthwaite's degrees of freedom of a sum of independent variances
    example_df = sum(parts) ** 2 / sum(v**2 / df for v, df in zip(parts, dfs, strict=True)) if any(parts) else sum(dfs)
    return Estimate(
        value=sum(e.value for e in estimates) / count,
        seed_variance=float(np.mean(by_seed, axis=0).var(ddof=1)) / seeds if seeds > 1 else None,
        example_variance=sum(parts),
        seeds=seeds,
        seed_df=seeds - 1,
        example_df=example_df,
        runs_variance=sum(e.runs_variance for e in estimates) / count**2,
    )
