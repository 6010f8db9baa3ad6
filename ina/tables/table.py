"""A table: its numbers in one data frame, its text in another. It is written as Markdown, CSV, LaTeX or HTML."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DASH = "–"  # not measured
SECTION = "section"  # column of `shown`: the heading above a row
_LEFT = {"Model", "Method", "Epoch", "Task", "Family", "Verdict", "Best epochs", "Remark", "Site", "Activation",
         "Sites", "Chosen", "Our runs", "Methods", "Maximum per", "Through the maximum", "Advantage", "Experiment",
         "Data"}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table.

    name: the name of its files, without suffix
    title: with the number of the paper's table, if it has one
    caption: what is shown, from which data, by which rule
    shown: the text of the cells; a column "section" has the headings above the rows
    data: the numbers in points, one per row, for the CSV file
    notes: one paragraph each
    """

    name: str
    title: str
    caption: str
    shown: pd.DataFrame
    data: pd.DataFrame
    notes: tuple[str, ...] = ()


def markdown(table: Table) -> str:
    """The table in Markdown, for the terminal and for documents."""
    parts = [f"**{table.title}.** {table.caption}\n", rows_as_markdown(table.shown)]
    parts += ["".join(f"- {note}\n" for note in table.notes)] * bool(table.notes)
    return "\n".join(parts)


def rows_as_markdown(shown: pd.DataFrame) -> str:
    """The rows in Markdown, with padded columns, so that the source reads as a table too."""
    head = [name for name in shown if name != SECTION]
    lines, section = [], ""
    for row in shown.fillna("").to_dict("records"):
        if row.get(SECTION, section) != section:
            section = row[SECTION]
            lines.append([f"**{section}**", *[""] * (len(head) - 1)])
        lines.append([row[name].replace("|", "\\|") for name in head])
    widths = [max(3, *(len(line[i]) for line in [head, *lines])) for i in range(len(head))]
    left = [_is_text(name) for name in head]
    rule = ["-" * width if is_left else "-" * (width - 1) + ":" for width, is_left in zip(widths, left, strict=True)]
    text = ""
    for cells in [head, rule, *lines]:
        padded = (c.ljust(w) if is_left else c.rjust(w) for c, w, is_left in zip(cells, widths, left, strict=True))
        text += f"| {' | '.join(padded)} |\n"
    return text


def csv(tables: list[Table]) -> str:
    """One row per number, with four decimals of a point, so that the file is the same on every machine."""
    frame = pd.concat([table.data for table in tables], ignore_index=True)
    return frame.round(4).to_csv(index=False, lineterminator="\n")


def latex(table: Table) -> str:
    """The table in LaTeX, for the package booktabs."""
    style = table.shown.fillna("").style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
    align = "".join("l" if _is_text(name) else "r" for name in table.shown)
    text = style.to_latex(hrules=True, column_format=align)
    return text.translate(str.maketrans(_TEX))


_TEX = {"−": "$-$", "<": "$<$", ">": "$>$", "±": "$\\pm$", "×": "$\\times$", "Δ": "$\\Delta$", "†": "$\\dagger$",
        "‡": "$\\ddagger$"}  # fmt: skip


def html(table: Table) -> str:
    """The table as a web page that needs no other file."""
    style = table.shown.fillna("").style.hide(axis="index").format(escape="html")
    notes = "".join(f"<p>{note}</p>\n" for note in table.notes)
    body = style.set_caption(f"{table.title}. {table.caption}").set_uuid(table.name).to_html()
    return f'<!doctype html>\n<meta charset="utf-8">\n{body}{notes}'


FORMATS = {"md": markdown, "csv": lambda table: csv([table]), "latex": latex, "html": html}


def _is_text(column: str) -> bool:
    return column in _LEFT or column == SECTION or column.endswith(" verdict")


def points(value: float, decimals: int = 1) -> str:
    """A number in points."""
    return f"{value:z.{decimals}f}".replace("-", "−")


def signed(value: float, decimals: int = 1) -> str:
    """A difference in points, with its sign."""
    text = f"{value:+.{decimals}f}"
    return (text if float(text) else text[1:]).replace("-", "−")


def interval(low: float, high: float, write=points) -> str:
    """Both ends of an interval in points."""
    return f"[{write(low)}, {write(high)}]"


def spread(mean: float, std: float, n: int | None = None) -> str:
    """Mean ± standard deviation in points, with the number of seeds if `n` is given."""
    text = points(mean) if np.isnan(std) else f"{points(mean)} ± {points(std)}"
    return text if n is None else f"{text} ({n:g})"


def millions(count: int) -> str:
    """A number of weights as papers print it: 22.7M, 0.15M."""
    return f"{count / 1e6:.{3 if count >= 1e6 else 2}g}M"


def span(values) -> str:
    """Whole numbers as one number or as a range."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
