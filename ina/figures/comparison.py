"""Figures of scores: differences, learning curves, ablations, distractors, learning rates."""

from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..labels import METHODS
from ..tables.ablation import TITLES, ablation_table, equals_lora, varied
from ..tables.distractors import GROWTH, advantages, level_scores, levels, trained
from ..tables.frame import Study, frame
from ..tables.search import trials, varied_settings
from ..tables.verdicts import MEAN, pairs, verdicts
from .style import STYLE, axis_limits, legend, method_styles, prefix, series, style_of, task_title, with_panels

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
    """Differences of the pairs that answer one of `QUESTIONS`, with 95 % intervals and verdicts; a panel a model."""
    found = verdicts(study)
    by_pair = dict(list(found[found["selection"] == selection].groupby(["model", "a", "b"])))
    panels: dict[str, list[tuple[str, dict | None]]] = {}
    for pair in (pair for pair in pairs(study) if pair in by_pair and _question(study, *pair) == question):
        rows = by_pair[pair].sort_values("task", key=lambda of: of == MEAN, kind="stable").to_dict("records")
        labels = ["mean" if one["task"] == MEAN else task_title(study, one["task"]) for one in rows]
        listed = list(zip(labels, rows, strict=True))
        label = study.pair_label(*pair)
        panels.setdefault(pair[0], []).extend([(label, None), *listed] if len(rows) > 1 else [(label, rows[0])])
    figure, axes = with_panels(len(panels), columns=1, height=0.7 + 0.14 * max(map(len, panels.values())))
    shown = [one for rows in panels.values() for _, one in rows if one]
    values = [value for one in shown for value in (one["difference"], *one["scores"], -one["margin"], one["margin"])]
    limits = axis_limits(values, [one[f"simultaneous_{end}"] for one in shown for end in ("low", "high")])
    for axis, (model, rows) in zip(axes, panels.items(), strict=True):
        _differences(axis, study, rows)
        title = f"{prefix(study, model)}{QUESTIONS[question]}"
        axis.set(xlim=limits, xlabel=f"difference in points, {selection} epoch", title=title)
    legend(figure, _MARKS)
    return figure


def _differences(axis: Axes, study: Study, rows: list[tuple[str, dict[str, Any] | None]]) -> None:
    """Rows of `verdicts` under their labels; a label alone is a heading."""
    styles = method_styles(study)
    for y, (_, one) in enumerate(rows):
        if one is None:
            continue
        style, decided = styles[one["a"]], one["verdict"] in ("better", "worse", "equivalent")
        axis.fill_betweenx([y - 0.5, y + 0.5], -one["margin"], one["margin"], color="#E4E4E4", linewidth=0)
        axis.plot([one["simultaneous_low"], one["simultaneous_high"]], [y, y], color=style.colour, linewidth=1)
        _dots(axis, one["scores"], np.full(len(one["scores"]), y + 0.3), style.colour)
        face = style.colour if decided else "white"
        axis.plot(one["difference"], y, style.marker, color=style.colour, markerfacecolor=face)
        axis.text(1.01, y, one["name"], transform=axis.get_yaxis_transform(), va="center", fontsize=7)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=7)
    for label, (_, one) in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if one else "bold")
    axis.tick_params(left=False)
    axis.spines["left"].set_visible(False)


def _dots(axis: Axes, x: Any, y: Any, colour: str) -> None:
    """A dot a seed."""
    axis.plot(x, y, ".", color=colour, markersize=2.5, alpha=0.6)


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
            runs = found[(found[["model", "task", "method"]] == key).all(axis=1)]
            scores = 100 * runs.groupby("epoch")["value"].agg(["mean", "min", "max"])
            style, label = styles[key[2]], study.label(model=model, method=key[2])
            axis.plot(scores.index, scores["mean"], color=style.colour, marker=style.marker, linestyle=style.line,
                      label=label)  # fmt: skip
            band = {"color": style.colour, "alpha": 0.15, "linewidth": 0}
            axis.fill_between(scores.index.to_numpy(float), scores["min"], scores["max"], **band)
        axis.set(title=prefix(study, model) + task_title(study, task), xlabel="epoch", ylabel=_metric(study, task))
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    legend(figure, "Line: mean of the seeds. Band: their range.")
    return figure


@matplotlib.rc_context(STYLE)
def ablation(study: Study, selection: str = "last") -> Figure:
    """Scores with 95 % intervals against the setting that has most values; the band is the interval of LoRA.

    Each method and each value of the other settings is a series of its own.
    """
    keys, data = varied(study), ablation_table(study).data
    data = data[(data["origin"] == "ours") & (data["selection"] == selection)]
    figure, axes = with_panels(len(study.panels), columns=2, height=2.4)
    note = f"Mark: mean, {selection} epoch. Line: 95 % interval. Dot: a seed."
    for axis, (model, task) in zip(axes, study.panels, strict=True):
        panel = data[(data["model"] == model) & (data["task"] == task)]
        settings = {method: study.settings(model, method) for method in panel["method"]}
        along = max(keys, key=lambda key: panel[key].nunique())
        values = list(panel[along].unique())
        names = panel["method"].map({method: of["name"] for method, of in settings.items()})
        groups = list(panel.groupby([names, *(key for key in keys if key != along)], sort=False, dropna=False))
        for place, ((name, *others), group) in enumerate(groups):
            before = [other for (other, *_), _ in groups[:place]].count(name)
            of = settings[group["method"].iloc[0]]
            style = style_of(of | ({"inhibition": min(0.3 + 0.6 * before, 1)} if "inhibition" in of else {}))
            style = replace(style, line=style.line if along in ("inhibition", "r") else "none")
            x = group[along].map(values.index).to_numpy() + 0.15 * (place - (len(groups) - 1) / 2)
            series(axis, x, group, style, ", ".join([METHODS.get(name, name), *others]))
            for at, method in zip(x + 0.05, group["method"], strict=True):
                scores = 100 * study.scores((model, task, method), selection)
                _dots(axis, np.full(len(scores), at), scores, style.colour)
        for one in panel.itertuples():
            if equals_lora(settings[one.method]):
                axis.axhspan(one.low, one.high, color="#E4E4E4", zorder=0)
                note += " Grey: 95 % interval of identity at inhibition 0, which computes what LoRA does."
        broken = [value.replace("+", "\n+ ").replace("_", "_\n") for value in values]  # long ones would touch
        axis.set_xticks(range(len(broken)), broken)
        title = f"{study.label(model=model)}, {task_title(study, task)}"
        axis.set(title=title, xlabel=TITLES[along].lower(), ylabel=_metric(study, task))
    legend(figure, note)
    return figure


@matplotlib.rc_context(STYLE)
def distractors(study: Study) -> Figure:
    """F1 against the number of distractors; the advantage over LoRA; how much each advantage grows, with its verdict.

    95 % intervals, last epoch; marks as in :func:`differences`.
    """
    measured, panels, styles = levels(study), study.panels, method_styles(study)
    figure, axes = with_panels(3 * len(panels), columns=3, height=2.6)
    for (model, task), scores, gains, growth in zip(panels, axes[::3], axes[1::3], axes[2::3], strict=True):
        methods = [method for _, _, method in study.keys(model, task)]
        of_scores, of_gains = (of[(of["model"] == model) & (of["task"] == task)].rename(columns={"value": "mean"})
                               for of in (level_scores(study), advantages(study)))  # fmt: skip
        is_growth = of_gains["distractors"] == GROWTH
        for place, method in enumerate(methods):
            x = np.arange(len(measured)) + 0.1 * (place - (len(methods) - 1) / 2)
            style, label = styles[method], study.label(model=model, method=method)
            series(scores, x, of_scores[of_scores["a"] == method], style, label)
            for b, one in of_gains[(of_gains["a"] == method) & ~is_growth].groupby("b", sort=False):
                if study.settings(model, b)["kind"] == "lora":
                    series(gains, x, one, style, label)
                    for at, of_seeds in zip(x, one["scores"], strict=True):
                        _dots(gains, np.full(len(of_seeds), at), of_seeds, style.colour)
        grown = of_gains[is_growth].sort_values("b", key=lambda of: of.map(methods.index), kind="stable")
        grown = grown.assign(difference=grown["mean"], name=grown["advantage"]).to_dict("records")
        names = [study.pair_label(model, one["a"], one["b"]).replace(" − ", "\n− ") for one in grown]
        _differences(growth, study, list(zip(names, grown, strict=True)))
        growth.set_xlabel("growth of the difference, F1")
        gains.axhline(0, color="black", linewidth=0.6)
        low, high = scores.get_ylim()  # a few seeds can have an interval that ends where there are no scores
        scores.set_ylim(max(low, 0), min(high, 100))
        for axis, metric in ((scores, "F1"), (gains, "F1 − F1 of LoRA")):
            axis.axvline(measured.index(trained(study)), color="#999999", linestyle=":", linewidth=0.8, zorder=0)
            axis.set_xticks(range(len(measured)), map(str, measured))
            axis.set(xlabel="distractors in the paragraph", ylabel=metric)
        for axis in (scores, gains, growth):
            axis.set_title(prefix(study, model) + task_title(study, task))
    legend(figure, f"Dotted: {trained(study)} distractors in training. {_MARKS}")
    return figure


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
                    _dots(axis, np.full(len(one.scores), one.learning_rate), one.scores, style.colour)
                if one.taken:
                    axis.plot(one.learning_rate, one.mean, style.marker, color=style.colour)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.xaxis.set_major_formatter(lambda rate, _: f"{rate:.0e}".replace("e-0", "e-"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        metric = f"{study.headline(task)}, held-out training rows"
        axis.set(title=task_title(study, task), xlabel="learning rate", ylabel=metric)
    legend(figure, "Filled: the rate that the method takes. Dot: a seed, where there are several.")
    return figure


def _metric(study: Study, task: str) -> str:
    headline = study.headline(task)
    return {"mcc": "MCC", "f1": "F1", "pearson": "Pearson"}.get(headline, headline.split("_")[0])
