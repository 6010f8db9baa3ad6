"""A sweep: plan the runs, skip recorded runs, launch the rest, report progress, retry killed runs, print a summary."""

from __future__ import annotations

import contextlib
import shutil
import signal
import statistics
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from ina import data, environment, plan, record, run, versions
from ina.compose import explain
from ina.config import RunConfig, configured
from ina.fingerprint import fingerprint, fingerprint_settings
from ina.record import USER_ERRORS, Record, clock

REPORT_S = 20  # seconds between two reports of the runs in progress
POLL_S = 0.5


class Sweep:
    """One sweep. No run starts if any run has wrong settings, or if its data or model cannot be loaded.

    Progress is read from the files of the runs: records, also of failures, and held locks. In the sweep's folder, the
    file `began` tells the start time and the data source. Once the file `stop` exists, no run starts.
    """

    def __init__(self, arguments: list[str], config: DictConfig, launcher: Launcher) -> None:
        self.launcher = launcher
        self.started = time.monotonic()
        try:
            runs, self.commands = plan.plan(arguments)
            self.runs = {cfg.id: cfg for cfg in runs}
            self.source = plan.source(runs)
            self.clean = versions.code()[1] is False
            missing = [cfg for cfg in runs if not self._record_path(cfg).is_file()]
            plan.look_up_each(missing, lambda cfg: (cfg.model, cfg.task, cfg.train.head_dropout), run.check_model)
            for cfg in runs:
                environment.log_in(cfg.wandb)
            self.folder = Path(config.hydra.sweep.dir).resolve()
            record.check_writable(self.folder)
            (self.folder / "stop").unlink(missing_ok=True)  # left by a sweep that Ctrl-C ended
            (self.folder / "began").write_text(self.source)
            self.began = (self.folder / "began").stat().st_mtime
        except USER_ERRORS as error:
            sys.exit(f"nothing was started:\n{record.explained(error)}")
        jobs = config.hydra.launcher.get("n_jobs") or config.hydra.launcher.get("array_parallelism") or 1
        self.workers = min(len(runs), jobs if jobs > 0 else plan.workers())
        self.recorded = {cfg.id for cfg in runs if self._record_path(cfg).is_file()}
        self.refused: dict[str, str] = {}  # those whose record is damaged or has other settings
        self.ended: dict[str, Record] = {}  # since the sweep began, by this process or another
        self.killed: set[str] = set()
        self.data: dict[str, str] = {}  # fingerprints
        self.seconds: dict[str, list[float]] = {}  # of finished runs, by model and task

    def run(self) -> None:
        """Do the sweep and exit: 0, 1 if a run failed or is missing, 130 after Ctrl-C."""
        self._check_recorded_runs()
        self._print_plan()
        signal.signal(signal.SIGINT, self._stop)
        finished = threading.Event()
        reporter = threading.Thread(target=self._report_until, args=(finished,), daemon=True)
        reporter.start()
        try:
            self._launch_until_all_have_ended()
        except KeyboardInterrupt:
            (self.folder / "stop").touch()
        except (HydraException, OSError) as error:
            print(f"error: {explain(error)}", file=sys.stderr)
        except Exception:
            traceback.print_exc()
        finished.set()
        reporter.join()
        sys.exit(self._print_summary())

    def _stop(self, number: int, _: Any) -> None:
        """Handle Ctrl-C: the first lets the runs in progress finish, the second ends them."""
        signal.signal(number, signal.default_int_handler)
        (self.folder / "stop").touch()
        print("stopping: no further run starts; runs in progress finish first; Ctrl-C again stops now", flush=True)

    def _stopped(self) -> bool:
        return (self.folder / "stop").exists()

    def _check_recorded_runs(self) -> None:
        for run_id in self.recorded:
            cfg = self.runs[run_id]
            try:
                start = None
                if cfg.train.start:
                    first = configured(plan.start_command(cfg, self.commands[run_id]))
                    start = fingerprint(self._fingerprint_settings(first))
                self._note_seconds(record.find(self._record_path(cfg), self._fingerprint_settings(cfg, start)))
            except USER_ERRORS as error:
                self.refused[run_id] = str(error)

    def _fingerprint_settings(self, cfg: RunConfig, start: str | None = None) -> dict[str, Any]:
        rows = f"{cfg.task.name} {cfg.data.model_dump_json()}"
        if rows not in self.data:
            self.data[rows] = data.load(cfg.task, cfg.data).fingerprint
        dtype = plan.number_format(cfg, self._record_path(cfg))
        return fingerprint_settings(cfg.model_dump(), self.source, self.data[rows], dtype, start)

    def _print_plan(self) -> None:
        runs = self.runs.values()
        names = [[cfg.model.name for cfg in runs], [cfg.task.name for cfg in runs], [cfg.method_id for cfg in runs]]
        text = f"{len(runs)} runs: {' x '.join(map(_distinct, names))}; data: {self.source}"
        if self.recorded:
            text += f"; {len(self.recorded)} are recorded"
        left = self._seconds_left()
        text += "; time unknown until the first run has ended" if left is None else f"; about {clock(left)}"
        print(text + (f" with {self.workers} workers" if self.workers > 1 else ""), flush=True)
        outside = [cfg for cfg in runs if cfg.experiment and plan.record_root(cfg, self.clean) != Path(cfg.results_dir)]
        if outside:
            why = f"their settings are not those of experiment={outside[0].experiment}"
            if not self.clean:
                why = "ina/ or configs/ have uncommitted changes"
            where = f"{outside[0].output_dir}, not {outside[0].results_dir}"
            print(f"  {len(outside)} of them are saved to {where}: {why}", flush=True)

    def _launch_until_all_have_ended(self) -> None:
        launched = 0
        while left := self._left():
            # a killed run is retried alone: a launcher that loses a worker also gives up on its other runs
            alone = [run_id for run_id in left if run_id in self.killed][:1]
            commands = [self.commands[run_id] for run_id in alone or left]
            try:
                for job in self.launcher.launch(commands, initial_job_idx=launched):
                    job.return_value  # noqa: B018  raises what the job raised
            except (HydraException, OSError):
                raise
            except Exception:  # joblib, submitit and ray raise different exceptions for a killed worker
                if not self._stopped() and not self._retry_killed_runs():
                    raise
            launched += len(commands)
            if self._stopped():
                return
            if others := [run_id for run_id in self._left() if self._is_held(run_id)]:
                print(f"waiting for {len(others)} runs that other processes are doing: {', '.join(others)}", flush=True)
                while any(map(self._is_held, others)) and not self._stopped():
                    time.sleep(POLL_S)

    def _left(self) -> list[str]:
        """The runs that are not recorded and have not ended."""
        left = []
        for run_id, cfg in self.runs.items():
            if run_id in self.recorded or run_id in self.ended:
                continue
            if ended := plan.outcome(cfg, self.source, self.began):
                self.ended[run_id] = ended
            else:
                left.append(run_id)
        return left

    def _retry_killed_runs(self) -> bool:
        """Return whether runs were killed. A killed run is tried once more; a run that is killed twice has failed."""
        killed = [run_id for run_id in self._in_progress() if not self._is_held(run_id)]
        for run_id in killed:
            if run_id not in self.killed:
                self.killed.add(run_id)
                print(f"{run_id}: its process was killed (out of memory?); it runs once more", flush=True)
            else:
                error = "its process was killed twice (out of memory?)"
                run.record_failure(self.runs[run_id], self.source, error)
        return bool(killed)

    def _in_progress(self) -> dict[str, str]:
        """The unfinished runs that some process has done since the sweep began, with that process and its progress."""
        found = {}
        for run_id in self._left():
            lock = self._lock(run_id)
            with contextlib.suppress(FileNotFoundError):
                if lock.stat().st_mtime >= self.began:
                    found[run_id] = lock.read_text()
        return found

    def _is_held(self, run_id: str) -> bool:
        return record.is_held(self._lock(run_id))

    def _report_until(self, finished: threading.Event) -> None:
        """Print each run when it ends, and the runs in progress every `REPORT_S`."""
        printed: set[str] = set()
        reported, last = time.monotonic(), False
        while not last:
            last = finished.wait(POLL_S)
            running = [f"{run_id} ({state})" for run_id, state in self._in_progress().items()]
            for run_id in [run_id for run_id in list(self.ended) if run_id not in printed]:
                printed.add(run_id)
                self._note_seconds(self.ended[run_id])
                text = (
                    f"[{len(self.recorded) + len(printed)}/{len(self.runs)}] {run_id}: {_summary(self.ended[run_id])}; "
                )
                left = self._seconds_left()
                text += f"{clock(time.monotonic() - self.started)} elapsed"
                print(text + (f", about {clock(left)} left" if left else ""), flush=True)
            if running and time.monotonic() > reported + REPORT_S:
                reported = time.monotonic()
                print(f"  in progress: {'; '.join(running)}", flush=True)

    def _note_seconds(self, run: Record) -> None:
        if run.status == "done":
            self.seconds.setdefault(f"{run.model} {run.task}", []).append(run.wall_seconds or 0.0)

    def _seconds_left(self) -> float | None:
        """Expected seconds of the remaining runs divided by the number of workers; None until a run has ended."""
        if not self.seconds:
            return None
        average = statistics.mean(second for seconds in self.seconds.values() for second in seconds)
        left = [self.runs[run_id] for run_id in self._left()]
        of_each = [statistics.mean(self.seconds.get(f"{cfg.model.name} {cfg.task.name}", [average])) for cfg in left]
        return sum(of_each) / self.workers

    def _print_summary(self) -> int:
        left = len(self._left())
        count = Counter(outcome.status for outcome in self.ended.values())
        failed = {
            run_id: _summary(outcome) for run_id, outcome in self.ended.items() if outcome.status == "failed"
        } | self.refused
        text = f"{count['done']} done, {len(self.recorded - self.refused.keys())} recorded before, {len(failed)} failed"
        if stopped := self._stopped():
            text += f", {count['cancelled']} cancelled"
        text += f", {left} not done" if left else ""
        print(f"{len(self.runs)} runs: {text}, in {clock(time.monotonic() - self.started)}", flush=True)
        for run_id, message in failed.items():
            print(f"  {run_id}: {message}", file=sys.stderr, flush=True)
        if not left:  # while runs are left, a worker may still look for `stop`
            for name in ("began", "stop"):
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / ".submitit", ignore_errors=True)
            with contextlib.suppress(OSError):  # the user's own folder may hold more
                self.folder.rmdir()
        return 130 if stopped else int(bool(failed or left))

    def _record_path(self, cfg: RunConfig) -> Path:
        return record.record_path(plan.record_root(cfg, self.clean), cfg.experiment, self.source, cfg.id)

    def _lock(self, run_id: str) -> Path:
        cfg = self.runs[run_id]
        return record.lock_path(cfg.output_dir, cfg.experiment, self.source, run_id)


def _summary(ended: Record) -> str:
    """How a run ended, in one line."""
    if ended.status == "done":
        return record.headline_scores(ended)
    return f"{ended.status.upper()}: {record.what_failed(ended)}"


def _distinct(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
