"""Figures of scores: differences, curves, seeds, sizes, ablations, distractors."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import stats
from ..tables import collect
from ..tables.ablation import TITLES, is_lora, ordered, told, varied
from ..tables.ablation import panels as ablation_panels
from ..tables.collect import RULES, Cell, Rule, Study
from ..tables.distractors import WORDS, Advantage, advantages, level_summary, levels
from ..tables.outcomes import average, summarise
from ..tables.verdicts import Judged, judge
from .style import COLOURS, LINES, MARKERS, STYLE, Look, cells_of, legend, looks, of_task, prefix, with_panels


@matplotlib.rc_context(STYLE)
def forest(study: Study, rule: Rule = "best") -> Figure:
    """Differences between methods with 95 % intervals, a panel for each model and pair; the margin is shaded.

    A filled marker stands for a verdict (better, worse, equivalent), a hollow one for undecided; an arrow at the edge
    for an interval that goes on.
    """
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for one in judge(study, rule):
        groups.setdefault((one.model, one.a, one.b), []).append(one)
    limit = _reach(groups)
    longest = max(map(len, groups.values()), default=1)
    figure, axes = with_panels(len(groups), columns=3, height=0.75 + 0.17 * longest)
    for axis, ((model, a, b), rows) in zip(axes, groups.items(), strict=True):
        for y, one in enumerate(rows):
            _difference(axis, y, one.compared, one.verdict, looks(study)[a], limit)
        axis.axvline(0, color="black", linewidth=0.6)
        axis.set_xlim(-limit, limit)
        axis.set_ylim(longest - 0.5, -0.5)
        axis.set_yticks(range(len(rows)), [of_task(study, one.task) if one.task else "mean" for one in rows])
        axis.tick_params(left=False)
        axis.spines["left"].set_visible(False)
        axis.set_title(f"{prefix(study, model)}{study.method_label(a)}\n− {study.method_label(b)}")
        axis.set_xlabel("difference in points")
    return figure


def _reach(groups: dict[tuple[str, str, str], list[Judged]]) -> float:
    """How far the axis goes: past all values, but not to the ends of a few intervals that would dwarf all others."""
    judged = [one for rows in groups.values() for one in rows]
    ends = [100 * abs(end) for one in judged for end in (one.compared.interval.low, one.compared.interval.high)]
    values = [100 * abs(one.compared.difference.value) for one in judged]
    # a marker is wider than the end of a line, and may have an arrow at the edge beside it
    return max(1.05 * min(max(ends), 4 * float(np.median(ends))), 1.15 * max(values)) if judged else 1.0


def _difference(
    axis: Axes,
    y: int,
    compared: stats.Comparison | stats.Aggregate,
    verdict: stats.Verdict,
    look: Look,
    limit: float = np.inf,
) -> None:
    margin = 100 * verdict.margin
    axis.fill_betweenx([y - 0.5, y + 0.5], -margin, margin, color="#DDDDDD", linewidth=0)
    low, high = 100 * compared.interval.low, 100 * compared.interval.high
    axis.plot([max(low, -limit), min(high, limit)], [y, y], color=look.colour, linewidth=1)
    for bound, edge, arrow in ((low, -limit, "<"), (high, limit, ">")):
        if abs(bound) > limit:
            axis.plot(edge, y, arrow, color=look.colour, clip_on=False)
    decided = verdict.verdict != "undecided"
    value = 100 * compared.difference.value
    axis.plot(value, y, look.marker, color=look.colour, markerfacecolor=look.colour if decided else "white")


@matplotlib.rc_context(STYLE)
def curves(study: Study) -> Figure:
    """The headline score after every epoch: mean over seeds, with the range of the seeds as a band."""
    figure, axes = _cell_panels(study)
    for axis, (model, task) in axes.items():
        for method, cell in cells_of(study, model, task).items():
            look = looks(study)[method]
            scores = 100 * np.array([[e.metrics[cell.headline] for e in run.evaluations] for run in _whole(cell)])
            epochs = [e.epoch for e in cell.first.evaluations]
            axis.plot(epochs, scores.mean(axis=0), color=look.colour, marker=look.marker, linestyle=look.line,
                      label=study.method_label(method))  # fmt: skip
            axis.fill_between(
                epochs, scores.min(axis=0), scores.max(axis=0), color=look.colour, alpha=0.15, linewidth=0
            )
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.set_ylabel(_metric(study, task))
    legend(figure)
    return figure


@matplotlib.rc_context(STYLE)
def size(study: Study, rule: Rule = "best") -> Figure:
    """Score against trainable weights with 95 % intervals: mean over GLUE's tasks, every other task in its own panel.

    Methods that lack one of the tasks are left out.
    """
    groups = [study.averaged, *((task,) for task in study.tasks if task not in study.averaged)]
    panels = [
        (model, tasks)
        for model in dict.fromkeys(model for model, _ in study.methods)
        for group in groups
        if (tasks := [task for task in group if any((model, task) == key[:2] for key in study.cells)])
    ]
    figure, axes = with_panels(len(panels), columns=3, height=2.4)
    for axis, (model, tasks) in zip(axes, panels, strict=True):
        methods = [m for of, m in study.methods if of == model and all((model, t, m) in study.cells for t in tasks)]
        drawn: list[float] = []
        for method in methods:
            cells = [study.cells[model, task, method] for task in tasks]
            found = average(study, cells, rule)
            value, low, high = (100 * x for x in (found.estimate.value, found.interval.low, found.interval.high))
            weights = float(np.mean([cell.first.params.trainable for cell in cells]))
            apart = 1.15 ** sum(abs(other / weights - 1) < 0.2 for other in drawn)  # LoRA and InA have the same number
            drawn.append(weights)
            look = looks(study)[method]
            axis.errorbar(
                weights * apart,
                value,
                [[value - low], [high - value]],
                color=look.colour,
                marker=look.marker,
                linestyle="none",
                capsize=2,
                label=study.method_label(method),
            )
        axis.set_xscale("log")
        axis.set_xlabel("trainable weights\n(like numbers set apart)")
        what = f"mean of {len(tasks)} tasks" if len(tasks) > 1 else of_task(study, tasks[0])
        axis.set_ylabel(f"{what},\n{rule} epoch")
        axis.set_title(study.model_label(model))
        axis.margins(x=0.2)
    legend(figure)
    return figure


@matplotlib.rc_context(STYLE)
def seeds(study: Study, rule: Rule = "best") -> Figure:
    """Every run as a point, the mean as a bar; degenerate runs are crosses."""
    figure, axes = _cell_panels(study)
    for axis, (model, task) in axes.items():
        cells = cells_of(study, model, task)
        for x, (method, cell) in enumerate(cells.items()):
            look = looks(study)[method]
            scores = 100 * cell.scores(cell.headline, rule)
            failed = np.array([getattr(run, rule).degenerate for run in cell.runs])
            places = x + np.linspace(-0.2, 0.2, len(scores)) if len(scores) > 1 else np.array([x])
            axis.plot(places[~failed], scores[~failed], look.marker, color=look.colour, markerfacecolor="none",
                      label=study.method_label(method))  # fmt: skip
            axis.plot(places[failed], scores[failed], "x", color=look.colour)
            axis.plot([x - 0.3, x + 0.3], [scores.mean()] * 2, color=look.colour)
        axis.set_xticks([])
        axis.set_xlim(-0.6, len(cells) - 0.4)
        axis.set_ylabel(_metric(study, task))
    legend(figure)
    return figure


@matplotlib.rc_context(STYLE)
def ablation(study: Study) -> Figure:
    """Scores with 95 % intervals against the setting that has most values; best epoch filled, last epoch hollow.

    Each method and each value of the other settings is a series of its own. The band is the interval of the cell that
    computes what LoRA does, best epoch.
    """
    keys, panels = varied(study), ablation_panels(study)
    figure, axes = with_panels(len(panels), columns=2, height=2.4)
    for axis, (model, task) in zip(axes, panels, strict=True):
        cells = ordered(study, model, task)
        values = {key: list(dict.fromkeys(told(key, _method(cell)) for cell in cells)) for key in keys}
        along = max(keys, key=lambda key: len(values[key]))
        series: dict[str, list[Cell]] = {}
        for cell in cells:
            others = [told(key, _method(cell)) for key in keys if key != along]
            series.setdefault(", ".join([collect.NAMES[_method(cell)["name"]], *others]), []).append(cell)
        for place, (label, group) in enumerate(series.items()):
            look = Look(COLOURS[place + 1], MARKERS[place], LINES[place])
            for shift, rule in enumerate(RULES):
                x = [values[along].index(told(along, _method(cell))) + 0.12 * (2 * place + shift) for cell in group]
                _with_bars(axis, x, [summarise(study, cell, rule) for cell in group], look, label, rule)
        for cell in cells:
            if is_lora(_method(cell)) and _method(cell)["kind"] != "lora":
                band = summarise(study, cell, "best").interval
                axis.axhspan(100 * band.low, 100 * band.high, color="#DDDDDD", zorder=0, label="LoRA, best epoch")
        broken = [value.replace("+", "\n+ ").replace("_", "_\n") for value in values[along]]  # long ones would touch
        axis.set_xticks(range(len(broken)), broken)
        axis.set_xlabel(TITLES[along].lower())
        axis.set_ylabel(_metric(study, task))
        axis.set_title(f"{study.model_label(model)}, {of_task(study, task)}")
    legend(figure)
    return figure


def _method(cell: Cell) -> dict[str, Any]:
    return cell.first.config["method"]


def _with_bars(axis: Axes, x: list[float], found: list[stats.CellSummary], look: Look, label: str, rule: Rule) -> None:
    means = 100 * np.array([one.mean for one in found])
    ends = 100 * np.array([[one.interval.low, one.interval.high] for one in found]).T
    axis.errorbar(
        x,
        means,
        np.abs(ends - means),
        color=look.colour,
        marker=look.marker,
        markerfacecolor=look.colour if rule == "best" else "white",
        linestyle="none",
        capsize=2,
        label=f"{label}, {rule} epoch",
    )


@matplotlib.rc_context(STYLE)
def distractors(study: Study) -> Figure:
    """F1 against the number of distractors; the advantage over LoRA; how much each advantage grows, with its verdict.

    95 % intervals, last epoch; markers as in :func:`forest`.
    """
    measured = levels(study)
    panels = list(dict.fromkeys((cell.model, cell.task) for cell in study.cells.values()))
    figure, axes = with_panels(3 * len(panels), columns=3, height=2.7)
    for (model, task), scores, gains, growth in zip(panels, axes[::3], axes[1::3], axes[2::3], strict=True):
        cells = cells_of(study, model, task)
        for place, (method, cell) in enumerate(cells.items()):
            x = np.arange(len(measured)) + 0.1 * (place - (len(cells) - 1) / 2)
            look, label = looks(study)[method], study.method_label(method)
            found = [level_summary(study, cell, level) for level in measured]
            _line(scores, x, [one.mean for one in found], [one.interval for one in found], look, label)
            for one in advantages(study):
                kind = _method(cells[one.b])["kind"] if one.b in cells else ""
                if (one.model, one.task, one.a, kind) == (model, task, method, "lora"):
                    values = [of.difference.value for of in one.by_level]
                    _line(gains, x, values, [of.interval for of in one.by_level], look, label)
        found = [one for one in advantages(study) if (one.model, one.task) == (model, task)]
        _growth(growth, study, sorted(found, key=lambda one: list(cells).index(one.b)))
        gains.axhline(0, color="black", linewidth=0.6)
        low, high = scores.get_ylim()  # a few seeds can have an interval that ends where there are no scores
        scores.set_ylim(max(low, 0), min(high, 100))
        scores.set_ylabel("F1")
        gains.set_ylabel("F1 − F1 of LoRA")
        for axis in (scores, gains):
            axis.set_xticks(range(len(measured)), map(str, measured))
            axis.set_xlabel("distractors in the paragraph")
        for axis in (scores, gains, growth):
            axis.set_title(prefix(study, model) + of_task(study, task))
    legend(figure)
    return figure


def _growth(axis: Axes, study: Study, rows: list[Advantage]) -> None:
    for y, one in enumerate(rows):
        _difference(axis, y, one.growth, one.verdict, looks(study)[one.a])
        axis.text(1.02, y, WORDS[one.verdict.verdict], transform=axis.get_yaxis_transform(), va="center")
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    names = [f"{study.method_label(one.a)}\n− {study.method_label(one.b)}" for one in rows]
    axis.set_yticks(range(len(rows)), names, fontsize=6.5, linespacing=0.95)
    axis.tick_params(left=False)
    axis.spines["left"].set_visible(False)
    axis.set_xlabel("growth of the difference, F1")


def _line(axis: Axes, x: np.ndarray, values: list[float], ends: list[stats.Interval], look: Look, label: str) -> None:
    means = 100 * np.array(values)
    limits = 100 * np.array([[one.low, one.high] for one in ends]).T
    axis.errorbar(x, means, abs(limits - means), color=look.colour, marker=look.marker, linestyle=look.line,
                  elinewidth=0.7, capsize=2, label=label)  # fmt: skip


def _cell_panels(study: Study) -> tuple[Figure, dict[Axes, tuple[str, str]]]:
    """A panel for each model and task."""
    cells = list(dict.fromkeys((cell.model, cell.task) for cell in study.cells.values()))
    rows = -(-len(cells) // 4)
    figure, axes = with_panels(len(cells), columns=-(-len(cells) // rows), height=1.9)
    for axis, (model, task) in zip(axes, cells, strict=True):
        axis.set_title(prefix(study, model) + of_task(study, task))
    return figure, dict(zip(axes, cells, strict=True))


def _whole(cell: Cell) -> list:
    """Runs with as many epochs as the first; others cannot be averaged with it."""
    return [run for run in cell.runs if len(run.evaluations) == len(cell.first.evaluations)]


def _metric(study: Study, task: str) -> str:
    headline = next(run.headline for run in study.runs if run.task == task)
    return {"mcc": "MCC", "f1": "F1", "pearson": "Pearson"}.get(headline, headline.split("_")[0])
