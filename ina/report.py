"""A sweep as its user sees it: what it will do, a line as each run ends, what came of it.

Hydra calls :class:`Report`; its launcher, whichever it is, does the runs one by one or in many processes. These share
one folder, `<output_dir>/sweeps/<name>`, with a file for every run that was started and one for what came of it.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from . import data, environment, record, sweep, train
from .config import CONFIG_DIR, ConfigError, RunConfig, numbers_depend_on
from .record import Busy, Record

USER_ERRORS = (ValueError, OSError)  # told in one sentence; anything else is a bug and shows its type

current: Sweep | None = None  # the sweep that this process is part of
_in_run = False


@dataclass(frozen=True)
class Outcome:
    """What came of one run of a sweep."""

    id: str
    status: Literal["done", "recorded", "failed", "cancelled", "not started", "busy"]
    told: str
    seconds: float
    score: float | None = None
    overrides: tuple[str, ...] = ()

    def __float__(self) -> float:
        """What a search maximises; TypeError, which the search takes for a failed trial, where there is no score."""
        return float(self.score)  # type: ignore[arg-type]


class Report(Callback):
    """The hook in Hydra."""

    sweep: Sweep | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every run before the first one starts, and say what will be done."""
        global current
        if current is None:
            try:
                current = Sweep(config)
            except USER_ERRORS as error:
                sys.exit(f"nothing was started:\n{record.explained(error)}")
        self.sweep = current
        if not current.trials:
            config.hydra.sweeper = {"_target_": "hydra_plugins.ina_sweeper.Planned"}

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """In a worker the sweep arrives as a copy, inside this object."""
        global current
        current = self.sweep


class Sweep:
    """A sweep in progress.

    Raises:
        ConfigError: Runs have wrong settings, or data or models that cannot be had; all problems are told.
        OSError: `output_dir` cannot be written to.
    """

    def __init__(self, config: DictConfig) -> None:
        overrides = list(config.hydra.overrides.task)
        self.trials = config.hydra.sweeper.get("n_trials")
        runs, self.commands = sweep.plan(overrides)
        self.runs = {run.id: run for run in runs}
        if self.trials:
            logging.getLogger("optuna.storages").setLevel(logging.WARNING)
            if any(run.data.select is None for run in self.runs.values()):
                raise ConfigError("a search needs data.select, say 0.1: a share of the training rows to choose by")
        self.sources = dict(zip(self.runs, sweep.sources(list(self.runs.values())), strict=True))
        self.total = self.trials or len(self.runs)
        jobs = config.hydra.launcher.get("n_jobs") or config.hydra.launcher.get("array_parallelism") or 1
        self.workers = min(self.total, jobs if jobs > 0 else sweep.workers())
        shared = Path(config.output_dir).resolve() / "sweeps"
        environment.check_launcher(config.hydra.launcher)
        for run in self.runs.values():
            environment.log_in(run.wandb)
        record.check_writable(shared)
        self.folder = Path(tempfile.mkdtemp(dir=shared))
        self.started = time.monotonic()
        self.recorded: set[str] = set()
        self.seconds: dict[str, list[float]] = {}
        self.told: set[str] = set()
        self.waits = False
        self._plan()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._tell_until_over, daemon=True)
        self._watch.start()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_over", "_watch")}

    # in the process that does a run

    def job(self, run_id: str, overrides: list[str], do: Callable[..., tuple[Record, bool]]) -> Outcome:
        """Do one run, with ``do(wait=...)``, unless it has been done or the sweep has been stopped."""
        global _in_run
        listen()
        known = self._outcome(run_id)
        if not known and self.stopped():
            known = self.keep(Outcome(run_id, "not started", "", 0.0))
        if known:
            return known
        try:
            with open(self.folder / f"{run_id}.started", "a") as file:
                file.write(".")
        except OSError as error:
            raise OSError(f"{self.folder}, where the sweep keeps its state: {error.strerror}") from None
        began = time.perf_counter()
        status, told, score = "failed", "", None
        try:
            _in_run = True
            result, new = do(wait=self.waits)
            status, told = "done" if new else "recorded", scores(result)
            if new and self.clean and result.provenance.dirty:
                told += "; not among the results: ina/ or configs/ have been changed meanwhile"
            score = result.best.metrics[result.headline]
        except Busy as error:
            status, told = "busy", str(error)
        except KeyboardInterrupt:
            status = "cancelled"
        except USER_ERRORS as error:
            told = f"FAILED: {record.explained(error)}"
        except Exception as error:
            told = f"FAILED: {type(error).__name__}: {error}"
        finally:
            _in_run = False
        outcome = Outcome(run_id, status, told, time.perf_counter() - began, score, tuple(overrides))
        try:
            return self.keep(outcome)
        except OSError as error:  # a full disk
            print(f"{run_id}: {told} ({error})", file=sys.stderr, flush=True)
            return outcome

    def keep(self, outcome: Outcome) -> Outcome:
        """Tell the others what came of a run; OSError where that cannot be written."""
        text = json.dumps(asdict(outcome))
        record.write_atomically(self.folder / f"{outcome.id}.json", lambda file: file.write_text(text))
        return outcome

    # in the process that started the sweep

    def stop(self) -> None:
        """Start no further run, in any process."""
        (self.folder / "stop").touch()

    def stopped(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return (self.folder / "stop").exists()

    def lost(self) -> list[str]:
        """Runs that were started and neither ended nor go on: their process was killed."""
        started = [path.stem for path in self.folder.glob("*.started") if self._outcome(path.stem) is None]
        running = {
            run_id for run_id in started
            if run_id in self.runs and sweep.standing(self.runs[run_id], self.sources[run_id], []) == "running"
        }  # fmt: skip
        return [run_id for run_id in started if run_id not in running]

    def starts(self, run_id: str) -> int:
        """How often a run was started in this sweep."""
        return (self.folder / f"{run_id}.started").stat().st_size

    def left(self) -> list[list[str]]:
        """The command lines of the runs of which nothing has come yet."""
        return [command for run_id, command in self.commands.items() if self._outcome(run_id) is None]

    def again(self) -> bool:
        """Whether Hydra is to be called again, to wait for runs that other processes were doing."""
        if self.stopped():
            return False
        busy = [outcome.id for outcome in self._outcomes() if outcome.status == "busy"]
        if not busy:
            return False
        print(f"waiting for {len(busy)} runs that other processes are doing: {', '.join(busy)}", flush=True)
        for run_id in busy:
            (self.folder / f"{run_id}.json").unlink()
            (self.folder / f"{run_id}.started").unlink()
        self.waits = True
        return True

    def end(self) -> int:
        """Say what came of the sweep, and give the exit code: 0, 1 if a run failed, 130 after Ctrl-C."""
        self._over.set()
        self._watch.join()
        outcomes = self._outcomes()
        count = Counter(outcome.status for outcome in outcomes)
        told = f"{count['done']} done, {count['recorded']} recorded before, {count['failed']} failed"
        if stopped := self.stopped():
            told += f", {count['cancelled']} cancelled"
        left = self.total - sum(count[status] for status in ("done", "recorded", "failed", "cancelled"))
        if left and (stopped or not self.trials):  # a search may ask for the same trial twice
            told += f", {left} not done"
        print(f"{self.total} runs: {told}, in {_clock(time.monotonic() - self.started)}", flush=True)
        for outcome in outcomes:
            if outcome.status == "failed":
                print(f"  {outcome.id}: {outcome.told}", file=sys.stderr, flush=True)
        scored = [outcome for outcome in outcomes if outcome.score is not None]
        if self.trials and scored:
            best = max(scored, key=lambda outcome: outcome.score)
            print(f"best of {len(scored)} trials on held-out training rows: {best.id}: {best.told}", flush=True)
            print(f"  {' '.join(best.overrides)}", flush=True)
        if len(outcomes) == self.total:  # else a worker may still look for `stop`
            shutil.rmtree(self.folder, ignore_errors=True)
        return 130 if stopped else int(count["failed"] > 0 or (left > 0 and not self.trials))

    def _plan(self) -> None:
        self.clean = record.git_state(CONFIG_DIR.parent)[1] is False
        fingerprints = {}
        for run_id, run in self.runs.items():
            source = self.sources[run_id]
            if not record.record_path(sweep.home(run, self.clean), run.experiment, source, run_id).is_file():
                continue
            self.recorded.add(run_id)
            if self.trials or run.train.start:
                continue  # told when it comes up, and when what it starts from is known
            try:
                rows = f"{run.task.name} {run.data.model_dump_json()}"
                if rows not in fingerprints:
                    fingerprints[rows] = data.load(run.task.name, run.data).fingerprint
                dtype = train.resolve_dtype(run.train.dtype, run.train.fast)
                settings = numbers_depend_on(run.model_dump(), source, fingerprints[rows], dtype)
                found = sweep.recorded(run, source, self.clean, settings)
                score = found.best.metrics[found.headline]
                self.keep(Outcome(run_id, "recorded", scores(found), 0.0, score))
                self.seconds.setdefault(_kind(run_id), []).append(found.wall_seconds or 0.0)
            except USER_ERRORS as error:
                self.keep(Outcome(run_id, "failed", f"FAILED: {error}", 0.0))
        runs = list(self.runs.values())
        axes = (_distinct(run.model.name for run in runs), _distinct(run.task.name for run in runs),
                _distinct(run.method_label for run in runs))  # fmt: skip
        told = f"{self.total} runs: {' x '.join(axes)}; data: {_distinct(self.sources.values())}"
        if self.recorded:
            told += f"; {len(self.recorded)} are recorded"
        left = self._time_left(set())
        told += "; time unknown until the first run has ended" if left is None else f"; about {_clock(left)}"
        print(told + (f" with {self.workers} workers" if self.workers > 1 else ""), flush=True)
        self._tell_what_stays_out_of_the_results(runs)

    def _tell_what_stays_out_of_the_results(self, runs: list[RunConfig]) -> None:
        planned = [run for run in runs if run.experiment and run.results_dir != run.output_dir]
        out = [run for run in planned if sweep.home(run, self.clean) == Path(run.output_dir)]
        if not out or self.trials:
            return
        if any(sweep.home(run, clean=True) == Path(run.results_dir) for run in out):
            why = "ina/ and configs/ are not as committed"
        else:
            why = f"their settings are not those of experiment={out[0].experiment}"
        print(f"  {len(out)} of them go to {out[0].output_dir}, not {out[0].results_dir}: {why}", flush=True)

    def _tell_until_over(self) -> None:
        over, stopping = False, False
        while not over:
            over = self._over.wait(0.5)
            if self.stopped() and not stopping and not over:
                stopping = True
                print(
                    "stopping: no other run is started; those in progress end first, or at once if told again",
                    flush=True,
                )
            outcomes = [outcome for outcome in self._outcomes() if outcome.status != "busy"]
            fresh = [outcome for outcome in outcomes if outcome.id not in self.told]
            self.told |= {outcome.id for outcome in fresh}
            for outcome in fresh:
                if outcome.status == "done":
                    self.seconds.setdefault(_kind(outcome.id), []).append(outcome.seconds)
            for count, outcome in enumerate(fresh, len(outcomes) - len(fresh) + 1):
                if outcome.status in ("done", "failed"):
                    line = f"[{count}/{self.total}] {outcome.id}: {outcome.told}; "
                    line += f"{_clock(time.monotonic() - self.started)} gone"
                    left = self._time_left({outcome.id for outcome in outcomes})
                    print(line + (f", about {_clock(left)} left" if left else ""), flush=True)

    def _time_left(self, ended: set[str]) -> float | None:
        """Seconds, from those of other runs of the same model on the same task, else from all; None without any."""
        if not any(self.seconds.values()):
            return None
        usual = statistics.mean(second for seconds in self.seconds.values() for second in seconds)
        if self.trials:
            return usual * (self.total - len(ended)) / self.workers
        left = self.runs.keys() - self.recorded - ended
        expected = [statistics.mean(self.seconds.get(_kind(run_id), [usual])) for run_id in left]
        return sum(expected) / self.workers

    def _outcomes(self) -> list[Outcome]:
        return [outcome for path in sorted(self.folder.glob("[!.]*.json")) if (outcome := self._outcome(path.stem))]

    def _outcome(self, run_id: str) -> Outcome | None:
        try:
            return Outcome(**json.loads((self.folder / f"{run_id}.json").read_text()))
        except FileNotFoundError:
            return None


def listen(*others: signal.Signals) -> None:
    """Make Ctrl-C end the run in progress, start no other and print the summary; pressed again, it ends everything.

    Signals named besides are taken for Ctrl-C; not SIGTERM in a worker, which a cluster sends where only it has to end.
    """

    def interrupt(number: int, _: Any) -> None:
        signal.signal(number, signal.default_int_handler)
        if current:
            current.stop()
        if _in_run or not current:
            raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, *others):
            signal.signal(number, interrupt)


def scores(result: Record) -> str:
    """The scores of a finished run in a line."""
    best, last = (evaluation.metrics[result.headline] for evaluation in (result.best, result.last))
    degenerate = ", DEGENERATE: one answer for everything" if result.last.degenerate else ""
    return f"{result.headline} best {best:.4f} (epoch {result.best.epoch}), last {last:.4f}{degenerate}"


def _kind(run_id: str) -> str:
    return "--".join(run_id.split("--")[:2])  # runs of one model on one task take about as long


def _distinct(names: Any) -> str:
    return ", ".join(dict.fromkeys(names))


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
