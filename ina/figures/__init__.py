"""Figures from records: ``python -m ina.figures [EXPERIMENT]`` writes results/figures/<experiment>-<data source>/.

The site draws the same charts in the browser.
"""

from collections.abc import Callable
from functools import partial

from ..tables.distractors import advantages, levels
from ..tables.frame import Study
from ..tables.search import varied_settings
from .attention import attention_figures, layers
from .chart import Figure, png, save
from .comparison import QUESTIONS, ablation, curves, differences, distractors, questions, rates

__all__ = ["QUESTIONS", "Figure", "curves", "differences", "figures_for", "layers", "png", "questions", "save"]


def figures_for(study: Study) -> dict[str, Callable[[], Figure]]:
    """The figures of a study by name."""
    if study.is_search:
        by_rate = any(varied_settings(study, *pair) == ["learning_rate"] for pair in study.methods)
        return {"rates": partial(rates, study)} if by_rate else {}
    if study.is_ablation:
        return {"ablation": partial(ablation, study)}
    of_levels = {"distractors": partial(distractors, study)} if levels(study) and len(advantages(study)) else {}
    of_pairs = {f"differences_{name}": partial(differences, study, name) for name in questions(study)}
    of_epochs = {"curves": partial(curves, study)} if study.runs["train.epochs"].max() > 1 else {}
    return of_levels | attention_figures(study) | of_pairs | of_epochs
