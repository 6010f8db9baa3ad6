"""Our rows of a table of scores, for the terminal and for documents; the files have the whole tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise, takewhile

from .layout import DASH, Row, Table
from .scores import LEFT


def on_screen(table: Table, published: bool) -> Table:
    """Our rows of a table of scores, in the columns in which we have numbers; with `published`, those of others below.

    Where the numbers of others are from is left to the file. Any other table stays as it is.
    """
    if table.columns[: len(LEFT)] != LEFT:
        return table
    if published:
        return _measured(table, table.rows)
    notes = tuple(note for note in table.notes if not note.startswith("‡"))
    return replace(_measured(table, _ours(table.rows)), notes=notes)


def excerpt(table: Table, place: str) -> Table:
    """Our best-epoch rows of a table of scores, for a document, with a link to the whole table in the folder `place`.

    The caption names the model; where there is but one, its column goes.
    """
    short = _measured(table, [row for row in _ours(table.rows) if row.kind == "main"])
    first = int(len({row.cells[0] for row in short.rows} - {""}) == 1)
    return replace(
        short,
        caption=f"{short.caption} [The whole table]({place}/{table.name}.md) explains the columns and has more.",
        columns=short.columns[first:],
        rows=tuple(Row(row.cells[first:]) for row in short.rows),
        notes=(),
    )


def _ours(rows: Iterable[Row]) -> list[Row]:
    """The rows of the first section, without its heading."""
    _, *below = rows
    return list(takewhile(lambda row: row.kind != "section", below))


def _measured(table: Table, rows: Iterable[Row]) -> Table:
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
