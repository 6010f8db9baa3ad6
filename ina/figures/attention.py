"""Charts of the attention inside trained models: on the paper's example, and over the dev set."""

import json
from collections.abc import Callable
from functools import partial

import numpy as np

from ..analysis.measurement import ALL, Reading
from ..tables.frame import Study
from ..tables.mechanism import attention, measured, measurements, over_seeds
from .chart import Chart, Figure, lines, number
from .style import method_styles


def attention_figures(study: Study) -> dict[str, Callable[[], Figure]]:
    """The figures by name; none where nothing was measured, with model and task in the name where there are several."""
    model_tasks = {(one.model, one.task): one.example for one in measured(study)}
    found: dict[str, Callable[[], Figure]] = {}
    for panel, example in model_tasks.items():
        ending = "_".join(["", *panel] if len(model_tasks) > 1 else [])
        if example:
            found[f"attention{ending}"] = partial(maps, study, *panel)
        found[f"attention_mass{ending}"] = partial(mass, study, *panel)
    return found


def maps(study: Study, model: str, task: str) -> Figure:
    """Attention on the paper's example, a chart a method, mean over heads, layers and seeds.

    The last one is InA with its linear part merged, as in the authors' released pictures.
    """
    found: dict[str, list[np.ndarray]] = {}
    merged: dict[str, list[np.ndarray]] = {}
    for one in measured(study):
        if (one.model, one.task) == (model, task) and one.example:
            label = study.label(model=model, method=one.method)
            found.setdefault(label, []).append(np.mean(one.example.maps, axis=0))
            if study.settings(model, one.method)["kind"] == "ina":
                merged.setdefault(f"{label}, merged", []).append(np.mean(one.example.merged_maps, axis=0))
            read = one.example
    shown = {label: np.mean(of, axis=0) for label, of in found.items()}
    if merged:
        usual = f"{study.label(model=model, method='ina')}, merged" if (model, "ina") in study.methods else ""
        label = usual if usual in merged else list(merged)[-1]
        shown[label] = np.mean(merged[label], axis=0)
    return _heatmaps(shown, read)


def layers(read: Reading) -> Figure:
    """Attention of every layer of one model on one passage."""
    return _heatmaps({f"layer {place}": np.array(of) for place, of in enumerate(read.maps, 1)}, read)


def _heatmaps(maps: dict[str, np.ndarray], read: Reading) -> Figure:
    """On one scale."""
    highest = round(float(max(of.max() for of in maps.values())), 4)
    scale = {"type": "sqrt", "range": ["#ffffff", "#08306b"], "domain": [0, highest]}
    places = list(range(len(read.words)))
    axis = {"labelExpr": f"{json.dumps(read.words)}[datum.value]", "labelFontSize": 8, "labelOverlap": False}
    axis |= {"title": None, "ticks": False, "domain": False}
    for style, kind, value in (("labelFontWeight", "answer", "bold"), ("labelFontStyle", "distractor", "italic")):
        test = f"{json.dumps(read.kinds)}[datum.value] === '{kind}'"
        axis[style] = {"condition": {"test": test, "value": value}, "value": "normal"}
    charts = []
    for title, of in maps.items():
        rows = [{"from": i, "to": j, "attention": round(float(of[i, j]), 4)} for i in places for j in places]
        encoding = {
            "x": {"field": "to", "type": "ordinal", "axis": axis | {"labelAngle": -90}},
            "y": {"field": "from", "type": "ordinal", "axis": axis},
            "color": number("attention", scale=scale, legend={"orient": "bottom"}),
        }
        charts.append(Chart({"data": {"values": rows}, "mark": "rect", "encoding": encoding}, title, 160))
    note = "Attention from the token at the left to the token below the column. Bold: answer; italic: distractor."
    return Figure(charts, note, columns=3)


def mass(study: Study, model: str, task: str) -> Figure:
    """Attention that tokens of a kind get in each layer, mean over the dev set, a chart a kind."""
    frame, styles = attention(study), method_styles(study)
    found = over_seeds(frame[frame["by"] == ALL], "to", "layer").loc[model, task]
    shares = over_seeds(measurements(study).query("measure == 'share'"), "to").loc[model, task]["mean"]
    equal = shares.groupby("to").first()
    labels = {method: study.label(model=model, method=method) for of, method in study.methods if of == model}
    charts = []
    for name in (name for name in ("answer", "distractor", "question", "special") if equal[name]):
        rows = []
        for method, of in found.xs(name, level="to").groupby("method", sort=False):
            apart = 0.09 * (list(styles).index(method) - (len(styles) - 1) / 2)  # so that none covers another
            for layer, one in of.droplevel("method").iterrows():
                row = {"method": labels[method], "x": layer + apart, "value": one["mean"]}
                rows.append(row | {end: None if np.isnan(one[end]) else one[end] for end in ("low", "high")})
        of_layers = sorted(found.index.unique("layer"))
        ends = {"domain": [of_layers[0] - 0.5, of_layers[-1] + 0.5], "nice": False, "zero": False}
        x = {"title": "layer", "scale": ends, "axis": {"values": of_layers, "format": "d", "grid": False}}
        of_methods = {label: styles[method] for method, label in labels.items()}
        spec = lines(rows, x, "attention, %", of_methods, [{"y": {"datum": float(equal[name])}}])
        charts.append(Chart(spec, f"to tokens of kind: {name}"))
    note = "Line: 95 % interval over seeds. Dashed: equal attention to all tokens."
    return Figure(charts, note, columns=2)
