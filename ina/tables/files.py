"""Which files the tables are, what must stand in them, and which are out of date."""

from __future__ import annotations

import re
from pathlib import Path

from ..record import write_atomically
from . import render
from .ablation import ablation_table, is_ablation
from .collect import Study
from .costs import cost_table
from .distractors import distractor_table, levels
from .excerpt import excerpt
from .layout import Table
from .mechanism import mechanism_tables
from .scores import score_tables
from .search import search_table
from .verdicts import pairs, verdict_table

_BLOCK = re.compile(r"(<!-- table: (?P<name>\S+) -->\n)(?P<body>.*?)(<!-- /table -->)", re.S)


FORMATS = {"md": render.markdown, "latex": render.latex, "html": render.page}


def tables(study: Study) -> list[Table]:
    """Every table of a study, the tables of scores first; those of one name are one file."""
    verdicts = [verdict_table(study)] if not study.is_search and any(pairs(study)) else []
    inside = [] if study.is_search else mechanism_tables(study)
    return [*main_tables(study), *verdicts, *inside]


def main_tables(study: Study) -> list[Table]:
    """The tables of scores, or that of an ablation or of a search; by number of distractors where there are several."""
    if study.is_search:
        return [search_table(study)]
    if levels(study):
        return [distractor_table(study), *score_tables(study)]
    return [ablation_table(study)] if is_ablation(study) else score_tables(study)


def wanted(results: Path, studies: list[Study], whole: bool) -> dict[Path, str]:
    """Every file that should lie under `results` for these studies, and the documents with tables, with its text.

    With `whole`, they are all studies there are: the table of costs is about them together.
    """
    files: dict[Path, str] = {}
    made = {study.name: tables(study) for study in studies}
    for name, of in made.items():
        for table_name in dict.fromkeys(table.name for table in of):
            group = [table for table in of if table.name == table_name]
            path = results / "tables" / name / table_name
            files[path.with_suffix(".md")] = "\n".join(map(render.markdown, group))
            files[path.with_suffix(".csv")] = render.csv(group)
    if whole and studies:
        costs = cost_table(studies)
        files[results / "COSTS.md"] = render.markdown(costs)
    for document in _documents(results):
        place = (results / "tables").relative_to(document.parent).as_posix()
        files[document] = _with_tables(document, {name: excerpt(of[0], f"{place}/{name}") for name, of in made.items()})
    return files


def write(files: dict[Path, str]) -> None:
    """Write every file that differs."""
    for path, text in files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, lambda partial, text=text: partial.write_text(text, encoding="utf-8"))


def stale(results: Path, files: dict[Path, str], whole: bool) -> list[str]:
    """A line for each file that is missing or differs; with `whole`, also for files of tables no record supports."""
    told = []
    for path, text in files.items():
        if not path.is_file():
            told.append(f"{path} is missing")
        elif path.read_text(encoding="utf-8") != text:
            told.append(f"{path} is out of date")
    if whole:
        there = (path for path in sorted((results / "tables").glob("*/*")) if path.is_file())
        told += [f"{path} belongs to no record; delete it" for path in there if path not in files]
        told += [
            f"{path}: the table {block['name']} belongs to no record; empty it"
            for path, text in files.items()
            for block in _BLOCK.finditer(text)
            if block["body"] and not _is_made(results, block["name"])
        ]
    return told


def _documents(results: Path) -> list[Path]:
    """Those that have tables between markers: the report, and the README of what is published."""
    there = [results / "REPORT.md", *([results.parent / "README.md"] if results.name == "results" else [])]
    return [path for path in there if path.is_file()]


def _is_made(results: Path, name: str) -> bool:
    return (results / "tables" / name).is_dir()


def _with_tables(document: Path, shown: dict[str, Table]) -> str:
    """The text of a document with the tables between its markers replaced; those of other studies stay."""

    def block(found: re.Match[str]) -> str:
        table = shown.get(found["name"])
        return found[1] + (render.markdown(table) if table else found["body"]) + found[4]

    return _BLOCK.sub(block, document.read_text(encoding="utf-8"))
