"""Tables for a first look, as the README and the report have them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from .layout import DASH, Row, Table
from .scores import LEFT


def compact(table: Table, place: str) -> Table:
    """What a first look needs of a table of scores, with links to the whole of it and to its neighbours in `place`.

    Left out are small print, what is marked as aside, columns in which we have no number (our rows are the first
    section), rows and sections that have none in the columns left, and where the numbers of others are from.
    """
    rows = [row for row in table.rows if row.kind in ("main", "section")]
    headings = [position for position, row in enumerate(rows) if row.kind == "section"]
    ours = rows[: headings[1]] if len(headings) > 1 else rows
    kept = [
        position
        for position, column in enumerate(table.columns)
        if not column.aside and any(_filled(row, [position]) for row in ours if row.kind == "main")
    ]
    scores = [position for position in kept if position >= len(LEFT)]
    rows = [row for row in rows if row.kind == "section" or _filled(row, scores)]
    rows = [row for row, below in pairwise([*rows, None]) if row.kind == "main" or (below and below.kind == "main")]
    whole = f"[The whole table]({place}/{table.name}.md) has the last epochs"
    whole += ", more of others and the sources [k]" if table.sources else ""
    return replace(
        table,
        columns=tuple(table.columns[position] for position in kept),
        rows=tuple(
            row if row.kind == "section" else Row(tuple(row.cells[position] for position in kept)) for row in rows
        ),
        notes=(*table.notes, f"{whole}; verdicts and intervals stand [beside it]({place})."),
        sources=(),
    )


def _filled(row: Row, positions: list[int]) -> bool:
    return any(row.cells[position] not in ("", DASH) for position in positions)


def ours(table: Table, place: str) -> Table:
    """Our rows of what `compact` keeps, for a report that discusses them and leaves the numbers of others to links.

    The caption names the model; where there is but one, its column goes.
    """
    short = compact(table, place)
    headings = [position for position, row in enumerate(short.rows) if row.kind == "section"]
    rows = short.rows[1 : headings[1] if len(headings) > 1 else None]
    first = int(len({row.cells[0] for row in rows} - {""}) == 1)
    link = f"[The whole table]({place}/{table.name}.md) explains the columns and has more."
    return replace(
        short,
        caption=f"{short.caption} {link}",
        columns=short.columns[first:],
        rows=tuple(Row(row.cells[first:]) for row in rows),
        notes=(),
    )
