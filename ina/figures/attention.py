"""Figures of the attention inside trained models: on the paper's example, and over the dev set."""

from collections.abc import Callable
from functools import partial

import matplotlib
import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ..analysis.measurement import ALL, Reading
from ..tables.frame import Study
from ..tables.inside import attention, measured, measurements, over_seeds
from .style import STYLE, WIDTH, legend, method_styles, series, with_panels

_FONTS = {  # of tokens that the eye looks for; in no colour of a method
    "answer": {"fontweight": "bold"},
    "distractor": {"fontstyle": "italic"},
}


def attention_figures(study: Study) -> dict[str, Callable[[Study], Figure]]:
    """The figures by name; none where nothing was measured, with model and task in the name where there are several."""
    panels = list(dict.fromkeys((found.model, found.task) for found in measured(study)))
    found: dict[str, Callable[[Study], Figure]] = {}
    for model, task in panels:
        ending = f"_{model}_{task}" if len(panels) > 1 else ""
        of = {"model": model, "task": task}
        if any(one.example for one in measured(study) if (one.model, one.task) == (model, task)):
            found[f"attention{ending}"] = partial(heatmaps, **of)
        found[f"attention_mass{ending}"] = partial(mass, **of)
    return found


@matplotlib.rc_context(STYLE)
def heatmaps(study: Study, model: str, task: str) -> Figure:
    """Attention on the paper's example: every method side by side, mean over heads, layers and seeds.

    The last panel is InA with its linear part merged, as in the authors' released pictures.
    """
    maps: dict[str, list[np.ndarray]] = {}
    merged: dict[str, list[np.ndarray]] = {}
    for found in measured(study):
        if (found.model, found.task) == (model, task) and found.example:
            label = study.label(model=model, method=found.method)
            maps.setdefault(label, []).append(np.mean(found.example.maps, axis=0))
            if study.settings(model, found.method)["kind"] == "ina":
                merged.setdefault(f"{label}, merged", []).append(np.mean(found.example.merged_maps, axis=0))
            read = found.example
    shown = {label: np.mean(of, axis=0) for label, of in maps.items()}
    if merged:
        usual = f"{study.label(model=model, method='ina')}, merged" if (model, "ina") in study.methods else ""
        label = usual if usual in merged else list(merged)[-1]
        shown[label] = np.mean(merged[label], axis=0)
    return _heatmaps(shown, read)


@matplotlib.rc_context(STYLE)
def layers(read: Reading) -> Figure:
    """Attention of every layer of one model on one passage."""
    return _heatmaps({f"layer {number}": np.array(of) for number, of in enumerate(read.maps, 1)}, read)


def _heatmaps(maps: dict[str, np.ndarray], read: Reading) -> Figure:
    """From the tokens on the left to those below, on one scale."""
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure, axes = with_panels(len(maps), columns, height=WIDTH / columns + 0.15 + 0.9 / rows)
    places, blank = range(len(read.words)), [""] * len(read.words)
    norm = PowerNorm(0.5, vmin=0, vmax=max(of.max() for of in maps.values()))
    size = min(6.0, 100 / len(places))
    for number, (axis, (title, of)) in enumerate(zip(axes, maps.items(), strict=True)):
        image = axis.imshow(of, cmap="Blues", norm=norm, interpolation="nearest")
        axis.set_title(title)
        lowest, leftmost = number + columns >= len(maps), number % columns == 0
        axis.set_xticks(places, read.words if lowest else blank, rotation=90, fontsize=size)
        axis.set_yticks(places, read.words if leftmost else blank, fontsize=size)
        axis.tick_params(length=0, pad=1)
        axis.spines[:].set_visible(False)
        for label, of_kind in zip([*axis.get_xticklabels(), *axis.get_yticklabels()], read.kinds * 2, strict=True):
            label.set(**_FONTS.get(of_kind, {}))
    meaning = "attention from the token on the left to that below; bold: answer, italic: distractor"
    figure.colorbar(image, label=meaning, ax=axes, location="bottom", shrink=0.5, aspect=40)
    return figure


@matplotlib.rc_context(STYLE)
def mass(study: Study, model: str, task: str) -> Figure:
    """Attention that tokens of a kind get in each layer, mean over the dev set, with 95 % intervals over seeds.

    The grey line is what they get if all tokens get equal.
    """
    frame, styles = attention(study), method_styles(study)
    found = over_seeds(frame[frame["by"] == ALL], "to", "layer").loc[model, task]
    shares = over_seeds(measurements(study).query("measure == 'share'"), "to").loc[model, task]["mean"]
    equal = shares.groupby("to").first()
    there = [name for name in ("answer", "distractor", "question", "special") if equal[name]]
    figure, axes = with_panels(len(there), columns=2, height=2.1)
    for axis, name in zip(axes, there, strict=True):
        axis.axhline(equal[name], color="#999999", linewidth=0.8)
        for method, of in found.xs(name, level="to").groupby("method", sort=False):
            of = of.droplevel("method")
            apart = 0.09 * (list(styles).index(method) - (len(styles) - 1) / 2)  # so that none covers another
            label = study.label(model=model, method=method)
            series(axis, of.index.to_numpy(float) + apart, of, styles[method], label)
            axis.set_xticks(of.index)
        axis.autoscale_view()
        axis.set(
            title=f"to tokens of kind: {name}", xlabel="layer", ylabel="attention, %", ylim=(0, axis.get_ylim()[1])
        )
    legend(figure, "Line: 95 % interval over seeds. Grey: what equal attention to all tokens would give.")
    return figure
