"""The record of a run. Tables, figures and claims are made from records and predictions.

Each run has a JSON file, `<root>/runs/<experiment>/<source>/<id>.json`, and per-example predictions in
`<root>/predictions/…/<id>.parquet`. The root is `results_dir` for a finished run of a committed experiment from a clean
tree, and `output_dir` for everything else. Failed and cancelled runs are in `<output_dir>/failed`. The process that
does a run holds its lock in `<output_dir>/locks` and writes its progress there.
"""

from __future__ import annotations

import datetime
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, model_validator

from .fingerprint import fingerprint, fingerprint_settings
from .labels import labels

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2
ADHOC = "adhoc"  # folder of runs that belong to no experiment
USER_ERRORS = (ValueError, OSError)  # shown as one sentence that says what to do; any other exception is a bug


class RecordError(ValueError):
    """A record file cannot be used; the message names the file and what to do."""


class Busy(Exception):
    """Another process is doing this run; the message says which."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evaluation(_Block):
    """Measurements on the dev set after one epoch; metrics are raw floats, not percent."""

    epoch: int
    metrics: dict[str, FiniteFloat]
    degenerate: bool  # the same prediction for every example
    train_loss: float | None  # mean over the epoch


class Params(_Block):
    """Numbers of weights."""

    adapter: int
    head: int
    trainable: int
    total: int


class DataInfo(_Block):
    """The data of a run: source, SHA-256 of the rows, and number of rows per split."""

    source: str
    fingerprint: str
    rows: dict[str, int]


class Provenance(_Block):
    """Code, machine and time behind the numbers; unknown values are null."""

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
    """Display names of model, task and method."""

    model: str
    task: str
    method: str


class Record(_Block):
    """One run. If `labels` is missing, it is derived from `config`."""

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    id: str
    model: str
    task: str
    method: str
    labels: Labels
    seed: int
    experiment: str | None
    source: str
    fingerprint: str | None = None  # null if the run failed before its data was loaded
    status: Literal["done", "failed", "cancelled"]
    error: str | None = None
    headline: str
    data: DataInfo | None = None  # null as above
    start: str | None = None  # fingerprint of the run that it started from; null: it started from the backbone
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
                # in version 1 `data.distractors` was always 2, but only the probe's SQuAD tasks used it
                values = values | {"config": config | {"data": config["data"] | {"distractors": None}}}
            return values if "labels" in values else values | {"labels": labels(values["config"])}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a field is missing or of a wrong type ({error!r})") from None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        try:
            *named, method = (self.config[key]["name"] for key in ("model", "task", "method"))
            named.append(self.config["seed"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"config: a field is missing or of a wrong type ({error!r})") from None
        if named != [self.model, self.task, self.seed] or self.method.partition("-")[0] != method:
            raise ValueError("model, task, method and seed are not those of `config`")
        names = (f"{self.model}--{self.task}--{name}--s{self.seed}--" for name in (self.method, method))
        if not f"{self.id}--".startswith(tuple(names)):
            raise ValueError(f"id: {self.id} is of another model, task, method or seed")
        if self.status != "done":
            return self
        if None in (self.data, self.params, self.n):
            raise ValueError("data, params and n may be null only if the run did not finish")
        if self.evaluations[-1:] != [self.last]:
            raise ValueError("`last` is not the last of `evaluations`")
        if missing := [evaluation.epoch for evaluation in self.evaluations if self.headline not in evaluation.metrics]:
            raise ValueError(f"headline: {self.headline!r} is not one of the metrics after epoch {missing[0]}")
        highest = max(evaluation.metrics[self.headline] for evaluation in self.evaluations)
        if self.best not in self.evaluations or self.best.metrics[self.headline] != highest:
            raise ValueError(f"`best` is not the evaluation with the highest {self.headline}")
        return self


def record_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """The file of a run's record under `root`."""
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
            f"{path} is not a valid record (schema version {SCHEMA_VERSION}): "
            f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg'].removeprefix('Value error, ')}. "
            "Restore the file from version control, or delete it to repeat the run."
        ) from None


def read_all(root: str | Path, experiments: Collection[str] | None = None) -> Iterator[Record]:
    """All finished records under `root`, sorted by path.

    Args:
        root: The folder of results.
        experiments: The names of the experiments to read; None: all.

    Raises:
        RecordError: A folder cannot be read, `read` fails, or a record is of an unfinished run or in the wrong place.
    """
    runs = Path(root) / "runs"
    # glob silently skips folders that it may not read
    of_experiments = [folder for folder in runs.glob("*") if experiments is None or folder.name in experiments]
    for folder in (Path(root), runs, *of_experiments, *(source for one in of_experiments for source in one.glob("*"))):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise RecordError(f"{folder} cannot be read; change its permissions, or name another folder of results")
    for path in sorted(path for folder in of_experiments for path in folder.glob("*/*.json")):
        record = read(path)
        if record.status != "done":
            raise RecordError(f"{path}: status: {record.status!r} should be 'done' here. Delete it to repeat the run.")
        right_path = record_path("", record.experiment, record.source, record.id)
        if path.relative_to(root) != right_path:
            raise RecordError(f"{path}: it holds the record of {right_path}; delete the copy, or rename it")
        yield record


def find(path: Path, settings: dict[str, Any]) -> Record | None:
    """The record at `path`, or None if there is none.

    Args:
        path: The place of the run's record, from `record_path`.
        settings: All settings that change the numbers of the run, from `ina.fingerprint.fingerprint_settings`.

    Raises:
        RecordError: The record was made with other settings; the message shows which.
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
    """The predictions of a record, one row per dev example.

    Raises:
        RecordError: The file is missing.
    """
    import pandas as pd

    path = Path(root) / str(record.predictions)
    if record.predictions is None or not path.is_file():
        raise RecordError(f"{path}: the predictions of {record.id} are missing; delete its record to repeat the run")
    return pd.read_parquet(path)


def write(root: str | Path, record: Record, predictions: pd.DataFrame | None = None) -> Path:
    """Write a run under `root`: first its predictions, then its record, because a run counts once it has a record.

    A failed or cancelled run goes to `<root>/failed`, where it never counts.
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
    """The file of the record of a failed or cancelled run under `root`."""
    return record_path(Path(root) / "failed", experiment, source, run_id)


def lock_path(root: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """The file that a process keeps locked during a run. The operating system releases the lock if the process ends."""
    return record_path(Path(root) / "locks", experiment, source, run_id).with_suffix(".lock")


@contextmanager
def hold_lock(path: Path, wait: bool) -> Iterator[Callable[[str], None]]:
    """Hold the lock at `path` during the block. Yields a function that writes the run's progress into that file.

    Raises:
        Busy: Another process holds the lock, and `wait` is False.
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
    """Whether a process holds the lock at `path`; the file is not changed."""
    if not path.is_file():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def first_process() -> bool:
    """Whether this process writes and prints; under torchrun only process 0 does."""
    return os.environ.get("RANK", "0") == "0"


def predictions_path(experiment: str | None, source: str, run_id: str) -> str:
    """The file of a run's predictions, relative to the root."""
    return f"predictions/{experiment or ADHOC}/{source}/{run_id}.parquet"


def write_atomically(path: Path, write_to) -> None:
    """Let `write_to(temporary path)` write a file, then move it to `path`: `path` never holds a partial file."""
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
    """Raises OSError, with advice, if nothing can be written to `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"nothing can be written to {folder} ({error.strerror}); name another folder with output_dir=… or "
            "results_dir=…, or change its permissions"
        ) from None


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End the program with a message if the block, or the decorated function, raises one of `USER_ERRORS`."""
    try:
        yield
    except USER_ERRORS as error:
        sys.exit(f"error: {explained(error)}")


def explained(error: Exception) -> str:
    """An error as one sentence, with advice if a file may not be read or written."""
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} may not be read or written; change its permissions, or name another folder"
    return str(error)


def now() -> str:
    """The time in UTC as an ISO 8601 text."""
    return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).isoformat(timespec="seconds")


def clock(seconds: float) -> str:
    """Seconds as 1:05, or as 1:00:05 from one hour on."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
