"""A sweep: plan, skip what is recorded, launch the rest, say how far it is, retry what was killed, sum up."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from tqdm import tqdm

from ina import data, environment, plan, record, run
from ina.config import CONFIG_DIR, RunConfig, numbers_depend_on
from ina.progress import USER_ERRORS, Outcome, SweepFolder, clock

REPORT_S = 20  # seconds between two reports of the runs in progress, where there is no terminal for a bar
POLL_S = 0.5


class Sweep:
    """One sweep. Nothing is started where a run of it has wrong settings, or data or a model that cannot be had."""

    def __init__(self, arguments: list[str], config: DictConfig, launcher: Launcher) -> None:
        self.launcher = launcher
        self.started = time.monotonic()
        try:
            runs, self.commands = plan.plan(arguments)
            self.runs = {one.id: one for one in runs}
            self.sources = dict(zip(self.runs, plan.sources(runs), strict=True))
            self.clean = record.git_state(CONFIG_DIR.parent)[1] is False
            missing = [cfg for cfg in runs if not self._record_path(cfg, self.clean).is_file()]
            plan.of_each(missing, lambda cfg: (cfg.model, cfg.task, cfg.train.head_dropout), run.check_model)
            environment.check_launcher(config.hydra.launcher)
            for cfg in runs:
                environment.log_in(cfg.wandb)
            self.folder = SweepFolder(Path(config.hydra.sweep.dir).resolve())
            record.check_writable(self.folder.path.parent)
            self.folder.path.mkdir(parents=True)
        except USER_ERRORS as error:
            sys.exit(f"nothing was started:\n{record.explained(error)}")
        jobs = config.hydra.launcher.get("n_jobs") or config.hydra.launcher.get("array_parallelism") or 1
        self.workers = min(len(runs), jobs if jobs > 0 else plan.workers())
        self.recorded: set[str] = set()  # before this sweep
        self.seconds: dict[str, list[float]] = {}  # of finished runs, by model and task

    def run(self) -> None:
        """Do it all and exit: 0, 1 if a run failed or is missing, 130 after Ctrl-C."""
        self._skip_recorded_runs()
        self._print_plan()
        try:
            with self.folder.stopped_by_signals(), self._reporting():
                self._launch_until_all_have_ended()
        except KeyboardInterrupt:  # the second one
            self.folder.stop()
        except (HydraException, OSError) as error:
            print(f"error: {plan.explain(error)}", file=sys.stderr)
        except Exception:
            traceback.print_exc()
        sys.exit(self._print_summary())

    def _skip_recorded_runs(self) -> None:
        fingerprints: dict[str, str] = {}
        for run_id, cfg in self.runs.items():
            source = self.sources[run_id]
            if not self._record_path(cfg, self.clean).is_file():
                continue
            self.recorded.add(run_id)
            if cfg.train.start:
                continue  # its settings include the run that it starts from, which may still be to do
            try:
                rows = f"{cfg.task.name} {cfg.data.model_dump_json()}"
                if rows not in fingerprints:
                    fingerprints[rows] = data.load(cfg.task, cfg.data).fingerprint
                dtype = environment.resolve_dtype(cfg.train.dtype, cfg.train.fast)
                settings = numbers_depend_on(cfg.model_dump(), source, fingerprints[rows], dtype)
                found = plan.recorded(cfg, source, self.clean, settings)
                self.folder.end(Outcome(run_id, "recorded", record.headline_scores(found)))
                self.seconds.setdefault(_like(run_id), []).append(found.wall_seconds or 0.0)
            except USER_ERRORS as error:
                self.folder.end(Outcome(run_id, "failed", f"FAILED: {error}"))

    def _print_plan(self) -> None:
        runs = self.runs.values()
        names = [[cfg.model.name for cfg in runs], [cfg.task.name for cfg in runs], [cfg.method_label for cfg in runs]]
        text = f"{len(runs)} runs: {' x '.join(map(_distinct, names))}; data: {_distinct(self.sources.values())}"
        if self.recorded:
            text += f"; {len(self.recorded)} are recorded"
        left = self._seconds_left(set())
        text += "; time unknown until the first run has ended" if left is None else f"; about {clock(left)}"
        print(text + (f" with {self.workers} workers" if self.workers > 1 else ""), flush=True)
        planned = [cfg for cfg in runs if cfg.experiment and cfg.results_dir != cfg.output_dir]
        outside = [cfg for cfg in planned if plan.record_root(cfg, self.clean) == Path(cfg.output_dir)]
        if outside:
            why = f"their settings are not those of experiment={outside[0].experiment}"
            if any(plan.record_root(cfg, clean=True) == Path(cfg.results_dir) for cfg in outside):
                why = "ina/ or configs/ have uncommitted changes"
            where = f"{outside[0].output_dir}, not {outside[0].results_dir}"
            print(f"  {len(outside)} of them are saved to {where}: {why}", flush=True)

    def _launch_until_all_have_ended(self) -> None:
        launched = 0
        while left := [command for run_id, command in self.commands.items() if self.folder.outcome(run_id) is None]:
            launched += len(left)
            try:
                for job in self.launcher.launch(left, initial_job_idx=launched - len(left)):
                    job.return_value  # noqa: B018  raises what the job raised
            except (HydraException, OSError):
                raise
            except Exception:  # joblib, submitit and ray each have their own for a worker that was killed
                if self.folder.stopped():
                    return
                if not self._retry_killed_runs():
                    raise
                continue
            busy = [outcome.id for outcome in self.folder.outcomes() if outcome.status == "busy"]
            if not busy or self.folder.stopped():
                return  # a run without an outcome, which a full disk did not take, is not done again and again
            print(f"waiting for {len(busy)} runs that other processes are doing: {', '.join(busy)}", flush=True)
            self.folder.wait_for_others()

    def _retry_killed_runs(self) -> bool:
        """Whether the launcher gave up because runs were killed. They run once more, then count as failed."""
        killed = {run_id: starts for run_id, starts in self._in_progress() if not self._runs_elsewhere(run_id)}
        for run_id, starts in killed.items():
            if starts == 1:
                print(f"{run_id}: its process was killed (out of memory?); it runs once more", flush=True)
                continue
            error = "its process was killed twice (out of memory?)"
            run.record_failure(self.runs[run_id], self.sources[run_id], error)
            self.folder.end(Outcome(run_id, "failed", f"FAILED: {error}"))
        return bool(killed)

    def _in_progress(self) -> list[tuple[str, int]]:
        """The runs that have been started and have not ended, and how often they were started."""
        return [(run_id, starts) for run_id, starts in self.folder.starts().items() if not self.folder.outcome(run_id)]

    def _runs_elsewhere(self, run_id: str) -> bool:
        return plan.standing(self.runs[run_id], self.sources[run_id], []) == "running"

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._report_until, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _report_until(self, over: threading.Event) -> None:
        """Print each run that ends, and the runs in progress: as a bar in a terminal, else every `REPORT_S`."""
        known = {outcome.id for outcome in self.folder.outcomes() if outcome.status == "recorded"}
        reported, stopping, last = time.monotonic(), False, False
        with tqdm(total=len(self.runs), initial=len(known), unit="run", disable=None, leave=False) as bar:
            while not last:
                last = over.wait(POLL_S)
                if self.folder.stopped() and not stopping and not last:
                    stopping = True
                    bar.write("stopping: no further run starts; runs in progress finish first; Ctrl-C again stops now")
                ended = {outcome.id: outcome for outcome in self.folder.outcomes() if outcome.status != "busy"}
                for outcome in (ended[run_id] for run_id in sorted(ended.keys() - known)):
                    known.add(outcome.id)
                    bar.update()
                    if outcome.status == "done":
                        self.seconds.setdefault(_like(outcome.id), []).append(outcome.seconds)
                    if outcome.status in ("done", "failed"):
                        text = f"[{len(known)}/{len(self.runs)}] {outcome.id}: {outcome.message}; "
                        text += f"{clock(time.monotonic() - self.started)} elapsed"
                        left = self._seconds_left(ended.keys())
                        bar.write(text + (f", about {clock(left)} left" if left else ""))
                        sys.stdout.flush()
                running = [f"{one} ({self.folder.progress(one) or 'starting'})" for one, _ in self._in_progress()]
                bar.set_postfix_str("; ".join(running), refresh=False)
                bar.refresh()
                if bar.disable and running and time.monotonic() > reported + REPORT_S:
                    reported = time.monotonic()
                    print(f"  in progress: {'; '.join(running)}", flush=True)

    def _seconds_left(self, ended: Iterable[str]) -> float | None:
        """The sum over the runs to come of the usual seconds of such a run, by workers; None before any has ended."""
        if not any(self.seconds.values()):
            return None
        usual = statistics.mean(second for seconds in self.seconds.values() for second in seconds)
        left = self.runs.keys() - self.recorded - set(ended)
        return sum(statistics.mean(self.seconds.get(_like(run_id), [usual])) for run_id in left) / self.workers

    def _print_summary(self) -> int:
        outcomes = self.folder.outcomes()
        count = Counter(outcome.status for outcome in outcomes)
        text = f"{count['done']} done, {count['recorded']} recorded before, {count['failed']} failed"
        if stopped := self.folder.stopped():
            text += f", {count['cancelled']} cancelled"
        left = len(self.runs) - sum(count[status] for status in ("done", "recorded", "failed", "cancelled"))
        text += f", {left} not done" if left else ""
        print(f"{len(self.runs)} runs: {text}, in {clock(time.monotonic() - self.started)}", flush=True)
        done = [self.runs[outcome.id] for outcome in outcomes if outcome.status == "done"]
        moved = [cfg for cfg in done if not self._record_path(cfg, self.clean).is_file()]
        if moved:
            print(f"  {len(moved)} of them are saved to {moved[0].output_dir}: ina/ or configs/ have changed meanwhile")
        for outcome in outcomes:
            if outcome.status == "failed":
                print(f"  {outcome.id}: {outcome.message}", file=sys.stderr, flush=True)
        if len(outcomes) == len(self.runs):  # else a worker may still look for `stop`
            shutil.rmtree(self.folder.path, ignore_errors=True)
        return 130 if stopped else int(count["failed"] > 0 or left > 0)

    def _record_path(self, cfg: RunConfig, clean: bool) -> Path:
        return record.record_path(plan.record_root(cfg, clean), cfg.experiment, self.sources[cfg.id], cfg.id)


def _like(run_id: str) -> str:
    """Model and task, whose runs take about as long as each other."""
    return "--".join(run_id.split("--")[:2])


def _distinct(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
