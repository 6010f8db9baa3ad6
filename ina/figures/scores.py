"""Figures of scores: differences, curves, seeds, sizes, ablations, distractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFT, CARETRIGHT

from .. import stats
from ..tables import collect
from ..tables.ablation import TITLES, is_lora, ordered, told, varied
from ..tables.ablation import panels as ablation_panels
from ..tables.collect import Cell, Rule, Study
from ..tables.distractors import WORDS, Advantage, advantages, level_summary, levels
from ..tables.outcomes import average, summarise
from ..tables.verdicts import Judged, judge, pairs
from .style import STYLE, Look, cells_of, legend, look_of, looks, of_task, prefix, with_panels

QUESTIONS = {  # of a pair of methods, by what the second is
    "lora": "InA − LoRA of the same sites and rank",
    "none": "with − without inhibition",
    "full": "adapter − full fine-tuning",
    "reference": "setting − reference",
}
_MARKS = (
    "Filled: better, worse or equivalent; hollow: undecided, or depends on the learning rate. Line: 95 % interval. "
    "Dot: a seed, paired. Grey: the margin within which two methods count as equivalent."
)


def asked(study: Study) -> list[str]:
    """The `QUESTIONS` that the pairs of a study answer."""
    found = {_question(study, a, b) for _, a, b in pairs(study)}
    return [name for name in QUESTIONS if name in found]


def _question(study: Study, a: str, b: str) -> str:
    of, to = (next(run.config["method"] for run in study.runs if run.method == method) for method in (a, b))
    if to["kind"] == "full":
        return "full"
    if to["kind"] == "lora" != of["kind"]:
        return "lora"
    return "none" if to.get("inhibition") == 0 else "reference"


@matplotlib.rc_context(STYLE)
def differences(study: Study, question: str, rule: Rule = "last") -> Figure:
    """Differences of the pairs that answer one of `QUESTIONS`, with 95 % intervals and verdicts; a panel a model.

    An arrow at the edge stands for an interval that goes on.
    """
    judged = study.once(("judged", rule), partial(judge, study, rule))
    order = {pair: position for position, pair in enumerate(pairs(study))}
    judged = sorted(
        (one for one in judged if _question(study, one.a, one.b) == question),
        key=lambda one: (order[one.model, one.a, one.b], one.task is None),
    )
    models = list(dict.fromkeys(one.model for one in judged))
    groups = {model: _by_pair([one for one in judged if one.model == model]) for model in models}
    lengths = [sum(len(rows) + (len(rows) > 1) for rows in of.values()) for of in groups.values()]
    figure, axes = with_panels(len(models), columns=1, height=0.7 + 0.14 * max(lengths))
    reach = _reach(judged)
    for axis, (model, of) in zip(axes, groups.items(), strict=True):
        labels, headings = [], []
        for (a, b), rows in of.items():
            pair = f"{study.method_label(a)} − {study.method_label(b)}"
            if len(rows) > 1:
                headings.append(len(labels))
                labels.append(pair)
            for one in rows:
                _difference(axis, len(labels), one.compared, one.verdict, looks(study)[a], one.verdict.verdict, reach)
                task = "mean" if one.task is None else of_task(study, one.task)
                labels.append(task if len(rows) > 1 else pair)
        axis.set_xlim(reach)
        _rows(axis, labels, f"difference in points, {rule} epoch")
        for heading in headings:
            axis.get_yticklabels()[heading].set_fontweight("bold")
        axis.set_title(f"{prefix(study, model)}{QUESTIONS[question]}")
    legend(figure, _MARKS)
    return figure


def _by_pair(judged: list[Judged]) -> dict[tuple[str, str], list[Judged]]:
    found: dict[tuple[str, str], list[Judged]] = {}
    for one in judged:
        found.setdefault((one.a, one.b), []).append(one)
    return found


def _reach(judged: list[Judged]) -> tuple[float, float]:
    """From where to where the axis goes: past all values, but not to the ends of intervals that would dwarf all others.

    A marker is wider than the end of a line, and may have an arrow at the edge beside it.
    """
    ends = 100 * np.array([(one.verdict.interval.low, one.verdict.interval.high) for one in judged])
    values = 105 * np.array([value for one in judged for value in (one.verdict.difference, *one.compared.scores)])
    longest = 4 * np.median(abs(ends))
    margin = 105 * max(one.verdict.margin for one in judged)
    low = min(-margin, *values, max(1.05 * ends.min(), -longest))
    high = max(margin, *values, min(1.05 * ends.max(), longest))
    return low, high


def _difference(
    axis: Axes,
    y: int,
    compared: stats.Comparison | stats.Aggregate,
    verdict: stats.Verdict,
    look: Look,
    word: str,
    reach: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    margin = 100 * verdict.margin
    axis.fill_betweenx([y - 0.5, y + 0.5], -margin, margin, color="#E4E4E4", linewidth=0)
    low, high = 100 * verdict.interval.low, 100 * verdict.interval.high
    axis.plot([max(low, reach[0]), min(high, reach[1])], [y, y], color=look.colour, linewidth=1)
    for beyond, edge, arrow in ((low < reach[0], reach[0], CARETLEFT), (high > reach[1], reach[1], CARETRIGHT)):
        if beyond:
            axis.plot(edge, y, arrow, color=look.colour, clip_on=False)
    seeds = 100 * np.array(compared.scores)
    axis.plot(seeds, np.full(len(seeds), y + 0.3), ".", color=look.colour, markersize=2.5, alpha=0.6)
    decided = verdict.verdict in ("better", "worse", "equivalent")
    value = 100 * compared.difference.value
    axis.plot(value, y, look.marker, color=look.colour, markerfacecolor=look.colour if decided else "white")
    axis.text(1.01, y, word, transform=axis.get_yaxis_transform(), va="center", fontsize=7)


def _rows(axis: Axes, labels: list[str], title: str) -> None:
    """What all panels with a difference a row share."""
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_yticks(range(len(labels)), labels, fontsize=7)
    axis.tick_params(left=False)
    axis.spines["left"].set_visible(False)
    axis.set_xlabel(title)


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
    legend(figure, "Line: mean of the seeds. Band: their range.")
    return figure


@matplotlib.rc_context(STYLE)
def size(study: Study, rule: Rule = "last") -> Figure:
    """Score with 95 % interval and trainable weights of every method, mean over GLUE's tasks, other tasks alone.

    Methods that lack one of the tasks are left out.
    """
    groups = [study.averaged, *((task,) for task in study.tasks if task not in study.averaged)]
    panels = [
        (model, tasks)
        for model in dict.fromkeys(model for model, _ in study.methods)
        for group in groups
        if (tasks := [task for task in group if any((model, task) == key[:2] for key in study.cells)])
    ]
    figure, axes = with_panels(2 * len(panels), columns=2, height=0.7 + 0.17 * len(study.methods))
    for scores, weights, (model, tasks) in zip(axes[::2], axes[1::2], panels, strict=True):
        methods = [m for of, m in study.methods if of == model and all((model, t, m) in study.cells for t in tasks)]
        for y, method in enumerate(methods):
            cells = [study.cells[model, task, method] for task in tasks]
            found, look = average(study, cells, rule), looks(study)[method]
            scores.plot([100 * found.interval.low, 100 * found.interval.high], [y, y], color=look.colour)
            scores.plot(100 * found.estimate.value, y, look.marker, color=look.colour)
            trained = float(np.mean([cell.first.params.trainable for cell in cells]))
            weights.plot(trained, y, look.marker, color=look.colour)
        what = f"mean of {len(tasks)} tasks" if len(tasks) > 1 else of_task(study, tasks[0])
        scores.set_title(prefix(study, model) + what)
        scores.set_xlabel(f"score and 95 % interval, {rule} epoch")
        weights.set_xscale("log")
        weights.set_xlabel("trainable weights")
        for axis, labels in ((scores, list(map(study.method_label, methods))), (weights, [""] * len(methods))):
            axis.set_yticks(range(len(methods)), labels)
            axis.set_ylim(len(methods) - 0.5, -0.5)
            axis.tick_params(axis="y", left=False)
            axis.grid(axis="y", color="#E4E4E4", linewidth=0.6)
    return figure


@matplotlib.rc_context(STYLE)
def seeds(study: Study, rule: Rule = "last") -> Figure:
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
    legend(figure, f"Mark: a run, {rule} epoch. Bar: mean. Cross: a run that predicts the same for every example.")
    return figure


@matplotlib.rc_context(STYLE)
def ablation(study: Study, rule: Rule = "last") -> Figure:
    """Scores with 95 % intervals against the setting that has most values; the band is the interval of LoRA.

    Each method and each value of the other settings is a series of its own.
    """
    keys, panels = varied(study), ablation_panels(study)
    figure, axes = with_panels(len(panels), columns=2, height=2.4)
    note = f"Mark: mean, {rule} epoch. Line: 95 % interval. Dot: a seed."
    for axis, (model, task) in zip(axes, panels, strict=True):
        cells = ordered(study, model, task)
        values = {key: list(dict.fromkeys(told(key, _method(cell)) for cell in cells)) for key in keys}
        along = max(keys, key=lambda key: len(values[key]))
        series: dict[str, list[Cell]] = {}
        for cell in cells:
            others = [told(key, _method(cell)) for key in keys if key != along]
            series.setdefault(", ".join([collect.NAMES[_method(cell)["name"]], *others]), []).append(cell)
        for place, (label, group) in enumerate(series.items()):
            of = _method(group[0])
            before = [_method(other[0])["name"] for other in list(series.values())[:place]].count(of["name"])
            shade = {"inhibition": min(0.3 + 0.6 * before, 1)} if "inhibition" in of else {}
            look = look_of(of | shade)
            x = np.array([values[along].index(told(along, _method(cell))) for cell in group])
            x = x + 0.15 * (place - (len(series) - 1) / 2)
            found = [summarise(study, cell, rule) for cell in group]
            line = look.line if along in ("inhibition", "r") else "none"
            _line(axis, x, [one.mean for one in found], found, replace(look, line=line), label)
        for cell in cells:
            if is_lora(_method(cell)) and _method(cell)["kind"] != "lora":
                band = summarise(study, cell, rule).interval
                axis.axhspan(100 * band.low, 100 * band.high, color="#E4E4E4", zorder=0)
                note += " Grey: 95 % interval of identity at inhibition 0, which computes what LoRA does."
        broken = [value.replace("+", "\n+ ").replace("_", "_\n") for value in values[along]]  # long ones would touch
        axis.set_xticks(range(len(broken)), broken)
        axis.set_xlabel(TITLES[along].lower())
        axis.set_ylabel(_metric(study, task))
        axis.set_title(f"{study.model_label(model)}, {of_task(study, task)}")
    legend(figure, note)
    return figure


def _method(cell: Cell) -> dict[str, Any]:
    return cell.first.config["method"]


@matplotlib.rc_context(STYLE)
def distractors(study: Study) -> Figure:
    """F1 against the number of distractors; the advantage over LoRA; how much each advantage grows, with its verdict.

    95 % intervals, last epoch; marks as in :func:`differences`.
    """
    measured, trained = levels(study), study.runs[0].config["data"]["distractors"]
    panels = list(dict.fromkeys((cell.model, cell.task) for cell in study.cells.values()))
    figure, axes = with_panels(3 * len(panels), columns=3, height=2.6)
    for (model, task), scores, gains, growth in zip(panels, axes[::3], axes[1::3], axes[2::3], strict=True):
        cells = cells_of(study, model, task)
        for place, (method, cell) in enumerate(cells.items()):
            x = np.arange(len(measured)) + 0.1 * (place - (len(cells) - 1) / 2)
            look, label = looks(study)[method], study.method_label(method)
            found = [level_summary(study, cell, level) for level in measured]
            _line(scores, x, [one.mean for one in found], found, look, label, seeds=False)
            for one in advantages(study):
                kind = _method(cells[one.b])["kind"] if one.b in cells else ""
                if (one.model, one.task, one.a, kind) == (model, task, method, "lora"):
                    _line(gains, x, [of.difference.value for of in one.by_level], one.by_level, look, label)
        found = [one for one in advantages(study) if (one.model, one.task) == (model, task)]
        _growth(growth, study, sorted(found, key=lambda one: list(cells).index(one.b)))
        gains.axhline(0, color="black", linewidth=0.6)
        low, high = scores.get_ylim()  # a few seeds can have an interval that ends where there are no scores
        scores.set_ylim(max(low, 0), min(high, 100))
        scores.set_ylabel("F1")
        gains.set_ylabel("F1 − F1 of LoRA")
        for axis in (scores, gains):
            axis.axvline(measured.index(trained), color="#999999", linestyle=":", linewidth=0.8, zorder=0)
            axis.set_xticks(range(len(measured)), map(str, measured))
            axis.set_xlabel("distractors in the paragraph")
        for axis in (scores, gains, growth):
            axis.set_title(prefix(study, model) + of_task(study, task))
    legend(figure, f"Dotted: {trained} distractors in training. {_MARKS}")
    return figure


def _growth(axis: Axes, study: Study, rows: list[Advantage]) -> None:
    for y, one in enumerate(rows):
        _difference(axis, y, one.growth, one.verdict, looks(study)[one.a], WORDS[one.verdict.verdict])
    names = [f"{study.method_label(one.a)}\n− {study.method_label(one.b)}" for one in rows]
    _rows(axis, names, "growth of the difference, F1")


def _line(
    axis: Axes,
    x: np.ndarray,
    values: list[float],
    found: Sequence[stats.CellSummary | stats.Comparison],
    look: Look,
    label: str,
    seeds: bool = True,
) -> None:
    means = 100 * np.array(values)
    limits = 100 * np.array([[one.interval.low, one.interval.high] for one in found]).T
    axis.errorbar(x, means, abs(limits - means), color=look.colour, marker=look.marker, linestyle=look.line,
                  elinewidth=0.7, capsize=2, label=label)  # fmt: skip
    if seeds:
        for place, one in zip(x + 0.05, found, strict=True):
            scores = 100 * np.array(one.scores)
            axis.plot(np.full(len(scores), place), scores, ".", color=look.colour, markersize=2.5, alpha=0.6)


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
