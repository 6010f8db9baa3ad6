"""Expand a command line to its list of runs, find the place of each record, and tell the state of each run."""

import itertools
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from . import data, environment, record
from .compose import ONE_EXPERIMENT, ConfigError, compose, hydra_settings, options, parse, quoted
from .config import RunConfig, configured
from .fingerprint import fingerprint_settings

RunState = Literal["done", "other settings", "running", "failed", "missing"]
PATHS = ("data.dir", "model.path", "results_dir", "output_dir")  # the settings that name a folder


def expand(overrides: list[str]) -> list[RunConfig]:
    """The runs of a command line, in the order in which a sweep starts them; see `plan`."""
    return plan(overrides)[0]


def plan(overrides: list[str]) -> tuple[list[RunConfig], dict[str, list[str]]]:
    """The runs of a command line, and for each run id its own command line.

    If a run starts from another one (`train.start`), the other one is added, if necessary, and comes first.

    Args:
        overrides: The arguments of ``python -m ina.run``, including sweeps such as ``seed=1,2``.

    Raises:
        ConfigError: Runs have wrong settings, or two runs have the same name; the message lists all problems.
    """
    runs: dict[str, RunConfig] = {}
    commands: dict[str, list[str]] = {}
    problems: dict[str, None] = {}
    named = set()
    for command in _commands(readable(overrides)):
        try:
            run = configured(command)
            first_command = start_command(run, command) if run.train.start else command
            first = configured(first_command)
        except ConfigError as error:
            problems[str(error)] = None
            continue
        if run.id in named:
            same = (
                f"two runs of the sweep would both be named {run.id}: they differ only in settings that are not part "
                "of the name (to search over settings of train, add data.select=0.2)"
            )
            problems[same] = None
        named.add(run.id)
        for cfg, its_command in ((first, first_command), (run, command)):
            runs.setdefault(cfg.id, cfg)
            commands.setdefault(cfg.id, its_command)
    if problems:
        raise ConfigError("\n".join(problems))
    return list(runs.values()), commands


def _commands(overrides: list[str]) -> list[list[str]]:
    """The command line of each run of a grid.

    A method setting is left out for methods that lack it, as long as another method of the grid has it:
    ``method=lora,ina method.inhibition=0.1,0.9`` is LoRA once and InA twice.

    Hydra also gives a single value to its default method, InA. So a setting that InA lacks needs ``choice``:
    ``method=full,gate method.layers=choice(1)``.
    """
    fixed = [text for text in overrides if not parse(text).is_sweep_override()]
    if several := [text for text in overrides if text.startswith("experiment=") and text not in fixed]:
        raise ConfigError(f"{several[0]}: {ONE_EXPERIMENT}")
    grid = hydra_settings(fixed).sweeper.get("params") or {}
    choices: dict[str, list[str]] = {}
    for text in [*(f"{key}={value}" for key, value in grid.items()), *overrides]:
        override = parse(text)
        key = override.get_key_element()
        if not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise ConfigError(f"{text}: an interval needs a search: add hydra/sweeper=optuna")
    given = {key for key in choices if key.startswith("method.")}
    known = {method: compose([method]) for method in (choices.get("method", []) if given else [])}
    lacks = {method: {key for key in given if not _has(cfg, key)} for method, cfg in known.items()}
    misspelt = set.intersection(*lacks.values()) if lacks else set()
    commands: dict[tuple[str, ...], None] = {}
    for job in itertools.product(*choices.values()):
        settings = dict(zip(choices, job, strict=True))
        left_out = lacks.get(settings.get("method"), set()) - misspelt
        commands[tuple(text for key, text in settings.items() if key not in left_out)] = None
    return [list(command) for command in commands]


def _has(cfg: DictConfig, key: str) -> bool:
    """Whether a config has a setting, by dotted name; its value may be null."""
    section, _, name = key.rpartition(".")
    return name in list(OmegaConf.select(cfg, section) or ())


def readable(arguments: list[str]) -> list[str]:
    """The command line in a form that Hydra can parse: `experiment` and `scale` are joined, paths expanded and quoted.

    A comma in a path does not start a sweep: paths cannot be swept.

    Raises:
        ConfigError: A setting cannot be parsed, or would have no effect.
    """
    if "hydra/sweeper=optuna" not in arguments:
        for text in arguments:
            if text.lstrip("+").startswith("hydra.sweeper.params"):
                raise ConfigError(f"{text}: give the setting itself several values, as in -m seed=1,2")
    names = dict(text.split("=", 1) for text in arguments if text.startswith(("experiment=", "scale=")))
    if [*names] == ["scale"]:
        raise ConfigError(f"scale={names['scale']} needs an experiment: experiment=glue scale={names['scale']}")
    if len(names) == 2:
        arguments = [text for text in arguments if text.split("=")[0] not in names]
        arguments.append(f"experiment={names['experiment']}_{names['scale']}")
    texts = []
    for text in arguments:
        key, _, value = text.partition("=")
        if key in PATHS and value in ("", "''", '""'):
            raise ConfigError(f"{text}: the value is empty; name a folder, or leave {key} out")
        if key in PATHS and value != "null" and not value.startswith(("'", '"')):
            text = quoted(key, os.path.expanduser(value))
        if "=" in text and not text.startswith("-"):
            parse(text)
        texts.append(text)
    return texts


def start_command(run: RunConfig, overrides: list[str]) -> list[str]:
    """The command line of the run that `run` starts from: another task, but the same model, seed and method settings.

    Args:
        run: A run with `train.start`.
        overrides: The command line of `run`.
    """
    replaced = ("task=", "method.", "train.start=", "keep_model=")
    method = run.method_changes(run.train.start).items()
    return [
        *(text for text in overrides if not text.startswith(replaced)),
        f"task={run.train.start}",
        *(f"method.{key}={json.dumps(value)}" for key, value in method),
        "keep_model=true",
    ]


def source(runs: list[RunConfig]) -> str:
    """The data source of all runs.

    Raises:
        ConfigError: Data is missing, or comes from several sources; the message lists all problems.
    """
    sources = look_up_each(runs, lambda run: (run.task, run.data), data.resolve)
    if len(set(sources)) > 1:
        each = ", ".join(dict.fromkeys(f"{run.task.name} {where}" for run, where in zip(runs, sources, strict=True)))
        raise ConfigError(
            f"all runs of a sweep must use one data source, but these use {each}: set data=files, data=hub or "
            "data=probe"
        )
    return sources[0]


def look_up_each(runs: list[RunConfig], settings: Callable[[RunConfig], tuple], look_up: Callable) -> list[Any]:
    """``look_up(*settings(run))`` of each run, called once for runs with the same settings.

    Raises:
        ConfigError: `look_up` raised ValueError or OSError; the message lists all such errors.
    """
    answers: dict[str, Any] = {}
    problems: dict[str, None] = {}
    for run in runs:
        key = repr(settings(run))  # settings may contain lists, which cannot be keys
        if key in answers:
            continue
        try:
            answers[key] = look_up(*settings(run))
        except (ValueError, OSError) as error:
            answers[key] = problems[str(error)] = None
    if problems:
        raise ConfigError("\n".join(problems))
    return [answers[repr(settings(run))] for run in runs]


def record_root(run: RunConfig, clean: bool) -> Path:
    """The root of a run's record: `results_dir` for committed experiments run from a clean tree, else `output_dir`."""
    return Path(run.results_dir if clean and _belongs_to_its_experiment(run) else run.output_dir)


def _belongs_to_its_experiment(run: RunConfig) -> bool:
    """Whether the run is one of the runs that its experiment file defines, with no setting changed."""
    if run.experiment not in options("experiment"):
        return False
    try:
        planned = experiment_runs(run.experiment).get(run.id)
    except ConfigError:  # a search over intervals has no list of runs
        return False
    if planned is None:
        return False
    # without the source and the dtype of "auto", which depend on the machine, and the data's fingerprint
    planned_settings, own_settings = (
        (fingerprint_settings(cfg.model_dump()), cfg.train.dtype, cfg.data.distractors, cfg.data.test_distractors)
        for cfg in (planned, run)
    )
    return planned_settings == own_settings


@cache
def experiment_runs(name: str) -> dict[str, RunConfig]:
    """The runs of a committed experiment by id."""
    return {run.id: run for run in expand([f"experiment={name}"])}


def number_format(run: RunConfig, path: Path) -> str:
    """The dtype of a run; `path` is the place of its record, which need not exist.

    If it exists, "auto" means the record's dtype, because the machine of that run may have had a GPU and this one none.
    """
    if run.train.dtype == "auto" and path.is_file():
        return record.read(path).provenance.dtype
    return environment.resolve_dtype(run.train.dtype)


def run_state(run: RunConfig, source: str, roots: list[Path]) -> RunState:
    """The state of a run: recorded under one of `roots`, running, failed or missing.

    Settings of record and run are compared without the data's fingerprint, so no data is loaded.
    """
    name = (run.experiment, source, run.id)
    for path in (record.record_path(root, *name) for root in roots):
        if path.is_file():
            recorded_settings = fingerprint_settings(record.read(path).config, source)
            return "done" if recorded_settings == fingerprint_settings(run.model_dump(), source) else "other settings"
    if record.is_held(record.lock_path(run.output_dir, *name)):
        return "running"
    return "failed" if record.failure_path(run.output_dir, *name).is_file() else "missing"


def outcome(run: RunConfig, source: str, since: float) -> record.Record | None:
    """The record, also of a failure, that a run wrote at or after the file time `since`; None if there is none."""
    name = (run.experiment, source, run.id)
    roots = (run.results_dir, run.output_dir)
    for path in (*(record.record_path(root, *name) for root in roots), record.failure_path(run.output_dir, *name)):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime >= since:
                return record.read(path)
    return None


def workers(gigabytes: float = 0.0) -> int:
    """Number of runs that this machine can do at once: one per core, fewer if memory is too small for that.

    Args:
        gigabytes: Memory of one run in GiB; 0: no limit.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return max(1, min(cores, int(memory / gigabytes) if gigabytes else cores))


# for ${workers:…} in configs/hydra/launcher/local.yaml
OmegaConf.register_new_resolver("workers", workers, replace=True)
