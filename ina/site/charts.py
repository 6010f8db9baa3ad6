"""Interactive charts in Vega-Lite: what each shows is what the figure of its name in `ina.figures` shows.

The JavaScript that draws them is 0.9 MB and comes whole from a wheel (vl-convert), so that pages load nothing from the
network; plotly.js is 4.8 MB.
"""

import json
from typing import Any

import numpy as np

from ..figures.style import axis_limits, method_styles
from ..tables.frame import Study, frame
from ..tables.table import interval, points, signed

ROW = 17  # pixels of a row of :func:`intervals`
MARKS = (
    "Point: difference in points; filled where it is better, worse or equivalent, hollow where undecided or dependent "
    "on the learning rate. Line: 95 % interval, simultaneous for its family. Dots: the seeds, paired. Grey: the margin "
    "within which two methods count as equivalent. An arrow: the interval goes on."
)
_TOLD = ("heading", "label", "interval", "n", "margin", "word", "family")
_TOLD += ("p of a difference", "p of equivalence", "seeds that would decide")
_POINTED_AT = {"type": "point", "fields": ["method"], "on": "pointerover", "clear": "pointerout"}
_HOVER = {"params": [{"name": "hover", "select": _POINTED_AT}]}
Spec = dict[str, Any]


def _embedded(spec: Spec, height: int, label: str, wide: bool = False) -> str:
    """A chart as HTML that docs/assets/charts.js draws; `wide` ones scroll sideways on a phone.

    It is as wide as the page lets it be, text at its sides included.
    """
    spec = spec | {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {"view": {"stroke": None}},
    }
    text = json.dumps(spec, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<figure class="ina-chart{" ina-wide" * wide}"><figcaption>{label}</figcaption><div class="ina-plot"></div>'
        f'<script type="application/json">{text}</script></figure>'
    )


def _layer(mark: str, encoding: Spec, rows: list[dict[str, Any]] | None = None, **style: Any) -> Spec:
    """Marks of a kind, of rows of its own or of those of the chart."""
    of_its_own = {} if rows is None else {"data": {"values": rows}}
    return of_its_own | {"mark": {"type": mark, **style}, "encoding": encoding}


def _number(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", **more}


def _opacity(usual: float, other: float) -> Spec:
    """Of the method that is pointed at, and of the others."""
    return {"condition": {"param": "hover", "value": usual}, "value": other}


def curves(study: Study, model: str, task: str) -> str:
    """The headline score after every epoch: a thin line a seed, a thick one for the mean of each method."""
    found = frame((run for run in study.records if (run.model, run.task) == (model, task)), every_epoch=True)
    found = found[found["metric"] == found["headline"]].astype({"value": float, "epoch": int, "seed": str})
    means = found.groupby(["method", "epoch"], as_index=False)["value"].mean().assign(seed="mean")
    methods = {key[2]: study.label(model=model, method=key[2]) for key in study.keys(model, task)}
    seeds, means = (
        of.assign(method=of["method"].map(methods), score=(100 * of["value"]).round(2))
        .filter(["method", "seed", "epoch", "score"])
        .to_dict("records")
        for of in (found, means)
    )
    last = int(found["epoch"].max())
    names = _apart([one for one in means if one["epoch"] == last], "score", 0.06 * (100 * np.ptp(found["value"]) or 1))
    score = {"title": f"{found['headline'].iloc[0]}, points", "scale": {"zero": False}}
    styles = method_styles(study)
    scale = {"domain": list(methods.values()), "range": [styles[method].colour for method in methods]}
    common = {
        "x": _number("epoch", title="epoch", axis={"values": list(range(1, last + 1)), "format": "d"}),
        "y": _number("score", **score),
        "color": {"field": "method", "legend": None, "scale": scale},
        "tooltip": [{"field": "method"}, {"field": "seed"}, _number("epoch"), _number("score", format=".1f")],
    }
    thin = common | {"detail": {"field": "seed"}, "opacity": _opacity(0.45, 0.06)}
    thick = common | {"opacity": _opacity(1, 0.12)}
    beside = common | {"y": _number("place", **score), "text": {"field": "method"}}
    layers = [
        _layer("line", thin, seeds, strokeWidth=1, point={"size": 14}),
        _layer("line", thick, means, strokeWidth=2.5, point={"size": 30}) | _HOVER,
        _layer("text", beside, names, align="left", dx=8, clip=False),
    ]
    label = f"{study.label(model=model)}, {study.label(task=task)}: thick, mean of the seeds; thin, each seed"
    return _embedded({"layer": layers}, 260, label)


def intervals(rows: list[dict[str, Any]], axis: str, label: str, zero: bool = True) -> str:
    """Values with their 95 % intervals, a row each, under headings.

    Args:
        rows: Each has "heading", "label", "value", "low", "high", "colour", "selection", "decided"; where known
            "margin", "word" (stands at the right), "seeds" (values), and other entries of `_TOLD` to show on pointing.
        axis: The title of the axis.
        label: What the chart shows.
        zero: Whether a value of zero means no difference and is marked.
    """
    headings: dict[str, int] = {}
    places: dict[tuple[str, str], int] = {}
    rows = [{"word": "", "seeds": []} | row for row in rows]
    for row in rows:
        if row["heading"]:
            headings.setdefault(row["heading"], len(places) + len(headings))
        row["row"] = places.setdefault((row["heading"], row["label"]), len(places) + len(headings))
        row["interval"] = interval(row["low"], row["high"], signed if zero else points)
    count = len(places) + len(headings)
    inner = [value for row in rows for value in (row["value"], *row["seeds"])]
    inner += [end for row in rows if "margin" in row for end in (-row["margin"], row["margin"])]
    ends = [row[end] for row in rows for end in ("low", "high")]
    low, high = (round(end, 2) for end in axis_limits(inner, ends, 0 if zero else float(np.median(inner))))
    scale = {"domain": [low, high], "nice": False, "zero": False}
    x = {"type": "quantitative", "title": axis, "scale": scale, "axis": {"orient": "top"}}  # in sight above many rows
    y_scale = {"domain": [-0.5, count - 0.5], "reverse": True, "nice": False, "zero": False}
    at_row = {"y": _number("row", axis=None, scale=y_scale)}
    fill, stroke = ({name: {"field": "colour", "scale": None}} for name in ("fill", "stroke"))
    margin = at_row | {"x": x | {"field": "less"}, "x2": {"field": "margin"}}
    ends = at_row | stroke | {"x": x | {"field": "low"}, "x2": {"field": "high"}}
    value = at_row | fill | stroke | {"x": x | {"field": "value"}}
    value["fillOpacity"] = {"condition": {"test": "datum.decided", "value": 1}, "value": 0}
    told = [{"field": name} for name in _TOLD if any(name in row for row in rows)]
    value["tooltip"] = [_number("value", format=".2f"), *told]
    layers = [
        _layer("rule", margin, strokeWidth=ROW, color="#999999", opacity=0.25, clip=True)
        | {"transform": [{"filter": "datum.margin"}, {"calculate": "-datum.margin", "as": "less"}]},
        *[_layer("rule", {"x": x | {"datum": 0}}, [{}], color="#888888")] * zero,
        _layer("rule", ends, strokeWidth=1.5, clip=True),
        _layer("point", at_row | fill | {"x": x | {"datum": low}}, shape="triangle-left", size=35, filled=True)
        | {"transform": [{"filter": f"datum.low < {low}"}]},
        _layer("point", at_row | fill | {"x": x | {"datum": high}}, shape="triangle-right", size=35, filled=True)
        | {"transform": [{"filter": f"datum.high > {high}"}]},
        _layer(
            "circle", at_row | fill | {"x": x | {"field": "seed"}}, size=9, opacity=0.7, clip=True, yOffset=0.28 * ROW
        )
        | {"transform": [{"flatten": ["seeds"], "as": ["seed"]}]},
        _layer("point", value, size=48, strokeWidth=1.5, opacity=1),
    ]
    names = [{"heading": text, "row": row} for text, row in headings.items()]
    left, right = at_row | {"x": {"value": 0}}, at_row | {"x": {"value": "width"}}
    layers += [
        _layer("text", left | {"text": {"field": "label"}}, align="right", dx=-8),
        _layer("text", right | {"text": {"field": "word"}}, align="left", dx=8),
        _layer("text", left | {"text": {"field": "heading"}}, names, align="left", dx=-130, fontWeight="bold"),
    ]
    selections = list(dict.fromkeys(row["selection"] for row in rows))
    epoch = {"name": "epoch", "value": selections[0]}
    if len(selections) > 1:
        epoch["bind"] = {"input": "radio", "options": selections, "name": "Epoch "}
    shown = [{"filter": "datum.selection === epoch"}]
    spec = {"data": {"values": rows}, "transform": shown, "params": [epoch], "layer": layers}
    return _embedded(spec, ROW * count, label, wide=True)


def _apart(rows: list[dict[str, Any]], name: str, gap: float) -> list[dict[str, Any]]:
    """The rows with a "place" each, near its value, no two nearer than `gap`, so that labels do not overlap."""
    rows = sorted(rows, key=lambda row: row[name])
    places = [row[name] for row in rows]
    for _ in range(50):
        for i in range(1, len(places)):
            if (lacking := gap - (places[i] - places[i - 1])) > 0:
                places[i] += lacking / 2
                places[i - 1] -= lacking / 2
    return [row | {"place": round(place, 2)} for row, place in zip(rows, places, strict=True)]
