"""A table in Markdown and CSV, as they are committed, and in LaTeX and HTML on demand."""

from __future__ import annotations

import warnings

import pandas as pd
from great_tables import GT, loc, style

from .layout import Table


def markdown(table: Table) -> str:
    """For the terminal and for README files: columns are padded, so that the source reads as a table too."""
    head = [" ".join(filter(None, (column.group, column.title))) for column in table.columns]
    blank = [""] * (len(head) - 1)
    body = []
    for row in table.rows:
        cells = list(row.cells) if row.kind != "section" else [f"**{row.cells[0]}**", *blank]
        body.append([cell.replace("|", "\\|") for cell in cells])
    widths = [max(3, *(len(cells[i]) for cells in [head, *body])) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [
            cell.rjust(width) if column.numeric else cell.ljust(width)
            for cell, width, column in zip(cells, widths, table.columns, strict=True)
        ]
        return "| " + " | ".join(padded) + " |"

    rule = [
        "-" * (width - 1) + ":" if column.numeric else "-" * width
        for width, column in zip(widths, table.columns, strict=True)
    ]
    parts = [f"**{table.heading}.** {table.caption}", "\n".join([line(head), line(rule), *map(line, body)])]
    if table.footnotes:
        parts.append("\n".join(f"- {note}" for note in table.footnotes))
    return "\n\n".join(parts) + "\n"


def csv(tables: list[Table]) -> str:
    """One row a number; four decimals of a point, so that rounding differs on no machine."""
    frame = pd.concat([table.data for table in tables], ignore_index=True)
    return frame.round(4).to_csv(index=False, lineterminator="\n")


def latex(table: Table) -> str:
    """A booktabs table, for LaTeX with the packages booktabs and caption."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Styles are not yet supported in LaTeX output")
        text = _great_table(table).as_latex()
    return "".join(_TEX.get(char, char) for char in text) + "\n"


_TEX = {
    "−": "$-$",
    "±": "$\\pm$",
    "×": "$\\times$",
    "Δ": "$\\Delta$",
    "≤": "$\\le$",
    "†": "$\\dagger$",
    "‡": "$\\ddagger$",
}


def page(table: Table) -> str:
    """A web page that needs no other file and looks like a table in a paper."""
    return _great_table(table).as_raw_html(make_page=True)


def _great_table(table: Table) -> GT:
    ids = [str(i) for i in range(len(table.columns))]
    section, sections, kinds, body = "", [], [], []
    for row in table.rows:
        if row.kind == "section":
            section = row.cells[0]
            continue
        body.append(row.cells)
        kinds.append(row.kind)
        sections.append(section)
    frame = pd.DataFrame(body, columns=ids, dtype=object).assign(section=sections)
    grouped = any(sections)
    made = GT(frame if grouped else frame[ids], groupname_col="section" if grouped else None, id=table.name)
    made = made.tab_header(title=table.heading, subtitle=table.caption)
    made = made.cols_label(dict(zip(ids, (column.title for column in table.columns), strict=True)))
    for name in _groups(table):
        made = made.tab_spanner(name, [i for i, c in zip(ids, table.columns, strict=True) if c.group == name])
    made = made.cols_align("left", [i for i, c in zip(ids, table.columns, strict=True) if not c.numeric])
    made = made.cols_align("right", [i for i, c in zip(ids, table.columns, strict=True) if c.numeric])
    small = [position for position, kind in enumerate(kinds) if kind == "second"]
    if small:
        made = made.tab_style(style.text(color="#555555", size="90%"), loc.body(rows=small))
    for note in table.footnotes:
        made = made.tab_source_note(note)
    return _paper_like(made).opt_css(_CSS.format(table.name))


_CSS = """
#{0} .gt_row {{ white-space: nowrap; }}
#{0} .gt_title {{ font-weight: bold; }}
#{0} .gt_subtitle, #{0} .gt_sourcenote {{ max-width: 60em; }}
"""


def _paper_like(made: GT) -> GT:
    black, none = "#000000", "none"
    return made.tab_options(
        table_font_names=["Libertinus Serif", "Linux Libertine O", "Times New Roman", "Nimbus Roman", "serif"],
        table_font_size="13px",
        table_font_color=black,
        heading_align="left",
        heading_title_font_size="16px",
        heading_title_font_weight="bold",
        heading_subtitle_font_size="13px",
        heading_border_bottom_style=none,
        table_border_top_style=none,
        table_border_bottom_style=none,
        column_labels_border_top_style="solid",
        column_labels_border_top_width="2px",
        column_labels_border_top_color=black,
        column_labels_border_bottom_style="solid",
        column_labels_border_bottom_width="1px",
        column_labels_border_bottom_color=black,
        row_group_border_top_style="solid",
        row_group_border_top_width="1px",
        row_group_border_top_color=black,
        row_group_border_bottom_style=none,
        row_group_font_weight="bold",
        table_body_hlines_style=none,
        table_body_border_top_style=none,
        table_body_border_bottom_style="solid",
        table_body_border_bottom_width="2px",
        table_body_border_bottom_color=black,
        data_row_padding="3px",
        data_row_padding_horizontal="6px",
        source_notes_font_size="12px",
        source_notes_border_bottom_style=none,
    )


def _groups(table: Table) -> dict[str, int]:
    names = [column.group for column in table.columns if column.group]
    return {name: names.count(name) for name in dict.fromkeys(names)}
