"""The error browser: what the runs of each method predicted for every dev example, as scripts that a page loads.

A script is used and not JSON, because a page from a file system may load scripts only. The texts of examples are shown
where they may be: those of the generated suite, and those of files that INA_DATA_DIR names on the machine that builds
the site, whose owner has them already.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from ..config import DataConfig, Task
from ..data import load
from ..tables.frame import CELL, SQUAD, Key, Study

_PAGE = """---
search: {{exclude: true}}
hide: [toc]
---
# Errors

Dev examples on which the runs of two methods disagree, at the last epoch: those first on which their seeds differ most.
A digit is the class that one seed predicted, a number its score (STS-B) or F1 (SQuAD); green is right. Texts are shown
for the generated suite{texts}.

<div class="ina-errors" data-sets='{sets}'></div>
"""


def error_files(found: list[Study]) -> dict[str, str]:
    """The page, and a script for each task of a study that has two methods on it, by their places in the site."""
    files, sets = {}, []
    for study in found:
        for model, task in study.panels:
            keys = study.keys(model, task)
            if len(keys) < 2:
                continue
            name = f"{study.name}--{model}--{task}"
            label = f"{study.experiment} ({study.source}): {study.label(task=task)}"
            label += f", {study.label(model=model)}" if len(study.models) > 1 else ""
            sets.append([name, label])
            content = json.dumps(_examples(study, model, task), ensure_ascii=False, separators=(",", ":"))
            files[f"assets/errors/{name}.js"] = f"inaErrors({content});\n"
    texts = " and for files, from this machine's INA_DATA_DIR" if os.environ.get("INA_DATA_DIR") else ""
    listed = json.dumps(sets, ensure_ascii=False).replace("&", "&amp;").replace("'", "&#39;")
    return files | {"results/errors.md": _PAGE.format(texts=texts, sets=listed)}


def _examples(study: Study, model: str, task: str) -> dict[str, Any]:
    """What docs/assets/errors.js shows: entries by example, and for each method by seed what was predicted.

    "kind" says what that is: a class, a score (STS-B), or the F1 of an answer, which needs no gold label.
    """
    methods, ids, gold, kind = [], [], [], ""
    texts = _texts(study, model, task)
    for key in study.keys(model, task):
        runs = [_dev_rows(study.predictions(run)) for run in _runs(study, key)]
        ids = runs[0].index
        if "last_f1" in runs[0]:
            kind, shown = "f1", np.stack([run.loc[ids, "last_f1"].to_numpy(float).round(2) for run in runs])
        else:
            labels = runs[0]["label"].to_numpy()
            shown = np.stack([run.loc[ids, "last_prediction"].to_numpy() for run in runs])
            kind, gold = ("score" if labels.dtype.kind == "f" else "class"), labels.tolist()
            if kind == "score":
                gold, shown = labels.astype(float).round(2).tolist(), shown.astype(float).round(1)
        label = study.label(model=model, method=key[2])
        method = {"label": label, "seeds": study.seeds(key), "shown": shown.T.tolist()}
        if texts and task in SQUAD:
            answers = [run.loc[ids, "last_text"].tolist() for run in runs if "last_text" in run]
            method["answers"] = [list(of) for of in zip(*answers, strict=True)]
        methods.append(method)
    ids = [str(one) for one in ids]
    shown_texts = [texts.get(one, "") for one in ids] if texts else []
    return {"kind": kind, "ids": ids, "gold": gold, "methods": methods, "texts": shown_texts}


def _runs(study: Study, key: Key) -> list[str]:
    """The ids of the runs of a cell, by seed."""
    runs = study.runs
    return list(runs.loc[(runs[CELL] == key).all(axis=1), "id"])


def _dev_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Those of the (first) dev set, by the id of the example; others differ in the number of distractors."""
    return predictions[predictions["split"].isin(["validation", "validation_matched"])].set_index("id")


def _texts(study: Study, model: str, task: str) -> dict[str, str]:
    """The text of each dev example by id; nothing where it may not be shown or is not the one that was predicted on."""
    if study.source != "probe" and not (study.source == "files" and os.environ.get("INA_DATA_DIR")):
        return {}
    run = next(run for run in study.records if (run.model, run.task) == (model, task))
    given = run.config["data"] | {"source": study.source, "dir": None}
    try:
        settings = TypeAdapter(Task).validate_python(run.config["task"])
        loaded = load(settings, DataConfig(**{name: given.get(name) for name in DataConfig.model_fields}))
    except (OSError, ValueError):
        return {}
    if loaded.fingerprint != run.data.fingerprint:
        return {}
    columns = ("question", "context") if task in SQUAD else settings.columns
    found: dict[str, str] = {}
    for split, rows in loaded.splits.items():
        if split in ("validation", "validation_matched"):
            ids = rows["id"] if "id" in rows.column_names else rows["idx"]
            parts = zip(*(rows[column] for column in columns), strict=True)
            found = {str(one): " ⁄ ".join(part) for one, part in zip(ids, parts, strict=True)}
    return found
