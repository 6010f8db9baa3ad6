"""How far the runs of a sweep are: the files by which the process that started a sweep and its workers talk.

A sweep has a folder, `<output_dir>/sweeps/<name>`. Each run has up to three files in it: `<id>.started`, with a byte
for each start; `<id>.progress`, its epoch; `<id>.json`, its outcome. Where a file `stop` is, no further run starts.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .record import Busy, Record, explained, headline_scores, write_atomically

USER_ERRORS = (ValueError, OSError)  # one sentence says what to do; any other exception is a bug and shows its type


@dataclass(frozen=True)
class Progress:
    """How far a run in training is: epochs done, of how many, and the seconds left."""

    epoch: float
    epochs: int
    seconds_left: float

    def __str__(self) -> str:
        return f"epoch {self.epoch:.1f} of {self.epochs}, about {clock(self.seconds_left)} left"


@dataclass(frozen=True)
class Outcome:
    """How one run of a sweep ended. `score` is its best headline metric, `seconds` its wall time in this sweep."""

    id: str
    status: Literal["done", "recorded", "failed", "cancelled", "not started", "busy"]
    message: str
    seconds: float = 0.0
    score: float | None = None


class SweepFolder:
    """The files of one sweep."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def stop(self) -> None:
        """Let no further run start, in any process."""
        (self.path / "stop").touch()

    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return (self.path / "stop").exists()

    def wait_for_others(self) -> None:
        """From now on wait for runs that other sweeps are doing, which are `busy` until then."""
        (self.path / "wait").touch()
        for outcome in self.outcomes():
            if outcome.status == "busy":
                self._file(outcome.id, "json").unlink()
                self._file(outcome.id, "started").unlink()

    def start(self, run_id: str) -> None:
        """Count a start of a run.

        Raises:
            OSError: The folder cannot be written to.
        """
        try:
            with open(self._file(run_id, "started"), "a") as file:
                file.write(".")
        except OSError as error:
            raise OSError(f"{self.path}, where the sweep keeps its state: {error.strerror}") from None

    def starts(self) -> dict[str, int]:
        """How often each run was started; runs that never were are left out."""
        return {file.stem: file.stat().st_size for file in self.path.glob("*.started")}

    def update(self, run_id: str, progress: Progress) -> None:
        """Store how far a run is."""
        self._write(run_id, "progress", progress)

    def progress(self, run_id: str) -> Progress | None:
        """How far a run is; None before its training begins."""
        return self._read(run_id, "progress", Progress)

    def end(self, outcome: Outcome) -> Outcome:
        """Store how a run ended.

        Raises:
            OSError: The folder cannot be written to.
        """
        self._write(outcome.id, "json", outcome)
        return outcome

    def outcome(self, run_id: str) -> Outcome | None:
        """How a run ended; None while it is running or to come."""
        return self._read(run_id, "json", Outcome)

    def outcomes(self) -> list[Outcome]:
        """How all runs ended that have."""
        return [outcome for file in sorted(self.path.glob("[!.]*.json")) if (outcome := self.outcome(file.stem))]

    def do(self, run_id: str, run: Callable[..., tuple[Record, bool]]) -> Outcome:
        """Do a run of the sweep, unless it has ended already or the sweep has been stopped.

        Args:
            run: Called with `wait`, whether to wait for another process that is doing this run, and `on_progress`.
                Gives the record and whether it is new.
        """
        if ended := self.outcome(run_id):
            return ended
        if self.stopped():
            return self.end(Outcome(run_id, "not started", ""))
        self.start(run_id)
        began = time.perf_counter()
        status, message, score = "failed", "", None
        try:
            with self._cancelled_by_signals():
                result, new = run(
                    wait=(self.path / "wait").exists(), on_progress=lambda progress: self.update(run_id, progress)
                )
            status, message = "done" if new else "recorded", headline_scores(result)
            score = result.best.metrics[result.headline]
        except Busy as error:
            status, message = "busy", str(error)
        except KeyboardInterrupt:
            status = "cancelled"
        except USER_ERRORS as error:
            message = f"FAILED: {explained(error)}"
        except Exception as error:
            message = f"FAILED: {type(error).__name__}: {error}"
        outcome = Outcome(run_id, status, message, time.perf_counter() - began, score)
        try:
            return self.end(outcome)
        except OSError as error:  # a full disk
            print(f"{run_id}: {message} ({error})", file=sys.stderr, flush=True)
            return outcome

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Stop the sweep at Ctrl-C or SIGTERM while the block runs; a second one raises KeyboardInterrupt."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        _handle(before, _Stop(self, raises=False))
        try:
            yield
        finally:
            for number, handler in before.items():
                _handle([number], handler)

    @contextmanager
    def _cancelled_by_signals(self) -> Iterator[None]:
        """Stop the sweep and cancel its run in this process at Ctrl-C, and at SIGTERM where that stops the sweep.

        A worker leaves SIGTERM alone: a cluster sends it to end that worker, not the sweep.
        """
        numbers = [signal.SIGINT]
        if isinstance(signal.getsignal(signal.SIGTERM), _Stop):
            numbers.append(signal.SIGTERM)
        _handle(numbers, _Stop(self, raises=True))
        try:
            yield
        finally:
            _handle(numbers, _Stop(self, raises=False))

    def _file(self, run_id: str, kind: str) -> Path:
        return self.path / f"{run_id}.{kind}"

    def _write(self, run_id: str, kind: str, value: Progress | Outcome) -> None:
        text = json.dumps(asdict(value))
        write_atomically(self._file(run_id, kind), lambda file: file.write_text(text))

    def _read(self, run_id: str, kind: str, into: type) -> Any:
        try:
            return into(**json.loads(self._file(run_id, kind).read_text()))
        except FileNotFoundError:
            return None


@dataclass(frozen=True)
class _Stop:
    """A handler of signals that stops a sweep. A second signal raises KeyboardInterrupt in any case."""

    sweep: SweepFolder
    raises: bool

    def __call__(self, number: int, _: Any) -> None:
        signal.signal(number, signal.default_int_handler)
        self.sweep.stop()
        if self.raises:
            raise KeyboardInterrupt


def _handle(numbers: Iterable[int], handler: Any) -> None:
    if threading.current_thread() is threading.main_thread():  # Python refuses it elsewhere
        for number in numbers:
            signal.signal(number, handler)


def clock(seconds: float) -> str:
    """Seconds as 1:05, or 1:00:05 from an hour on."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
