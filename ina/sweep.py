"""Grids of runs: which runs an experiment stands for, and a report on a sweep while it goes and when it ends."""

from __future__ import annotations

import statistics
import sys
import time
from functools import lru_cache
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from .config import CONFIG_DIR, ConfigError, RunConfig, check


def expand(overrides: list[str]) -> list[RunConfig]:
    """The runs that a command line stands for, in the order in which a sweep starts them.

    Args:
        overrides: As after ``python -m ina.run``, sweeps such as ``seed=1,2`` included.

    Raises:
        ConfigError: Runs have wrong settings, or two of them the same name; all problems are told.
    """
    parser = OverridesParser.create()
    fixed = [text for text in overrides if not parser.parse_override(text).is_sweep_override()]
    params = _compose(fixed, return_hydra_config=True).hydra.sweeper.params or {}
    parsed = parser.parse_overrides([f"{key}={value}" for key, value in params.items()] + overrides)
    runs: dict[str, RunConfig] = {}
    problems: dict[str, None] = {}
    for job in BasicSweeper.split_arguments(parsed, None)[0]:
        try:
            run = check(_compose([text for text in job if not text.startswith("hydra.")]))
        except ConfigError as error:
            problems[str(error)] = None
            continue
        if run.id in runs:
            problems[f"two runs of the sweep have the name {run.id}; their settings differ only where names do not"] = (
                None
            )
        runs[run.id] = run
    if problems:
        raise ConfigError("\n".join(problems))
    return list(runs.values())


@lru_cache
def experiment_runs(name: str) -> dict[str, RunConfig]:
    """The runs of a committed experiment by id."""
    return {run.id: run for run in expand([f"experiment={name}"])}


def _compose(overrides: list[str], **settings: Any) -> DictConfig:
    if GlobalHydra.instance().is_initialized():
        return compose("run", overrides, **settings)
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return compose("run", overrides, **settings)


class Report(Callback):
    """Tells what a sweep will do, how far it is and how it ended; exits with 1 if a run failed."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every run before the first one starts."""
        try:
            runs = expand(list(config.hydra.overrides.task))
        except ConfigError as error:
            sys.exit(f"nothing was started:\n{error}")
        self.waiting = [run.id for run in runs]
        self.total = len(runs)
        self.outcomes: list[str] = []
        self.seconds: dict[str, list[float]] = {}
        self.failures: list[str] = []
        print(
            f"{self.total} runs: {_axis(runs, 'model')} x {_axis(runs, 'task')} x {_axis(runs, 'method')}", flush=True
        )
        self.started = time.monotonic()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        self.job_started = time.monotonic()

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        if not hasattr(self, "waiting"):
            return  # a single run
        outcome = job_return.return_value
        run_id, what = outcome["id"], outcome["outcome"]
        self.outcomes.append(what)
        if what == "failed":
            self.failures.append(run_id)
        if what == "done":
            self.seconds.setdefault(_kind(run_id), []).append(time.monotonic() - self.job_started)
        if run_id in self.waiting:
            self.waiting.remove(run_id)
        line = f"[{len(self.outcomes)}/{self.total}] {_clock(time.monotonic() - self.started)} gone"
        if self.waiting and self.seconds:
            line += f", about {_clock(self._time_left())} left"
        print(line, flush=True)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        counts = {what: self.outcomes.count(what) for what in ("done", "recorded", "failed")}
        print(
            f"{self.total} runs: {counts['done']} done, {counts['recorded']} were recorded already, "
            f"{counts['failed']} failed, in {_clock(time.monotonic() - self.started)}",
            flush=True,
        )
        if self.failures:
            sys.exit("failed: " + ", ".join(self.failures))

    def _time_left(self) -> float:
        usual = statistics.mean(second for seconds in self.seconds.values() for second in seconds)
        return sum(statistics.mean(self.seconds.get(_kind(run_id), [usual])) for run_id in self.waiting)


def _kind(run_id: str) -> str:
    return "--".join(run_id.split("--")[:2])  # runs of one model on one task take about as long


def _axis(runs: list[RunConfig], name: str) -> str:
    names = dict.fromkeys(run.method_label if name == "method" else getattr(run, name).name for run in runs)
    return ", ".join(names)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
