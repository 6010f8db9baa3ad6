"""Official benchmark files: GLUE's TSV folders, SQuAD's JSON files and SWAG's CSV files.

    <dir>/glue/CoLA/{train,dev}.tsv                 or  <dir>/CoLA/...
    <dir>/glue/MNLI/{train,dev_matched,dev_mismatched}.tsv
    <dir>/squad/{train,dev}-v1.1.json               or  <dir>/...
    <dir>/swag/{train,val}.csv

`<dir>` is `data.dir`, else INA_DATA_DIR. Folder names may have any case, and hyphens or none (`SST-2`, `sst2`). Rows
come out as the hub has them (`ina.data.schema`), `idx` being the row's position in its file. Anything malformed is an
error that names file, line and value, with two exceptions that the benchmark's own readers make too: MNLI rows without
a gold label ("-") are left out, and so are the few rows of the official QQP files that a line break inside a question
has torn apart.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ina.data import schema

if TYPE_CHECKING:
    from datasets import DatasetDict

    from ina.config import DataConfig

logger = logging.getLogger(__name__)


class Layout(NamedTuple):
    """A GLUE task's folder, the header names of its text columns and label column, and what each label is called."""

    folder: str
    texts: tuple[str, ...]
    label: str
    names: tuple[str, ...] | None  # position = class id; None: a score


_PAIR = ("sentence1", "sentence2")
_BINARY = ("0", "1")
_ENTAILMENT = ("entailment", "not_entailment")
LAYOUTS = {
    "cola": Layout("CoLA", ("sentence",), "label", _BINARY),
    "sst2": Layout("SST-2", ("sentence",), "label", _BINARY),
    "mrpc": Layout("MRPC", ("#1 String", "#2 String"), "Quality", _BINARY),
    "stsb": Layout("STS-B", _PAIR, "score", None),
    "qqp": Layout("QQP", ("question1", "question2"), "is_duplicate", _BINARY),
    "mnli": Layout("MNLI", _PAIR, "gold_label", ("entailment", "neutral", "contradiction")),
    "qnli": Layout("QNLI", ("question", "sentence"), "label", _ENTAILMENT),
    "rte": Layout("RTE", _PAIR, "label", _ENTAILMENT),
    "wnli": Layout("WNLI", _PAIR, "label", _BINARY),
}

_CHOICES = ("0", "1", "2", "3")

COLA_HEADER = ["source", "label", "mark", "sentence"]
"""CoLA's files have no header line."""

FILE_NAMES = {
    "train": "train",
    "validation": "dev",
    "validation_matched": "dev_matched",
    "validation_mismatched": "dev_mismatched",
}
SQUAD_VERSIONS = {"squad_v1": "v1.1", "squad_v2": "v2.0"}

QQP_BROKEN_SHARE = 1e-3
"""The official QQP files hold about a dozen broken rows in 404,290; more than this share means a damaged file."""


def available(task_name: str, data: DataConfig) -> bool:
    """Whether the data folder has the task's folder (GLUE, SWAG) or one of its files (SQuAD).

    A task that is there in part counts as there: `load` then says which file is missing, and no other source is taken.
    """
    root = data_dir(data)
    return root is not None and _task_folder(task_name, root) is not None


def looked_for(task_name: str, data: DataConfig) -> str:
    """What would have made the task available, and what is there instead."""
    if (root := data_dir(data)) is None:
        return "neither data.dir nor INA_DATA_DIR is set"
    message = f"looked for {' or '.join(_expected(task_name, root))}; {_listing(root)}"
    near = [folder for folder in _folders_near(root) if _task_folder(task_name, folder)]
    return f"{message}; {task_name} is in {near[0]}: set {_named_by(data)[0]}={near[0]}" if near else message


def load(task_name: str, data: DataConfig) -> DatasetDict:
    """All labelled rows of a task.

    Raises FileNotFoundError for a missing file, ValueError with file, line (GLUE, SWAG) or question id (SQuAD) and
    value for a malformed one.
    """
    from datasets import Dataset, DatasetDict

    root = data_dir(data)
    folder = root and _task_folder(task_name, root)
    if folder is None:
        raise FileNotFoundError(f"no files of {task_name}: {looked_for(task_name, data)}")
    if task_name in SQUAD_VERSIONS:
        ending, read = f"-{SQUAD_VERSIONS[task_name]}.json", read_squad
    else:
        ending, read = (".csv", read_swag) if task_name == "swag" else (".tsv", read_glue)
    names = FILE_NAMES | ({"validation": "val"} if task_name == "swag" else {})
    paths = {split: folder / (names[split] + ending) for split in schema.split_names(task_name)}
    for path in paths.values():
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; {_listing(path.parent)}")
    return DatasetDict(
        {split: Dataset.from_dict(read(task_name, path), schema.features(task_name)) for split, path in paths.items()}
    )


def data_dir(data: DataConfig) -> Path | None:
    """Folder of the user's own files: `data.dir`, else INA_DATA_DIR, else None."""
    name, value = _named_by(data)
    if not value:
        return None
    folder = Path(os.path.expanduser(value))
    if not folder.is_dir():
        raise FileNotFoundError(f"{name} is {value!r}, which is no folder; name the folder that holds glue/ and squad/")
    return folder


def _named_by(data: DataConfig) -> tuple[str, str | None]:
    return ("data.dir", data.dir) if data.dir else ("INA_DATA_DIR", os.environ.get("INA_DATA_DIR"))


def _expected(task_name: str, root: Path) -> list[str]:
    """Where the task's files should be, in the official spelling."""
    if task_name in SQUAD_VERSIONS:
        file = f"train-{SQUAD_VERSIONS[task_name]}.json"
        return [str(root / "squad" / file), str(root / file)]
    if task_name == "swag":
        return [str(root / "swag")]
    folder = _layout(task_name).folder
    return [str(root / folder)] if task_name in schema.OWN else [str(root / "glue" / folder), str(root / folder)]


def _task_folder(task_name: str, root: Path) -> Path | None:
    """The folder in `root` that holds the task's files.

    Raises ValueError where two spellings of its name stand beside each other.
    """
    if task_name in schema.OWN:
        own = root / schema.OWN[task_name].folder
        return own if own.is_dir() else None
    squad = task_name in SQUAD_VERSIONS
    for folder in (*_folders_called("squad" if squad else "glue", root), root):
        if squad:
            files = (folder / f"{part}-{SQUAD_VERSIONS[task_name]}.json" for part in ("train", "dev"))
            found = [folder] if any(file.is_file() for file in files) else []
        else:
            found = _folders_called(task_name, folder)
        if len(found) > 1:
            raise ValueError(f"{folder} holds {' and '.join(path.name for path in found)}, both {task_name}; keep one")
        if found:
            return found[0]
    return None


def _folders_called(name: str, folder: Path) -> list[Path]:
    """Folders in `folder` with this name in any case, hyphens and underscores left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().replace("-", "").replace("_", "") == name and path.is_dir()
    )


def _folders_near(root: Path) -> list[Path]:
    """The folder above `root` and those in it that can be read."""
    folders = [root.absolute().parent, *sorted(path for path in root.iterdir() if path.is_dir())]
    return [folder for folder in folders if os.access(folder, os.R_OK | os.X_OK)]


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return f"{folder} holds {', '.join(names[:20]) + (', ...' if len(names) > 20 else '') or 'nothing'}"


def _text(path: Path) -> str:
    """The text of a file, its lines ending with \\n; other characters that Python takes for line ends stay."""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; the official files are UTF-8") from None
    if not text.strip():
        raise ValueError(f"{path} is empty; it should hold the task's rows")
    return text


# --- GLUE -------------------------------------------------------------------------------------------------------------


def read_glue(task_name: str, path: Path) -> dict[str, list]:
    """Columns of one TSV file. Quotes are literal, a line is a row. Raises ValueError naming file, line and value."""
    layout = _layout(task_name)
    lines = _text(path).removesuffix("\n").split("\n")
    header = COLA_HEADER if task_name == "cola" else lines.pop(0).split("\t")
    first = 1 if task_name == "cola" else 2
    if absent := [name for name in (*layout.texts, layout.label) if name not in header]:
        raise ValueError(f"{path}, line 1: no column {absent} in the header {header}; the official header has them")
    texts = [header.index(name) for name in layout.texts]
    label = header.index(layout.label)
    rows, broken = [], []
    for idx, line in enumerate(lines):
        where = f"{path}, line {idx + first}"
        cells = line.split("\t")
        if fault := _fault(cells, header, texts):
            broken.append(f"{where}: {fault}")
            if task_name != "qqp" or len(broken) > QQP_BROKEN_SHARE * len(lines):
                raise ValueError(broken[0])
        elif task_name == "mnli" and cells[label] == "-":
            continue
        else:
            rows.append((*(cells[position] for position in texts), _label(cells[label], layout.names, where), idx))
    if not rows:
        raise ValueError(f"{path} has a header and no labelled rows; it should hold the task's rows")
    if broken:
        logger.warning("%s: left out %d broken rows, as the hub's copy does; first: %s", path, len(broken), broken[0])
    return dict(zip(schema.features(task_name), zip(*rows, strict=True), strict=True))


def _layout(task_name: str) -> Layout:
    if own := schema.OWN.get(task_name):
        return Layout(own.folder, schema.TEXT_COLUMNS[task_name], own.label, tuple(own.labels))
    return LAYOUTS[task_name]


def _fault(cells: list[str], header: list[str], texts: list[int]) -> str | None:
    if len(cells) != len(header):
        line = "\t".join(cells)
        return f"{len(cells)} columns in {line[:80]!r}; it should have the {len(header)} columns {header}"
    for position in texts:
        if not cells[position].strip():
            return f"{header[position]} is {cells[position]!r}; it should be a sentence"
    return None


def _label(cell: str, names: tuple[str, ...] | None, where: str) -> int | float:
    """Class id of a label's name or, where `names` is None, the score."""
    if names is not None:
        if cell not in names:
            raise ValueError(f"{where}: label {cell!r} is none of {', '.join(names)}")
        return names.index(cell)
    low, high = schema.SCORE_RANGE
    try:
        score = float(cell)
    except ValueError:
        raise ValueError(f"{where}: score {cell!r} is no number; it is one between {low} and {high}") from None
    if not low <= score <= high:
        raise ValueError(f"{where}: score {cell} is not between {low} and {high}")
    return score


# --- SWAG -------------------------------------------------------------------------------------------------------------


def read_swag(task_name: str, path: Path) -> dict[str, list]:
    """Columns of one CSV file. Raises ValueError naming file, line and value."""
    names = schema.TEXT_COLUMNS[task_name]
    lines = csv.reader(io.StringIO(_text(path), newline="\n"), strict=True)
    rows = []
    try:
        header = next(lines)
        if absent := [name for name in (*names, "label") if name not in header]:
            raise ValueError(f"{path}, line 1: no column {absent} in the header {header}; the official header has them")
        texts, label = [header.index(name) for name in names], header.index("label")
        for idx, cells in enumerate(lines):
            where = f"{path}, line {lines.line_num}"
            if fault := _fault(cells, header, texts):
                raise ValueError(f"{where}: {fault}")
            rows.append((*(cells[position] for position in texts), _label(cells[label], _CHOICES, where), idx))
    except csv.Error as error:
        raise ValueError(f"{path}, line {lines.line_num}: {error}; the file should be CSV") from None
    if not rows:
        raise ValueError(f"{path} has a header and no labelled rows; it should hold the task's rows")
    return dict(zip(schema.features(task_name), zip(*rows, strict=True), strict=True))


# --- SQuAD ------------------------------------------------------------------------------------------------------------


def read_squad(task_name: str, path: Path) -> dict[str, list]:
    """Columns of one SQuAD JSON file. Raises ValueError naming file, question id and value."""
    try:
        document = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}; the file should be one JSON object") from None
    columns = {name: [] for name in schema.features(task_name)}
    seen = set()
    for where, title, context, question in _questions(document, str(path)):
        identity = _field(question, "id", str, where)
        where = f"{path}, question {identity}"
        if identity in seen:
            raise ValueError(f"{where}: this id occurs twice; ids are unique in a file")
        seen.add(identity)
        answers = _answers(task_name, question, context, where)
        row = (identity, title, context, _field(question, "question", str, where), answers)
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    if not seen:
        raise ValueError(f"{path} has no questions; it should hold the task's rows")
    return columns


def _questions(document: object, where: str) -> Iterator[tuple[str, str, str, dict]]:
    """Place, title, context and entry of every question."""
    for a, article in enumerate(_field(document, "data", list, where)):
        in_article = f"{where}, data[{a}]"
        title = _field(article, "title", str, in_article)
        for p, paragraph in enumerate(_field(article, "paragraphs", list, in_article)):
            in_paragraph = f"{in_article}.paragraphs[{p}]"
            context = _field(paragraph, "context", str, in_paragraph)
            for q, question in enumerate(_field(paragraph, "qas", list, in_paragraph)):
                yield f"{in_paragraph}.qas[{q}]", title, context, question


def _field(entry: object, name: str, kind: type, where: str) -> object:
    if not isinstance(entry, dict) or name not in entry:
        found = f"the fields are {sorted(entry)}" if isinstance(entry, dict) else f"it is {str(entry)[:40]!r}"
        raise ValueError(f"{where}: no field {name!r}; {found}")
    if type(entry[name]) is not kind:
        raise ValueError(f"{where}: {name} is {str(entry[name])[:40]!r}; it should be of type {kind.__name__}")
    return entry[name]


def _answers(task_name: str, question: dict, context: str, where: str) -> dict[str, list]:
    """The hub's form of a question's answers, each checked to stand at its offset in the context."""
    entries = _field(question, "answers", list, where)
    if task_name == "squad_v1" and question.get("is_impossible"):
        raise ValueError(f"{where}: is_impossible is true, which makes this a v2.0 file; squad_v1 needs a v1.1 file")
    impossible = task_name == "squad_v2" and _field(question, "is_impossible", bool, where)
    if impossible and entries:
        raise ValueError(f"{where}: is_impossible is true, but it has {len(entries)} answers; it should have none")
    if not impossible and not entries:
        raise ValueError(f"{where}: answerable, but without answers; it should have at least one")
    answers = {"text": [], "answer_start": []}
    for entry in entries:
        text, start = _field(entry, "text", str, where), _field(entry, "answer_start", int, where)
        found = context[start : start + len(text)] if start >= 0 else ""
        if not text or found != text:
            raise ValueError(
                f"{where}: answer {text!r} is not at answer_start {start}; there the context has {found!r}"
            )
        answers["text"].append(text)
        answers["answer_start"].append(start)
    return answers
