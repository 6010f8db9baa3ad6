"""Figures of what was measured inside trained models: attention on the paper's example, its mass, and the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ..analysis.measurement import Reading
from ..tables.collect import Study
from ..tables.measured import ALL, at_sites, attention, kind, measured, over_seeds
from .style import STYLE, WIDTH, legend, letters, looks, with_panels

_TOLD = {  # tokens that the eye looks for; in no colour of a method
    "answer": {"fontweight": "bold"},
    "distractor": {"fontstyle": "italic"},
}
_GATE = {
    "update": ("update / base, %", 100),
    "rank_behind": ("effective rank", 1),
    "inhibited": ("inhibited, %", 100),
    "tail": ("through the tail, %", 100),
}
_KINDS = ("special", "punctuation", "question", "answer", "distractor", "other")


def drawn(study: Study) -> dict[str, Callable[[Study], Figure]]:
    """The figures by name; none where nothing was measured, with model and task in the name where there are several."""
    panels = list(dict.fromkeys((found.model, found.task) for found in measured(study)))
    found: dict[str, Callable[[Study], Figure]] = {}
    for model, task in panels:
        ending = f"_{model}_{task}" if len(panels) > 1 else ""
        of = {"model": model, "task": task}
        examples = [one.example for one in measured(study) if (one.model, one.task) == (model, task) and one.example]
        if examples:
            found[f"attention{ending}"] = partial(heatmaps, **of)
            for layer in range(1, len(examples[0].maps) + 1):
                found[f"attention_layer_{layer}{ending}"] = partial(heatmaps, **of, layer=layer)
        found[f"attention_mass{ending}"] = partial(mass, **of)
        if len(at_sites(study)):
            found |= {f"gate{ending}": partial(gate, **of), f"gate_kinds{ending}": partial(kinds, **of)}
    return found


@matplotlib.rc_context(STYLE)
def heatmaps(study: Study, model: str, task: str, layer: int | None = None) -> Figure:
    """Attention on the paper's example: every method side by side, mean over heads and seeds, of a layer or of all.

    The last panel is InA with its linear part merged, as in the authors' released pictures.
    """
    maps: dict[str, list[np.ndarray]] = {}
    merged: dict[str, list[np.ndarray]] = {}
    for found in measured(study):
        if (found.model, found.task) == (model, task) and found.example:
            label = study.method_label(found.method)
            maps.setdefault(label, []).append(_layer(found.example.maps, layer))
            if kind(study, found.method) == "ina":
                merged.setdefault(f"{label}, merged", []).append(_layer(found.example.merged_maps, layer))
            read = found.example
    shown = {label: np.mean(of, axis=0) for label, of in maps.items()}
    if merged:
        usual = f"{study.method_label('ina')}, merged" if "ina" in {run.method for run in study.runs} else ""
        label = usual if usual in merged else list(merged)[-1]
        shown[label] = np.mean(merged[label], axis=0)
    return _heatmaps(shown, read)


def _layer(maps: list[list[list[float]]], layer: int | None) -> np.ndarray:
    return np.mean(maps, axis=0) if layer is None else np.array(maps[layer - 1])


@matplotlib.rc_context(STYLE)
def layers(read: Reading) -> Figure:
    """Attention of every layer of one model on one passage."""
    return _heatmaps({f"layer {number}": np.array(of) for number, of in enumerate(read.maps, 1)}, read)


def _heatmaps(maps: dict[str, np.ndarray], read: Reading) -> Figure:
    """From the tokens on the left to those below, on one scale."""
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure = Figure(figsize=(WIDTH, 0.9 + rows * (WIDTH / columns + 0.15)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    places, blank = range(len(read.words)), [""] * len(read.words)
    norm = PowerNorm(0.5, vmin=0, vmax=max(of.max() for of in maps.values()))
    size = min(6.0, 100 / len(places))
    for number, (axis, (title, of)) in enumerate(zip(grid, maps.items(), strict=False)):
        image = axis.imshow(of, cmap="Blues", norm=norm, interpolation="nearest")
        axis.set_title(title)
        lowest, leftmost = number + columns >= len(maps), number % columns == 0
        axis.set_xticks(places, read.words if lowest else blank, rotation=90, fontsize=size)
        axis.set_yticks(places, read.words if leftmost else blank, fontsize=size)
        axis.tick_params(length=0, pad=1)
        axis.spines[:].set_visible(False)
        for label, of_kind in zip([*axis.get_xticklabels(), *axis.get_yticklabels()], read.kinds * 2, strict=True):
            label.set(**_TOLD.get(of_kind, {}))
    for axis in grid[len(maps) :]:
        axis.remove()
    letters(grid[: len(maps)])
    meaning = "attention from the token on the left to that below; bold: answer, italic: distractor"
    of_panels = {"ax": list(grid[: len(maps)]), "location": "bottom", "shrink": 0.5, "aspect": 40}
    figure.colorbar(image, label=meaning, **of_panels)
    return figure


@matplotlib.rc_context(STYLE)
def mass(study: Study, model: str, task: str) -> Figure:
    """Attention that tokens of a kind get in each layer, mean over the dev set, with 95 % intervals over seeds.

    The grey line is what they get if all tokens get equal.
    """
    frame = attention(study)
    found = over_seeds(frame[frame["by"] == ALL], "to", "layer").loc[model, task]
    equal = next(one.findings.shares for one in measured(study) if (one.model, one.task) == (model, task))
    there = [name for name in ("answer", "distractor", "question", "special") if equal[name]]
    figure, axes = with_panels(len(there), columns=2, height=2.1)
    for axis, name in zip(axes, there, strict=True):
        axis.axhline(100 * equal[name], color="#999999", linewidth=0.8)
        _series(axis, study, found.xs(name, level="to"), 100)
        axis.set_title(f"to tokens of kind: {name}")
        axis.set_xlabel("layer")
        axis.set_ylabel("attention, %")
        _from_zero(axis)
    legend(figure, "Line: 95 % interval over seeds. Grey: what equal attention to all tokens would give.")
    return figure


@matplotlib.rc_context(STYLE)
def gate(study: Study, model: str, task: str) -> Figure:
    """What the adapter does at each site and layer, mean over the tokens of the dev set, with 95 % intervals."""
    frame = at_sites(study)
    found = over_seeds(frame[frame["kind"] == ALL], "site", "measure", "layer").loc[model, task]
    places = list(dict.fromkeys(found.index.get_level_values("site")))
    figure, axes = with_panels(len(_GATE) * len(places), columns=len(places), height=1.5)
    for axis, (measure, site) in zip(axes, ((m, s) for m in _GATE for s in places), strict=True):
        title, scale = _GATE[measure]
        _series(axis, study, found.xs((site, measure), level=("site", "measure")), scale)
        axis.set_ylabel(title)
        _from_zero(axis)
        if measure == next(iter(_GATE)):
            axis.set_title(site)
        if measure == list(_GATE)[-1]:
            axis.set_xlabel("layer")
    legend(figure, "Line: 95 % interval over seeds. Inhibited: share of rank components below the threshold.")
    return figure


@matplotlib.rc_context(STYLE)
def kinds(study: Study, model: str, task: str) -> Figure:
    """Left, the share of components that the gate inhibits by kind of token; right, what it passes of their norm."""
    frame = at_sites(study)
    figure, axes = with_panels(2, columns=2, height=2.4)
    for axis, (measure, title) in zip(axes, (("inhibited", "inhibited, %"), ("passed", "passed, %")), strict=True):
        found = over_seeds(frame[frame["measure"] == measure], "kind").loc[model, task]
        there = [name for name in _KINDS if name in found.index.get_level_values("kind")]
        for place, (method, of) in enumerate(_methods(found)):
            x = np.arange(len(there)) + 0.12 * (place - 1)
            _points(axis, study, method, x, of.loc[there], 100, line="none")
        axis.set_xticks(range(len(there)), there, rotation=30, ha="right")
        axis.set_ylabel(title)
        _from_zero(axis)
    legend(figure, "Line: 95 % interval over seeds. Passed: norm behind the gate over that before it.")
    return figure


def _methods(found: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each method that has some."""
    for method, of in found.groupby("method", sort=False):
        yield method, of.droplevel("method")


def _series(axis: Axes, study: Study, found: pd.DataFrame, scale: float) -> None:
    """A line a method over the layers, side by side where they would cover each other."""
    order = list(looks(study))
    for method, of in _methods(found):
        x = of.index.to_numpy(float) + 0.09 * (order.index(method) - (len(order) - 1) / 2)
        _points(axis, study, method, x, of, scale, line=looks(study)[method].line)
        axis.set_xticks(of.index)


def _from_zero(axis: Axes) -> None:
    axis.autoscale_view()
    axis.set_ylim(0, axis.get_ylim()[1])


def _points(
    axis: Axes, study: Study, method: str, x: np.ndarray, of: pd.DataFrame, scale: float, line: str | tuple
) -> None:
    look, mean = looks(study)[method], of["mean"].to_numpy()
    ends = np.nan_to_num(np.abs(of[["low", "high"]].to_numpy().T - mean))
    axis.errorbar(x, scale * mean, scale * ends, color=look.colour, marker=look.marker, linestyle=line, elinewidth=0.7,
                  capsize=1.5, label=study.method_label(method))  # fmt: skip
