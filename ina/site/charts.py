"""Interactive charts as Vega-Lite, by Altair: what each shows is what the figure of its name in `ina.figures` shows.

Altair, because the JavaScript that draws its charts is 0.9 MB and comes whole from a wheel (vl-convert), so that pages
load nothing from the network; plotly.js is 4.8 MB.
"""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np

from ..figures.style import method_styles
from ..tables.frame import Study, frame
from ..tables.table import interval, signed

ROW = 17  # pixels of a row of :func:`intervals`
MARKS = (
    "Point: difference in points; filled where it is better, worse or equivalent, hollow where undecided or dependent "
    "on the learning rate. Line: 95 % interval, simultaneous for its family. Dots: the seeds, paired. Grey: the margin "
    "within which two methods count as equivalent. An arrow: the interval goes on."
)


def _embedded(chart: alt.LayerChart, label: str, data: dict[str, list[dict[str, Any]]], wide: bool = False) -> str:
    """A chart as HTML that docs/assets/charts.js draws; `wide` ones scroll sideways on a phone.

    The rows of `data`, by name, are added last: Altair would copy and check them at every step. The whole is not
    checked again, for that takes longer than all the rest; tests/test_site.py draws every kind of chart.
    """
    spec = chart.to_dict(validate=False) | {"datasets": data}
    spec = json.dumps(spec, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    kind = "ina-chart ina-wide" if wide else "ina-chart"
    return (
        f'<figure class="{kind}"><figcaption>{label}</figcaption><div class="ina-plot"></div>'
        f'<script type="application/json">{spec}</script></figure>'
    )


def curves(study: Study, model: str, task: str) -> str:
    """The headline score after every epoch: a thin line a seed, a thick one for the mean of each method."""
    found = frame((run for run in study.records if (run.model, run.task) == (model, task)), every_epoch=True)
    found = found[found["metric"] == found["headline"]].astype({"value": float, "epoch": int})
    styles = method_styles(study)
    methods = {key[2]: study.label(model=model, method=key[2]) for key in study.keys(model, task)}
    rows = [
        {"method": methods[one.method], "seed": str(one.seed), "epoch": one.epoch, "score": round(100 * one.value, 2)}
        for one in found.itertuples()
    ]
    means = 100 * found.groupby(["method", "epoch"])["value"].mean()
    lines = [
        {"method": methods[method], "seed": "mean", "epoch": epoch, "score": round(value, 2)}
        for (method, epoch), value in means.items()
    ]
    last = found["epoch"].max()
    names = [line for line in lines if line["epoch"] == last]
    _apart(names, "score", 0.06 * (100 * np.ptp(found["value"]) or 1))
    hover = alt.selection_point(fields=["method"], on="pointerover", clear="pointerout")
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(values=list(range(1, last + 1)), format="d"))
    y = alt.Y("score:Q", title=f"{found['headline'].iloc[0]}, points", scale=alt.Scale(zero=False))
    colour = alt.Color(
        "method:N",
        legend=None,
        scale=alt.Scale(domain=list(methods.values()), range=[styles[method].colour for method in methods]),
    )
    told = [
        alt.Tooltip("method:N"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("score:Q", format=".1f"),
    ]
    seeds = (
        alt.Chart(alt.NamedData("seeds"))
        .mark_line(strokeWidth=1, point=alt.OverlayMarkDef(size=14))
        .encode(
            x,
            y,
            colour,
            detail="seed:N",
            tooltip=told,
            opacity=alt.when(hover).then(alt.value(0.45)).otherwise(alt.value(0.06)),
        )
    )
    mean = (
        alt.Chart(alt.NamedData("means"))
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=30))
        .encode(x, y, colour, tooltip=told, opacity=alt.when(hover).then(alt.value(1)).otherwise(alt.value(0.12)))
        .add_params(hover)
    )
    label = (
        alt.Chart(alt.NamedData("names"))
        .mark_text(align="left", dx=8, clip=False)
        .encode(x, alt.Y("place:Q", scale=alt.Scale(zero=False)), colour, text="method:N")
    )
    title = f"{study.label(model=model)}, {study.label(task=task)}: thick, mean of the seeds; thin, each seed"
    data = {"seeds": rows, "means": lines, "names": names}
    return _embedded(_sized(alt.layer(seeds, mean, label), 260), title, data)


def levels(study: Study, rows: list[dict[str, Any]], trained: int) -> str:
    """Scores with their 95 % intervals against a number of distractors.

    Args:
        study: Where the styles of the methods are from.
        rows: "method" (its name), "label", "level", "value", "low", "high" each, in points.
        trained: The number of distractors in training.
    """
    styles = method_styles(study)
    methods = {row["method"]: row["label"] for row in rows}
    order = sorted({row["level"] for row in rows})
    ends = [row | {"place": 0.0} for row in rows if row["level"] == order[-1]]
    _apart(ends, "value", 0.05 * (max(row["high"] for row in rows) - min(row["low"] for row in rows)))
    bands = alt.Scale(paddingInner=0.7, paddingOuter=0.3)
    x = alt.X("level:O", title="distractors in the paragraph", sort=order, axis=alt.Axis(labelAngle=0), scale=bands)
    y = alt.Y("value:Q", title="F1, points", scale=alt.Scale(zero=False))
    colour = alt.Color(
        "label:N",
        legend=None,
        scale=alt.Scale(domain=list(methods.values()), range=[styles[method].colour for method in methods]),
    )
    shift = alt.XOffset("label:N", sort=list(methods.values()))
    told = [
        alt.Tooltip("label:N"),
        alt.Tooltip("level:O"),
        *(alt.Tooltip(f"{n}:Q", format=".1f") for n in ("value", "low", "high")),
    ]
    hover = alt.selection_point(fields=["label"], on="pointerover", clear="pointerout")
    opacity = alt.when(hover).then(alt.value(1)).otherwise(alt.value(0.15))
    base = alt.Chart(alt.NamedData("rows")).encode(x, colour, shift, opacity=opacity, tooltip=told)
    chart = alt.layer(
        alt.Chart(alt.NamedData("trained")).mark_rule(strokeDash=[3, 3], color="#999999").encode(x),
        base.mark_rule().encode(alt.Y("low:Q", title="F1, points"), y2="high:Q"),
        base.mark_line(strokeWidth=1.5).encode(y),
        base.mark_point(filled=True, size=45).encode(y).add_params(hover),
        alt.Chart(alt.NamedData("names"))
        .mark_text(align="left", dx=8)
        .encode(alt.Y("place:Q"), colour, x=alt.value("width"), text="label:N"),
    )
    title = f"F1 by number of distractors, 95 % intervals; dashed: {trained} in training"
    data = {"rows": rows, "trained": [{"level": trained}], "names": ends}
    return _embedded(_sized(chart, 320), title, data, wide=True)


def intervals(rows: list[dict[str, Any]], axis: str, label: str, zero: bool = True) -> str:
    """Values with their 95 % intervals, a row each, under headings.

    Args:
        rows: Each has "heading", "label", "value", "low", "high", "colour", "selection"; where known "margin", "word"
            (stands at the right), "decided", "seeds" (values), "n" and further entries to show on pointing.
        axis: The title of the axis.
        label: What the chart shows.
        zero: Whether a value of zero means no difference and is marked.
    """
    data, headings, place = [], [], {}
    for row in rows:
        key = (row["heading"], row["label"])
        if key not in place:
            if row["heading"] and row["heading"] not in {heading["text"] for heading in headings}:
                headings.append({"row": len(place) + len(headings), "text": row["heading"]})
            place[key] = len(place) + len(headings)
        shown = {"interval": interval(row["low"], row["high"], signed) if zero else interval(row["low"], row["high"])}
        data.append({"decided": True, "word": "", "seeds": []} | row | shown | {"row": place[key]})
    low, high = _limits(data, zero)
    for row in data:
        row |= {"from": max(row["low"], low), "to": min(row["high"], high)}
        row |= {"before": row["low"] < low, "beyond": row["high"] > high}
    count = len(place) + len(headings)
    selections = list(dict.fromkeys(row["selection"] for row in rows))
    y_scale = alt.Scale(domain=[-0.5, count - 0.5], reverse=True, nice=False, zero=False)
    y = alt.Y("row:Q", axis=None, scale=y_scale)
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    at_top = alt.Axis(orient="top")  # in sight where there are many rows
    x = alt.X("value:Q", title=axis, scale=scale, axis=at_top)
    colour = {"stroke": alt.Stroke("colour:N", scale=None), "fill": alt.Fill("colour:N", scale=None)}
    base = alt.Chart(alt.NamedData("rows"))
    told = ["heading", "label", "interval", *dict.fromkeys(k for row in rows for k in row if k in _TOLD)]
    tips = [alt.Tooltip("value:Q", format=".2f"), *(alt.Tooltip(f"{name}:N") for name in told)]
    several = len(selections) > 1
    if several:
        base = base.transform_filter("datum.selection === epoch")
    layers = []
    if any("margin" in row for row in rows):
        band = base.transform_calculate(left="-datum.margin", top="datum.row - 0.5", bottom="datum.row + 0.5")
        layers.append(
            band.mark_rect(color="#999999", opacity=0.25, clip=True).encode(
                alt.X("left:Q", title=axis, scale=scale, axis=at_top),
                alt.X2("margin:Q"),
                alt.Y("top:Q", axis=None, scale=y_scale),
                alt.Y2("bottom:Q"),
            )
        )
    if zero:
        layers.append(alt.Chart(alt.NamedData("zero")).mark_rule(color="#888888").encode(x))
    layers += [
        base.mark_rule(strokeWidth=1.5).encode(
            alt.X("from:Q", title=axis, scale=scale, axis=at_top), alt.X2("to:Q"), y, stroke=colour["stroke"]
        ),
        *(
            base.transform_filter(f"datum.{flag}")
            .mark_point(shape=shape, size=35, filled=True)
            .encode(alt.X(f"{end}:Q", title=axis, scale=scale, axis=at_top), y, fill=colour["fill"])
            for flag, end, shape in (("before", "from", "triangle-left"), ("beyond", "to", "triangle-right"))
        ),
        base.transform_flatten(["seeds"], ["seed"])
        .transform_calculate(below="datum.row + 0.28")
        .mark_circle(size=9, opacity=0.7, clip=True)
        .encode(
            alt.X("seed:Q", title=axis, scale=scale, axis=at_top),
            alt.Y("below:Q", axis=None, scale=y_scale),
            fill=colour["fill"],
        ),
        base.mark_point(size=48, strokeWidth=1.5, opacity=1).encode(
            x,
            y,
            **colour,
            fillOpacity=alt.when("datum.decided").then(alt.value(1)).otherwise(alt.value(0)),
            tooltip=tips,
        ),
        base.mark_text(align="right", dx=-8).encode(y, x=alt.value(0), text="label:N"),
        base.mark_text(align="left", dx=8).encode(y, x=alt.value("width"), text="word:N"),
    ]
    if headings:
        heads = alt.Chart(alt.NamedData("headings")).mark_text(align="left", fontWeight="bold", dx=-130)
        layers.append(heads.encode(y, x=alt.value(0), text="text:N"))
    chart = alt.layer(*layers)
    if several:
        pick = alt.binding_radio(options=selections, name="Epoch ")
        chart = chart.add_params(alt.param("epoch", value=selections[0], bind=pick))
    return _embedded(
        _sized(chart, ROW * count), label, {"rows": data, "headings": headings, "zero": [{"value": 0}]}, wide=True
    )


def bars(rows: list[dict[str, Any]], axis: str, label: str) -> str:
    """Amounts, "value", of things called "label", the largest first; drawn by area from zero."""
    rows = sorted(rows, key=lambda row: -row["value"])
    y = alt.Y("label:N", sort=[row["label"] for row in rows], title=None, axis=alt.Axis(labelLimit=220))
    base = alt.Chart(alt.NamedData("rows")).encode(
        alt.X("value:Q", title=axis), y, tooltip=[alt.Tooltip("label:N"), alt.Tooltip("value:Q", format=".2f")]
    )
    chart = alt.layer(
        base.mark_bar(color="#0072B2"),
        base.mark_text(align="left", dx=4).encode(text=alt.Text("value:Q", format=".1f")),
    )
    return _embedded(_sized(chart, ROW * len(rows)), label, {"rows": rows})


_TOLD = ("n", "margin", "word", "family", "p of a difference", "p of equivalence", "seeds that would decide")


def _sized(chart: alt.LayerChart, height: int) -> alt.LayerChart:
    """A chart as wide as the page lets it be, text at its sides included."""
    size = alt.AutoSizeParams(type="fit-x", contains="padding")
    return chart.properties(width="container", height=height, autosize=size).configure_view(stroke=None)


def _apart(rows: list[dict[str, Any]], name: str, gap: float) -> None:
    """Give each row a "place" near its value, no two nearer than `gap`, so that labels do not overlap."""
    rows.sort(key=lambda row: row[name])
    places = [row[name] for row in rows]
    for _ in range(50):
        for i in range(1, len(places)):
            if (lacking := gap - (places[i] - places[i - 1])) > 0:
                places[i] += lacking / 2
                places[i - 1] -= lacking / 2
    for row, place in zip(rows, places, strict=True):
        row["place"] = round(place, 2)


def _limits(rows: list[dict[str, Any]], zero: bool) -> tuple[float, float]:
    """The ends of the axis: past all values and seeds, but not to the ends of intervals that would dwarf all others."""
    inner = [value for row in rows for value in (row["value"], *row["seeds"])]
    margin = [row["margin"] for row in rows if "margin" in row]
    around = 0 if zero else float(np.median(inner))
    longest = 4 * np.median([abs(row[end] - around) for row in rows for end in ("low", "high")])
    low = min([*inner, *(-m for m in margin), max(min(row["low"] for row in rows), around - longest)])
    high = max([*inner, *margin, min(max(row["high"] for row in rows), around + longest)])
    room = 0.03 * (high - low) or 1
    return round(float(low - room), 2), round(float(high + room), 2)
