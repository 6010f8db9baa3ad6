"""The table of searches: the score of each training setting on held-out training rows, and the setting chosen.

The trials of a search are scored on a share of the training rows (`data.select`), so that nothing is chosen on the dev
rows that all other tables report.
"""

from functools import cache

import pandas as pd

from ..labels import value_label
from .frame import Study, task_order
from .table import DASH, SECTION, Table, points, spread

_COLUMNS = [
    "experiment",
    "source",
    "model",
    "method",
    "setting",
    "task",
    "seeds",
    "mean",
    "std",
    "over_tasks",
    "chosen",
]


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

    Columns: experiment, source, model, method, task; the settings that were varied, and `setting`, all of them as
    text; `mean`, `std` and `scores` of the best headline scores over `seeds`; `over_tasks`, their mean over all tasks
    of the search, NaN if one is missing; `best`, whether that mean is the highest of several; and `chosen`, whether it
    is the best and all planned trials of the method are done.
    """
    done = {run.id for run in study.records}
    to_run = [run for name, run in (study.plan or {}).items() if name not in done]
    unfinished = {(run.model.name, run.method_id) for run in to_run}
    rows = study.frame[(study.frame["selection"] == "best") & (study.frame["metric"] == study.frame["headline"])]
    rows = rows.rename(columns=lambda column: column.removeprefix("train.")).astype({"value": float})
    tables = []
    for model, method in study.methods:
        settings = varied_settings(study, model, method)
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


def search_table(searches: list[Study]) -> Table:
    """A section for each search, a row for each method and setting, a column for each task."""
    rows, data = [], []
    columns = {task: next(study.label(task=task) for study in searches if task in study.tasks)
               for task in sorted({task for study in searches for task in study.tasks}, key=task_order)}  # fmt: skip
    for study in searches:
        results = trials(study)
        data.append(results)
        names = ", ".join(part.experiment for part in study.parts or (study,))
        for (model, method, setting), group in results.groupby(["model", "method", "setting"], sort=False):
            first = group.iloc[0]
            rows.append(
                {
                    SECTION: f"{names}, data source {study.source}: {study.count} runs",
                    "Model": study.label(model=model),
                    "Method": study.label(model=model, method=method),
                    "Setting": setting,
                    **{columns[row.task]: spread(row.mean, row.std, row.seeds) for row in group.itertuples()},
                    "Mean": DASH if pd.isna(first["over_tasks"]) else points(first["over_tasks"]),
                    "": "chosen" if first["chosen"] else "best so far" if first["best"] else "",
                }
            )
    shares = sorted({share for study in searches for share in study.runs["data.select"]})
    shown = pd.DataFrame(rows, columns=[SECTION, "Model", "Method", "Setting", *columns.values(), "Mean", ""])
    return Table(
        name="searches",
        title="Searches on held-out training rows",
        caption=f"Best headline score in points on {' or '.join(f'{100 * share:g} %' for share in shares)} of the "
        "training rows, which were held out; number of seeds in brackets. No dev row was looked at.",
        shown=shown.fillna(DASH),
        data=pd.concat(data, ignore_index=True)[_COLUMNS],
        notes=(
            "chosen: the setting with the best mean over the search's tasks, of all settings tried for this method; "
            "best so far: other settings are still to be run.",
        ),
    )
