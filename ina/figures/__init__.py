"""Figures from records: ``python -m ina.figures [EXPERIMENT]`` writes results/figures/<experiment>-<data source>/.

The site draws the same charts in the browser.
"""

from collections.abc import Callable
from functools import partial

from ..tables.distractors import advantages, levels
from ..tables.search import varied_settings
from ..tables.study import Study
from ..tables.verdicts import verdicts
from .attention import attention_figures, layers
from .chart import Figure, png, save
from .comparison import ablation, curves, differences, distractors, rates

__all__ = ["Figure", "curves", "differences", "figures_for", "layers", "png", "save"]


def figures_for(study: Study, selections: tuple[str, ...] = ("last",)) -> dict[str, Callable[[], Figure]]:
    """The figures of a study by name; `selections` are those of the verdicts."""
    if study.is_search:
        by_rate = any(varied_settings(study, *pair) == ["learning_rate"] for pair in study.methods)
        return {"rates": partial(rates, study)} if by_rate else {}
    figures = {
        "ablation": (study.is_ablation, partial(ablation, study, selections)),
        "distractors": (levels(study) and len(advantages(study)), partial(distractors, study)),
        "differences": (len(verdicts(study)), partial(differences, study, selections)),
        "curves": (study.runs["train.epochs"].max() > 1, partial(curves, study)),
    }
    return {name: draw for name, (has, draw) in figures.items() if has} | attention_figures(study)
