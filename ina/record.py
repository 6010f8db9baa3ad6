"""The record of a run: the only thing that passes from running to reporting.

One JSON file a run, `<root>/runs/<experiment>/<source>/<id>.json`, with the per-example predictions beside it in
`<root>/predictions/…/<id>.parquet`. The root is `results_dir` for a finished run of a committed experiment from a clean
tree, and `output_dir` for everything else; failed and cancelled runs are kept apart in `<output_dir>/failed`. Whoever
does a run holds its lock in `<output_dir>/locks`.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from .labels import labels

if TYPE_CHECKING:
    import pandas as pd

Block = TypeVar("Block", bound=BaseModel)

SCHEMA_VERSION = 1
ADHOC = "adhoc"  # folder of runs that belong to no experiment
PACKAGES = ("torch", "transformers", "peft", "datasets", "accelerate", "scikit-learn", "scipy", "numpy")


_METRIC = re.compile(
    r"mcc|pearson|spearman|(accuracy|f1|exact)(_matched|_mismatched|_d\d+)?|(HasAns|NoAns)_(exact|f1)(_d\d+)?"
    r"|best_(exact|f1)(_thresh)?(_d\d+)?"
)


class RecordError(ValueError):
    """A record file cannot be used; the message names the file and what to do."""


class Busy(Exception):
    """Another process is doing this run; the message says which."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evaluation(_Block):
    """What was measured on the dev set after one epoch; raw floats."""

    epoch: int
    metrics: dict[str, float]
    degenerate: bool  # one class, or one constant score, predicted for everything
    train_loss: float | None  # mean over the epoch


class Params(_Block):
    """Numbers of weights."""

    adapter: int
    head: int
    trainable: int
    total: int


class DataInfo(_Block):
    """Which examples were used."""

    source: str
    fingerprint: str
    rows: dict[str, int]


class Provenance(_Block):
    """Where the numbers come from; unknown is null."""

    commit: str | None
    dirty: bool | None
    command: str
    python: str
    versions: dict[str, str]
    model_revision: str | None
    device: str | None
    processes: int | None
    effective_batch: int
    dtype: str
    bfloat16_speedup: float | None = None  # over float32, measured where `train.dtype=auto` was decided by it
    threads: int
    started: str
    finished: str


class Labels(_Block):
    """What model, task and method are called in print."""

    model: str
    task: str
    method: str


class Record(_Block):
    """One run. Its labels are those of its config where none are given."""

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    model: str
    task: str
    method: str
    labels: Labels
    seed: int
    experiment: str | None
    source: str
    fingerprint: str | None = None  # null where a run failed before its data was there
    status: Literal["done", "failed", "cancelled"]
    error: str | None = None
    headline: str
    data: DataInfo | None = None  # as above
    start: str | None = None  # fingerprint of the run that it started from, null where it started from the backbone
    config: dict[str, Any]
    provenance: Provenance
    split: str | None = None  # the rest is null in a failed or cancelled run
    n: int | None = None
    evaluations: list[Evaluation] = []
    best: Evaluation | None = None
    last: Evaluation | None = None
    predictions: str | None = None  # relative to the root
    params: Params | None = None
    wall_seconds: float | None = None
    samples_per_second: float | None = None
    peak_memory_mb: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_labels(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values if "labels" in values else values | {"labels": labels(values["config"])}


def record_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """Where the record of a run lies under `root`."""
    return Path(root) / "runs" / (experiment or ADHOC) / source / f"{run_id}.json"


def read(path: Path) -> Record:
    """Read one record.

    Raises:
        RecordError: The file cannot be read, is damaged or of another schema version, or has metrics that are not known
            here.
    """
    remedy = "Restore it from version control, or delete it to run it again."
    found = read_as(Record, path, remedy)
    for name, one in (("best", found.best), ("last", found.last)):
        if found.status != "done":
            break
        if one is None:
            raise RecordError(f"{path}: {name}: is missing though the status is 'done'. {remedy}")
        if found.headline not in one.metrics:
            there = ", ".join(one.metrics)
            raise RecordError(f"{path}: headline: {found.headline!r} is none of {name}.metrics, {there}. {remedy}")
        if unknown := [metric for metric in one.metrics if not _METRIC.fullmatch(metric)]:
            raise RecordError(f"{path}: {name}.metrics: {unknown[0]!r} is no metric of {found.task}. {remedy}")
    return found


def read_as(kind: type[Block], path: Path, remedy: str) -> Block:
    """Read the JSON file of a record or of what was measured later; its schema is that of `kind`.

    Raises:
        RecordError: The file cannot be read, is damaged or of another schema version; the message ends with `remedy`.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}; change its permissions") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise RecordError(
            f"{path} is no valid {kind.__name__.lower()} (schema version "
            f"{kind.model_fields['schema_version'].default}): "
            f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}. {remedy}"
        ) from None


def read_all(root: str | Path, experiment: str | None = None, source: str | None = None) -> Iterator[Record]:
    """All finished records under `root`, by path, of one experiment and data source where given.

    Raises:
        RecordError: A folder cannot be read, or what :func:`read` raises, or a record is of a run that did not finish,
            lies elsewhere than its run belongs, or contradicts itself.
    """
    runs = Path(root) / "runs"
    # glob passes over folders that it may not read
    for folder in (Path(root), runs, *runs.glob(experiment or "*"), *runs.glob(f"{experiment or '*'}/{source or '*'}")):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise RecordError(f"{folder} cannot be read; change its permissions, or name another folder of results")
    for path in sorted(runs.glob(f"{experiment or '*'}/{source or '*'}/*.json")):
        found = read(path)
        if found.status != "done":
            raise RecordError(f"{path}: status: {found.status!r} should be 'done' here. Delete it to run it again.")
        right_path = record_path("", found.experiment, found.source, found.id)
        if path.relative_to(root) != right_path:
            raise RecordError(f"{path}: it holds the record of {right_path}; delete the copy, or rename it")
        if problem := _contradiction(found):
            raise RecordError(f"{path}: {problem}")
        yield found


def _contradiction(record: Record) -> str | None:
    """What in the record of a finished run contradicts the rest of it."""
    for evaluation in record.evaluations:
        for name, value in evaluation.metrics.items():
            if not math.isfinite(value):
                return f"metric {name} after epoch {evaluation.epoch} is {value}; a finished run has finite metrics"
    highest = max(evaluation.metrics[record.headline] for evaluation in record.evaluations)
    if record.last != record.evaluations[-1]:
        return "`last` is not the last of `evaluations`"
    if record.best not in record.evaluations or record.best.metrics[record.headline] != highest:
        return f"`best` is not the evaluation with the highest {record.headline}"
    return None


def headline_scores(record: Record) -> str:
    """The best and the last headline score of a finished run, in one line."""
    best, last = (evaluation.metrics[record.headline] for evaluation in (record.best, record.last))
    degenerate = ", DEGENERATE: constant prediction" if record.last.degenerate else ""
    return f"{record.headline} best {best:.4f} (epoch {record.best.epoch}), last {last:.4f}{degenerate}"


def read_predictions(root: str | Path, record: Record) -> pd.DataFrame:
    """The per-example predictions of a record, one row a dev example.

    Raises:
        RecordError: The file is missing.
    """
    import pandas as pd

    path = Path(root) / str(record.predictions)
    if record.predictions is None or not path.is_file():
        raise RecordError(f"{path}: the predictions of {record.id} are missing; delete its record to run it again")
    return pd.read_parquet(path)


def write(root: str | Path, record: Record, predictions: pd.DataFrame) -> Path:
    """Write a finished run under `root`: first its predictions, then the record that makes it count."""
    path = record_path(root, record.experiment, record.source, record.id)
    if record.predictions:  # a trial of a search keeps none
        beside = Path(root) / record.predictions
        write_atomically(beside, lambda file: predictions.to_parquet(file, index=False, compression="zstd"))
    _write_json(path, record)
    return path


def write_failure(root: str | Path, record: Record) -> Path:
    """Keep a failed or cancelled run under `<root>/failed`, where it never counts as recorded."""
    path = failure_path(root, record.experiment, record.source, record.id)
    _write_json(path, record)
    return path


def failure_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """Where the record of a failed or cancelled run lies under `root`."""
    return record_path(Path(root) / "failed", experiment, source, run_id)


def lock_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """The file that a process holds locked while it does a run; the lock is the system's and ends with the process."""
    return record_path(Path(root) / "locks", experiment, source, run_id).with_suffix(".lock")


@contextmanager
def claim(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock at `path` while the block runs.

    Raises:
        Busy: Another process holds it, and `wait` is False.
    """
    if not first_process():  # the first claims the run for all
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        raise Busy(f"{path.stem} is being done by {path.read_text() or 'another process'}") from None
    try:
        path.write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


def first_process() -> bool:
    """Whether this is the one process that writes and prints, of those that do a run together under torchrun."""
    return os.environ.get("RANK", "0") == "0"


def predictions_path(experiment: str | None, source: str, run_id: str) -> str:
    """Where the predictions of a run lie, relative to the root."""
    return f"predictions/{experiment or ADHOC}/{source}/{run_id}.parquet"


def _write_json(path: Path, record: Record) -> None:
    text = record.model_dump_json(indent=1) + "\n"
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8"))


def write_atomically(path: Path, write_to) -> None:
    """Let `write_to(temporary path)` make a file and move it to `path` when it is whole; nothing half-written stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write_to(partial)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raises OSError now, with what to do, if nothing can be written to `folder` later."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"nothing can be written to {folder} ({error.strerror}); name another folder with output_dir=… or "
            "results_dir=…, or change its permissions"
        ) from None


def explained(error: Exception) -> str:
    """An error as one sentence; where a file may not be read or written, it says what to do."""
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} may not be read or written; change its permissions, or name another folder"
    return str(error)


def git_state(folder: Path, loaded: str | None = None) -> tuple[str | None, bool | None]:
    """The commit of the code in `folder` and whether code or configs differ from it; None where git cannot tell.

    Args:
        folder: The repository.
        loaded: The commit to compare with, that of a process which loaded the code earlier; None: the latest.
    """
    commit = loaded or _git(folder, "rev-parse", "HEAD")
    asked = (["status", "--porcelain"], ["diff", "--name-only", commit or "HEAD"])
    changes = [_git(folder, *question, "--", "ina", "configs") for question in asked]
    return commit, None if None in changes else any(changes)


def package_tree(folder: Path, commit: str | None) -> str | None:
    """Git's hash of the package at a commit, the same at all commits that leave the package as it is; None: unknown."""
    return _git(folder, "rev-parse", "--verify", "--quiet", f"{commit}:./ina")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def provenance(*, started: float, **known: Any) -> Provenance:
    """The circumstances of a run that started at `started` (seconds since 1970): `known` and what can be looked up."""
    return Provenance(
        **known,
        python=platform.python_version(),
        versions=versions(),
        started=_utc(started),
        finished=_utc(time.time()),
    )


def versions() -> dict[str, str]:
    """The versions of the packages that can change the numbers."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def _utc(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
