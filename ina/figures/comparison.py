"""Figures of scores: differences, learning curves, ablations, distractors, learning rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.ticker import LogLocator, NullFormatter

from ..labels import METHODS
from ..tables.ablation import TITLES, format_setting, is_lora, ordered, varied
from ..tables.distractors import GROWTH, advantages, level_scores, levels, trained
from ..tables.frame import Key, Study, frame
from ..tables.outcomes import cell_scores
from ..tables.search import trials, varied_settings
from ..tables.verdicts import MEAN, pairs, verdicts
from .style import STYLE, MethodStyle, legend, method_styles, prefix, style_of, task_title, with_panels

QUESTIONS = {  # of a pair of methods, by what the second is
    "lora": "InA − LoRA of the same sites and rank",
    "none": "with − without inhibition",
    "full": "adapter − full fine-tuning",
    "reference": "setting − reference",
}
_MARKS = (
    "Filled: better, worse or equivalent; hollow: undecided, or depends on the learning rate. Line: 95 % interval. "
    "Dot: a seed, paired. Grey: the margin within which two methods count as equivalent."
)


def questions(study: Study) -> list[str]:
    """The `QUESTIONS` that the pairs of a study answer."""
    found = {_question(study, *pair) for pair in pairs(study)}
    return [name for name in QUESTIONS if name in found]


def _question(study: Study, model: str, a: str, b: str) -> str:
    of, to = study.settings(model, a), study.settings(model, b)
    if to["kind"] == "full":
        return "full"
    if to["kind"] == "lora" != of["kind"]:
        return "lora"
    return "none" if to.get("inhibition") == 0 else "reference"


@matplotlib.rc_context(STYLE)
def differences(study: Study, question: str, selection: str = "last") -> Figure:
    """Differences of the pairs that answer one of `QUESTIONS`, with 95 % intervals and verdicts; a panel a model.

    An arrow at the edge stands for an interval that goes on.
    """
    order = {pair: place for place, pair in enumerate(pairs(study)) if _question(study, *pair) == question}
    found = verdicts(study)
    found = [one for one in found[found["selection"] == selection].to_dict("records") if _pair(one) in order]
    found.sort(key=lambda one: (order[_pair(one)], one["task"] == MEAN))
    models = list(dict.fromkeys(one["model"] for one in found))
    groups = {model: pd.DataFrame([one for one in found if one["model"] == model]) for model in models}
    lengths = [sum(len(rows) + (len(rows) > 1) for _, rows in of.groupby(["a", "b"])) for of in groups.values()]
    figure, axes = with_panels(len(models), columns=1, height=0.7 + 0.14 * max(lengths))
    limits = _limits(found)
    for axis, (model, of) in zip(axes, groups.items(), strict=True):
        labels, headings = [], []
        for (a, b), rows in of.groupby(["a", "b"], sort=False):
            pair = study.pair_label(model, a, b)
            if len(rows) > 1:
                headings.append(len(labels))
                labels.append(pair)
            for one in rows.to_dict("records"):
                _difference(axis, len(labels), one, one["difference"], method_styles(study)[a], one["name"], limits)
                task = "mean" if one["task"] == MEAN else task_title(study, one["task"])
                labels.append(task if len(rows) > 1 else pair)
        axis.set_xlim(limits)
        _label_rows(axis, labels, f"difference in points, {selection} epoch")
        for heading in headings:
            axis.get_yticklabels()[heading].set_fontweight("bold")
        axis.set_title(f"{prefix(study, model)}{QUESTIONS[question]}")
    legend(figure, _MARKS)
    return figure


def _pair(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["model"], one["a"], one["b"]


def _limits(found: list[dict[str, Any]]) -> tuple[float, float]:
    """The ends of the axis: past all values, but not to the ends of intervals that would dwarf all others.

    A marker is wider than the end of a line, and may have an arrow at the edge beside it.
    """
    ends = np.array([(one["simultaneous_low"], one["simultaneous_high"]) for one in found])
    values = 1.05 * np.array([value for one in found for value in (one["difference"], *one["scores"])])
    longest = 4 * np.median(abs(ends))
    margin = 1.05 * max(one["margin"] for one in found)
    low = min(-margin, *values, max(1.05 * ends.min(), -longest))
    high = max(margin, *values, min(1.05 * ends.max(), longest))
    return low, high


def _difference(
    axis: Axes,
    y: int,
    one: dict[str, Any],
    value: float,
    style: MethodStyle,
    word: str,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """A row of `verdicts`, or of `advantages` on a growth, in points."""
    axis.fill_betweenx([y - 0.5, y + 0.5], -one["margin"], one["margin"], color="#E4E4E4", linewidth=0)
    low, high = one["simultaneous_low"], one["simultaneous_high"]
    axis.plot([max(low, limits[0]), min(high, limits[1])], [y, y], color=style.colour, linewidth=1)
    for beyond, edge, arrow in ((low < limits[0], limits[0], CARETLEFT), (high > limits[1], limits[1], CARETRIGHT)):
        if beyond:
            axis.plot(edge, y, arrow, color=style.colour, clip_on=False)
    _seeds(axis, np.full(len(one["scores"]), y + 0.3), one["scores"], style, across=True)
    decided = one["verdict"] in ("better", "worse", "equivalent")
    axis.plot(value, y, style.marker, color=style.colour, markerfacecolor=style.colour if decided else "white")
    axis.text(1.01, y, word, transform=axis.get_yaxis_transform(), va="center", fontsize=7)


def _seeds(axis: Axes, places: np.ndarray, scores, style: MethodStyle, across: bool = False) -> None:
    x, y = (scores, places) if across else (places, scores)
    axis.plot(x, y, ".", color=style.colour, markersize=2.5, alpha=0.6)


def _label_rows(axis: Axes, labels: list[str], title: str) -> None:
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
    found = frame(study.records, every_epoch=True)
    found = found[found["metric"] == found["headline"]].astype({"value": float})
    panels, styles = study.panels, method_styles(study)
    rows = -(-len(panels) // 4)
    figure, axes = with_panels(len(panels), columns=-(-len(panels) // rows), height=1.9)
    for axis, (model, task) in zip(axes, panels, strict=True):
        for key in study.keys(model, task):
            runs = found[(found["model"] == model) & (found["task"] == task) & (found["method"] == key[2])]
            scores = 100 * runs.groupby("epoch")["value"].agg(["mean", "min", "max"])
            style, label = styles[key[2]], study.label(model=model, method=key[2])
            axis.plot(scores.index, scores["mean"], color=style.colour, marker=style.marker, linestyle=style.line,
                      label=label)  # fmt: skip
            band = {"color": style.colour, "alpha": 0.15, "linewidth": 0}
            axis.fill_between(scores.index.to_numpy(float), scores["min"], scores["max"], **band)
        axis.set_title(prefix(study, model) + task_title(study, task))
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.set_ylabel(_metric(study, task))
    legend(figure, "Line: mean of the seeds. Band: their range.")
    return figure


@matplotlib.rc_context(STYLE)
def ablation(study: Study, selection: str = "last") -> Figure:
    """Scores with 95 % intervals against the setting that has most values; the band is the interval of LoRA.

    Each method and each value of the other settings is a series of its own.
    """
    keys, panels = varied(study), study.panels
    figure, axes = with_panels(len(panels), columns=2, height=2.4)
    note = f"Mark: mean, {selection} epoch. Line: 95 % interval. Dot: a seed."
    for axis, (model, task) in zip(axes, panels, strict=True):
        cells = {key: study.settings(model, key[2]) for key in ordered(study, model, task)}
        values = {key: list(dict.fromkeys(format_setting(key, of) for of in cells.values())) for key in keys}
        along = max(keys, key=lambda key: len(values[key]))
        series: dict[str, list[Key]] = {}
        for cell, of in cells.items():
            others = [format_setting(key, of) for key in keys if key != along]
            series.setdefault(", ".join([METHODS.get(of["name"], of["name"]), *others]), []).append(cell)
        for place, (label, group) in enumerate(series.items()):
            of = cells[group[0]]
            before = [cells[other[0]]["name"] for other in list(series.values())[:place]].count(of["name"])
            shade = {"inhibition": min(0.3 + 0.6 * before, 1)} if "inhibition" in of else {}
            style = style_of(of | shade)
            x = np.array([values[along].index(format_setting(along, cells[cell])) for cell in group])
            x = x + 0.15 * (place - (len(series) - 1) / 2)
            found = [cell_scores(study, cell, selection) for cell in group]
            line = replace(style, line=style.line if along in ("inhibition", "r") else "none")
            ends = 100 * np.array([(ends.low, ends.high) for ends in (one.estimate.interval() for one in found)])
            _line(axis, x, 100 * np.array([one.estimate.value for one in found]), ends, line, label)
            for at, one in zip(x + 0.05, found, strict=True):
                _seeds(axis, np.full(len(one.scores), at), 100 * np.array(one.scores), line)
        for cell, of in cells.items():
            if is_lora(of) and of["kind"] != "lora":
                band = cell_scores(study, cell, selection).estimate.interval()
                axis.axhspan(100 * band.low, 100 * band.high, color="#E4E4E4", zorder=0)
                note += " Grey: 95 % interval of identity at inhibition 0, which computes what LoRA does."
        broken = [value.replace("+", "\n+ ").replace("_", "_\n") for value in values[along]]  # long ones would touch
        axis.set_xticks(range(len(broken)), broken)
        axis.set_xlabel(TITLES[along].lower())
        axis.set_ylabel(_metric(study, task))
        axis.set_title(f"{study.label(model=model)}, {task_title(study, task)}")
    legend(figure, note)
    return figure


@matplotlib.rc_context(STYLE)
def distractors(study: Study) -> Figure:
    """F1 against the number of distractors; the advantage over LoRA; how much each advantage grows, with its verdict.

    95 % intervals, last epoch; marks as in :func:`differences`.
    """
    measured, panels, styles = levels(study), study.panels, method_styles(study)
    scores_of, gains_of = level_scores(study), advantages(study)
    figure, axes = with_panels(3 * len(panels), columns=3, height=2.6)
    for (model, task), scores, gains, growth in zip(panels, axes[::3], axes[1::3], axes[2::3], strict=True):
        methods = [method for _, _, method in study.keys(model, task)]
        mine = gains_of[(gains_of["model"] == model) & (gains_of["task"] == task)]
        for place, method in enumerate(methods):
            x = np.arange(len(measured)) + 0.1 * (place - (len(methods) - 1) / 2)
            style, label = styles[method], study.label(model=model, method=method)
            of = scores_of[(scores_of["model"] == model) & (scores_of["task"] == task) & (scores_of["a"] == method)]
            _line(scores, x, of["value"].to_numpy(), of[["low", "high"]].to_numpy(), style, label)
            for b, one in mine[(mine["a"] == method) & (mine["distractors"] != GROWTH)].groupby("b", sort=False):
                if study.settings(model, b)["kind"] == "lora":
                    _line(gains, x, one["value"].to_numpy(), one[["low", "high"]].to_numpy(), style, label)
                    for at, differences_of_seeds in zip(x, one["scores"], strict=True):
                        _seeds(gains, np.full(len(differences_of_seeds), at), differences_of_seeds, style)
        rows = mine[mine["distractors"] == GROWTH].to_dict("records")
        rows.sort(key=lambda one: methods.index(one["b"]))
        for y, one in enumerate(rows):
            _difference(growth, y, one, one["value"], styles[one["a"]], one["advantage"])
        names = [study.pair_label(model, one["a"], one["b"]).replace(" − ", "\n− ") for one in rows]
        _label_rows(growth, names, "growth of the difference, F1")
        gains.axhline(0, color="black", linewidth=0.6)
        low, high = scores.get_ylim()  # a few seeds can have an interval that ends where there are no scores
        scores.set_ylim(max(low, 0), min(high, 100))
        scores.set_ylabel("F1")
        gains.set_ylabel("F1 − F1 of LoRA")
        for axis in (scores, gains):
            axis.axvline(measured.index(trained(study)), color="#999999", linestyle=":", linewidth=0.8, zorder=0)
            axis.set_xticks(range(len(measured)), map(str, measured))
            axis.set_xlabel("distractors in the paragraph")
        for axis in (scores, gains, growth):
            axis.set_title(prefix(study, model) + task_title(study, task))
    legend(figure, f"Dotted: {trained(study)} distractors in training. {_MARKS}")
    return figure


def _line(axis: Axes, x: np.ndarray, means: np.ndarray, ends: np.ndarray, style: MethodStyle, label: str) -> None:
    """Means (n,) in points with their intervals (n, 2)."""
    lengths = abs(ends.T - means)
    axis.errorbar(x, means, lengths, color=style.colour, marker=style.marker, linestyle=style.line, elinewidth=0.7,
                  capsize=2, label=label)  # fmt: skip


@matplotlib.rc_context(STYLE)
def rates(study: Study) -> Figure:
    """A panel a task: the best headline score of each trial as a dot, the mean over seeds as a line.

    The filled marker is the rate that the method takes: the best mean over the tasks of the search.
    """
    found, styles = trials(study), method_styles(study)
    figure, axes = with_panels(len(study.tasks), columns=min(2, len(study.tasks)), height=2.6)
    for axis, task in zip(axes, study.tasks, strict=True):
        for model, method in study.methods:
            if varied_settings(study, model, method) != ["learning_rate"]:
                continue
            of = found[(found["model"] == model) & (found["method"] == method) & (found["task"] == task)]
            of, style = of.sort_values("learning_rate"), styles[method]
            axis.plot(of["learning_rate"].astype(float), of["mean"], color=style.colour, linestyle=style.line,
                      marker=style.marker, markerfacecolor="white",
                      label=study.label(model=model, method=method))  # fmt: skip
            for one in of.itertuples():
                if len(one.scores) > 1:
                    _seeds(axis, np.full(len(one.scores), one.learning_rate), one.scores, style)
                if one.taken:
                    axis.plot(one.learning_rate, one.mean, style.marker, color=style.colour)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.xaxis.set_major_formatter(lambda rate, _: f"{rate:.0e}".replace("e-0", "e-"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel("learning rate")
        headline = study.runs.loc[study.runs["task"] == task, "headline"].iloc[0]
        axis.set_ylabel(f"{headline}, held-out training rows")
        axis.set_title(task_title(study, task))
    legend(figure, "Filled: the rate that the method takes. Dot: a seed, where there are several.")
    return figure


def _metric(study: Study, task: str) -> str:
    headline = study.runs.loc[study.runs["task"] == task, "headline"].iloc[0]
    return {"mcc": "MCC", "f1": "F1", "pearson": "Pearson"}.get(headline, headline.split("_")[0])
