"""Figures from records: ``python -m ina.figures [EXPERIMENT]`` writes results/figures/<experiment>-<data source>/."""

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure

from ..tables.distractors import advantages, levels
from ..tables.frame import Study
from .attention import attention_figures, layers
from .comparison import QUESTIONS, ablation, curves, differences, distractors, questions, rates
from .style import png, save

__all__ = ["QUESTIONS", "curves", "differences", "figures_for", "layers", "png", "questions", "save"]


def figures_for(study: Study) -> dict[str, Callable[[Study], Figure]]:
    """The figures of a study by name."""
    if study.is_search:
        return {"rates": rates}
    if study.is_ablation:
        return {"ablation": ablation}
    of_levels = {"distractors": distractors} if levels(study) and len(advantages(study)) else {}
    of_pairs = {f"differences_{name}": partial(differences, question=name) for name in questions(study)}
    return of_levels | attention_figures(study) | of_pairs | {"curves": curves}
