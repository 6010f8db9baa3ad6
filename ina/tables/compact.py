"""Tables for a first look, as the README and the report have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise, takewhile

from .layout import DASH, Row, Table
from .scores import LEFT


def compact(table: Table, place: str) -> Table:
    """What a first look needs of a table of scores, with links to the whole of it and to its neighbours in `place`.

    Left out are small print, what is marked as aside, columns in which we have no number, rows and sections that have
    none in the columns left, and where the numbers of others are from.
    """
    whole = f"[The whole table]({place}/{table.name}.md) has the last epochs"
    whole += ", more of others and the sources [k]" if table.sources else ""
    notes = (*table.notes, f"{whole}; verdicts and intervals stand [beside it]({place}).")
    return replace(_measured(table, [row for row in table.rows if row.kind in ("main", "section")]), notes=notes)


def on_screen(table: Table, published: bool) -> Table:
    """Our rows of a table of scores, in the columns in which we have numbers; with `published`, those of others below.

    Where the numbers of others are from is left to the file. Any other table stays as it is.
    """
    if table.columns[: len(LEFT)] != LEFT:
        return table
    if published:
        return _measured(table, [row for row in table.rows if row.kind != "aside"])
    notes = tuple(note for note in table.notes if not note.startswith("‡"))
    return replace(_measured(table, _ours(table.rows)), notes=notes)


def _ours(rows: Iterable[Row]) -> list[Row]:
    """The rows of the first section, without its heading."""
    _, *below = rows
    return list(takewhile(lambda row: row.kind != "section", below))


def _measured(table: Table, rows: list[Row]) -> Table:
    """These rows of a table, as far as they have numbers in the columns in which we have some; without sources."""
    ours = [row for row in _ours(table.rows) if row.kind == "main"]
    kept = [
        position
        for position, column in enumerate(table.columns)
        if not column.aside and any(_filled(row, [position]) for row in ours)
    ]
    scores = [position for position in kept if position >= len(LEFT)]
    rows = [row for row in rows if row.kind == "section" or _filled(row, scores)]
    rows = [
        row for row, below in pairwise([*rows, None]) if row.kind != "section" or (below and below.kind != "section")
    ]
    return replace(
        table,
        columns=tuple(table.columns[position] for position in kept),
        rows=tuple(
            row if row.kind == "section" else Row(tuple(row.cells[position] for position in kept), row.kind)
            for row in rows
        ),
        sources=(),
    )


def _filled(row: Row, positions: list[int]) -> bool:
    return any(row.cells[position] not in ("", DASH) for position in positions)


def ours(table: Table, place: str) -> Table:
    """Our rows of what `compact` keeps, for a report that discusses them and leaves the numbers of others to links.

    The caption names the model; where there is but one, its column goes.
    """
    short = compact(table, place)
    rows = _ours(short.rows)
    first = int(len({row.cells[0] for row in rows} - {""}) == 1)
    link = f"[The whole table]({place}/{table.name}.md) explains the columns and has more."
    return replace(
        short,
        caption=f"{short.caption} {link}",
        columns=short.columns[first:],
        rows=tuple(Row(row.cells[first:]) for row in rows),
        notes=(),
    )
