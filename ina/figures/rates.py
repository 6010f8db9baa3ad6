"""Curves of score against learning rate, from the trials of a search on held-out training rows."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..tables.collect import Study, task_headline
from ..tables.search import Trials, taken, trials
from .style import STYLE, legend, looks, of_task, with_panels

PARTS = ("_full", "_p90")  # experiments that complete a search with other rates: search_small_full, search_small_p90


def whole_searches(searches: list[Study]) -> list[Study]:
    """Each search joined with its parts, where both are given."""
    by_name = {(study.experiment, study.source): study for study in searches}
    parts = {
        key: [by_name[other] for part in PARTS if (other := (key[0] + part, key[1])) in by_name] for key in by_name
    }
    taken_up = {(study.experiment, study.source) for of in parts.values() for study in of}
    return [study.joined_with(parts[key]) for key, study in by_name.items() if key not in taken_up]


@matplotlib.rc_context(STYLE)
def rates(study: Study) -> Figure:
    """A panel a task: the best headline score of each trial as a dot, the mean over seeds as a line.

    The filled marker is the rate that the method takes: the best mean over the tasks of the search.
    """
    chosen, look_of = taken(study), looks(study)
    figure, axes = with_panels(len(study.tasks), columns=min(2, len(study.tasks)), height=2.6)
    for axis, task in zip(axes, study.tasks, strict=True):
        for name in study.methods:
            found = [each for each in trials(study) if each.name == name and task in each.scores]
            if not found or not all(each.setting.keys() == {"learning_rate"} for each in found):
                continue
            look = look_of[name[1]]
            axis.plot(
                [_rate(each) for each in found],
                [100 * each.scores[task].mean() for each in found],
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                markerfacecolor="white",
                label=study.method_label(name[1]),
            )
            for each in found:
                scores = 100 * each.scores[task]
                if len(scores) > 1:
                    axis.plot(
                        np.full(len(scores), _rate(each)), scores, ".", color=look.colour, markersize=2, alpha=0.6
                    )
                if each.setting == chosen.get(name):
                    axis.plot(_rate(each), scores.mean(), look.marker, color=look.colour)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.xaxis.set_major_formatter(lambda rate, _: f"{rate:.0e}".replace("e-0", "e-"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel("learning rate")
        axis.set_ylabel(f"{task_headline(task)}, held-out training rows")
        axis.set_title(of_task(study, task))
    legend(figure, "Filled: the rate that the method takes. Dot: a seed, where there are several.")
    return figure


def _rate(each: Trials) -> float:
    return each.setting["learning_rate"]
