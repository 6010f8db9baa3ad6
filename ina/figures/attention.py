"""Charts of the attention inside trained models: on the paper's example, and over the dev set."""

import json
from collections.abc import Callable
from functools import partial

import numpy as np

from ..analysis.measurement import ALL, Reading
from ..tables.mechanism import attention, measured, measurements, over_seeds
from ..tables.study import Study
from .chart import Chart, Figure, lines, number
from .style import method_styles


def attention_figures(study: Study) -> dict[str, Callable[[], Figure]]:
    """The figures by name, with model and task in the name if there are several; empty if nothing was measured."""
    model_tasks = {(one.model, one.task): one.example for one in measured(study)}
    figures: dict[str, Callable[[], Figure]] = {}
    for panel, example in model_tasks.items():
        ending = "_".join(["", *panel] if len(model_tasks) > 1 else [])
        if example:
            figures[f"attention{ending}"] = partial(maps, study, *panel)
        figures[f"attention_mass{ending}"] = partial(mass, study, *panel)
    return figures


def maps(study: Study, model: str, task: str) -> Figure:
    """Attention on the paper's example, a chart for each method, mean over heads, layers and seeds.

    The last chart is InA with its linear part merged, as in the pictures that the authors released.
    """
    by_method: dict[str, list[np.ndarray]] = {}
    merged: dict[str, list[np.ndarray]] = {}
    for measurement in measured(study):
        if (measurement.model, measurement.task) == (model, task) and measurement.example:
            label = study.label(model=model, method=measurement.method)
            by_method.setdefault(label, []).append(np.mean(measurement.example.maps, axis=0))
            if study.settings(model, measurement.method)["kind"] == "ina":
                merged.setdefault(f"{label}, merged", []).append(np.mean(measurement.example.merged_maps, axis=0))
            example = measurement.example
    shown = {label: np.mean(arrays, axis=0) for label, arrays in by_method.items()}
    if merged:
        default = f"{study.label(model=model, method='ina')}, merged" if (model, "ina") in study.methods else ""
        label = default if default in merged else list(merged)[-1]
        shown[label] = np.mean(merged[label], axis=0)
    return _heatmaps(shown, example)


def layers(reading: Reading) -> Figure:
    """Attention of every layer of one model on one passage."""
    return _heatmaps({f"layer {place}": np.array(weights) for place, weights in enumerate(reading.maps, 1)}, reading)


def _heatmaps(maps: dict[str, np.ndarray], reading: Reading) -> Figure:
    """Heat maps on one colour scale."""
    highest = round(float(max(weights.max() for weights in maps.values())), 4)
    scale = {"type": "sqrt", "range": ["#ffffff", "#08306b"], "domain": [0, highest]}
    places = list(range(len(reading.words)))
    axis = {"labelExpr": f"{json.dumps(reading.words)}[datum.value]", "labelFontSize": 8, "labelOverlap": False}
    axis |= {"title": None, "ticks": False, "domain": False}
    for style, kind, value in (("labelFontWeight", "answer", "bold"), ("labelFontStyle", "distractor", "italic")):
        test = f"{json.dumps(reading.kinds)}[datum.value] === '{kind}'"
        axis[style] = {"condition": {"test": test, "value": value}, "value": "normal"}
    charts = []
    for title, weights in maps.items():
        rows = [{"from": i, "to": j, "attention": round(float(weights[i, j]), 4)} for i in places for j in places]
        encoding = {
            "x": {"field": "to", "type": "ordinal", "axis": axis | {"labelAngle": -90}},
            "y": {"field": "from", "type": "ordinal", "axis": axis},
            "color": number("attention", scale=scale, legend={"orient": "bottom"}),
        }
        charts.append(Chart({"data": {"values": rows}, "mark": "rect", "encoding": encoding}, title, 160))
    note = "Attention from the token at the left to the token below the column. Bold: answer; italic: distractor."
    return Figure(charts, note, columns=3)


def mass(study: Study, model: str, task: str) -> Figure:
    """Attention to each kind of token by layer, mean over the dev set, a chart for each kind."""
    frame, styles = attention(study), method_styles(study)
    means = over_seeds(frame[frame["by"] == ALL], "to", "layer").loc[model, task]
    shares = over_seeds(measurements(study).query("measure == 'share'"), "to").loc[model, task]["mean"]
    equal = shares.groupby("to").first()
    labels = {method: study.label(model=model, method=method) for owner, method in study.methods if owner == model}
    charts = []
    for name in (name for name in ("answer", "distractor", "question", "special") if equal[name]):
        rows = []
        for method, group in means.xs(name, level="to").groupby("method", sort=False):
            offset = 0.09 * (list(styles).index(method) - (len(styles) - 1) / 2)  # so that none covers another
            for layer, entry in group.droplevel("method").iterrows():
                row = {"method": labels[method], "x": layer + offset, "value": entry["mean"]}
                rows.append(row | {end: None if np.isnan(entry[end]) else entry[end] for end in ("low", "high")})
        of_layers = sorted(means.index.unique("layer"))
        ends = {"domain": [of_layers[0] - 0.5, of_layers[-1] + 0.5], "nice": False, "zero": False}
        x = {"title": "layer", "scale": ends, "axis": {"values": of_layers, "format": "d", "grid": False}}
        of_methods = {label: styles[method] for method, label in labels.items()}
        spec = lines(rows, x, "attention, %", of_methods, [{"y": {"datum": float(equal[name])}}])
        charts.append(Chart(spec, f"to tokens of kind: {name}"))
    note = "Line: 95 % interval over seeds. Dashed: equal attention to all tokens."
    return Figure(charts, note, columns=2)
