"""The error browser: what the runs of each method predicted for every dev example.

The data are scripts, not JSON, because a page opened from a file system can load only scripts. Texts of examples are
shown for the generated suite, and for files in INA_DATA_DIR of the machine that builds the site, because its owner has
them already.
"""

import json
import os
from html import escape
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from ..config import DataConfig, Task
from ..data import load
from ..tables.frame import SQUAD
from ..tables.study import Study

_DEV = ("validation", "validation_matched")  # the first dev split of a task
_PAGE = """---
search: {{exclude: true}}
hide: [toc]
---
# Errors

Dev examples on which two methods disagree at the last epoch. Examples with the largest difference between the methods,
in the mean over seeds, come first. A digit is the class that one seed predicted; a decimal number is its score (STS-B)
or F1 (SQuAD). Green is right. Texts are shown for the generated suite{texts}.

<div class="ina-errors" data-sets="{sets}"></div>
"""


def error_files(studies: list[Study]) -> dict[str, str]:
    """The page, and a script for each task with at least two methods, by their paths in the site."""
    files, sets = {}, []
    for study in studies:
        for model, task in study.model_tasks:
            if len(study.keys(model, task)) < 2:
                continue
            name = f"{study.name}--{model}--{task}"
            label = f"{study.experiment} ({study.source}): {study.label(task=task)}"
            sets.append([name, label + f", {study.label(model=model)}" * (len(study.models) > 1)])
            content = json.dumps(_examples(study, model, task), ensure_ascii=False, separators=(",", ":"))
            files[f"assets/errors/{name}.js"] = f"inaErrors({content});\n"
    texts = " and for files, from this machine's INA_DATA_DIR" if os.environ.get("INA_DATA_DIR") else ""
    return files | {"results/errors.md": _PAGE.format(texts=texts, sets=escape(json.dumps(sets, ensure_ascii=False)))}


def _examples(study: Study, model: str, task: str) -> dict[str, Any]:
    """The data for docs/assets/errors.js: the examples, and for each method and seed what was predicted.

    "kind" is the kind of prediction: a class, a score (STS-B), or the F1 of an answer, which needs no gold label.
    """
    texts, methods = _texts(study, model, task), []
    for key in study.keys(model, task):
        runs = [study.predictions(run.id) for run in study.cells[key]]
        runs = [run[run["split"].isin(_DEV)].set_index("id") for run in runs]
        first = runs[0]
        if "last_f1" in first:
            kind, column, decimals = "f1", "last_f1", 2
        else:
            kind = "score" if first["label"].dtype.kind == "f" else "class"
            column, decimals = "last_prediction", 1
        shown = pd.concat([run[column].astype(int if kind == "class" else float) for run in runs], axis=1)
        method = {"label": study.label(model=model, method=key[2]), "seeds": study.seeds(key)}
        method["shown"] = shown.round(decimals).to_numpy().tolist()
        if texts and kind == "f1":
            method["answers"] = pd.concat([run["last_text"] for run in runs], axis=1).to_numpy().tolist()
        methods.append(method)
    gold = [] if kind == "f1" else first["label"].astype(shown.dtypes.iloc[0]).round(2).tolist()
    ids = [str(one) for one in first.index]
    shown_texts = [texts.get(one, "") for one in ids] if texts else []
    return {"kind": kind, "ids": ids, "gold": gold, "methods": methods, "texts": shown_texts}


def _texts(study: Study, model: str, task: str) -> dict[str, str]:
    """The text of each dev example by id; empty if texts may not be shown, or if the data has changed since the run."""
    if study.source not in ("probe", "files"):  # without INA_DATA_DIR the files are not found below
        return {}
    run = next(run for run in study.records if (run.model, run.task) == (model, task))
    values = run.config["data"] | {"source": study.source, "dir": None}
    try:
        settings = TypeAdapter(Task).validate_python(run.config["task"])
        loaded = load(settings, DataConfig(**{name: values.get(name) for name in DataConfig.model_fields}))
    except (OSError, ValueError):
        return {}
    if loaded.fingerprint != run.data.fingerprint:
        return {}
    columns = ["question", "context"] if task in SQUAD else list(settings.columns)
    rows = next(rows for split, rows in loaded.splits.items() if split in _DEV).to_pandas()
    ids = rows["id" if "id" in rows else "idx"].astype(str)
    return dict(zip(ids, rows[columns].agg(" ⁄ ".join, axis=1), strict=True))
