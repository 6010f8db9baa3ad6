"""Figures from records: ``python -m ina.figures [EXPERIMENT]`` writes results/figures/<experiment>-<data source>/."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure

from ..tables.ablation import is_ablation
from ..tables.collect import Study
from ..tables.distractors import levels
from ..tables.verdicts import pairs
from . import mechanism
from .mechanism import layers
from .rates import rates
from .scores import ablation, curves, distractors, forest, seeds, size
from .style import save

__all__ = ["curves", "drawn", "forest", "layers", "mechanism", "save", "seeds", "size"]

FORESTS: dict[str, Callable[[Study], Figure]] = {
    "forest_best": partial(forest, rule="best"),
    "forest_last": partial(forest, rule="last"),
}
SCORES: dict[str, Callable[[Study], Figure]] = {"curves": curves, "size": size, "seeds": seeds}


def drawn(study: Study) -> dict[str, Callable[[Study], Figure]]:
    """The figures of a study by name."""
    if study.is_search:
        return {"rates": rates}
    if is_ablation(study):
        return {"ablation": ablation}
    of_levels = {"distractors": distractors} if levels(study) and any(pairs(study)) else {}
    of_pairs = FORESTS if any(pairs(study)) else {}
    return of_levels | mechanism.drawn(study) | of_pairs | SCORES
