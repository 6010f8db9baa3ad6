"""How figures look: what all of them share.

Colours are those of Okabe and Ito (2008), with Tol's wine for their yellow, which is faint on white: the colour-blind
tell them apart. Every method has its own marker and line style too, so that nothing is lost in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..record import write_atomically
from ..tables.collect import Cell, Study, task_label

WIDTH = 6.75  # inches, the text width of a two-column paper
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", "h")  # one more than colours: a ninth look is new
LINES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)), (0, (5, 1)), (0, (1, 1)), (0, (8, 2, 2, 2)))
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
class Look:
    """How a method is drawn."""

    colour: str
    marker: str
    line: str | tuple


def looks(study: Study) -> dict[str, Look]:
    """A look for each method, in order."""
    methods = dict.fromkeys(method for _, method in study.methods)
    return {
        method: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
        for i, method in enumerate(methods)
    }


def with_panels(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels of `height` inches; it belongs to no window."""
    rows = max(1, -(-count // columns))
    used = max(1, min(count, columns))
    figure = Figure(figsize=(max(0.55, used / columns) * WIDTH, rows * height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, used, squeeze=False).ravel()
    for axis in grid[count:]:
        axis.remove()
    return figure, list(grid[:count])


def cells_of(study: Study, model: str, task: str) -> dict[str, Cell]:
    """The cells of a model and task by method, in order."""
    methods = [method for of, method in study.methods if of == model]
    return {method: cell for method in methods if (cell := study.cells.get((model, task, method)))}


def prefix(study: Study, model: str) -> str:
    """The model at the head of a title, where there are several."""
    several = len({of for of, _ in study.methods}) > 1
    return f"{study.model_label(model)}, " if several else ""


def of_task(study: Study, task: str) -> str:
    """The task in a title; the generated one of its form is not the task itself."""
    return task_label(task) + (", generated" if study.source == "probe" else "")


def legend(figure: Figure) -> None:
    """One legend for all panels, below them."""
    entries = {}
    for axis in figure.axes:
        handles, labels = axis.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    inches = 0.42 + 0.058 * max(map(len, entries), default=0)  # of the longest entry
    columns = max(1, int(figure.get_figwidth() / inches))
    more = max(0, -(-len(entries) // columns) - 3)  # rows for which the panels would have to give room
    figure.set_figheight(figure.get_figheight() + 0.16 * more)
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def save(figure: Figure, path: Path) -> None:
    """Write a figure; without a date inside, so that the same figure is the same file."""
    metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
    write_atomically(path, lambda file: figure.savefig(file, format=path.suffix[1:], dpi=200, metadata=metadata))
