"""The files of tables: their paths, their expected contents, and which are out of date."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from ..record import write_atomically
from .ablation import ablation_table
from .claims import claim_texts
from .costs import cost_table
from .distractors import distractor_table, levels
from .mechanism import mechanism_tables
from .scores import excerpt, score_tables
from .search import search_table
from .study import Study
from .table import Table, csv, markdown
from .verdicts import verdict_table, verdicts

_BLOCK = re.compile(r"(<!-- (?P<kind>table|claim): (?P<name>[^>]+) -->\n?)(?P<body>.*?)(<!-- /(?P=kind) -->)", re.S)
MAIN = ("distractors", "ablation", "scores")  # what the command prints


@cache
def tables(study: Study) -> list[Table]:
    """Every table of a study, its main one first; tables of the same name go into one file."""
    scores = [ablation_table(study)] if study.is_ablation else score_tables(study)
    by_level = [distractor_table(study)] if levels(study) and not study.is_ablation else []
    judged = [] if verdicts(study).empty else [verdict_table(study)]
    return [*by_level, *scores, *judged, *mechanism_tables(study)]


def by_place(studies: list[Study], searches: list[Study]) -> dict[str, list[Table]]:
    """All tables of the studies, and those of all searches in one file, by its path below results/tables."""
    found: dict[str, list[Table]] = {}
    for study in studies:
        for table in tables(study):
            found.setdefault(f"{study.name}/{table.name}", []).append(table)
    return found | ({"searches": [search_table(search) for search in searches]} if searches else {})


def expected_files(results: Path, studies: list[Study], searches: list[Study], all_studies: bool) -> dict[Path, str]:
    """The expected text of every file of these studies under `results`, and of the documents that show parts of them.

    `all_studies`: these are all studies. Then searches, costs and claims are included, and tables in documents that
    belong to no study are emptied.
    """
    files: dict[Path, str] = {}
    for place, found in by_place(studies, searches if all_studies else []).items():
        files[results / "tables" / f"{place}.md"] = "\n".join(map(markdown, found))
        files[results / "tables" / f"{place}.csv"] = csv(found)
    if all_studies and (studies or searches):
        files[results / "COSTS.md"] = markdown(cost_table([*studies, *searches]))
    claims = claim_texts(studies) if all_studies else None
    documents = [results / name for name in ("REPORT.md", "DETAILS.md", "CLAIMS.md")]
    documents += [results.parent / "README.md"] * (results.name == "results")
    for document in filter(Path.is_file, documents):
        place = (results / "tables").relative_to(document.parent).as_posix()
        excerpts = {study.name: excerpt(tables(study)[0], f"{place}/{study.name}") for study in studies}
        files[document] = filled(document, excerpts, claims)
    return files


def outdated(files: dict[Path, str]) -> list[Path]:
    """The files that are missing or have a different text."""
    return [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def write(files: dict[Path, str]) -> int:
    """Write every file that is out of date; return how many."""
    paths = outdated(files)
    for path in paths:
        write_atomically(path, lambda partial, text=files[path]: partial.write_text(text, encoding="utf-8"))
    return len(paths)


def filled(document: Path, tables: dict[str, Table], claims: dict[str, str] | None) -> str:
    """The text of a document with the parts between its markers replaced.

    A table keeps the methods that it has in the document: a row that was deleted there stays deleted. If `claims` are
    given, `tables` are those of all studies, and a table of any other study is emptied; otherwise it stays.

    Raises:
        ValueError: The name of a claim is unknown.
    """

    def block(match: re.Match[str]) -> str:
        name, body = match["name"], match["body"]
        if match["kind"] == "table":
            if name in tables:
                cells = {cell.strip() for line in body.splitlines() for cell in line.split("|")}
                rows = tables[name].shown
                kept = rows[rows["Method"].isin(cells)]
                body = markdown(replace(tables[name], shown=rows if kept.empty else kept))
            elif claims is not None:
                body = ""
        elif claims is not None:
            if name not in claims:
                raise ValueError(f"{document}: there is no claim {name!r}; there are {', '.join(claims)}")
            body = claims[name]
        return match[1] + body + match[5]

    return _BLOCK.sub(block, document.read_text(encoding="utf-8"))
