"""The record of a run. Tables, figures and claims are made from records and from the predictions beside them.

One JSON file a run, `<root>/runs/<experiment>/<source>/<id>.json`, with the per-example predictions beside it in
`<root>/predictions/…/<id>.parquet`. The root is `results_dir` for a finished run of a committed experiment from a clean
tree, and `output_dir` for everything else; failed and cancelled runs are kept apart in `<output_dir>/failed`. Whoever
does a run holds its lock in `<output_dir>/locks`, and writes there how far it is.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, model_validator

from .config import fingerprint, fingerprint_settings
from .labels import labels

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2
ADHOC = "adhoc"  # folder of runs that belong to no experiment
USER_ERRORS = (ValueError, OSError)  # one sentence says what to do; any other exception is a bug and shows its type
PACKAGES = ("torch", "transformers", "peft", "datasets", "accelerate", "scikit-learn", "scipy", "numpy")


class RecordError(ValueError):
    """A record file cannot be used; the message names the file and what to do."""


class Busy(Exception):
    """Another process is doing this run; the message says which."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evaluation(_Block):
    """What was measured on the dev set after one epoch; raw floats."""

    epoch: int
    metrics: dict[str, FiniteFloat]
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
    bfloat16_speedup: None = None  # a field of old records
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

    schema_version: Literal[1, 2] = SCHEMA_VERSION
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
    def _upgrade_schema(cls, values: dict[str, Any]) -> dict[str, Any]:
        try:
            config = values["config"]
            squad = str(values["task"]).startswith("squad")
            if values.get("schema_version") == 1 and not (values["source"] == "probe" and squad):
                # `data.distractors` was 2 everywhere, and read for SQuAD's tasks of the probe alone
                values = values | {"config": config | {"data": config["data"] | {"distractors": None}}}
            return values if "labels" in values else values | {"labels": labels(values["config"])}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a field is missing or of a wrong type ({error!r})") from None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.status != "done":
            return self
        if self.evaluations[-1:] != [self.last]:
            raise ValueError("`last` is not the last of `evaluations`")
        if missing := [evaluation.epoch for evaluation in self.evaluations if self.headline not in evaluation.metrics]:
            raise ValueError(f"headline: {self.headline!r} is none of the metrics after epoch {missing[0]}")
        highest = max(evaluation.metrics[self.headline] for evaluation in self.evaluations)
        if self.best not in self.evaluations or self.best.metrics[self.headline] != highest:
            raise ValueError(f"`best` is not the evaluation with the highest {self.headline}")
        return self


def record_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """Where the record of a run lies under `root`."""
    return Path(root) / "runs" / (experiment or ADHOC) / source / f"{run_id}.json"


def read(path: Path) -> Record:
    """Read one record.

    Raises:
        RecordError: The file cannot be read, is damaged or of another schema version, or contradicts itself.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}; change its permissions") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise RecordError(
            f"{path} is no valid record (schema version {SCHEMA_VERSION}): "
            f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg'].removeprefix('Value error, ')}. "
            "Restore it from version control, or delete it to run it again."
        ) from None


def read_all(root: str | Path, experiment: str | None = None) -> Iterator[Record]:
    """All finished records under `root`, by path, of one experiment where given, by its name or a pattern of names.

    Raises:
        RecordError: A folder cannot be read, or what `read` raises, or a record is of a run that did not finish,
            or lies elsewhere than its run belongs.
    """
    runs = Path(root) / "runs"
    # glob passes over folders that it may not read
    for folder in (Path(root), runs, *runs.glob(experiment or "*"), *runs.glob(f"{experiment or '*'}/*")):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise RecordError(f"{folder} cannot be read; change its permissions, or name another folder of results")
    for path in sorted(runs.glob(f"{experiment or '*'}/*/*.json")):
        record = read(path)
        if record.status != "done":
            raise RecordError(f"{path}: status: {record.status!r} should be 'done' here. Delete it to run it again.")
        right_path = record_path("", record.experiment, record.source, record.id)
        if path.relative_to(root) != right_path:
            raise RecordError(f"{path}: it holds the record of {right_path}; delete the copy, or rename it")
        yield record


def find(path: Path, settings: dict[str, Any]) -> Record | None:
    """The record at `path`, None where there is none.

    Args:
        path: Where the record of the run belongs, by `record_path`.
        settings: What the numbers of the run depend on, by `ina.config.fingerprint_settings`.

    Raises:
        RecordError: It was made with other settings; the message shows which.
    """
    if not path.is_file():
        return None
    record = read(path)
    if record.fingerprint == fingerprint(settings):
        return record
    circumstances = (record.source, record.data.fingerprint, record.provenance.dtype, record.start)
    old_settings = fingerprint_settings(record.config, *circumstances)
    old, new = ({key: repr(value) for key, value in values.items()} for values in (old_settings, settings))
    differing = [
        f"  {key}: {old.get(key, 'off')} there, {new.get(key, 'off')} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    raise RecordError(
        f"{record.id} is recorded with other settings in {path}:\n" + "\n".join(differing) + "\n"
        "Choose other folders for this run (results_dir=…, output_dir=…) or delete that record."
    )


def headline_scores(record: Record) -> str:
    """The best and the last headline score of a finished run, in one line."""
    best, last = (evaluation.metrics[record.headline] for evaluation in (record.best, record.last))
    degenerate = ", DEGENERATE: constant prediction" if record.last.degenerate else ""
    return f"{record.headline} best {best:.4f} (epoch {record.best.epoch}), last {last:.4f}{degenerate}"


def what_failed(record: Record) -> str:
    """The last line of the traceback of a run that did not finish."""
    return str(record.error).strip().splitlines()[-1]


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


def write(root: str | Path, record: Record, predictions: pd.DataFrame | None = None) -> Path:
    """Write a run under `root`: first its predictions, then the record that makes it count.

    One that failed or was cancelled goes to `<root>/failed`, where it never counts.
    """
    place = record_path if record.status == "done" else failure_path
    path = place(root, record.experiment, record.source, record.id)
    if record.predictions:  # a trial of a search keeps none
        beside = Path(root) / record.predictions
        write_atomically(beside, lambda file: predictions.to_parquet(file, index=False, compression="zstd"))
    text = record.model_dump_json(indent=1) + "\n"
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path


def failure_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """Where the record of a failed or cancelled run lies under `root`."""
    return record_path(Path(root) / "failed", experiment, source, run_id)


def lock_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """The file that a process holds locked while it does a run; the lock is the system's and ends with the process."""
    return record_path(Path(root) / "locks", experiment, source, run_id).with_suffix(".lock")


@contextmanager
def hold_lock(path: Path, wait: bool) -> Iterator[Callable[[str], None]]:
    """Hold the lock at `path` during the block. Yields a function that writes into that file how far the run is.

    Raises:
        Busy: Another process holds it, and `wait` is False.
    """
    if not first_process():  # process 0 holds the lock
        yield lambda _: None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        raise Busy(f"{path.stem} is being done by {path.read_text() or 'another process'}") from None
    holder = f"process {os.getpid()} on {platform.node()}"
    try:
        path.write_text(holder)
        yield lambda progress: path.write_text(f"{holder}, {progress}")
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a process holds the lock at `path`; the file stays as it is."""
    if not path.is_file():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def first_process() -> bool:
    """Whether this is the one process that writes and prints, of those that do a run together under torchrun."""
    return os.environ.get("RANK", "0") == "0"


def predictions_path(experiment: str | None, source: str, run_id: str) -> str:
    """Where the predictions of a run lie, relative to the root."""
    return f"predictions/{experiment or ADHOC}/{source}/{run_id}.parquet"


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
    questions = (["status", "--porcelain"], ["diff", "--name-only", commit or "HEAD"])
    changes = [_git(folder, *question, "--", "ina", "configs") for question in questions]
    return commit, None if None in changes else any(changes)


def code_sha256(folder: Path) -> str:
    """SHA-256 over the names and texts of all Python files in a folder."""
    files = (f"{path.relative_to(folder)}\0{path.read_text('utf-8')}\0" for path in sorted(folder.rglob("*.py")))
    return hashlib.sha256("".join(files).encode()).hexdigest()


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def versions() -> dict[str, str]:
    """The versions of the packages that can change the numbers."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def utc(seconds: float) -> str:
    """A time in seconds since 1970 as text."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def clock(seconds: float) -> str:
    """Seconds as 1:05, or 1:00:05 from an hour on."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
