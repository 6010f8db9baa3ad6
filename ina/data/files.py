"""Official benchmark files: GLUE's TSV folders, SQuAD's JSON files and SWAG's CSV files.

    <dir>/glue/CoLA/{train,dev}.tsv                 or  <dir>/CoLA/...
    <dir>/glue/MNLI/{train,dev_matched,dev_mismatched}.tsv
    <dir>/squad/{train,dev}-v1.1.json               or  <dir>/...
    <dir>/swag/{train,val}.csv

`<dir>` is `data.dir`, else INA_DATA_DIR. Case and hyphens of folder names do not matter (`SST-2`, `sst2`). Rows have
the hub's format (`ina.data.schema`); `idx` is the row's position in its file. Malformed rows raise an error with file,
line and value. There are two exceptions, as in the benchmark's own readers: MNLI rows without a gold label ("-") are
left out, and so are the few rows of the official QQP files that are split by a line break inside a question.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ina.data import schema

if TYPE_CHECKING:
    from datasets import DatasetDict

    from ina.config import ChoiceTask, DataConfig, GlueTask, SquadTask, Task

logger = logging.getLogger(__name__)

ENDINGS = {"squad_v1": "-v1.1.json", "squad_v2": "-v2.0.json", "swag": ".csv"}
"""Endings of file names; all other tasks have .tsv."""

QQP_BROKEN_SHARE = 1e-3
"""The official QQP files hold about a dozen broken rows in 404,290; more than this share means a damaged file."""


def find(task: Task, data: DataConfig) -> dict[str, Path]:
    """The file of each split.

    Raises FileNotFoundError with the places searched and what they hold.
    """
    if (root := data_dir(data)) is None:
        raise FileNotFoundError("neither data.dir nor INA_DATA_DIR is set")
    if task.name not in schema.TASKS:
        places = [task.files.folder]
    else:
        places = {"squad": ["squad", ""], "choice": ["swag"]}.get(task.family, [f"glue/{task.name}", task.name])
    dev, ending = "val" if task.name == "swag" else "dev", ENDINGS.get(task.name, ".tsv")
    names = {split: split.replace("validation", dev) + ending for split in schema.split_names(task.name)}
    for folder in filter(None, (_below(root, place) for place in places)):
        paths = {split: folder / name for split, name in names.items()}
        lost = [path for path in paths.values() if not path.is_file()]
        if not lost:
            return paths
        if len(lost) < len(paths):
            raise FileNotFoundError(f"{lost[0]} is missing; {_listing(folder)}")
    looked = " and ".join(str(root / place / names["train"]) for place in places)
    raise FileNotFoundError(f"looked for {looked}; {_listing(root)}")


def load(task: Task, data: DataConfig) -> DatasetDict:
    """All labelled rows of a task.

    Raises what `find` raises, and ValueError with file, line (GLUE, SWAG) or question id (SQuAD) and value for a
    malformed row.
    """
    from datasets import Dataset, DatasetDict

    read = read_squad if task.family == "squad" else read_table
    features = schema.features(task)
    paths = find(task, data)
    return DatasetDict({split: Dataset.from_list(read(task, path), features) for split, path in paths.items()})


def data_dir(data: DataConfig) -> Path | None:
    """Folder of the user's own files: `data.dir`, else INA_DATA_DIR, else None."""
    name, value = ("data.dir", data.dir) if data.dir else ("INA_DATA_DIR", os.environ.get("INA_DATA_DIR"))
    if not value:
        return None
    folder = Path(os.path.expanduser(value))
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{name} is {value!r}, which is not a folder; name the folder that holds the tasks' folders"
        )
    return folder


def _below(root: Path, place: str) -> Path | None:
    """The folder `place` below `root`, ignoring case, hyphens and underscores; None if there is none.

    Raises ValueError if two folders match.
    """
    for part in Path(place).parts:
        folders = {path: re.sub("[-_]", "", path.name).lower() for path in root.iterdir() if path.is_dir()}
        matches = sorted(path for path in folders if folders[path] == re.sub("[-_]", "", part).lower())
        if len(matches) > 1:
            raise ValueError(f"{root} holds {' and '.join(path.name for path in matches)}, both {part}; keep one")
        if not matches:
            return None
        root = matches[0]
    return root


def _listing(folder: Path) -> str:
    return f"{folder} holds {', '.join(sorted(path.name for path in folder.iterdir())[:20]) or 'nothing'}"


def _text(path: Path) -> str:
    """The text of a file with \\n as line end. Other characters that Python treats as line ends stay."""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; the official files are UTF-8") from None
    if not text.strip():
        raise ValueError(f"{path} is empty; it should hold the task's rows")
    return text


# --- GLUE and SWAG ----------------------------------------------------------------------------------------------------


COLA_HEADER = ["source", "label", "mark", "sentence"]
"""CoLA's files have no header line."""

COLUMNS = {
    "mrpc": {"sentence1": "#1 String", "sentence2": "#2 String", "label": "Quality"},
    "stsb": {"label": "score"},
    "qqp": {"label": "is_duplicate"},
    "mnli": {"premise": "sentence1", "hypothesis": "sentence2", "label": "gold_label"},
}
"""Column names in the files, if they differ from the hub's."""

CLASSES = {
    "mnli": ["entailment", "neutral", "contradiction"],
    "qnli": ["entailment", "not_entailment"],
    "rte": ["entailment", "not_entailment"],
}
"""Class names in the files, if they are not numbers."""


def read_table(task: GlueTask | ChoiceTask, path: Path) -> list[dict]:
    """Rows of one TSV or CSV file, which has a header. Raises ValueError naming file, line and value."""
    lines = _lines(path)
    header = COLA_HEADER if task.name == "cola" else next(lines)[1]
    classes, column_names = CLASSES.get(task.name), COLUMNS.get(task.name, {})
    if task.name not in schema.TASKS:
        classes, column_names = task.files.labels, {"label": task.files.label}
    classes = classes or [str(number) for number in range(task.classes or 0)]
    columns = {name: column_names.get(name, name) for name in (*task.columns, "label")}
    if absent := [name for name in columns.values() if name not in header]:
        raise ValueError(f"{path}, line 1: no column {absent} in the header {header}; configs/task names the columns")
    places = {name: header.index(column) for name, column in columns.items()}
    rows, broken, idx = [], [], -1
    for idx, (number, cells) in enumerate(lines):
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            problem = f"{len(cells)} columns in {cells}; it should have the {len(header)} columns {header}"
            broken.append(f"{where}: {problem}")
            continue
        row = {name: cells[place] for name, place in places.items()}
        if blank := [name for name in task.columns if not row[name].strip()]:
            broken.append(f"{where}: {columns[blank[0]]} is {row[blank[0]]!r}; it should be a sentence")
        elif task.name != "mnli" or row["label"] != "-":
            rows.append(row | {"label": _label(row["label"], classes, where), "idx": idx})
    if len(broken) > (QQP_BROKEN_SHARE * (idx + 1) if task.name == "qqp" else 0):
        raise ValueError(broken[0])
    if not rows:
        raise ValueError(f"{path} has a header and no labelled rows; it should hold the task's rows")
    if broken:
        logger.warning("%s: left out %d broken rows, as the hub's copy does; first: %s", path, len(broken), broken[0])
    return rows


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line. In TSV, quotes are literal and only a newline ends a line."""
    text = _text(path)
    if path.suffix == ".tsv":
        yield from enumerate((line.split("\t") for line in text.removesuffix("\n").split("\n")), 1)
        return
    lines = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    try:
        for cells in lines:
            yield lines.line_num, cells
    except csv.Error as error:
        raise ValueError(f"{path}, line {lines.line_num}: {error}; the file should be CSV") from None


def _label(cell: str, classes: list[str], where: str) -> int | float:
    """The index of a class or, without classes, the score."""
    if classes:
        if cell not in classes:
            raise ValueError(f"{where}: label {cell!r} is not one of {', '.join(classes)}")
        return classes.index(cell)
    low, high = schema.SCORE_RANGE
    try:
        score = float(cell)
    except ValueError:
        score = float("nan")
    if not low <= score <= high:
        raise ValueError(f"{where}: score {cell!r} is not a number between {low} and {high}")
    return score


# --- SQuAD ------------------------------------------------------------------------------------------------------------


def read_squad(task: SquadTask, path: Path) -> list[dict]:
    """Rows of one SQuAD JSON file. Raises ValueError naming file, question id and value."""
    rows, last = [], None
    try:
        for article in json.loads(_text(path))["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    last = question["id"]
                    answers = {
                        name: [answer[name] for answer in question["answers"]] for name in ("text", "answer_start")
                    }
                    if fault := _fault(task, question, paragraph["context"]):
                        raise ValueError(f"{path}, question {last}: {fault}")
                    texts = {"title": article["title"], "context": paragraph["context"]}
                    rows.append({"id": last, **texts, "question": question["question"], "answers": answers})
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}; the file should be one JSON object") from None
    except (KeyError, TypeError) as error:
        place = f"question {last} or the next one" if last else "the first question"
        raise ValueError(f"{path}, {place}: a field is missing or of a wrong type ({error!r})") from None
    if not rows:
        raise ValueError(f"{path} has no questions; it should hold the task's rows")
    [(most_frequent, count)] = Counter(row["id"] for row in rows).most_common(1)
    if count > 1:
        raise ValueError(f"{path}: the id {most_frequent} occurs {count} times; ids are unique")
    return rows


def _fault(task: SquadTask, question: dict, context: str) -> str | None:
    """What is wrong with a question or its answers, if anything. Each answer must be at its offset in the context."""
    for name, text in {"id": question["id"], "question": question["question"], "context": context}.items():
        if not isinstance(text, str):
            return f"{name} is {text!r}; it should be a text"
    answers, impossible = question["answers"], question.get("is_impossible")
    if task.version_2 and impossible != (not answers):
        return f"is_impossible is {impossible}, with {len(answers)} answers; it should be {not answers}"
    if not task.version_2 and not answers:
        return "it has no answers; every question of v1.1 has at least one"
    for text, start in ((answer["text"], answer["answer_start"]) for answer in answers):
        excerpt = context[start : start + len(text)] if start >= 0 else ""
        if not text or excerpt != text:
            return f"answer {text!r} is not at answer_start {start}; there the context has {excerpt!r}"
    return None
