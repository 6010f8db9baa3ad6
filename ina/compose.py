"""Compose one config from the files in `configs/` and a command line, with Hydra."""

from __future__ import annotations

import contextlib
import copy
import difflib
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, Quote, QuotedString
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

ONE_EXPERIMENT = "name one experiment per command; each has its own grid"
CONFIG_DIR = Path(__file__).parent.parent / "configs"


class ConfigError(ValueError):
    """The settings of a run are wrong; the message lists all problems."""


def _shared_group(file: Path) -> str | None:
    """NAME if the file begins with ``# @group NAME``: its keys are the options of this config group; else None."""
    found = re.match(r"# @group (\w+)\n", file.read_text(encoding="utf-8"))
    return found and found[1]


def _register_shared_files() -> None:
    store = ConfigStore.instance().store
    for file in sorted(CONFIG_DIR.rglob("*.yaml")):
        if group := _shared_group(file):
            for name, option in OmegaConf.to_container(OmegaConf.load(file)).items():
                if group == "experiment":
                    option[group] = name  # its runs are recorded under this name
                store(group=group, name=name, node=option, package="_global_", provider=str(file))


_register_shared_files()
ConfigStore.__deepcopy__ = lambda self, _: self  # Hydra would copy the whole store at every compose


def options(group: str) -> list[str]:
    """The options of a group of `configs/`, from files of their own or a shared file."""
    files = {file.stem for file in (CONFIG_DIR / group).glob("*.yaml") if not _shared_group(file)}
    return sorted(files | {name.removesuffix(".yaml") for name in ConfigStore.instance().repo.get(group, {})})


def study_settings(experiment: str) -> dict[str, Any]:
    """The key `study` of an experiment's own entry or file, without what its defaults say; empty if it has none.

    Raises:
        ConfigError: `study` is not a mapping.
    """
    file = CONFIG_DIR / "experiment" / f"{experiment}.yaml"
    shared = ConfigStore.instance().repo.get("experiment", {}).get(file.name)
    found = OmegaConf.load(file) if file.is_file() else shared.node if shared else {}
    study = OmegaConf.to_container(OmegaConf.create({"study": found.get("study") or {}}))["study"]
    if not isinstance(study, dict):
        raise ConfigError(f"experiment {experiment}: study={study!r} is not a mapping like {{completes: glue_small}}")
    return study


@cache
def parse(text: str) -> Override:
    """Parse one setting of a command line.

    Raises:
        ConfigError: The setting cannot be parsed, or it is not a choice that Hydra accepts.
    """
    try:
        [override] = OverridesParser.create().parse_overrides([text])
    except HydraException as error:
        raise ConfigError(explain(error)) from None
    choices = [] if override.is_delete() else options(override.key_or_group)
    if isinstance(override.value(), Glob):
        raise ConfigError(f"{text}: name the values one by one" + f", some of {', '.join(choices)}" * bool(choices))
    chosen = override.value().list if override.is_choice_sweep() else [override.value()]
    if override.key_or_group == "recipe" and not {str(name) for name in chosen if name is not None} <= set(choices):
        raise ConfigError(f"{text}: there is no such recipe; there are {', '.join(choices)}")
    if override.key_or_group.partition(".")[0] == "study":
        raise ConfigError(f"{text}: `study` belongs in an experiment's entry; experiment=<name> chooses an experiment")
    if choices and any(isinstance(name, list) for name in chosen):
        raise ConfigError(f"{text}: brackets make one list; for several runs leave them out and add -m")
    if choices and not all(isinstance(name, str | QuotedString) for name in chosen):
        raise ConfigError(f"{text}: leave it out, or name some of {', '.join(choices)}")
    return override


def compose(overrides: list[str]) -> DictConfig:
    """The config that Hydra composes for a command line.

    Composing the files takes 0.05 s, so the result is cached; the task and plain settings are added afterwards.

    Raises:
        ConfigError: The command line names unknown settings or options.
    """
    settings = [setting for setting in map(parse, overrides) if _sets_a_value(setting)]
    tasks = [text for text in overrides if text.startswith("task=")]
    choices = [text for text in overrides if text not in tasks and not _sets_a_value(parse(text))]
    choices.sort(key=lambda text: text.partition("=")[0])  # stable: Hydra takes the last choice of a group
    try:
        cfg = copy.deepcopy(_composed(*choices, *(["~task"] if tasks else [])))
        for text in tasks[-1:]:
            task = OmegaConf.load(CONFIG_DIR / f"task/{parse(text).value()}.yaml")
            if {"defaults", "task"} & set(task):  # a file that needs Hydra: it builds on others or is global
                return copy.deepcopy(_composed(*overrides))
            with open_dict(cfg):  # other files may override the task's own settings
                cfg.task = OmegaConf.merge(task, cfg.get("task") or {})
        for setting in settings:
            OmegaConf.update(cfg, setting.key_or_group, setting.value())
        return cfg
    except (OmegaConfBaseException, FileNotFoundError, yaml.YAMLError):
        return copy.deepcopy(_composed(*overrides))  # raises Hydra's error


def hydra_settings(overrides: list[str]) -> DictConfig:
    """Hydra's own settings, such as its launcher, for a command line.

    Raises:
        ConfigError: The command line names unknown settings or options.
    """
    return _composed(*overrides, return_hydra_config=True).hydra


@cache
def _composed(*overrides: str, **wanted: bool) -> DictConfig:
    initialized = GlobalHydra.instance().is_initialized()
    with contextlib.nullcontext() if initialized else hydra.initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        try:
            return hydra.compose("run", list(overrides), **wanted)
        except HydraException as error:
            raise ConfigError(explain(error)) from None
        except yaml.YAMLError as error:
            raise ConfigError(" ".join(str(error).split())) from None


def _sets_a_value(override: Override) -> bool:
    """Whether an override changes a plain setting, not the choice of a file."""
    return override.type == OverrideType.CHANGE and (override.key_or_group == "seed" or "." in override.key_or_group)


def explain(error: Exception) -> str:
    """Hydra's error in one sentence, without its advice to add a setting: nothing would read it."""
    if isinstance(error, OverrideParseException):
        key, separator, value = error.override.partition("=")
        if not separator:
            return f"{error.override!r} is not a setting; write key=value, as in seed=2"
        right = shlex.quote(quoted(key, value))
        return f"{error.override}: Hydra cannot read this value; quote it for Hydra and for the shell: {right}"
    cause = error.__cause__
    if isinstance(cause, ConfigAttributeError):
        return f"{cause.full_key}: there is no such setting{_instead(str(cause.key), list(cause.parent_node or ()))}"
    if option := re.search(r"Could not find '(\S+)/([^/\s]*)'", str(error)):
        names, group = re.findall(r"^\t(\S+)$", str(error), re.M), option[1].rpartition("/")[2]
        return f"{option[1]}={option[2]}: there is no such {group}{_instead(option[2], names)}"
    if wrong := re.match(r"Could not override '((\w+)[\w.]*)'", str(error)):
        return f"{wrong[1]}: there is no such setting{_instead(wrong[2], list(_composed()))}"
    if swept := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.+)'", str(error)):
        key = swept[1].partition("=")[0]
        if key == "experiment":
            return f"{swept[1]}: {ONE_EXPERIMENT}"
        return f"{swept[1]} means several runs: add -m to do them all" + (
            "" if options(key) else " (to give a list, write brackets: [1,2])"
        )
    return re.split("\nConfig search path|\nTo append to your", str(error))[0]


def _instead(wrong: str, names: list[str]) -> str:
    """Suggest names similar to a wrong one, or all names if none is similar."""
    if not names:
        return ""
    close = difflib.get_close_matches(wrong, map(str, names), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(map(str, names))}"


def quoted(key: str, value: str) -> str:
    """A setting with its value quoted, so that Hydra reads all characters literally."""
    return f"{key}={QuotedString(value, Quote.double).with_quotes()}"


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """A config as plain data, without `recipe` (lookup tables) and `study` (for tables).

    Raises:
        ConfigError: A setting has no value.
    """
    try:
        return {
            key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for key, value in cfg.items()
            if key not in ("recipe", "study")
        }
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{error.full_key} has no value here ({reason}); set {error.full_key}=…") from None
