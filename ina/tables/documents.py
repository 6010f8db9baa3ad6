"""Which files the tables are, what must stand in them, and which are out of date."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from ..record import write_atomically
from .ablation import ablation_table
from .claims import parts
from .costs import cost_table
from .distractors import distractor_table, levels
from .frame import Study
from .inside import inside_tables
from .scores import excerpt, score_tables
from .search import search_table
from .table import Table, csv, markdown
from .verdicts import pairs, verdict_table

_BLOCK = re.compile(r"(<!-- (?P<kind>table|claim): (?P<name>[^>]+) -->\n?)(?P<body>.*?)(<!-- /(?P=kind) -->)", re.S)


def tables(study: Study) -> list[Table]:
    """Every table of a study, the tables of scores first; those of one name are one file."""
    verdicts = [verdict_table(study)] if any(pairs(study)) else []
    return [*main_tables(study), *verdicts, *inside_tables(study)]


@cache
def main_tables(study: Study) -> list[Table]:
    """The tables of scores, or that of an ablation; by number of distractors where there are several."""
    if study.is_ablation:
        return [ablation_table(study)]
    return [*([distractor_table(study)] if levels(study) else []), *score_tables(study)]


def search_tables(searches: list[Study]) -> list[Table]:
    """One table of all searches, if there are any."""
    return [search_table(searches)] if searches else []


def expected_files(results: Path, studies: list[Study], searches: list[Study], all_studies: bool) -> dict[Path, str]:
    """Every file that should lie under `results` for these studies, and the documents with parts, with its text.

    With `all_studies`, they are all there are: the tables of searches and of costs and the claims are about them
    together.
    """
    files: dict[Path, str] = {}

    def add(place: Path, found: list[Table]) -> None:
        files[place.with_suffix(".md")] = "\n".join(map(markdown, found))
        files[place.with_suffix(".csv")] = csv(found)

    made = {study.name: tables(study) for study in studies}
    for name, of in made.items():
        for table_name in dict.fromkeys(table.name for table in of):
            add(results / "tables" / name / table_name, [table for table in of if table.name == table_name])
    if all_studies and searches:
        add(results / "tables" / "searches", search_tables(searches))
    if all_studies and (studies or searches):
        files[results / "COSTS.md"] = markdown(cost_table([*studies, *searches]))
    claims = parts(studies) if all_studies else None
    for document in _documents(results):
        place = (results / "tables").relative_to(document.parent).as_posix()
        excerpts = {name: excerpt(of[0], f"{place}/{name}") for name, of in made.items()}
        files[document] = filled(document, excerpts, claims)
    return files


def write(files: dict[Path, str]) -> int:
    """Write every file that differs; return how many."""
    differing = {
        path: text for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    for path, text in differing.items():
        write_atomically(path, lambda partial, text=text: partial.write_text(text, encoding="utf-8"))
    return len(differing)


def outdated(results: Path, files: dict[Path, str], all_studies: bool) -> list[str]:
    """A line for each file that is missing or differs; with `all_studies`, also for tables no record supports."""
    problems = []
    for path, text in files.items():
        if not path.is_file():
            problems.append(f"{path} is missing")
        elif path.read_text(encoding="utf-8") != text:
            problems.append(f"{path} is out of date")
    if all_studies:
        there = sorted((results / "tables").glob("*/*.*"))
        problems += [f"{path} belongs to no record; delete it" for path in there if path not in files]
        problems += [
            f"{path}: the table {block['name']} belongs to no record; empty it"
            for path, text in files.items()
            for block in _BLOCK.finditer(text)
            if block["kind"] == "table" and block["body"] and not (results / "tables" / block["name"]).is_dir()
        ]
    return problems


def _documents(results: Path) -> list[Path]:
    """Those that have parts between markers: report and claims, and the README of what is published."""
    documents = [results / name for name in ("REPORT.md", "DETAILS.md", "CLAIMS.md")]
    documents += [results.parent / "README.md"] if results.name == "results" else []
    return [path for path in documents if path.is_file()]


def filled(document: Path, tables: dict[str, Table], claims: dict[str, str] | None) -> str:
    """The text of a document with the parts between its markers replaced; tables of other studies stay.

    A table keeps the methods that it has in the document: a row that was deleted there stays deleted.

    Raises:
        ValueError: A part of the claims has an unknown name.
    """

    def block(found: re.Match[str]) -> str:
        name, body = found["name"], found["body"]
        if found["kind"] == "table":
            body = markdown(_with_methods_of(tables[name], body)) if name in tables else body
        elif claims is not None:
            if name not in claims:
                raise ValueError(f"{document}: there is no part of the claims {name!r}; there are {', '.join(claims)}")
            body = claims[name]
        return found[1] + body + found[5]

    return _BLOCK.sub(block, document.read_text(encoding="utf-8"))


def _with_methods_of(table: Table, body: str) -> Table:
    cells = {cell.strip() for line in body.splitlines() for cell in line.split("|")}
    in_body = table.shown["Method"].isin(cells)
    return replace(table, shown=table.shown[in_body]) if in_body.any() else table
