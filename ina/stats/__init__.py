"""Statistics of seeds × examples: pure functions on arrays. No records are read and nothing is drawn here.

`scores` computes metrics on resampled examples, `estimate` turns them into a value with its variance from seeds and
from examples, `compare` summarises cells, pairs and rows of tasks, `verdict` applies the rules.

    a = summarise("mcc", labels, predictions_a, rng=0)          # predictions: (seeds, examples)
    pair = compare("mcc", labels, predictions_a, predictions_b, rng=0)
    [verdict] = decide([pair])
"""

from .compare import Aggregate, CellSummary, Comparison, aggregate, compare, summarise
from .estimate import Estimate, Interval
from .scores import METRICS, Metric
from .verdict import SeedsNeeded, Verdict, at_other_rates, decide, seeds_needed

__all__ = [
    "METRICS",
    "Aggregate",
    "CellSummary",
    "Comparison",
    "Estimate",
    "Interval",
    "Metric",
    "SeedsNeeded",
    "Verdict",
    "aggregate",
    "at_other_rates",
    "compare",
    "decide",
    "seeds_needed",
    "summarise",
]
