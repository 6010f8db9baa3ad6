"""Figures from records: ``python -m ina.figures [EXPERIMENT]`` writes results/figures/<experiment>-<data source>/."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure

from ..tables.ablation import is_ablation
from ..tables.collect import Study
from ..tables.distractors import levels
from . import mechanism
from .mechanism import layers
from .rates import rates
from .scores import QUESTIONS, ablation, asked, curves, differences, distractors, seeds, size
from .style import png, save

__all__ = ["QUESTIONS", "asked", "curves", "differences", "drawn", "layers", "png", "save", "seeds", "size"]

SCORES: dict[str, Callable[[Study], Figure]] = {"curves": curves, "size": size, "seeds": seeds}


def drawn(study: Study) -> dict[str, Callable[[Study], Figure]]:
    """The figures of a study by name."""
    if study.is_search:
        return {"rates": rates}
    if is_ablation(study):
        return {"ablation": ablation}
    of_levels = {"distractors": distractors} if levels(study) and len(study.methods) > 1 else {}
    of_pairs = {f"differences_{name}": partial(differences, question=name) for name in asked(study)}
    return of_levels | mechanism.drawn(study) | of_pairs | SCORES
