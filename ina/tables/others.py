"""Numbers of others as rows of our tables, each with its source and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from . import collect
from .collect import Score
from .layout import DASH, Row, millions

INSTEAD = {"accuracy_matched": "accuracy", "pearson": "correlation"}  # where a source does not say which of the two
_MARKS = {"DIGEST": "‡"}
_OF_INA = ("ina", "ina_released")
_SECTIONS = {"published": "Published", "released": "Authors' released runs, with their code"}


def rows(source: str, scores: list[Score], averaged: tuple[str, ...]) -> tuple[list[Row], list[str], list[str]]:
    """Rows of the numbers of others, notes on the marks in them, and where each is from.

    Not for a first look are the models that nobody has published or released InA for.
    """
    made, sources = [], []
    table = collect.published(source)
    every = collect.published("glue", "squad")
    models = set(every[every["method"].isin(_OF_INA)]["model"])
    for beside, heading in _SECTIONS.items():
        section = []
        groups = table[table["beside"] == beside].groupby(["model", "method", "inhibition"], sort=False)
        for (model, method, inhibition), group in groups:
            entries = {score: _entry(group, score) for score in scores if score.metric != "average"}
            found = {score: entry for score, entry in entries.items() if entry is not None}
            if not found:
                continue
            texts = {score: entry["value"] + _MARKS.get(entry["status"], "") for score, entry in found.items()}
            values = {score.task: float(entry["value"]) for score, entry in found.items()}
            if averaged and all(task in values for task in averaged):
                mean = f"{np.mean([values[task] for task in averaged]):.1f}"
                texts |= {score: mean for score in scores if score.metric == "average"}
            where = _where(found)
            if where not in sources:
                sources.append(where)
            label = f"{collect.others_label(method.removesuffix('_released'), inhibition)} [{sources.index(where) + 1}]"
            params = next(iter(found.values()))["params"]
            params = millions(int(params)) if params.isdigit() else params or DASH
            rule = "/".join(sorted({entry["selection"] for entry in found.values()}))
            shown = [texts.get(score, DASH) for score in scores]
            cells = (collect.model_label(model), label, params, rule, *shown)
            section.append(Row(cells, "main" if model in models else "aside"))
        if section:
            made += [Row((heading,), "section"), *section]
    marks = [
        f"{mark}: not read at its source (status {status}, see results/published/README.md)."
        for status, mark in _MARKS.items()
        if any(mark in cell for row in made for cell in row.cells)
    ]
    return made, marks, [f"[{number}] {where}" for number, where in enumerate(sources, 1)]


def _entry(group: pd.DataFrame, score: Score) -> pd.Series | None:
    for metric in (score.metric, INSTEAD.get(score.metric)):
        match = group[(group["task"] == score.task) & (group["metric"] == metric)]
        if len(match):
            return match.iloc[0]
    return None


def _where(found: dict[Score, pd.Series]) -> str:
    """Source, status and notes of the entries of one row, each said once."""
    seeds = {score: f"n = {entry['seeds']}" if entry["seeds"] else "" for score, entry in found.items()}
    sources = {score: f"{folder(entry['source'])}, {entry['status']}" for score, entry in found.items()}
    notes = {score: entry["note"] for score, entry in found.items()}
    return "; ".join(text for part in (sources, seeds, notes) for text in _told_once(part)) + "."


def _told_once(texts: dict[Score, str]) -> Iterable[str]:
    """Every text that is not blank, preceded by the columns it holds for where it does not hold for all."""
    for text in dict.fromkeys(filter(None, texts.values())):
        columns = [f"{score.group} {score.title}".strip() for score in texts if texts[score] == text]
        yield text if len(columns) == len(texts) else f"{', '.join(columns)}: {text}"


def folder(source: str) -> str:
    """A source without the part that differs between the runs of one release; the CSV file has it in full."""
    place, colon, path = source.partition(":")
    parts = path.split("/")
    return source if len(parts) < 4 else f"{place}{colon}{parts[0]}/{parts[1]}/…"


def data(source: str, scores: list[Score]) -> pd.DataFrame:
    table = collect.published(source)
    wanted = {f"{s.task} {metric}" for s in scores for metric in (s.metric, INSTEAD.get(s.metric))}
    kept = table[(table["beside"] != "") & (table["task"] + " " + table["metric"]).isin(wanted)]
    inhibition = kept["inhibition"].where(kept["method"] != "lora", "")
    return pd.DataFrame(
        {
            "origin": kept["beside"],
            "source": kept["source"],
            "model": kept["model"],
            "task": kept["task"],
            "method": kept["method"] + ("-inhibition" + inhibition).where(inhibition != "", ""),
            "metric": kept["metric"],
            "selection": kept["selection"],
            "n": pd.to_numeric(kept["seeds"]),
            "mean": pd.to_numeric(kept["value"]),
            "std": pd.to_numeric(kept["std"]),
            "status": kept["status"],
            "note": kept["note"],
        }
    )
