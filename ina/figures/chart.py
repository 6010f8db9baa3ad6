"""Charts in Vega-Lite. The site draws them in the browser; `save` writes them as files."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..record import write_atomically
from ..tables.table import interval, points, signed
from .style import MethodStyle, axis_limits

WIDTH = 640  # pixels of a figure, without the labels beside its charts
ROW = 17  # pixels of a row of `intervals`
_TOOLTIP = ("heading", "label", "interval", "n", "margin", "word", "family")
_TOOLTIP += ("p of a difference", "p of equivalence", "seeds that would decide")
_CONFIG = {
    "view": {"stroke": None},
    "axis": {"gridColor": "#e8e8e8", "titleFontWeight": "normal", "labelFontSize": 11, "titleFontSize": 12},
    "text": {"fontSize": 11.5},
    "title": {"anchor": "start", "fontSize": 12},
}
Spec = dict[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Chart:
    """One chart: its specification without size and title, its title, and its height in pixels.

    A wide chart has labels at its sides: it has a row to itself, and scrolls sideways on a phone.
    """

    spec: Spec
    title: str
    height: int = 220
    wide: bool = False


@dataclass(frozen=True)
class Figure:
    """Charts side by side, and what their marks mean."""

    charts: Sequence[Chart]
    note: str
    columns: int = 1

    def spec(self) -> Spec:
        """The figure in Vega-Lite."""
        rows: list[list[Spec]] = []
        free = 0  # free places in the last row
        for chart in self.charts:
            columns = 1 if chart.wide else min(self.columns, len(self.charts))
            width = WIDTH // columns - 60 * (columns > 1)  # the rest is for the axis
            if chart.wide or not free:
                rows.append([])
                free = columns
            rows[-1].append(chart.spec | {"title": chart.title, "width": width, "height": chart.height})
            free -= 1
        look = {"orient": "bottom", "fontSize": 11, "fontWeight": "normal", "color": "#555555", "offset": 14}
        note = {"text": textwrap.wrap(self.note, 140)} | look
        views = [{"hconcat": row} for row in rows]
        return {"vconcat": views, "title": note, "config": _CONFIG, "background": "white"}


def png(figure: Figure, scale: float = 1) -> bytes:
    """A figure as a PNG, `scale` times as large as in its specification; 256 colours make the file 8 times smaller.

    Its text chunk "Vega-Lite" is the specification, so the numbers that it shows can be read again.
    """
    small, texts, spec = BytesIO(), PngInfo(), figure.spec()
    texts.add_text("Vega-Lite", json.dumps(spec), zip=True)
    image = Image.open(BytesIO(vl_convert.vegalite_to_png(spec, scale=scale)))
    image = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
    image.save(small, "png", optimize=True, pnginfo=texts)
    return small.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a figure.

    Raises:
        ValueError: The suffix of `path` is neither .png nor .pdf.
    """
    writers = {".png": lambda: png(figure, scale=1.5), ".pdf": lambda: vl_convert.vegalite_to_pdf(figure.spec())}
    if path.suffix not in writers:
        raise ValueError(f"{path}: a figure is written as {' or '.join(writers)}")
    content = writers[path.suffix]()
    write_atomically(path, lambda file: file.write_bytes(content))


def layer(mark: str, encoding: Spec, rows: Rows | None = None, **style: Any) -> Spec:
    """A layer of marks; without `rows`, it draws those of the chart."""
    of_its_own = {} if rows is None else {"data": {"values": rows}}
    return of_its_own | {"mark": {"type": mark, **style}, "encoding": encoding}


def number(field: str, **more: Any) -> Spec:
    """The encoding of a numerical field."""
    return {"field": field, "type": "quantitative", **more}


def lines(rows: Rows, x: Spec, y: str, styles: dict[str, MethodStyle], rules: Sequence[Spec] = ()) -> Spec:
    """A line for each method through its values, with their intervals.

    Args:
        rows: Each has "method" (a label), "x" and "value"; where known "low", "high", "seeds" (values), "hollow".
        x: Title, scale and axis of "x".
        y: The title of the values.
        styles: The styles of the methods, by label.
        rules: Encodings of lines across the chart.
    """
    legend = {"orient": "bottom", "columns": 4, "symbolSize": 50, "symbolOpacity": 1}
    color, shape = (
        {"field": "method", "type": "nominal", "title": None, "legend": legend}
        | {"scale": {"domain": list(styles), "range": [getattr(style, name) for style in styles.values()]}}
        for name in ("colour", "shape")
    )
    # with few seeds, an interval can end far beyond all values
    inner = [value for row in rows for value in (row["value"], *row.get("seeds", ()))]
    inner += [rule["y"]["datum"] for rule in rules if "y" in rule]
    ends = [row[end] for row in rows for end in ("low", "high") if row.get(end) is not None]
    limits = axis_limits(inner, ends or inner, float(np.median(inner)))
    position = {"x": number("x", **x), "color": color}
    value = {"title": y, "scale": {"domain": limits, "nice": False, "zero": False}}
    point = position | {"y": number("value", **value)}
    layers = [layer("rule", rule, [{}], color="#888888", strokeDash=[2, 2]) for rule in rules]
    if ends:
        point["tooltip"] = [{"field": "method"}, number("value", format=".1f"), *map(number, ("low", "high"))]
        layers.append(layer("rule", position | {"y": number("low", **value), "y2": {"field": "high"}}, clip=True))
    layers += [
        layer("line", point, strokeWidth=1.2),
        layer("circle", position | {"y": number("seed", **value)}, size=8, opacity=0.6)
        | {"transform": [{"flatten": ["seeds"], "as": ["seed"]}]},
        layer("point", point | {"shape": shape}, filled=True, size=50, opacity=1),
        layer("point", point | {"shape": shape, "color": {"value": "white"}}, filled=True, size=14, opacity=1)
        | {"transform": [{"filter": "datum.hollow"}]},
    ]
    return {"data": {"values": [{"seeds": []} | row for row in rows]}, "layer": layers}


def intervals(rows: Rows, axis: str, title: str, zero: bool = True) -> Chart:
    """Values with their 95 % intervals, one per row, under headings.

    Args:
        rows: Each has "heading", "label", "value", "low", "high", "colour", "selection", "decided"; where known
            "margin", "word" (shown at the right), "seeds" (values), and other entries of `_TOOLTIP`.
        axis: The title of the axis.
        title: What the chart shows.
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
    low, high = limits = axis_limits(inner, ends, 0 if zero else float(np.median(inner)))
    scale = {"domain": limits, "nice": False, "zero": False}
    x = {"type": "quantitative", "title": axis, "scale": scale, "axis": {"orient": "top"}}  # in sight with many rows
    y_scale = {"domain": [-0.5, count - 0.5], "reverse": True, "nice": False, "zero": False}
    at_row = {"y": number("row", axis=None, scale=y_scale)}
    fill, stroke = ({name: {"field": "colour", "scale": None}} for name in ("fill", "stroke"))
    margin = at_row | {"x": x | {"field": "less"}, "x2": {"field": "margin"}}
    line = at_row | stroke | {"x": x | {"field": "low"}, "x2": {"field": "high"}}
    value = at_row | fill | stroke | {"x": x | {"field": "value"}}
    value["fillOpacity"] = {"condition": {"test": "datum.decided", "value": 1}, "value": 0}
    tooltip = [{"field": name} for name in _TOOLTIP if any(name in row for row in rows)]
    value["tooltip"] = [number("value", format=".2f"), *tooltip]
    layers = [
        layer("rule", margin, strokeWidth=ROW, color="#999999", opacity=0.25, clip=True)
        | {"transform": [{"filter": "datum.margin"}, {"calculate": "-datum.margin", "as": "less"}]},
        *[layer("rule", {"x": x | {"datum": 0}}, [{}], color="#888888")] * zero,
        layer("rule", line, strokeWidth=1.5, clip=True),
        layer("point", at_row | fill | {"x": x | {"datum": low}}, shape="triangle-left", size=35, filled=True)
        | {"transform": [{"filter": f"datum.low < {low}"}]},
        layer("point", at_row | fill | {"x": x | {"datum": high}}, shape="triangle-right", size=35, filled=True)
        | {"transform": [{"filter": f"datum.high > {high}"}]},
        layer(
            "circle", at_row | fill | {"x": x | {"field": "seed"}}, size=9, opacity=0.7, clip=True, yOffset=0.28 * ROW
        )
        | {"transform": [{"flatten": ["seeds"], "as": ["seed"]}]},
        layer("point", value, size=48, strokeWidth=1.5, opacity=1),
    ]
    names = [{"heading": text, "row": row} for text, row in headings.items()]
    left, right = at_row | {"x": {"value": 0}}, at_row | {"x": {"value": "width"}}
    layers += [
        layer("text", left | {"text": {"field": "label"}}, align="right", dx=-8),
        layer("text", right | {"text": {"field": "word"}}, align="left", dx=8),
        layer("text", left | {"text": {"field": "heading"}}, names, align="left", dx=-130, fontWeight="bold"),
    ]
    spec: Spec = {"data": {"values": rows}, "layer": layers}
    selections = list(dict.fromkeys(row["selection"] for row in rows))
    if len(selections) > 1:
        choice = {"input": "radio", "options": selections, "name": "Epoch "}
        spec["params"] = [{"name": "epoch", "value": selections[0], "bind": choice}]
        spec["transform"] = [{"filter": "datum.selection === epoch"}]
    return Chart(spec, title, ROW * count, wide=True)
