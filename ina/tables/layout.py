"""A table as it will be printed: text in cells, nothing about any format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

DASH = "–"  # nobody measured this


@dataclass(frozen=True)
class Column:
    """A column; columns of one `group` stand next to each other under its heading. `aside`: not for a first look."""

    title: str
    group: str = ""
    numeric: bool = True
    aside: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table: a `section` has one cell, its heading; `second` is in small print, `aside` not for a first
    look."""

    cells: tuple[str, ...]
    kind: Literal["main", "second", "section", "aside"] = "main"


@dataclass(frozen=True)
class Table:
    """A table. `data` is the same with full precision, one row a number, for the CSV file.

    name: of its file, without suffix
    number: as in the paper, "Table 3"; blank for tables the paper does not have
    caption: what is shown, from which data, by which rule
    notes: marks explained, warnings; one paragraph each
    sources: where the numbers of others are from, by the numbers in their rows; they follow the notes
    """

    name: str
    number: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    data: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def heading(self) -> str:
        return ": ".join(filter(None, (self.number, self.title)))

    @property
    def footnotes(self) -> tuple[str, ...]:
        return (*self.notes, *self.sources)


def points(value: float, decimals: int = 1) -> str:
    """A raw score in points of a hundred."""
    return f"{100 * value:.{decimals}f}".replace("-", "−")


def signed(value: float, decimals: int = 1) -> str:
    """A raw difference in points, with its sign."""
    text = f"{100 * value:+.{decimals}f}"
    return (text if float(text) else text[1:]).replace("-", "−")


def millions(count: int) -> str:
    """A number of weights as papers print it: 22.7M, 0.15M."""
    return f"{count / 1e6:.{3 if count >= 1e6 else 2}g}M"


def spread(scores: np.ndarray, count: bool) -> str:
    """Raw scores (seeds,) as mean ± standard deviation in points, with the number of seeds if `count`."""
    text = points(scores.mean())
    if len(scores) > 1:
        text += f" ± {points(scores.std(ddof=1))}"
    return f"{text} ({len(scores)})" if count else text


def span(values: list[int], sign: str = "–") -> str:
    """Whole numbers as one number or as a range."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}{sign}{high:,}"
