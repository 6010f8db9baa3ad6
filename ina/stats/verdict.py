"""Verdicts by rules.

The margins were fixed before any result. The rule for degenerate runs in step 1, the two families and the check at
other rates came later (results/DETAILS.md says when).

A *family* is a set of comparisons whose verdicts are read together. Each study has two: a small primary one, which is
what it asks (`ina.tables.verdicts.is_primary`), and all its other comparisons. Within a family

1. no run of either has learned anything              -> undecided (two failures are not two equal methods)
   fewer than three seeds that both have              -> undecided (two seeds say almost nothing about a third; from
                                                         two seeds on, the number that would decide is given, with its
                                                         range)
2. shown to lie within the margin                     -> equivalent
   (two one-sided tests, TOST: |A - B| < margin, p <= alpha; alone, that is a 90 % interval inside the margin)
3. shown to differ from 0                             -> better or worse, by the sign of A - B
   (two-sided test over seeds and examples, p <= alpha; alone, that is a 95 % interval without 0)
4. else                                               -> undecided

A verdict of better, worse or equivalent has to be the same at the lower and the higher neighbouring learning rate of
both methods (`at_other_rates`). If it is not, the verdict is "depends on the rate". If some of these rates were not
tried, it is "better at these rates", and so on: it says nothing about other rates. If only one method was tried at both
of its neighbouring rates, it is "better at three rates of LoRA", and so on.

All p-values are multiplied by the number m of comparisons in the family (Bonferroni), so that the chance of any false
verdict of a kind in the family is at most alpha. The interval shown beside a verdict is corrected in the same way, so
that the two never disagree: at level 1 - alpha / m it leaves out 0 exactly if the difference is shown. Comparisons to
which rule 1 applies are not counted, and their intervals are not corrected. Rule 2 goes before rule 3: a difference
that is real and too small to matter is reported as equivalent, and the remark says that it is real.

The margins are one point of accuracy, F1, exact match and correlation, and two of MCC: MCC's range is twice as wide,
and with balanced classes and errors MCC = 2 accuracy - 1, so both are one example in a hundred. A point is about the
spread between seeds on the small GLUE tasks. It is more than the differences between published variants of one method:
in the ablation of InA's authors, the three activations that train are within 0.6 on average.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scipy import stats

from .estimate import Estimate, Interval

ALPHA = 0.05
POWER = 0.80
MIN_SEEDS = 3
MAX_SEEDS = 10_000


@dataclass(frozen=True)
class SeedsNeeded:
    """The number of seeds for each method that would decide a pair; None if MAX_SEEDS would not.

    `low` and `high` are its 90 % range: the seed variance is itself estimated from few seeds. If no number of seeds
    would decide on these examples, all three are None, and `examples` is the factor by which the number of examples has
    to grow at least.
    """

    seeds: int | None = None
    low: int | None = None
    high: int | None = None
    examples: float | None = None


@dataclass(frozen=True)
class Verdict:
    """Verdict on A against B; p-values are corrected for the family, None where rule 1 applied.

    `interval` is the simultaneous one for the family. `smallest_margin` is the smallest margin, raw, within which the
    two would be equivalent; None where rule 1 applied. `holds_at_other_rates` is whether the verdict is the same at
    lower and higher learning rates of both methods; None if some of them were not tried. If only one method was tried
    at both, `tried` is its label. `remark` is what the numbers do not say, such as the verdicts at other rates; often
    empty.

    `needed` is None if the pair is decided, if nothing is compared, and for a single seed, which tells nothing about
    others.
    """

    verdict: Literal["better", "worse", "equivalent", "undecided", "depends on the rate"]
    difference: float
    interval: Interval
    smallest_margin: float | None
    p_difference: float | None
    p_equivalence: float | None
    remark: str
    needed: SeedsNeeded | None
    holds_at_other_rates: bool | None = None
    tried: str | None = None

    @property
    def name(self) -> str:
        """The verdict in print, with its restriction to the rates of the study."""
        restricted = self.verdict in ("better", "worse", "equivalent") and not self.holds_at_other_rates
        rates = f"three rates of {self.tried}" if self.tried else "these rates"
        return f"{self.verdict} at {rates}" if restricted else self.verdict


@dataclass(frozen=True)
class Comparison:
    """A comparison in a family: the difference A minus B, with a raw margin (0.01 is a point).

    `degenerate`: no run of either method has learned anything, so nothing is compared.
    """

    difference: Estimate
    margin: float
    degenerate: bool = False


def decide(family: Sequence[Comparison], planned: int = 1) -> list[Verdict]:
    """Verdicts on one family of comparisons, in order.

    Args:
        family: The comparisons.
        planned: The least number of comparisons to correct for, if some of the planned ones are still missing.
    """
    is_tested = [comparison.difference.seeds >= MIN_SEEDS and not comparison.degenerate for comparison in family]
    count = max(sum(is_tested), planned)
    return [
        _verdict(comparison, tested, count if tested else 1)
        for comparison, tested in zip(family, is_tested, strict=True)
    ]


def _verdict(compared: Comparison, is_tested: bool, family: int) -> Verdict:
    d, margin = compared.difference, compared.margin
    p_difference = p_equivalence = smallest_margin = None
    verdict, remark = "undecided", ""
    if compared.degenerate:
        remark = "all runs of both methods are degenerate, so no comparison is made"
    elif is_tested:
        p_difference = min(1.0, family * d.p_value())
        p_equivalence = min(1.0, family * tost(d, margin))
        inside = d.interval(1 - 2 * ALPHA / family)
        smallest_margin = max(inside.high, -inside.low)
        if p_equivalence <= ALPHA:
            verdict = "equivalent"
            remark = "the difference is real but small" if p_difference <= ALPHA else ""
        elif p_difference <= ALPHA:
            verdict = "better" if d.value > 0 else "worse"
    is_open = verdict == "undecided" and not compared.degenerate and d.seed_variance is not None
    return Verdict(
        verdict=verdict,
        difference=d.value,
        interval=d.interval(1 - ALPHA / family),
        smallest_margin=smallest_margin,
        p_difference=p_difference,
        p_equivalence=p_equivalence,
        remark=remark,
        needed=seeds_needed(d, margin, ALPHA / family) if is_open else None,
    )


def at_other_rates(verdict: Verdict, others: dict[str, Verdict], complete: Sequence[str]) -> Verdict:
    """The verdict if all `others` agree with it, else "depends on the rate".

    Args:
        verdict: At the rates of the study. An undecided verdict stays as it is: no claim rests on it.
        others: The verdicts with one method at a neighbouring rate, by what differs: "LoRA at 0.002 instead of 0.003".
        complete: The labels of the methods for which `others` has both a lower and a higher rate.
    """
    if verdict.verdict == "undecided" or not others:
        return verdict
    elsewhere = ", ".join(
        f"{other.verdict} with {name} ({100 * other.difference:+.2f} "
        f"[{100 * other.interval.low:.2f}, {100 * other.interval.high:.2f}] points)"
        for name, other in others.items()
        if other.verdict != verdict.verdict
    )
    found = (
        f"{verdict.verdict} at the rates of the study; {elsewhere}" if elsewhere else f"also with {', '.join(others)}"
    )
    remark = "; ".join(filter(None, [verdict.remark, found]))
    if elsewhere:
        return replace(verdict, verdict="depends on the rate", remark=remark, holds_at_other_rates=False)
    if len(complete) == 2:
        return replace(verdict, remark=remark, holds_at_other_rates=True)
    return replace(verdict, remark=remark, tried=complete[0] if complete else None)


def tost(difference: Estimate, margin: float) -> float:
    """p-value of two one-sided tests (Schuirmann 1987) against a difference of at least `margin` either way."""
    return max(difference.p_above(-margin), difference.p_below(margin))


def seeds_needed(difference: Estimate, margin: float, alpha: float = ALPHA) -> SeedsNeeded:
    """How many seeds for each method would decide a pair on the same examples.

    Decided means: a true difference of 0 is found equivalent, and one of the margin or more is found different, each
    with probability POWER. (A true difference between the two may stay open with any number.) The number depends on
    the variances, not on the observed difference, with which every undecided pair would look hopeless. But if the whole
    95 % interval is beyond the margin, the difference to be found is the end of the interval nearer to 0. `alpha` is
    the level of this one comparison.
    """
    interval = difference.interval()
    beyond = max(interval.low, -interval.high)
    to_find = max(beyond, margin)

    def least(plan: Estimate) -> float:
        """The least difference found with this precision, or the least margin for equivalence if that is larger."""
        to_differ = plan.half_width(alpha / 2) + plan.half_width(1 - POWER)
        to_be_equivalent = plan.half_width(alpha) + plan.half_width((1 - POWER) / 2)
        return to_differ if beyond > margin else max(to_differ, to_be_equivalent)

    def seeds_at(factor: float) -> int | None:
        """Seeds needed if the seed variance is `factor` times its estimate."""
        true = replace(difference, seed_variance=difference.seed_variance * factor)
        choices = range(MIN_SEEDS, MAX_SEEDS + 1)
        position = bisect_left(choices, True, key=lambda seeds: least(true.with_seeds(seeds)) <= to_find)
        return choices[position] if position < len(choices) else None

    of_examples = least(replace(difference, seed_variance=0.0, runs_variance=difference.example_variance))
    if of_examples > to_find:
        return SeedsNeeded(examples=(of_examples / to_find) ** 2)
    df = difference.seed_df
    low, seeds, high = (seeds_at(df / chi2) for chi2 in (stats.chi2.ppf(0.95, df), df, stats.chi2.ppf(0.05, df)))
    return SeedsNeeded(seeds, low, high)
