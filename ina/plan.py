"""From a command line to the list of its runs; where each run is recorded, and how far it is."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, Quote, QuotedString
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

from . import data, record
from .config import (
    CONFIG_DIR,
    ConfigError,
    RunConfig,
    check,
    compose,
    fingerprint,
    numbers_depend_on,
    options,
    resolved,
)

Standing = Literal["done", "running", "failed", "missing"]
PATHS = ("data.dir", "model.path", "results_dir", "output_dir")  # the settings that name a folder


def expand(overrides: list[str]) -> list[RunConfig]:
    """The runs that a command line stands for, in the order in which a sweep starts them; see :func:`plan`."""
    return plan(overrides)[0]


def plan(overrides: list[str]) -> tuple[list[RunConfig], dict[str, list[str]]]:
    """The runs that a command line stands for, and by id a command line of its own for each that it names.

    A run that starts from another one (`train.start`) comes after that one, whether the command line names it or not.

    Args:
        overrides: As after ``python -m ina.run``, sweeps such as ``seed=1,2`` included.

    Raises:
        ConfigError: Runs have wrong settings, or two runs have the same name; the message lists all problems.
    """
    overrides = readable(overrides)
    parser = OverridesParser.create()
    runs: dict[str, RunConfig] = {}
    named: dict[str, list[str]] = {}
    problems: dict[str, None] = {}
    parse = cache(parser.parse_override)

    @cache  # composing takes a tenth of a second, so it is not done for every task, value or seed
    def composed(*files: str) -> DictConfig:
        return compose_config(list(files))

    def with_task(*files: str) -> DictConfig:
        tasks = [text for text in files if text.startswith("task=")]
        file = CONFIG_DIR / "task" / f"{tasks[-1].removeprefix('task=')}.yaml" if tasks else None
        if not (file and file.is_file()):
            return copy.deepcopy(composed(*files))
        cfg = copy.deepcopy(composed(*(text for text in files if text not in tasks), "~task"))
        with open_dict(cfg):  # what other files set in a task comes after its own
            cfg.task = OmegaConf.merge(OmegaConf.load(file), cfg.get("task") or {})
        return cfg

    @cache
    def settings(*job: str) -> dict[str, Any]:
        values = {text: parse(text) for text in job if _sets_a_value(parse(text))}
        cfg = with_task(*(text for text in job if text not in values))
        try:
            for value in values.values():
                OmegaConf.update(cfg, value.key_or_group, value.value())
        except OmegaConfBaseException:
            cfg = compose_config(list(job))  # Hydra says what is wrong
        return resolved(cfg)

    def configured(job: list[str]) -> RunConfig:
        own = [text for text in job if not text.startswith("hydra")]
        if any("$" in text for text in own):  # it may refer to the seed
            return check(settings(*own))
        seed = {parse(text).key_or_group: parse(text).value() for text in own if text.startswith("seed=")}
        return check(settings(*(text for text in own if not text.startswith("seed="))) | seed)

    for job in (job for grid in rectangular_grids(overrides) for job in _combinations(grid)):
        try:
            run = configured(job)
            first = configured(first_of(run, job)) if run.train.start else run
        except ConfigError as error:
            problems[str(error)] = None
            continue
        if run.id in named:
            problems[f"two runs of the sweep have the name {run.id}; their settings differ only where names do not"] = (
                None
            )
        named[run.id] = job
        runs.setdefault(first.id, first)
        runs.setdefault(run.id, run)
    if problems:
        raise ConfigError("\n".join(problems))
    return list(runs.values()), named


def _combinations(grid: list[str]) -> list[list[str]]:
    """The command line of each run of a grid."""
    choices = {}
    for override in _parsed(grid):
        key = override.get_key_element()
        if not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise ConfigError(f"{override.input_line}: an interval needs a search: add hydra/sweeper=optuna")
    return [list(job) for job in itertools.product(*choices.values())]


def readable(arguments: list[str]) -> list[str]:
    """The command line as Hydra can read it: experiment and scale are one name, and in paths ~ is expanded
    and quotes stand where Hydra's grammar needs them.

    A comma is part of a path: no sweep has runs that differ only in a path.

    Raises:
        ConfigError: A setting cannot be read.
    """
    found = [_readable_path(text) for text in _at_scale(arguments)]
    _parsed([text for text in found if "=" in text and not text.startswith("-")])
    return found


def _at_scale(arguments: list[str]) -> list[str]:
    """``experiment=glue scale=small`` is the experiment that is recorded as glue_small."""
    given = dict(text.split("=", 1) for text in arguments if text.startswith(("experiment=", "scale=")))
    if "scale" not in given:
        return arguments
    base = given.get("experiment", "")
    name = f"{base}_{given['scale']}"
    if name not in options("experiment"):
        there = ", ".join(each for each in options("experiment") if each.startswith(base))
        raise ConfigError(f"scale={given['scale']}: there is no experiment {name!r}; there are {there}")
    rest = [text for text in arguments if not text.startswith("scale=")]
    return [f"experiment={name}" if text == f"experiment={base}" else text for text in rest]


def _readable_path(text: str) -> str:
    key, _, path = text.partition("=")
    if key not in PATHS:
        return text
    with suppress(HydraException):
        value = OverridesParser.create().parse_override(text).value()
        if value is None or isinstance(value, str) and not value.startswith("~"):
            return text
        path = value if isinstance(value, str) else path
    return _quoted(key, os.path.expanduser(path))


def _quoted(key: str, value: str) -> str:
    return f"{key}={QuotedString(value, Quote.double).with_quotes()}"


def first_of(run: RunConfig, overrides: list[str]) -> list[str]:
    """The command line of the run that `run` starts from: another task, but its model, seed and method settings.

    Args:
        run: A run with `train.start`.
        overrides: Its own command line.
    """
    replaced = ("task=", "method.", "train.start=", "keep_model=")
    method = run.method_changes(run.train.start).items()
    return [
        *(text for text in overrides if not text.startswith(replaced)),
        f"task={run.train.start}",
        *(f"method.{key}={json.dumps(value)}" for key, value in method),
        "keep_model=true",
    ]


def rectangular_grids(overrides: list[str]) -> list[list[str]]:
    """The command line as grids whose methods all have the settings that are swept, one command line each.

    ``method=lora,ina method.inhibition=0.1,0.9`` is LoRA once and InA twice, so two grids.

    Raises:
        ConfigError: The command line cannot be read, or names files that do not exist.
    """
    fixed = [override.input_line for override in _parsed(overrides) if not override.is_sweep_override()]
    sweeper = compose_config(fixed, return_hydra_config=True).hydra.sweeper
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    grid = {override.get_key_element(): override for override in _parsed(params + overrides)}
    lines = {key: override.input_line for key, override in grid.items()}
    ranges = {key for key, override in grid.items() if override.is_sweep_override()}
    swept = {key for key in ranges if key.startswith("method.")}
    if not swept or "method" not in ranges:
        return [list(lines.values())]
    by_lack: dict[frozenset[str], list[str]] = {}
    for name in grid["method"].sweep_string_iterator():
        has = {f"method.{key}" for key in compose_config([f"method={name}"]).method}
        by_lack.setdefault(frozenset(swept - has), []).append(name)
    nowhere = frozenset.intersection(*by_lack)  # misspelt
    return [
        [text for key, text in (lines | {"method": f"method={','.join(names)}"}).items() if key not in lacked - nowhere]
        for lacked, names in by_lack.items()
    ]


def compose_config(overrides: list[str], **settings: Any) -> DictConfig:
    """The config that Hydra composes from a command line.

    Raises:
        ConfigError: It names settings or files that do not exist.
    """
    try:
        return compose(overrides, **settings)
    except HydraException as error:
        raise ConfigError(explain(error)) from None


def explain(error: Exception) -> str:
    """Hydra's error in a sentence, without its advice to add a setting that nothing would read."""
    if isinstance(error, OverrideParseException):
        key, found, value = error.override.partition("=")
        if not found:
            return f"{error.override!r} is no setting; write key=value, as in seed=2"
        right = shlex.quote(_quoted(key, value))
        return f"{error.override}: Hydra cannot read this value; quote it for Hydra and for the shell: {right}"
    cause = error.__cause__
    if isinstance(cause, ConfigAttributeError):
        return f"{cause.full_key}: there is no such setting"
    if swept := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.+)'", str(error)):
        return f"{swept[1]} stands for several runs: add -m to do them all (a list stands in brackets: [1,2])"
    return str(error).partition("\nConfig search path")[0]


def _sets_a_value(override: Override) -> bool:
    """Whether an override changes a plain setting, by which no file is chosen."""
    return override.type == OverrideType.CHANGE and (override.key_or_group == "seed" or "." in override.key_or_group)


def _parsed(overrides: list[str]) -> list[Override]:
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise ConfigError(explain(error)) from None
    for override in parsed:
        _check_choice(override)
    return parsed


def _check_choice(override: Override) -> None:
    """Hydra ends in a traceback where `null` or a number stands for a file of configs/."""
    group = override.key_or_group
    if override.is_delete() or not options(group):
        return
    parse = OverridesParser.create().parse_override
    names = override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_element_as_str()]
    for name in names:
        if not isinstance(parse(f"{group}={name}").value(), str | list):
            raise ConfigError(f"{group}={name}: leave it out, or name one of {', '.join(options(group))}")


def sources(runs: list[RunConfig]) -> list[str]:
    """The data source of each run.

    Raises:
        ConfigError: The data of runs cannot be had, or comes from several sources; the message lists all problems.
    """
    found = of_each(runs, lambda run: (run.task, run.data), data.resolve)
    tasks: dict[str, dict[str, None]] = {}
    for run, source in zip(runs, found, strict=True):
        tasks.setdefault(source, {})[run.task.name] = None
    if len(tasks) > 1:
        each = ", ".join(f"{source} ({', '.join(names)})" for source, names in tasks.items())
        raise ConfigError(
            f"a sweep has one data source, and these runs have {each}: set data=files, data=hub or data=probe"
        )
    return found


def of_each(runs: list[RunConfig], settings: Callable[[RunConfig], tuple], look_up: Callable[..., Any]) -> list[Any]:
    """``look_up(*settings(run))`` of each run, done once for runs with the same settings.

    Raises:
        ConfigError: It raised ValueError or OSError; the message lists all of them.
    """
    answers: dict[str, Any] = {}
    problems: dict[str, None] = {}
    for run in runs:
        key = repr(settings(run))  # settings may hold lists, so they are no keys themselves
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
    """The root of a run's record: `results_dir` for those of a committed experiment from a clean tree."""
    return Path(run.results_dir if clean and _belongs_to_its_experiment(run) else run.output_dir)


def recorded(cfg: RunConfig, source: str, clean: bool, settings: dict[str, Any]) -> record.Record | None:
    """The record of a run, where there is one.

    Args:
        settings: What the numbers of the run depend on, by :func:`numbers_depend_on`.

    Raises:
        RecordError: It was made with other settings; the message shows which.
    """
    path = record.record_path(record_root(cfg, clean), cfg.experiment, source, cfg.id)
    if not path.is_file():
        return None
    found = record.read(path)
    if found.fingerprint == fingerprint(settings):
        return found
    theirs = numbers_depend_on(found.config, found.source, found.data.fingerprint, found.provenance.dtype, found.start)

    def shown(of: dict[str, Any], key: str) -> str:
        return repr(of[key]) if key in of else "off"

    differing = [
        f"  {key}: {shown(theirs, key)} there, {shown(settings, key)} here"
        for key in sorted(theirs.keys() | settings.keys())
        if theirs.get(key) != settings.get(key)
    ]
    raise record.RecordError(
        f"{cfg.id} is recorded with other settings in {path}:\n" + "\n".join(differing) + "\n"
        "Give this run another place (results_dir=…, output_dir=…) or delete that record."
    )


def _belongs_to_its_experiment(run: RunConfig) -> bool:
    """Whether the run is one of those that its experiment file stands for, unchanged on the command line."""
    if run.experiment not in options("experiment"):
        return False
    try:
        planned = experiment_runs(run.experiment).get(run.id)
    except ConfigError:  # a search over intervals, which plans no list of runs
        return False
    if planned is None:
        return False
    same = ("", "", "")  # data and number format are the machine's, not the experiment's
    return numbers_depend_on(planned.model_dump(), *same) == numbers_depend_on(run.model_dump(), *same)


@lru_cache
def experiment_runs(name: str) -> dict[str, RunConfig]:
    """The runs of a committed experiment by id."""
    return {run.id: run for run in expand([f"experiment={name}"])}


def standing(run: RunConfig, source: str, roots: list[Path]) -> Standing:
    """How far a run is: recorded under one of `roots`, in the hands of a living process, failed, or none of these."""
    name = (run.experiment, source, run.id)
    if any(record.record_path(root, *name).is_file() for root in roots):
        return "done"
    lock = record.lock_path(run.output_dir, *name)
    if lock.is_file():
        try:
            with record.claim(lock, wait=False):
                pass
        except record.Busy:
            return "running"
    return "failed" if record.failure_path(run.output_dir, *name).is_file() else "missing"


def workers(gigabytes: float = 0.0) -> int:
    """How many runs this machine does at once: one a core, as far as each can have so much memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return max(1, min(cores, int(memory / gigabytes) if gigabytes else cores))


# ${workers:2} in an experiment's file
OmegaConf.register_new_resolver("workers", workers, replace=True)
