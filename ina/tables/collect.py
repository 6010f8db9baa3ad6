"""What tables are made of: our records, grouped into cells, and the numbers of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml

from .. import record
from ..config import RunConfig, options, prescribed
from ..record import Record

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
CONFIGS = ROOT / "configs"

GLUE = ("cola", "qqp", "mnli", "sst2", "stsb", "qnli", "rte", "mrpc")  # the order of the authors' own table
SQUAD = ("squad_v1", "squad_v2")
RULES = ("best", "last")
OTHER_RATES = ("_lower_rate", "_higher_rate")  # the experiment's name and one of these: its runs at a neighbouring rate
Rule = Literal["best", "last"]

NAMES = {  # in the order of the tables
    "full": "Full fine-tuning",
    "gate": "giBERT, full-rank gate",
    "lora": "LoRA",
    "lora_released": "LoRA, released code",
    "ina": "InA",
    "ina_released": "InA, released code",
}
_LABELS = {  # where configs/ has no file: what only others have run
    "deberta_v3_base": "DeBERTaV3-base",
    "adapter_houlsby": "Adapter (Houlsby)",
    "adapter_pfeiffer": "Adapter (Pfeiffer)",
    "adalora": "AdaLoRA",
    "bitfit": "BitFit",
}


@dataclass(frozen=True)
class Score:
    """A column of scores: a metric of a task."""

    task: str
    metric: str
    title: str
    group: str = ""


@dataclass(frozen=True)
class Cell:
    """The finished runs of one model, task and method, by seed."""

    runs: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.runs[0]

    @property
    def model(self) -> str:
        return self.first.model

    @property
    def task(self) -> str:
        return self.first.task

    @property
    def method(self) -> str:
        return self.first.method

    @property
    def name(self) -> str:
        """``<model>--<task>--<method>``."""
        return f"{self.model}--{self.task}--{self.method}"

    @property
    def headline(self) -> str:
        return self.first.headline

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.first.best.metrics)

    def scores(self, metric: str, rule: Rule) -> np.ndarray:
        """The metric of each run, raw, (seeds,)."""
        return np.array([getattr(run, rule).metrics[metric] for run in self.runs])

    def degenerate(self, rule: Rule) -> int:
        """How many runs predict the same for every example."""
        return sum(getattr(run, rule).degenerate for run in self.runs)


@dataclass(frozen=True)
class Study:
    """The records of one experiment on one data source: what one table shows. `root` holds runs/ and predictions/."""

    root: Path
    experiment: str
    source: str
    runs: tuple[Record, ...]
    at_other_rates: tuple[Study, ...] = ()  # the same runs at neighbouring learning rates, see OTHER_RATES

    @property
    def name(self) -> str:
        return f"{self.experiment}-{self.source}"

    @cached_property
    def cells(self) -> dict[tuple[str, str, str], Cell]:
        """Cells by (model, task, method), in the order of the tables."""
        groups: dict[tuple[str, str, str], list[Record]] = {}
        for run in sorted(self.runs, key=_order):
            groups.setdefault((run.model, run.task, run.method), []).append(run)
        return {key: Cell(tuple(runs)) for key, runs in groups.items()}

    def joined_with(self, others: Iterable[Study]) -> Study:
        """This study with the runs of others too, such as the parts of a search."""
        return replace(self, runs=tuple(run for study in (self, *others) for run in study.runs))

    @property
    def is_search(self) -> bool:
        """Whether the runs are measured on training rows held out from training, not on dev rows."""
        return _is_trial(self.runs[0])

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(sorted({run.task for run in self.runs}, key=_task_order))

    @property
    def averaged(self) -> tuple[str, ...]:
        """The tasks that a mean over tasks is over: GLUE's without WNLI. SQuAD's two versions share questions."""
        return tuple(task for task in self.tasks if task in GLUE)

    @property
    def methods(self) -> tuple[tuple[str, str], ...]:
        """All (model, method), in order."""
        return tuple(dict.fromkeys((run.model, run.method) for run in sorted(self.runs, key=_method_order)))

    def model_label(self, model: str) -> str:
        """What a backbone is called in print: by configs/model or, where it has no file there, by its records."""
        recorded = next(run.config["model"]["label"] for run in self.runs if run.model == model)
        return _settings("model", model).get("label", recorded)

    def method_label(self, method: str) -> str:
        """What a method is called in print."""
        return next(method_label(run.config["method"]) for run in self.runs if run.method == method)

    def restricted_to(self, tasks: tuple[str, ...]) -> Study:
        """The same study without the runs on other tasks."""
        return Study(self.root, self.experiment, self.source, tuple(run for run in self.runs if run.task in tasks))

    def with_one_arm_at_another_rate(self) -> Iterator[tuple[str, Study, Callable[[str], bool]]]:
        """This study with the runs of one method replaced by those at a neighbouring rate, on the tasks that have them.

        Yields:
            The method with its rates, as in "LoRA at 0.002 for 0.003"; the study; and whether it has such runs for a
            task. Runs count where they have all seeds of the cell that they replace.
        """
        for other in self.at_other_rates:
            for model, method in other.methods:
                found = {}
                for (_, task, _), cell in other.cells.items():
                    mine = self.cells.get((model, task, method))
                    if mine and (cell.model, cell.method) == (model, method) and cell.seeds == mine.seeds:
                        found[task] = cell
                if not found:
                    continue
                replaced = {(model, task, method) for task in found}
                kept = tuple(run for run in self.runs if (run.model, run.task, run.method) not in replaced)
                runs = (*kept, *(run for cell in found.values() for run in cell.runs))
                task, cell = next(iter(found.items()))
                theirs, ours = (
                    of.first.config["train"]["learning_rate"] for of in (cell, self.cells[model, task, method])
                )
                name = f"{self.method_label(method)} at {theirs:g} for {ours:g}"
                yield name, Study(self.root, self.experiment, self.source, runs), found.__contains__

    @cached_property
    def plan(self) -> dict[str, RunConfig] | None:
        """The runs that the experiment stands for by id; None where it is no committed one or runs are outside it."""
        if self.experiment not in options("experiment"):
            return None
        from ..sweep import experiment_runs

        runs = experiment_runs(self.experiment)
        return runs if all(run.id in runs for run in self.runs) else None

    @property
    def planned(self) -> int | None:
        """How many runs the experiment stands for, where that is known."""
        return None if self.plan is None else len(self.plan)

    @cached_property
    def _memo(self) -> dict[Any, Any]:
        return {}

    def once(self, key: Any, work: Callable[[], Any]) -> Any:
        """What `work` gives; it is done once for each `key`, as tables and figures ask for the same things."""
        if key not in self._memo:
            self._memo[key] = work()
        return self._memo[key]

    def predictions(self, run: Record) -> pd.DataFrame:
        """The per-example predictions of a run."""
        return self.once(("predictions", run.id), lambda: record.read_predictions(self.root, run))


def studies(root: str | Path, experiment: str | None = None) -> Iterator[Study]:
    """Every experiment × data source with finished runs under `root`, or those of one experiment; see `searches`.

    Raises:
        RecordError: A record is damaged.
        FileNotFoundError: There is no record.
    """
    return (study for study in _all(root, experiment) if not study.is_search)


def searches(root: str | Path, experiment: str | None = None) -> Iterator[Study]:
    """As `studies`, those whose runs are the trials of a search; they say nothing about dev rows."""
    return (study for study in _all(root, experiment) if study.is_search)


def _all(root: str | Path, experiment: str | None) -> list[Study]:
    if not Path(root).is_dir():
        raise FileNotFoundError(f"there is no folder {root}; give the one that holds runs/, as in --results results")
    groups: dict[tuple[str, str, bool], list[Record]] = {}
    names = [experiment] if experiment is None else [experiment, *(experiment + rate for rate in OTHER_RATES)]
    for name in names:
        for run in record.read_all(root, name):
            groups.setdefault((run.experiment or record.ADHOC, run.source, _is_trial(run)), []).append(run)
    if experiment is not None and not groups:
        there = sorted(path.name for path in Path(root).glob("runs/*"))
        raise FileNotFoundError(
            f"no finished run of experiment {experiment!r} under {Path(root) / 'runs'}; "
            + (f"there are {', '.join(there)}" if there else f"start with: python -m ina.run experiment={experiment}")
        )
    found = {key: Study(Path(root), *key[:2], tuple(runs)) for key, runs in sorted(groups.items())}
    for (name, source, trial), study in found.items():
        others = (found.get((name + rate, source, trial)) for rate in OTHER_RATES)
        found[name, source, trial] = replace(study, at_other_rates=tuple(filter(None, others)))
    return [study for study in found.values() if experiment in (None, study.experiment)]


def _is_trial(run: Record) -> bool:
    return run.config["data"].get("select") is not None


def published(*names: str) -> pd.DataFrame:
    """The numbers of others in results/published/<name>.csv, every entry as the text that stands in the file."""
    frames = [pd.read_csv(PUBLISHED / f"{name}.csv", dtype=str, keep_default_na=False) for name in names]
    return pd.concat(frames, ignore_index=True).fillna("")


def model_label(name: str) -> str:
    """What a backbone is called in print."""
    return _settings("model", name).get("label") or _LABELS.get(name, name)


def task_label(name: str) -> str:
    """What a task is called in print."""
    return _settings("task", name).get("label", name)


def task_headline(name: str) -> str:
    """The metric by which a task is judged."""
    return _settings("task", name)["headline"]


def method_label(method: dict[str, Any]) -> str:
    """What a method is called in print, from a record's `config["method"]`: with the settings that are not its file's.

    >>> method_label({"kind": "ina", "name": "ina", "inhibition": 0.1, "activation": "relu"})
    'InA (Inh 0.1, relu)'
    """
    if method["kind"] == "full":
        return NAMES["full"]
    usual = prescribed(method["name"]) if method["name"] in options("method") else {}
    changed = {key: value for key, value in method.items() if value != usual.get(key, value)}
    changed.pop("inhibition", None)
    details = [_DETAILS.get(key, f"{key} {{}}").format(value_text(value)) for key, value in changed.items()]
    if "inhibition" in method:
        details.insert(0, f"Inh {method['inhibition']:g}")
    name = method.get("label") or NAMES.get(method["name"]) or NAMES[method["kind"]]
    return name + (f" ({', '.join(details)})" if details else "")


def others_label(method: str, inhibition: str) -> str:
    """What a method of results/published is called in print."""
    label = NAMES.get(method) or _LABELS.get(method, method)
    return f"{label} (Inh {float(inhibition):g})" if inhibition and method != "lora" else label


_DETAILS = {"activation": "{}", "threshold": "threshold per {}", "detach_threshold": "threshold detached"}


def value_text(value: Any) -> str:
    """The value of a setting in print."""
    if isinstance(value, list):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _order(run: Record) -> tuple[Any, ...]:
    return (_task_order(run.task), _method_order(run), run.seed)


def _method_order(run: Record) -> tuple[Any, ...]:
    method = run.config["method"]
    kind = method["name"] if method["name"] in NAMES else method["kind"]
    return (run.model, [*NAMES, "peft"].index(kind), method.get("inhibition", 0), run.method)


def _task_order(task: str) -> tuple[int, str]:
    known = (*GLUE, *SQUAD)
    return (known.index(task) if task in known else len(known), task)


@lru_cache
def _settings(group: str, name: str) -> dict[str, Any]:
    path = CONFIGS / group / f"{name}.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return settings.get(group, settings)
