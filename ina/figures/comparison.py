"""Charts of scores: verdicts, learning curves, ablations, distractors, learning rates."""

from typing import Any

import numpy as np
import pandas as pd

from ..stats import MIN_SEEDS
from ..tables.ablation import ablation_table, equals_lora
from ..tables.distractors import GROWTH, advantages, level_scores, levels, trained
from ..tables.search import trials, varied_settings
from ..tables.study import Study
from ..tables.table import DASH, span
from ..tables.verdicts import MEAN, verdicts
from .chart import Chart, Figure, Rows, intervals, lines
from .style import MethodStyle, method_styles

VERDICT_MARKS = (
    "Point: difference in points; filled: better, worse or equivalent; hollow: undecided or dependent on the learning "
    "rate. Line: 95 % interval, simultaneous for its family. Dots: single seeds, paired. Grey: the margin within which "
    "two methods count as equivalent. Arrow: the interval extends beyond the chart."
)
_DECIDED = ("better", "worse", "equivalent")


def differences(study: Study, selections: tuple[str, ...] = ("last",)) -> Figure:
    """All pairs of methods with their verdicts, a chart for each model; pages can switch between selections."""
    data = verdicts(study).query("selection in @selections")
    pair = data.groupby(["model", "a", "b"], sort=False).ngroup()
    # a pair's mean over tasks is in another family than its tasks
    data = data.assign(pair=pair, is_mean=data["task"] == MEAN, value=data["difference"], method=data["a"])
    data = data.assign(low=data["simultaneous_low"], high=data["simultaneous_high"])
    data = data.sort_values(["selection", "pair", "is_mean"], ascending=[False, True, True], kind="stable")
    charts = []
    for model, of_model in data.groupby("model", sort=False):
        rows = [_verdict_row(study, verdict) for verdict in of_model.to_dict("records")]
        title = f"{study.experiment}, {study.label(model=model)}, n = {span(of_model['seeds'].astype(int))} seeds"
        charts.append(intervals(rows, "difference in points, first method minus second", title))
    epoch = f"{selections[0].capitalize()} epoch. " if len(selections) == 1 else ""
    return Figure(charts, epoch + VERDICT_MARKS)


def _verdict_row(study: Study, verdict: dict[str, Any]) -> dict[str, Any]:
    heading = study.pair_label(verdict["model"], verdict["a"], verdict["b"])
    row = _row(study, verdict, heading, "mean" if verdict["is_mean"] else study.task_label(verdict["task"]))
    row |= {"margin": verdict["margin"], "family": verdict["family"], "word": verdict["name"]}
    row["word"] += f" (n = {verdict['seeds']:g})" * (verdict["seeds"] < MIN_SEEDS)
    row["seeds"] = [round(score, 2) for score in verdict["scores"]]
    row["p of a difference"] = _or_dash(verdict["p_difference"], ".2g")
    row["p of equivalence"] = _or_dash(verdict["p_equivalence"], ".2g")
    row["seeds that would decide"] = _or_dash(verdict["seeds_needed"], "g")
    return row


def _row(study: Study, one: dict[str, Any], heading: str, label: str, **more: Any) -> dict[str, Any]:
    """A row for `intervals` from a row with value, low, high, method, seeds and perhaps verdict and selection."""
    row = {name: one[name] for name in ("value", "low", "high")} | {"heading": heading, "label": label}
    row |= {"selection": one.get("selection", "last"), "n": f"{one['seeds']:g}"}
    row |= {"colour": method_styles(study)[one["method"]].colour, "decided": one.get("verdict") in _DECIDED}
    return row | more


def _or_dash(value: float, form: str) -> str:
    return DASH if pd.isna(value) else f"{value:{form}}"


def curves(study: Study) -> Figure:
    """The headline score after every epoch, a chart for each model and task that was trained for several."""
    epochs = study.runs.groupby(["model", "task"])["train.epochs"].max()
    charts = [_curve(study, *panel) for panel in study.model_tasks if epochs[panel] > 1]
    return Figure(charts, "Line: mean of the seeds. Dots: single seeds.", columns=2)


def _curve(study: Study, model: str, task: str) -> Chart:
    rows: Rows = []
    for key in study.keys(model, task):
        scores = [[100 * one.metrics[run.headline] for one in run.evaluations] for run in study.cells[key]]
        rows += [
            {"method": study.label(model=model, method=key[2]), "x": epoch, "value": float(np.mean(values))}
            | {"seeds": [round(score, 2) for score in values]}
            for epoch, values in enumerate(zip(*scores, strict=False), 1)  # epochs that all seeds have
        ]
    epochs = sorted({row["x"] for row in rows})
    x = {
        "title": "epoch",
        "axis": {"values": epochs, "format": "d", "grid": False},
        "scale": {"domain": [epochs[0] - 0.15, epochs[-1] + 0.15], "nice": False, "zero": False},
    }
    spec = lines(rows, x, f"{_metric(study, task)}, points", _styles(study, model))
    return Chart(spec, f"{study.label(model=model)}, {study.task_label(task)}", 240)


def ablation(study: Study, selections: tuple[str, ...] = ("last",)) -> Figure:
    """Scores by setting, with the verdicts on their difference from the reference."""
    data = ablation_table(study).data.query("origin == 'ours' and selection in @selections")
    data = data.sort_values("selection", ascending=False, kind="stable")
    rows = []
    for cell in data.rename(columns={"mean": "value", "n": "seeds"}).to_dict("records"):
        key, word = (cell["model"], cell["task"], cell["method"]), cell.get("verdict", np.nan)
        judged = not pd.isna(word)
        row = _row(
            study,
            cell | {"verdict": word.partition(" at ")[0] if judged else ""},
            study.task_label(cell["task"]) if len(study.model_tasks) > 1 else "",
            study.label(model=cell["model"], method=cell["method"])
            + " = LoRA" * equals_lora(study.settings(cell["model"], cell["method"])),
            word=word if judged else "reference" if pd.isna(cell.get("against", np.nan)) else "",
            seeds=(100 * study.scores(key, cell["selection"])).round(2).tolist(),
        )
        rows.append(row | {"decided": row["decided"] or not judged})
    title = f"{study.experiment.removeprefix('ablation_').capitalize()}, {study.label(model=study.models[0])}"
    note = (
        "Point: mean. Line: 95 % interval. Dots: the seeds. Right: the verdict on the difference from the reference, "
        "which is the method with the settings in its file in configs/. Hollow: undecided."
    )
    metrics = {_metric(study, task) for task in study.tasks}
    score = metrics.pop() if len(metrics) == 1 else "headline score"
    return Figure([intervals(rows, f"{score}, points", title, zero=False)], note)


def distractors(study: Study) -> Figure:
    """F1 by number of distractors, the lead over LoRA, and the verdicts on its growth; last epoch."""
    charts = [chart for panel in study.model_tasks for chart in _distractors(study, *panel)]
    note = (
        f"Last epoch. Dashed: {trained(study)} distractors in training. Upper charts: 95 % intervals, not corrected. "
    )
    return Figure(charts, note + "Growth: " + VERDICT_MARKS[0].lower() + VERDICT_MARKS[1:], columns=2)


def _distractors(study: Study, model: str, task: str) -> list[Chart]:
    measured, styles = levels(study), _styles(study, model)
    scores, gains = (
        data[(data["model"] == model) & (data["task"] == task)] for data in (level_scores(study), advantages(study))
    )
    is_growth = gains["distractors"] == GROWTH
    loras = {b for b in gains["b"] if study.settings(model, b)["kind"] == "lora"}
    places = {level: place for place, level in enumerate(measured)}
    methods = [method for _, _, method in study.keys(model, task)]

    def rows(data: pd.DataFrame) -> Rows:
        return [
            {name: row[name] for name in ("value", "low", "high")}
            | {"method": study.label(model=model, method=row["a"])}
            | {"x": places[row["distractors"]] + 0.09 * (methods.index(row["a"]) - (len(methods) - 1) / 2)}
            | {"seeds": list(row["scores"]) if row["b"] else []}
            for row in data.to_dict("records")
        ]

    names = " : ".join(f"datum.value == {place} ? '{level}'" for level, place in places.items())
    axis = {"values": list(places.values()), "labelExpr": f"{names} : ''", "grid": False, "labelAngle": 0}
    ends = {"domain": [-0.4, len(places) - 0.6], "nice": False, "zero": False}
    x = {"title": "distractors in the paragraph", "axis": axis, "scale": ends}
    rules = [{"x": {"datum": places[trained(study)]}}]
    title = _prefix(study, model) + study.task_label(task)
    charts = [Chart(lines(rows(scores), x, "F1", styles, rules), title)]
    over_lora = gains[~is_growth & gains["b"].isin(loras)]
    if len(over_lora):
        zero = [*rules, {"y": {"datum": 0}}]
        charts.append(Chart(lines(rows(over_lora), x, "F1 − F1 of LoRA", styles, zero), "Lead over LoRA"))
    grown = gains[is_growth].assign(method=gains["a"], low=gains["simultaneous_low"], high=gains["simultaneous_high"])
    growth = [
        _row(study, row, "", study.pair_label(model, row["a"], row["b"]), margin=row["margin"], word=row["advantage"],
             seeds=[round(score, 2) for score in row["scores"]])
        for row in grown.to_dict("records")
    ]  # fmt: skip
    return charts + [intervals(growth, "growth of the lead, F1", "Growth of the lead")] * bool(growth)


def rates(study: Study) -> Figure:
    """Scores of a search by learning rate, a chart for each task: the best epoch of each trial, mean over seeds."""
    note = "Filled: the chosen rate, with the best mean over the tasks. Dots: single seeds, if there are several."
    return Figure([_rates(study, task) for task in study.tasks], note, columns=2)


def _rates(study: Study, task: str) -> Chart:
    data = trials(study).query("task == @task")
    rows: Rows = []
    for model, method in study.methods:
        if varied_settings(study, model, method) == ["learning_rate"]:
            group = data[(data["model"] == model) & (data["method"] == method)].sort_values("learning_rate")
            label = study.label(model=model, method=method)
            rows += [
                {"method": label, "x": float(trial.learning_rate), "value": trial.mean, "hollow": not trial.chosen}
                | {"seeds": list(trial.scores) if len(trial.scores) > 1 else []}
                for trial in group.itertuples()
            ]
    spread = [row["x"] for row in rows]
    axis = {"format": ".1~e", "values": sorted(set(spread)), "grid": False, "labelOverlap": True}
    x = {
        "title": "learning rate",
        "scale": {"type": "log", "domain": [min(spread) / 1.2, 1.2 * max(spread)]},
        "axis": axis,
    }
    labels = {row["method"] for row in rows}
    styles = {label: style for label, style in _styles(study, study.models[0]).items() if label in labels}
    metric = f"{_metric(study, task)} on held-out training rows"
    return Chart(lines(rows, x, metric, styles), study.task_label(task))


def _styles(study: Study, model: str) -> dict[str, MethodStyle]:
    """The styles of the methods of a model, by label."""
    styles = method_styles(study)
    return {
        study.label(model=model, method=method): styles[method] for owner, method in study.methods if owner == model
    }


def _prefix(study: Study, model: str) -> str:
    """The model before a title, if there are several models."""
    return f"{study.label(model=model)}, " if len(study.models) > 1 else ""


def _metric(study: Study, task: str) -> str:
    headline = study.headline(task)
    return {"mcc": "MCC", "f1": "F1", "pearson": "Pearson"}.get(headline, headline.split("_")[0])
