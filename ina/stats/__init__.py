"""Statistics of seeds × examples: pure functions on arrays. No records are read and nothing is drawn here.

`resample` computes metrics on resampled examples, `estimate` turns them into a value with its variance from seeds and
from examples, `verdict` applies the rules.

    a = score_runs("mcc", labels, predictions_a, rng=0)          # predictions: (seeds, examples)
    b = score_runs("mcc", labels, predictions_b, rng=0)
    [verdict] = decide([Comparison((a - b).estimate, METRICS["mcc"].margin)])

What the intervals do not cover: that the best epoch was chosen on the same examples (its scores are optimistic for
every method), that another training set would give other scores, and that another search might choose a neighbouring
learning rate.
"""

from .estimate import Estimate, mean_of
from .resample import METRICS, RESAMPLES, Scores, TooFewExamples, mean_scores, per_run, score_runs
from .verdict import MAX_SEEDS, MIN_SEEDS, Comparison, SeedsNeeded, Verdict, at_other_rates, decide, seeds_needed

__all__ = [
    "MAX_SEEDS",
    "METRICS",
    "MIN_SEEDS",
    "RESAMPLES",
    "Comparison",
    "Estimate",
    "Scores",
    "SeedsNeeded",
    "TooFewExamples",
    "Verdict",
    "at_other_rates",
    "decide",
    "mean_of",
    "mean_scores",
    "per_run",
    "score_runs",
    "seeds_needed",
]
