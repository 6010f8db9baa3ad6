"""Studies: the runs of an experiment, and of experiments that complete it, that tables, figures and claims show."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from .. import record
from ..compose import ConfigError, options, study_settings
from ..config import RunConfig
from ..fingerprint import WITHOUT_PEFT
from ..labels import METHOD_LABELS
from ..record import Record
from ..stats import MIN_SEEDS
from .frame import GLUE, frame, method_order, run_order

RATE_SUFFIXES = ("_lower_rate", "_higher_rate")  # of experiments that repeat another one at a neighbouring rate
Key = tuple[str, str, str]  # model, task, method


class Role(BaseModel):
    """The key `study` of an experiment: what tables do with it. It is not inherited from `defaults`.

    completes: the experiment in whose tables its runs stand, because they add methods or rates to it
    interim: whether planned runs are still to be made; no conclusion uses them, and they stand in tables of their own
    replaced_by: the more careful study that replaces it in claims once that is finished
    """

    model_config = ConfigDict(extra="forbid")
    completes: str | None = None
    interim: bool = False
    replaced_by: str | None = None


def role(experiment: str) -> Role:
    """The role of an experiment.

    Raises:
        ConfigError: A key or a name is unknown, or the experiment that it completes completes another one.
    """
    try:
        found = Role(**study_settings(experiment))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        keys = f"; its keys are {', '.join(Role.model_fields)}" * (first["type"] == "extra_forbidden")
        raise ConfigError(f"experiment {experiment}: study.{key}: {first['msg']}{keys}") from None
    for key, name in (("completes", found.completes), ("replaced_by", found.replaced_by)):
        if name and name not in options("experiment"):
            raise ConfigError(f"experiment {experiment}: study.{key}={name}: there is no such experiment")
    if found.completes and (whole := study_settings(found.completes).get("completes")):
        raise ConfigError(
            f"experiment {experiment}: study.completes={found.completes}, which completes {whole}; name {whole}"
        )
    return found


class AtAnotherRate(NamedTuple):
    """A study in which the runs of one method are replaced by its runs at a neighbouring learning rate.

    name: what differs, as in "LoRA at 0.002 instead of 0.003", with the number of runs if some are missing
    tasks: those whose runs are replaced
    """

    name: str
    model: str
    method: str
    is_lower: bool
    tasks: set[str]
    study: "Study"


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """The runs of one experiment on one data source, and of experiments that complete it: what one table shows.

    root: the folder that holds runs/ and predictions/
    records: in the order of the tables
    rate_studies: the same experiment at neighbouring learning rates, see RATE_SUFFIXES
    parts: if other experiments complete this one, a study for each of them and for this one, see `Role`
    left_out: tasks that the table does not show
    """

    root: Path
    experiment: str
    source: str
    records: tuple[Record, ...]
    rate_studies: tuple["Study", ...] = ()
    parts: tuple["Study", ...] = ()
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Study({self.name}, {self.count} runs)"

    @property
    def name(self) -> str:
        """The name of its folders: ``<experiment>-<data source>``."""
        return f"{self.experiment}-{self.source}"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The runs as a data frame, see the function `frame`."""
        return frame(self.records)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The first row of each run in `frame`: its best epoch, its first metric."""
        return self.frame.drop_duplicates("id")

    @cached_property
    def cells(self) -> dict[Key, list[Record]]:
        """The runs of each (model, task, method), in the order of their seeds."""
        found: dict[Key, list[Record]] = {}
        for run in self.records:
            found.setdefault((run.model, run.task, run.method), []).append(run)
        return found

    @property
    def is_interim(self) -> bool:
        """Whether planned runs are still missing; no conclusion uses such a study."""
        return role(self.experiment).interim

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for every table of the study: that it is interim, that its adapters read no segment ids."""
        interim = "Interim: runs of this study are still to be made; no conclusion uses it."
        segment_ids = (
            "Segment ids (token_type_ids: which tokens are the question): the adapters read none, as PEFT's class for "
            "question answering drops them."
        )
        kinds = {run.config["method"]["kind"] for run in self.records}
        if others := " and ".join(METHOD_LABELS[kind] for kind in WITHOUT_PEFT if kind in kinds):
            segment_ids += (
                f" Methods that read them: {others}. So the adapters are compared with each other on equal terms, but "
                "not with these."
            )
        adapters = [run.config for run in self.records if run.config["method"]["kind"] not in WITHOUT_PEFT]
        on_squad = [config["train"] for config in adapters if config["task"]["family"] == "squad"]
        is_unread = not all(settings.get("adapter_segment_ids") for settings in on_squad)
        return (interim,) * self.is_interim + (segment_ids,) * is_unread

    def seeds(self, key: Key) -> tuple[int, ...]:
        """The seeds of a cell; empty if it has no runs."""
        return tuple(run.seed for run in self.cells.get(key, ()))

    def scores(self, key: Key, selection: str) -> np.ndarray:
        """The raw headline scores of a cell's runs, (seeds,)."""
        return np.array([getattr(run, selection).metrics[run.headline] for run in self.cells[key]])

    def predictions(self, run: str) -> pd.DataFrame:
        """The per-example predictions of a run, by its id."""
        return _predictions(self, run)

    @property
    def is_search(self) -> bool:
        """Whether the runs are measured on training rows held out from training, not on dev rows."""
        return _is_trial(self.records[0])

    @property
    def is_ablation(self) -> bool:
        """Whether the study varies settings of a method rather than methods."""
        return self.experiment.startswith("ablation_")

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """All tasks, in order."""
        return tuple(dict.fromkeys(run.task for run in self.records))

    @property
    def averaged(self) -> tuple[str, ...]:
        """The tasks in the mean over tasks, if several: GLUE's without WNLI. SQuAD's versions share their questions."""
        found = tuple(task for task in self.tasks if task in GLUE)
        return found if len(found) > 1 else ()

    @cached_property
    def methods(self) -> list[tuple[str, str]]:
        """All (model, method), in the order of the tables."""
        return list(dict.fromkeys((run.model, run.method) for run in sorted(self.records, key=method_order)))

    @property
    def models(self) -> list[str]:
        """All models, in the order of the tables."""
        return list(dict.fromkeys(model for model, _ in self.methods))

    @property
    def model_tasks(self) -> list[tuple[str, str]]:
        """All (model, task), in order."""
        return list(dict.fromkeys((model, task) for model, task, _ in self.cells))

    def keys(self, model: str, task: str) -> list[Key]:
        """The cells of a model and task, with the methods in the order of the tables."""
        found = [(model, task, method) for owner, method in self.methods if owner == model]
        return [key for key in found if key in self.cells]

    def headline(self, task: str) -> str:
        """The metric by which the best epoch of a task is chosen."""
        return next(run.headline for run in self.records if run.task == task)

    def settings(self, model: str, method: str) -> dict[str, Any]:
        """The settings of a method in its first run, without those that are null."""
        first = next(run for run in self.records if (run.model, run.method) == (model, method))
        return {key: value for key, value in first.config["method"].items() if value is not None}

    def label(self, **where: str) -> str:
        """The printed name of a model, a task, or a method of a model: ``label(model="minilm", method="ina")``."""
        runs = [run for run in self.records if all(getattr(run, name) == value for name, value in where.items())]
        first, *others = dict.fromkeys(getattr(run.labels, list(where)[-1]) for run in runs)
        if not others:
            return first
        name, *details = (_details(label) for label in (first, *others))
        shared = [detail for detail in name[1:] if all(detail in other for other in details)]
        return f"{name[0]} ({', '.join([*shared, 'other settings differ by task'])})"

    def pair_label(self, model: str, a: str, b: str) -> str:
        """The printed name of the comparison of method a with b."""
        return f"{self.label(model=model, method=a)} − {self.label(model=model, method=b)}"

    def task_label(self, task: str) -> str:
        """The printed name of a task, which says so if its data is generated."""
        return self.label(task=task) + ", generated" * (self.source == "probe")

    def model_task_label(self, model: str, task: str) -> str:
        """The printed name of a model with a task."""
        return f"{self.label(model=model)}, {self.task_label(task)}"

    def with_records(self, records: Iterable[Record], **changed: Any) -> Self:
        """The same study with other runs."""
        records = tuple(sorted(records, key=run_order))
        return replace(self, records=records, **{"rate_studies": ()} | changed)

    @cached_property
    def rate_variants(self) -> list[AtAnotherRate]:
        """This study with one method at a neighbouring rate, for each method and rate.

        A cell is replaced only if at least MIN_SEEDS of its seeds were run at that rate.
        """
        variants = []
        for other in self.rate_studies:
            for model, method in other.methods:
                new = {
                    key: [run for run in runs if run.seed in self.seeds(key)]
                    for key, runs in other.cells.items()
                    if (key[0], key[2]) == (model, method)
                }
                new = {key: runs for key, runs in new.items() if len(runs) >= MIN_SEEDS}
                if not new:
                    continue
                rate, own_rate = (
                    study.cells[next(iter(new))][0].config["train"]["learning_rate"] for study in (other, self)
                )
                name = f"{self.label(model=model, method=method)} at {rate:g} instead of {own_rate:g}"
                count, planned = sum(map(len, new.values())), sum(len(self.cells[key]) for key in new)
                if count < planned:
                    name += f" ({count} of {planned} runs)"
                varied = self.with_records(run for runs in (self.cells | new).values() for run in runs)
                tasks = {task for _, task, _ in new}
                variants.append(AtAnotherRate(name, model, method, rate < own_rate, tasks, varied))
        return variants

    @cached_property
    def plan(self) -> dict[str, RunConfig] | None:
        """The planned runs by id; None if the experiment has no committed config or has runs that are not planned."""
        names = {self.experiment, *(part.experiment for part in self.parts)}
        if not names <= set(options("experiment")):
            return None
        from ..plan import experiment_runs

        runs = {id: run for name in names for id, run in experiment_runs(name).items()}
        runs = {id: run for id, run in runs.items() if run.task.name not in self.left_out}
        return runs if {run.id for run in self.records} <= runs.keys() else None

    @cached_property
    def completed_plan(self) -> list[RunConfig]:
        """The runs of `plan`, and of all experiments that complete this one, also of those that are interim."""
        if self.plan is None:
            return []
        from ..plan import experiment_runs

        completing = [name for name in options("experiment") if role(name).completes == self.experiment]
        return [*self.plan.values(), *(run for name in completing for run in experiment_runs(name).values())]

    @property
    def count(self) -> str:
        """The number of runs, with the number of planned runs where that is known: "9 of 12"."""
        return f"{len(self.records)} of {len(self.plan)}" if self.plan else f"{len(self.records)}"


def _details(label: str) -> list[str]:
    """The parts of a method's label: its name, and each detail in brackets."""
    name, _, details = label.removesuffix(")").partition(" (")
    return [name, *filter(None, details.split(", "))]


@cache
def _predictions(study: Study, run: str) -> pd.DataFrame:
    return record.read_predictions(study.root, next(one for one in study.records if one.id == run))


def studies(root: str | Path, experiment: str | None = None) -> list[Study]:
    """A study for every experiment × data source with finished runs under `root`, or for one experiment.

    Searches are left out, see `searches`.

    Raises:
        RecordError: A record is damaged.
        FileNotFoundError: There is no record.
    """
    return [study for study in studies_and_searches(root, experiment) if not study.is_search]


def searches(root: str | Path, experiment: str | None = None) -> list[Study]:
    """As `studies`, but only searches: their trials are scored on held-out training rows, not on dev rows."""
    return [study for study in studies_and_searches(root, experiment) if study.is_search]


def studies_and_searches(root: str | Path, experiment: str | None = None) -> list[Study]:
    """What `studies` and `searches` give, together."""
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}; give the one that holds runs/, as in --results results")
    names = {folder.name for folder in root.glob("runs/*")}
    if experiment is not None:
        whole = _whole(experiment, names)
        names = {name for name in names if _whole(name, names).removeprefix(whole) in ("", *RATE_SUFFIXES)}
    by_experiment: dict[tuple[str, str, bool], list[Record]] = {}
    for run in record.read_all(root, names):
        by_experiment.setdefault((run.experiment or record.ADHOC, run.source, _is_trial(run)), []).append(run)
    if experiment is not None and experiment not in {name for name, *_ in by_experiment}:
        names = sorted({path.parts[-3] for path in root.glob("runs/*/*/*.json")})
        raise FileNotFoundError(
            f"no finished run of experiment {experiment!r} under {root / 'runs'}; "
            + (f"there are {', '.join(names)}" if names else "give the folder that holds runs/")
        )
    joined: dict[tuple[str, str, bool], Study] = {}
    for (name, *kind), runs in sorted(by_experiment.items(), key=lambda item: (bool(role(item[0][0]).completes), item)):
        study = Study(root, name, kind[0], tuple(sorted(runs, key=run_order)))
        whole = _whole(name, {other for other, *of in by_experiment if of == kind})
        joined[whole, *kind] = study if whole == name else _completed(joined[whole, *kind], study)
    for (name, *kind), study in joined.items():
        others = (joined.get((name + rate, *kind)) for rate in RATE_SUFFIXES)
        joined[name, *kind] = replace(study, rate_studies=tuple(filter(None, others)))
    asked = {experiment} if experiment is not None else {name for name, *_ in by_experiment}
    return [
        study for study in joined.values() if asked & {study.experiment, *(part.experiment for part in study.parts)}
    ]


def _whole(experiment: str, recorded: set[str]) -> str:
    """The recorded experiment in whose tables this one stands; its own name if it completes none or is interim."""
    own = role(experiment)
    return own.completes if own.completes in recorded and not own.interim else experiment


def _completed(study: Study, part: Study) -> Study:
    """A study with the runs of a study that completes it; a run that both have counts once.

    Raises:
        RecordError: Both have a run of the same name, with different settings.
    """
    records = {run.id: run for run in study.records}
    for run in part.records:
        if records.setdefault(run.id, run).fingerprint != run.fingerprint:
            raise record.RecordError(
                f"{part.experiment} completes {study.experiment}, but their runs {run.id} have different settings; "
                f"give {part.experiment} another study.completes, or a name that ends in {' or '.join(RATE_SUFFIXES)}"
            )
    return study.with_records(records.values(), parts=(*(study.parts or (study,)), part))


def _is_trial(run: Record) -> bool:
    return run.config["data"].get("select") is not None
