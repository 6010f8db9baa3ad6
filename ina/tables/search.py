"""Tables of searches: what each training setting scores on held-out training rows, and which one a method takes.

The trials of a search are measured on a share of the training rows (`data.select`), so that what is chosen by them is
not chosen on the dev rows that every other table reports.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from ..labels import value_label
from .frame import Study
from .table import DASH, Table, points, spread

PARTS = (
    "_full",
    "_p90",
    "_vectors",
)  # experiments that complete a search with other methods: search_small_full, search_small_p90


def joined_searches(searches: list[Study]) -> list[Study]:
    """Each search joined with its parts, where both are given."""
    by_name = {(study.experiment, study.source): study for study in searches}
    joined = []
    for (name, source), study in by_name.items():
        if not any(name.endswith(part) and (name.removesuffix(part), source) in by_name for part in PARTS):
            parts = [by_name[name + part, source] for part in PARTS if (name + part, source) in by_name]
            records = [record for one in (study, *parts) for record in one.records]
            joined.append(study.with_records(records) if parts else study)
    return joined


def varied_settings(study: Study, model: str, method: str) -> list[str]:
    """The training settings in which trials of a method on one task differ."""
    runs = study.runs[(study.runs["model"] == model) & (study.runs["method"] == method)]
    columns = [column for column in runs if column.startswith("train.")]
    groups = runs.groupby("task")
    varied = [column for column in columns if any(of.map(str).nunique() > 1 for _, of in groups[column])]
    return [column.removeprefix("train.") for column in varied]


@cache
def trials(study: Study) -> pd.DataFrame:
    """One row for each model, method, setting and task, in points: the settings that were varied, `mean`, `std` and
    `scores` of the best headline scores over seeds; `over_tasks`, their mean over all tasks of the search, NaN where
    one was not tried; and `best`, whether that mean is the highest of the method."""
    rows = study.frame[(study.frame["selection"] == "best") & (study.frame["metric"] == study.frame["headline"])]
    tables = []
    for model, method in study.methods:
        settings = varied_settings(study, model, method)
        mine = rows[(rows["model"] == model) & (rows["method"] == method)].astype({"value": float})
        groups = mine.groupby([*(f"train.{name}" for name in settings), "task"])["value"]
        found = (100 * groups.agg(["mean", "std"])).assign(scores=groups.agg(lambda of: tuple(100 * of)))
        found = found.reset_index().rename(columns=lambda column: column.removeprefix("train."))
        by_setting = found.groupby(settings)["mean"] if settings else found.groupby(lambda _: 0)["mean"]
        complete = by_setting.transform("size") == len(study.tasks)
        found["over_tasks"] = by_setting.transform("mean").where(complete)
        found["best"] = found["over_tasks"] == found["over_tasks"].max()
        tables.append(found.assign(model=model, method=method))
    return pd.concat(tables, ignore_index=True)


def unfinished(study: Study) -> set[tuple[str, str]]:
    """The (model, method) of which trials are still to be run, as far as it is known what was planned."""
    there = set(study.runs["id"])
    return {(run.model.name, run.method_label) for name, run in (study.plan or {}).items() if name not in there}


def search_table(study: Study) -> Table:
    """A row for each method and setting, a column for each task."""
    found, still_open = trials(study), unfinished(study)
    columns = {task: f"{study.label(task=task)} ({study.runs.loc[study.runs['task'] == task, 'headline'].iloc[0]})"
               for task in study.tasks}  # fmt: skip
    known = {"task", "mean", "std", "scores", "over_tasks", "best", "model", "method"}
    settings = [name for name in found if name not in known]
    rows, data = [], []
    for (model, method), of_method in found.groupby(["model", "method"], sort=False):
        labels = {"Model": study.label(model=model), "Method": study.label(model=model, method=method)}
        for setting, group in of_method.groupby(settings, sort=False, dropna=False) if settings else [((), of_method)]:
            setting, first = dict(zip(settings, setting, strict=True)), group.iloc[0]
            texts = {columns[of.task]: spread(of.mean, of.std, len(of.scores)) for of in group[
                ["task", "mean", "std", "scores"]].itertuples()}  # fmt: skip
            mark = ("best so far" if (model, method) in still_open else "taken") if first["best"] else ""
            rows.append(
                labels
                | {name.replace("_", " "): DASH if pd.isna(v) else value_label(v) for name, v in setting.items()}
                | {column: texts.get(column, DASH) for column in columns.values()}
                | {"Mean": DASH if np.isnan(first["over_tasks"]) else points(first["over_tasks"]), "": mark}
            )
            labels = {}
            names = {"experiment": study.experiment, "source": study.source, "model": model, "method": method}
            scores = dict(zip(group["task"], group["mean"], strict=True))
            data.append(names | setting | scores | {"mean": first["over_tasks"], "taken": first["best"]})
    shares = " or ".join(f"{100 * share:g} %" for share in sorted(study.runs["data.select"].unique()))
    return Table(
        name="search",
        title=f"Search on held-out training rows, experiment {study.experiment}, data source {study.source}",
        caption=f"{study.count} runs. Best headline score in points on {shares} of the training rows, which were held "
        "out; number of seeds in brackets. No dev row was looked at.",
        shown=pd.DataFrame(
            rows,
            columns=["Model", "Method", *(name.replace("_", " ") for name in settings), *columns.values(), "Mean", ""],
        ),  # fmt: skip
        data=pd.DataFrame(data),
        notes=(
            "taken: the best mean over the tasks among the settings tried for this method"
            + ("; best so far: others are still to be tried." if still_open else "."),
        ),
    )
