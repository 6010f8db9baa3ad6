"""From records to one data frame, and the studies that tables, figures and claims are selections of.

:func:`frame` has a row for each run × selection (best, last) × metric. Nothing outside this module reads a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import record
from ..config import RunConfig, numbers_depend_on, options
from ..labels import METHODS
from ..record import Record

SELECTIONS = ("best", "last")
CELL = ["model", "task", "method"]
GLUE = ("cola", "qqp", "mnli", "sst2", "stsb", "qnli", "rte", "mrpc")  # the order of the authors' own table
SQUAD = ("squad_v1", "squad_v2")
OTHER_RATES = ("_lower_rate", "_higher_rate")  # the experiment's name and one of these: its runs at a neighbouring rate
Key = tuple[str, str, str]  # model, task, method


def frame(runs: Iterable[Record], every_epoch: bool = False) -> pd.DataFrame:
    """The numbers of runs, one row for each run × selection × metric, in the order of the tables.

    Columns: id, experiment, source, model, task, method, seed, model_label, task_label, method_label; selection
    ("best", "last"), epoch, metric, value (raw), degenerate, headline (a metric's name); n, train_rows; adapter, head,
    trainable, total (weights); hours, core_hours; dtype, uncommitted, finished, predictions; numbers (every setting
    that the numbers depend on); and the settings as ``method.*``, ``train.*``, ``data.*``, NaN where a run has none.

    Args:
        runs: Finished runs.
        every_epoch: One selection for each epoch instead, "1", "2", ...
    """
    return pd.DataFrame([row for run in sorted(runs, key=_order) for row in _rows(run, every_epoch)], dtype=object)


def _rows(run: Record, every_epoch: bool) -> Iterator[dict[str, Any]]:
    made, hours = run.provenance, (run.wall_seconds or 0) * (run.provenance.processes or 1) / 3600
    common = run.model_dump(include={"id", *CELL, "seed", "source", "headline", "n", "predictions"})
    common |= {f"{name}_label": label for name, label in run.labels.model_dump().items()}
    common |= run.params.model_dump() | {
        "experiment": run.experiment or record.ADHOC,
        "train_rows": run.data.rows["train"],
        "hours": hours,
        "core_hours": hours * made.threads,
        "dtype": made.dtype,
        "uncommitted": made.dirty or made.commit is None,
        "finished": made.finished,
        "numbers": numbers_depend_on(run.config, run.source, run.data.fingerprint, made.dtype),
    }
    for section in ("method", "train", "data"):
        for key, value in run.config[section].items():
            common[f"{section}.{key}"] = tuple(value) if isinstance(value, list) else np.nan if value is None else value
    selected = {str(one.epoch): one for one in run.evaluations} if every_epoch else {"best": run.best, "last": run.last}
    for selection, found in selected.items():
        for metric, value in found.metrics.items():
            at = {"selection": selection, "epoch": found.epoch, "degenerate": found.degenerate}
            yield common | at | {"metric": metric, "value": value}


@dataclass(frozen=True, eq=False)
class AtAnotherRate:
    """A study with the runs of `method` at a neighbouring learning rate on `tasks`.

    `name` is the method with its rates, as in "LoRA at 0.002 for 0.003"; `lower` whether the rate is lower.
    """

    name: str
    method: str
    lower: bool
    study: Study
    tasks: set[str]


@dataclass(frozen=True, eq=False)
class Study:
    """The runs of one experiment on one data source: what one table shows.

    root: the folder that holds runs/ and predictions/
    frame: see :func:`frame`
    at_other_rates: the same runs at neighbouring learning rates, see OTHER_RATES
    cache: see :meth:`once`; shared by studies of the same runs
    """

    root: Path
    experiment: str
    source: str
    frame: pd.DataFrame
    records: tuple[Record, ...]
    at_other_rates: tuple[Study, ...] = ()
    cache: dict[tuple, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Of its folders: ``<experiment>-<data source>``."""
        return f"{self.experiment}-{self.source}"

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run; selection and metric are those of the best epoch's first metric."""
        return self.frame.drop_duplicates("id")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row for each model × task × method, by (model, task, method): its first run, and all its `seeds`."""
        seeds = self.runs.groupby(CELL, sort=False)["seed"].agg(tuple)
        return self.runs.drop_duplicates(CELL).set_index(CELL).assign(seeds=seeds)

    @cached_property
    def _scores(self) -> dict[tuple[str, ...], np.ndarray]:
        groups = self.frame.groupby([*CELL, "metric", "selection"], sort=False)["value"]
        return {key: values.to_numpy(float) for key, values in groups}

    def scores(self, key: Key, selection: str, metric: str | None = None) -> np.ndarray | None:
        """A metric, else the headline, of the runs of a cell, raw, (seeds,); None where it was not measured."""
        return self._scores.get((*key, metric or self.cells.loc[key, "headline"], selection))

    def degenerate(self, key: Key, selection: str) -> np.ndarray:
        """Which runs of a cell predict the same for every example, (seeds,)."""
        return self._degenerate[(*key, selection)]

    @cached_property
    def _degenerate(self) -> dict[tuple[str, ...], np.ndarray]:
        once = self.frame.drop_duplicates(["id", "selection"]).groupby([*CELL, "selection"], sort=False)["degenerate"]
        return {key: values.to_numpy(bool) for key, values in once}

    @property
    def is_search(self) -> bool:
        """Whether the runs are measured on training rows held out from training, not on dev rows."""
        return "data.select" in self.runs and self.runs["data.select"].notna().any()

    @property
    def is_ablation(self) -> bool:
        """Whether the study varies settings of a method rather than methods."""
        return self.experiment.startswith("ablation_")

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """All tasks, in order."""
        return tuple(self.runs["task"].unique())

    @property
    def averaged(self) -> tuple[str, ...]:
        """The tasks that a mean over tasks is over: GLUE's without WNLI. SQuAD's two versions share questions."""
        return tuple(task for task in self.tasks if task in GLUE)

    @cached_property
    def methods(self) -> list[tuple[str, str]]:
        """All (model, method), in the order of the tables."""
        return list(dict.fromkeys((run.model, run.method) for run in sorted(self.records, key=_method_order)))

    @property
    def models(self) -> list[str]:
        """All models, in the order of the tables."""
        return list(dict.fromkeys(model for model, _ in self.methods))

    @property
    def panels(self) -> list[tuple[str, str]]:
        """All (model, task), in order."""
        return list(dict.fromkeys((model, task) for model, task, _ in self.cells.index))

    def keys(self, model: str, task: str) -> list[Key]:
        """The cells of a model and task, by method in the order of the tables."""
        found = [(model, task, method) for of, method in self.methods if of == model]
        return [key for key in found if key in self.cells.index]

    def label(self, **where: str) -> str:
        """What a model, a task, or a method of a model is called in print: ``label(model="minilm", method="ina")``."""
        runs, last = self.runs, list(where)[-1]
        for column, value in where.items():
            runs = runs[runs[column] == value]
        found = runs[f"{last}_label"].unique()
        return found[0] if len(found) == 1 else f"{found[0].partition(' (')[0]} (settings differ by task)"

    def pair_label(self, model: str, a: str, b: str) -> str:
        """What the comparison of method a with b is called in print."""
        return f"{self.label(model=model, method=a)} − {self.label(model=model, method=b)}"

    def settings(self, model: str, method: str) -> dict[str, Any]:
        """The settings of a method, of its first run."""
        first = self.runs[(self.runs["model"] == model) & (self.runs["method"] == method)].iloc[0]
        found = {column.removeprefix("method."): first[column] for column in first.index if column[:7] == "method."}
        return {key: value for key, value in found.items() if isinstance(value, tuple) or not pd.isna(value)}

    def with_records(self, records: Iterable[Record]) -> Study:
        """The same study with other runs."""
        records = tuple(records)
        return Study(self.root, self.experiment, self.source, frame(records), records, cache=self.cache)

    @cached_property
    def at_another_rate(self) -> list[AtAnotherRate]:
        """This study with the runs of one method replaced by those at a neighbouring rate, on the tasks that have them.

        Runs count where they have all seeds of the cell that they replace.
        """
        found = []
        for other in self.at_other_rates:
            for model, method in other.methods:
                keys = [key for key in other.cells.index if (key[0], key[2]) == (model, method)]
                keys = [k for k in keys if k in self.cells.index and other.seeds(k) == self.seeds(k)]
                if not keys:
                    continue
                kept = [run for run in self.records if (run.model, run.task, run.method) not in keys]
                new = [run for run in other.records if (run.model, run.task, run.method) in keys]
                theirs, ours = (study.cells.loc[keys[0], "train.learning_rate"] for study in (other, self))
                name = f"{self.label(model=model, method=method)} at {theirs:g} for {ours:g}"
                tasks = {task for _, task, _ in keys}
                found.append(AtAnotherRate(name, method, theirs < ours, self.with_records([*kept, *new]), tasks))
        return found

    def seeds(self, key: Key) -> tuple[int, ...]:
        """The seeds of a cell."""
        return self.cells.loc[key, "seeds"]

    @cached_property
    def plan(self) -> dict[str, RunConfig] | None:
        """The runs that the experiment stands for by id; None where it is no committed one or runs are outside it."""
        if self.experiment not in options("experiment"):
            return None
        from ..plan import experiment_runs

        runs = experiment_runs(self.experiment)
        return runs if set(self.runs["id"]) <= runs.keys() else None

    @property
    def count(self) -> str:
        """How many runs there are, of how many planned where that is known."""
        return f"{len(self.runs)} of {len(self.plan)}" if self.plan else f"{len(self.runs)}"

    @cached_property
    def _by_id(self) -> dict[str, Record]:
        return {run.id: run for run in self.records}

    def predictions(self, run: str) -> pd.DataFrame:
        """The per-example predictions of a run, by its id."""
        return self.once(run, "predictions", lambda: record.read_predictions(self.root, self._by_id[run]))

    def once(self, run: str, what: Any, make: Callable[[], Any]) -> Any:
        """What `make` returns, made once for each run, by its id, and `what`."""
        key = (self._by_id[run].experiment, self.source, run, what)
        if key not in self.cache:
            self.cache[key] = make()
        return self.cache[key]


def studies(root: str | Path, experiment: str | None = None) -> list[Study]:
    """Every experiment × data source with finished runs under `root`, or those of one experiment; see `searches`.

    Raises:
        RecordError: A record is damaged.
        FileNotFoundError: There is no record.
    """
    return [study for study in _all(root, experiment) if not study.is_search]


def searches(root: str | Path, experiment: str | None = None) -> list[Study]:
    """As `studies`, those whose runs are the trials of a search; they say nothing about dev rows."""
    return [study for study in _all(root, experiment) if study.is_search]


def _all(root: str | Path, experiment: str | None) -> list[Study]:
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}; give the one that holds runs/, as in --results results")
    groups: dict[tuple[str, str, bool], list[Record]] = {}
    for name in [None] if experiment is None else [experiment, *(experiment + rate for rate in OTHER_RATES)]:
        for run in record.read_all(root, name):
            is_trial = run.config["data"].get("select") is not None
            groups.setdefault((run.experiment or record.ADHOC, run.source, is_trial), []).append(run)
    if experiment is not None and not groups:
        there = sorted(path.name for path in root.glob("runs/*"))
        raise FileNotFoundError(
            f"no finished run of experiment {experiment!r} under {root / 'runs'}; "
            + (f"there are {', '.join(there)}" if there else f"start with: python -m ina.run experiment={experiment}")
        )
    found, cache = {}, {}
    for key, runs in sorted(groups.items()):
        runs = sorted(runs, key=_order)
        found[key] = Study(root, *key[:2], frame(runs), tuple(runs), cache=cache)
    for (name, source, is_trial), study in found.items():
        others = (found.get((name + rate, source, is_trial)) for rate in OTHER_RATES)
        found[name, source, is_trial] = replace(study, at_other_rates=tuple(filter(None, others)))
    return [study for study in found.values() if experiment in (None, study.experiment)]


def _order(run: Record) -> tuple[Any, ...]:
    return (task_order(run.task), _method_order(run), run.seed)


def _method_order(run: Record) -> tuple[Any, ...]:
    method, known = run.config["method"], list(METHODS)
    kind = method["name"] if method["name"] in known else method["kind"]
    place = known.index(kind) if kind in known else len(known)
    return (run.model, place, method.get("inhibition", 0), run.method)


def task_order(task: str) -> tuple[int, str]:
    """Where a task stands in the tables."""
    known = (*GLUE, *SQUAD)
    return (known.index(task) if task in known else len(known), task)
