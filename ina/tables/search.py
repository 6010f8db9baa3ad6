"""Tables of searches: what each training setting scores on held-out training rows, and which one a method takes.

The trials of a search are measured on a share of the training rows (`data.select`), so that what is chosen by them is
not chosen on the dev rows that every other table reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from . import collect
from .collect import Study
from .layout import DASH, Column, Row, Table, points, spread


@dataclass(frozen=True)
class Trials:
    """All trials of one method with one setting.

    setting: the training settings in which trials of this method on one task differ
    scores: best headline score on the held-out rows, raw, (seeds,), by task
    mean: over the tasks of the search, each with the same weight; None where one was not tried
    """

    model: str
    method: str
    setting: dict[str, Any]
    scores: dict[str, np.ndarray]
    mean: float | None

    @property
    def name(self) -> tuple[str, str]:
        return self.model, self.method


def trials(study: Study) -> list[Trials]:
    """The trials of a search by method and setting, in order."""
    return study.once("trials", lambda: [each for name in study.methods for each in _of(study, *name)])


def taken(study: Study) -> dict[tuple[str, str], dict[str, Any]]:
    """For each (model, method) the setting with the best mean over the tasks, of those tried on all of them."""
    complete = sorted((each for each in trials(study) if each.mean is not None), key=lambda each: each.mean)
    return {each.name: each.setting for each in complete}


def unfinished(study: Study) -> set[tuple[str, str]]:
    """The (model, method) of which trials are still to be run, as far as it is known what was planned."""
    there = {run.id for run in study.runs}
    return {(run.model.name, run.method_label) for name, run in (study.plan or {}).items() if name not in there}


def search_table(study: Study) -> Table:
    """A row for each method and setting, a column for each task."""
    found, choice, still_open = trials(study), taken(study), unfinished(study)
    keys = tuple(dict.fromkeys(key for each in found for key in each.setting))
    rows = []
    for name, of_method in groupby(found, key=lambda each: each.name):
        labels = (study.model_label(name[0]), study.method_label(name[1]))
        for each in of_method:
            setting = [collect.value_text(each.setting[key]) if key in each.setting else DASH for key in keys]
            scores = [spread(each.scores[task], count=True) if task in each.scores else DASH for task in study.tasks]
            mean = DASH if each.mean is None else points(each.mean)
            mark = ("best so far" if name in still_open else "taken") if choice.get(name) == each.setting else ""
            rows.append(Row((*labels, *setting, *scores, mean, mark)))
            labels = ("", "")
    shares = sorted({run.config["data"]["select"] for run in study.runs})
    planned = f"{len(study.runs)} of {study.planned} runs" if study.planned else f"{len(study.runs)} runs"
    return Table(
        name="search",
        number="",
        title=f"Search on held-out training rows, experiment {study.experiment}, data source {study.source}",
        caption=f"{planned}. Best headline score in points on {' or '.join(f'{100 * share:g} %' for share in shares)} "
        "of the training rows, which were held out; number of seeds in brackets. No dev row was looked at.",
        columns=(
            Column("Model", numeric=False),
            Column("Method", numeric=False),
            *(Column(key.replace("_", " ")) for key in keys),
            *(Column(f"{collect.task_label(task)} ({collect.task_headline(task)})") for task in study.tasks),
            Column("Mean"),
            Column("", numeric=False),
        ),
        rows=tuple(rows),
        notes=(
            "taken: the best mean over the tasks among the settings tried for this method"
            + ("; best so far: others are still to be tried." if still_open else "."),
        ),
        data=pd.DataFrame([_flat(study, each, choice.get(each.name) == each.setting) for each in found]),
    )


def _of(study: Study, model: str, method: str) -> Iterator[Trials]:
    runs = [run for run in study.runs if (run.model, run.method) == (model, method)]
    first: dict[str, dict[str, Any]] = {}  # of each task: what a task alone changes, as its epochs, was not searched
    for run in runs:
        first.setdefault(run.task, run.config["train"])
    keys = [key for key in runs[0].config["train"] if any(r.config["train"][key] != first[r.task][key] for r in runs)]
    groups: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for run in runs:
        by_task = groups.setdefault(tuple(run.config["train"][key] for key in keys), {})
        by_task.setdefault(run.task, []).append(run.best.metrics[run.headline])
    for values, by_task in sorted(groups.items()):
        scores = {task: np.array(found) for task, found in by_task.items()}
        mean = np.mean([scores[task].mean() for task in study.tasks]) if set(study.tasks) <= set(scores) else None
        yield Trials(model, method, dict(zip(keys, values, strict=True)), scores, mean)


def _flat(study: Study, each: Trials, is_taken: bool) -> dict[str, Any]:
    return {
        "experiment": study.experiment,
        "source": study.source,
        "model": each.model,
        "method": each.method,
        **each.setting,
        **{task: 100 * scores.mean() for task, scores in each.scores.items()},
        "mean": None if each.mean is None else 100 * each.mean,
        "taken": is_taken,
    }
