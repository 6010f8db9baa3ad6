"""The tables of searches: the score of each training setting on held-out training rows, and the setting chosen.

The trials of a search are scored on a share of the training rows (`data.select`), so that nothing is chosen on the dev
rows that all other tables report.
"""

from functools import cache

import pandas as pd

from ..labels import value_label
from .study import Study
from .table import DASH, Table, points, span, spread

_COLUMNS = ["experiment", "source", "model", "method", "setting", "task", "seeds", "mean", "std", "over_tasks",
            "chosen"]  # fmt: skip


def varied_settings(study: Study, model: str, method: str) -> list[str]:
    """The training and data settings that affect the numbers and differ between a method's trials on one task."""
    runs = study.runs[(study.runs["model"] == model) & (study.runs["method"] == method)]
    settings = pd.DataFrame(list(runs["numbers"]), runs.index).filter(regex=r"^(train|data)\.").map(str)
    settings = settings.drop(columns=["train.dtype", "data.source", "data.fingerprint"])
    varied = settings.groupby(runs["task"]).nunique().max()
    return [column.removeprefix("train.") for column in varied[varied > 1].index]


@cache
def trials(study: Study) -> pd.DataFrame:
    """One row for each model, method, setting and task, in points.

    Columns: experiment, source, model, method, task; the settings that were varied (the learning rate if none was),
    and `setting`, all of them as text; `mean`, `std` and `scores` of the best headline scores over `seeds`;
    `over_tasks`, their mean over all tasks of the search, NaN if one is missing; `best`, whether that mean is the
    highest of several; and `chosen`, whether it is the best and all planned trials of the method are done.

    Raises:
        ValueError: The trials hold out different shares of the training rows.
    """
    if len(shares := sorted({run.config["data"]["select"] for run in study.records})) > 1:
        raise ValueError(
            f"the trials of {study.name} hold out different shares of the training rows, data.select="
            f"{' and '.join(map(str, shares))}, so their scores cannot be compared; give each search its own output_dir"
        )
    done = {run.id for run in study.records}
    to_run = [run for name, run in (study.plan or {}).items() if name not in done]
    unfinished = {(run.model.name, run.method_id) for run in to_run}
    rows = study.frame[(study.frame["selection"] == "best") & (study.frame["metric"] == study.frame["headline"])]
    rows = rows.rename(columns=lambda column: column.removeprefix("train.")).astype({"value": float})
    tables = []
    for model, method in study.methods:
        settings = varied_settings(study, model, method) or ["learning_rate"]
        trial_rows = rows[(rows["model"] == model) & (rows["method"] == method)]
        groups = trial_rows.groupby([*settings, "task"], dropna=False)["value"]
        table = 100 * groups.agg(["mean", "std"])
        table = table.assign(seeds=groups.size(), scores=groups.agg(lambda values: tuple(100 * values))).reset_index()
        table["setting"] = [
            ", ".join(
                f"{name.removeprefix('data.').replace('_', ' ')} {'none' if pd.isna(value) else value_label(value)}"
                for name, value in row.items()
            )
            for row in table[settings].to_dict("records")
        ]
        by_setting = table.groupby("setting")["mean"]
        table["over_tasks"] = by_setting.transform("mean").where(by_setting.transform("size") == len(study.tasks))
        table["best"] = (table["over_tasks"] == table["over_tasks"].max()) & (by_setting.ngroups > 1)
        table["chosen"] = table["best"] & ((model, method) not in unfinished)
        tables.append(table.assign(model=model, method=method))
    return pd.concat(tables, ignore_index=True).assign(experiment=study.experiment, source=study.source)


def search_table(study: Study) -> Table:
    """The table of a search: a row for each method and task, a column for each setting.

    `Chosen` marks a rate that is the lowest or the highest that was tried for the method: a better one may lie beyond.
    """
    results = trials(study)
    is_rate = bool(results["setting"].str.fullmatch(r"learning rate \S+").all())
    ordered = results.sort_values("learning_rate") if is_rate else results
    titles = {name: name.removeprefix("learning rate " * is_rate) for name in ordered["setting"].unique()}
    rows = []
    for (model, method), group in results.groupby(["model", "method"], sort=False):
        names = {"Model": study.label(model=model), "Method": study.label(model=model, method=method)}
        for task in study.tasks:
            scores = group[group["task"] == task]
            cells = {titles[row.setting]: spread(row.mean, row.std) for row in scores.itertuples()}
            rows.append(names | {"Task": study.task_label(task)} | cells)
        settings = group.drop_duplicates("setting").set_index("setting").rename(titles)
        if len(study.tasks) > 1:
            rows.append(names | {"Task": "Mean"} | settings["over_tasks"].dropna().map(points).to_dict())
        chosen = settings["chosen"][settings["best"]]
        ends = group.sort_values("learning_rate")["setting"].map(titles).iloc[[0, -1]] if is_rate else ("", "")
        at_end = dict(zip(ends, (" (lowest)", " (highest)"), strict=True))
        rows[-1]["Chosen"] = ", ".join(
            name + at_end.get(name, "") + " so far" * (not is_chosen) for name, is_chosen in chosen.items()
        )
    columns = ["Model"] * (len(study.models) > 1) + ["Method", "Task", *titles.values(), "Chosen"]
    models = ", ".join(study.label(model=model) for model in study.models)
    shares = " or ".join(f"{100 * share:g} %" for share in sorted(study.runs["data.select"].unique()))
    return Table(
        name=study.experiment,
        title=", ".join(part.experiment for part in study.parts or (study,)),
        caption=f"Best headline score in points by {'learning rate' if is_rate else 'setting'} on held-out training "
        f"rows ({shares} of them). {models}; data source {study.source}; {study.count} runs, seeds per score: "
        f"{span(results['seeds'])}.",
        shown=pd.DataFrame(rows, columns=columns).fillna({"Chosen": ""}).fillna(DASH),
        data=results[_COLUMNS],
    )
