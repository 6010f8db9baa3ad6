"""How figures look: what all of them share.

A method has one colour in every figure, of those of Okabe and Ito (2008), which the colour-blind tell apart; levels of
inhibition are shades of it, from light to dark. Markers and line styles tell methods apart in grey.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from string import ascii_letters
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from ..record import write_atomically
from ..tables.frame import Study

WIDTH = 6.75  # inches, the text width of a two-column paper
COLOURS = {
    "full": "#000000",
    "gate": "#009E73",
    "lora": "#0072B2",
    "lora_released": "#56B4E9",
    "ina": "#D55E00",
    "ina_released": "#CC79A7",
    "peft": "#E69F00",  # other methods, told apart by their markers
}
LINES = {"full": "-", "gate": "-.", "lora": "--", "lora_released": ":", "ina": "-", "ina_released": "-.", "peft": ":"}
MARKERS = {"full": "o", "lora": "s", "lora_released": "D", "peft": "v"}
LEVEL_MARKERS = "v<p^h>8d*PX"  # for inhibition 0, 0.1, ..., 1
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn."""

    colour: str
    marker: str
    line: str | tuple


def style_of(method: dict[str, Any]) -> MethodStyle:
    """How a method is drawn, from a record's `config["method"]`; one with a name of its own looks like its kind."""
    family = next((name for name in (method["name"], method["kind"]) if name in COLOURS), "peft")
    level = method.get("inhibition")
    if level is None:
        return MethodStyle(COLOURS[family], MARKERS[family], LINES[family])
    light, base, dark = 0.5 * np.array(to_rgb(COLOURS[family])) + 0.5, to_rgb(COLOURS[family]), np.zeros(3)
    shade = [np.interp(level, (0, 0.3, 1.5), channel) for channel in zip(light, base, dark, strict=True)]
    return MethodStyle(to_hex(shade), LEVEL_MARKERS[round(10 * level)], LINES[family])


def method_styles(study: Study) -> dict[str, MethodStyle]:
    """A style for each method, in order; methods of one kind and level have different markers."""
    found: dict[str, MethodStyle] = {}
    for model, method in study.methods:
        if method in found:
            continue
        usual = style_of(study.settings(model, method))
        others = (replace(usual, marker=marker) for marker in LEVEL_MARKERS)
        found[method] = next((one for one in (usual, *others) if one not in found.values()), usual)
    return found


def with_panels(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels of `height` inches, with a letter each where there are several; in no window."""
    rows = max(1, -(-count // columns))
    used = max(1, min(count, columns))
    figure = Figure(figsize=(max(0.55, used / columns) * WIDTH, rows * height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, used, squeeze=False).ravel()
    for axis in grid[count:]:
        axis.remove()
    for axis, letter in zip(grid[:count] if count > 1 else (), ascii_letters, strict=False):
        axis.annotate(letter, (0, 1), (-14, 5), "axes fraction", "offset points", fontweight="bold")
    return figure, list(grid[:count])


def series(axis: Axes, x: np.ndarray, found: pd.DataFrame, style: MethodStyle, label: str) -> None:
    """Columns `mean`, `low` and `high` of `found` as marks with their intervals."""
    ends = np.nan_to_num(abs(found[["low", "high"]].to_numpy(float).T - found["mean"].to_numpy(float)))
    axis.errorbar(x, found["mean"], ends, color=style.colour, marker=style.marker, linestyle=style.line,
                  elinewidth=0.7, capsize=2, label=label)  # fmt: skip


def axis_limits(values: Sequence[float], ends: Sequence[float], around: float = 0.0) -> tuple[float, float]:
    """The ends of an axis: past all values, but not to ends of intervals that would dwarf all others."""
    longest = 4 * np.median(abs(np.asarray(ends) - around))
    low = float(min(*values, max(min(ends), around - longest)))
    high = float(max(*values, min(max(ends), around + longest)))
    room = 0.03 * (high - low) or 1
    return low - room, high + room


def prefix(study: Study, model: str) -> str:
    """The model at the head of a title, where there are several."""
    return f"{study.label(model=model)}, " if len(study.models) > 1 else ""


def task_title(study: Study, task: str) -> str:
    """The task in a title; the generated one of its form is not the task itself."""
    return study.label(task=task) + (", generated" if study.source == "probe" else "")


def legend(figure: Figure, note: str = "") -> None:
    """One legend for all panels, below them, under a note on what the marks mean."""
    entries = {}
    for axis in figure.axes:
        handles, labels = axis.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    inches = 0.42 + 0.058 * max(map(len, entries), default=0)  # of the longest entry
    columns = max(1, int(figure.get_figwidth() / inches))
    lines = textwrap.wrap(note, int(figure.get_figwidth() / 0.055))
    rows = -(-len(entries) // columns) + len(lines)
    figure.set_figheight(figure.get_figheight() + 0.17 * rows)  # else the panels would have to give room
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns,
                  title="\n".join(lines) or None, title_fontsize=7)  # fmt: skip


def png(figure: Figure, dpi: int = 100) -> bytes:
    """A figure as a PNG of 256 colours, a quarter as large as one of all."""
    full, small = BytesIO(), BytesIO()
    figure.savefig(full, format="png", dpi=dpi)
    Image.open(full).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(small, "png", optimize=True)
    return small.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a figure; without a date inside, so that the same figure is the same file."""
    if path.suffix == ".png":
        write_atomically(path, lambda file: file.write_bytes(png(figure, dpi=200)))
    else:
        write_atomically(path, lambda file: figure.savefig(file, format="pdf", metadata={"CreationDate": None}))
