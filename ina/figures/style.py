"""How methods look in figures.

A method has the same colour in every figure, from palettes that are safe for the colour-blind (Okabe and Ito 2008; wine
is Tol's, 2021). Levels of inhibition are shades of it, from light to dark. Shapes tell methods apart without colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..tables.study import Study

COLOURS = {
    "full": "#000000",
    "head": "#666666",
    "gate": "#009e73",
    "lora": "#0072b2",
    "lora_released": "#56b4e9",
    "ina": "#d55e00",
    "identity": "#882255",  # InA without an activation: the threshold alone
    "ina_released": "#cc79a7",
    "peft": "#e69f00",  # other methods, told apart by their shapes
}
SHAPES = {"full": "circle", "head": "cross", "lora": "square", "lora_released": "diamond", "peft": "triangle-down"}


LEVEL_SHAPES = (  # for inhibition 0, 0.1, ..., 0.9
    *("triangle-down", "triangle-left", "diamond", "triangle-up", "circle"),
    *("triangle-right", "square", "wedge", "arrow", "cross"),
)


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn: its colour, and a shape that Vega knows by name."""

    colour: str
    shape: str


def style_of(method: dict[str, Any]) -> MethodStyle:
    """How a method is drawn, from a record's `config["method"]`: by its activation, name or kind."""
    names = (method.get("activation"), method["name"], method["kind"])
    family = next((name for name in names if name in COLOURS), "peft")
    level = method.get("inhibition")
    if level is None:
        return MethodStyle(COLOURS[family], SHAPES[family])
    channels = bytes.fromhex(COLOURS[family][1:])
    shade = [round(np.interp(level, (0, 0.3, 1.5), (0.5 * (channel + 255), channel, 0))) for channel in channels]
    return MethodStyle("#" + bytes(shade).hex(), LEVEL_SHAPES[min(round(10 * level), 9)])


def method_styles(study: Study) -> dict[str, MethodStyle]:
    """A style for each method, in order; methods of one kind and level have different shapes."""
    styles: dict[str, MethodStyle] = {}
    for model, method in study.methods:
        if method in styles:
            continue
        default = style_of(study.settings(model, method))
        others = (replace(default, shape=shape) for shape in LEVEL_SHAPES)
        styles[method] = next((style for style in (default, *others) if style not in styles.values()), default)
    return styles


def axis_limits(values: Sequence[float], ends: Sequence[float], centre: float = 0.0) -> list[float]:
    """The ends of an axis that shows all values; intervals far longer than most are cut."""
    longest = 4 * np.median(abs(np.asarray(ends) - centre))
    low = float(min(*values, max(min(ends), centre - longest)))
    high = float(max(*values, min(max(ends), centre + longest)))
    room = 0.03 * (high - low) or 1
    return [round(low - room, 2), round(high + room, 2)]
