"""The numbers of others in results/published, each with its source and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from ..labels import METHODS
from .table import DASH, millions

FOLDER = Path(__file__).parents[2] / "results" / "published"
INSTEAD = {"accuracy_matched": "accuracy", "pearson": "correlation"}  # where a source does not say which of the two
MARKS = {"DIGEST": "‡"}
SECTIONS = {"published": "Published", "released": "Authors' released runs, with their code"}
MODELS = {
    "bert_large": "BERT-large",
    "roberta_large": "RoBERTa-large",
    "deberta_large": "DeBERTa-large",
    "deberta_v3_large": "DeBERTa-v3-large",
    "deberta_v3_base": "DeBERTaV3-base",
}
_METHODS = METHODS | {
    "ina_released": "InA",
    "adapter_houlsby": "Adapter (Houlsby)",
    "adapter_pfeiffer": "Adapter (Pfeiffer)",
    "adalora": "AdaLoRA",
    "bitfit": "BitFit",
}


@cache
def published(name: str) -> pd.DataFrame:
    """The numbers of others in results/published/<name>.csv, every entry as the text that stands in the file."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


def beside(source: str, scores: list[tuple[str, str]], averaged: tuple[str, ...]) -> tuple[pd.DataFrame, list[str]]:
    """Numbers of others for a table with columns (task, metric), and where each row of them is from.

    Returns:
        One row a number, with its `text`, and the `row_label`, `trainable` and `origin` of the table's row it is in.
    """
    found, sources = [], []
    for origin, heading in SECTIONS.items():
        table = published(source)
        groups = table[table["beside"] == origin].groupby(["model", "method", "inhibition"], sort=False)
        for (model, method, inhibition), group in groups:
            entries = {score: _entry(group, *score) for score in scores}
            entries = {score: entry for score, entry in entries.items() if entry is not None}
            if not entries:
                continue
            where = _where(entries)
            sources += [where] * (where not in sources)
            level = f" (Inh {float(inhibition):g})" if inhibition and method != "lora" else ""
            params = next(iter(entries.values()))["params"]
            row = {
                "origin": origin,
                "row_section": heading,
                "model": model,
                "model_label": MODELS[model],
                "method": method + (f"-inhibition{inhibition}" if level else ""),
                "row_label": f"{_METHODS[method]}{level} [{sources.index(where) + 1}]",
                "trainable_label": millions(int(params)) if params.isdigit() else params or DASH,
                "row_selection": "/".join(sorted({entry["selection"] for entry in entries.values()})),
            }
            values = {task: float(entry["value"]) for (task, _), entry in entries.items()}
            for (task, metric), entry in entries.items():
                of = entry[["source", "selection", "status", "note"]].to_dict()
                numbers = {"n": pd.to_numeric(entry["seeds"]), "std": pd.to_numeric(entry["std"])}
                text = entry["value"] + MARKS.get(entry["status"], "")
                found.append(row | of | numbers | {"task": task, "metric": metric, "text": text, "mean": values[task]})
            if averaged and set(averaged) <= set(values):
                mean = float(np.mean([values[task] for task in averaged]))
                text = f"{mean:.1f}"
                found.append(row | {"task": "glue", "metric": "average", "text": text, "mean": mean})
    return pd.DataFrame(found), [f"[{number}] {where}" for number, where in enumerate(sources, 1)]


def _entry(group: pd.DataFrame, task: str, metric: str) -> pd.Series | None:
    for name in (metric, INSTEAD.get(metric)):
        match = group[(group["task"] == task) & (group["metric"] == name)]
        if len(match):
            return match.iloc[0]
    return None


def _where(entries: dict[tuple[str, str], pd.Series]) -> str:
    """Source, status and notes of the entries of one row, each said once."""
    sources = {score: f"{folder(entry['source'])}, {entry['status']}" for score, entry in entries.items()}
    seeds = {score: f"n = {entry['seeds']}" if entry["seeds"] else "" for score, entry in entries.items()}
    notes = {score: entry["note"] for score, entry in entries.items()}
    return "; ".join(text for part in (sources, seeds, notes) for text in _once(part)) + "."


def _once(texts: dict[tuple[str, str], str]) -> Iterable[str]:
    """Every text that is not blank, preceded by the columns it holds for where it does not hold for all."""
    for text in dict.fromkeys(filter(None, texts.values())):
        columns = [column(*score) for score in texts if texts[score] == text]
        yield text if len(columns) == len(texts) else f"{', '.join(columns)}: {text}"


def column(task: str, metric: str) -> str:
    """The column of a table of scores that a metric of a task has."""
    return COLUMNS.get((task, metric), task)


HEADLINES = dict.fromkeys(("qqp", "sst2", "qnli", "rte", "mrpc"), "accuracy") | {
    "cola": "mcc",
    "mnli": "accuracy_matched",
    "stsb": "pearson",
}
COLUMNS = {
    ("cola", "mcc"): "CoLA",
    ("qqp", "accuracy"): "QQP",
    ("mnli", "accuracy_matched"): "MNLI",
    ("sst2", "accuracy"): "SST-2",
    ("stsb", "pearson"): "STS-B",
    ("qnli", "accuracy"): "QNLI",
    ("rte", "accuracy"): "RTE",
    ("mrpc", "accuracy"): "MRPC",
    ("wnli", "accuracy"): "WNLI",
    ("qqp", "f1"): "QQP F1",
    ("mnli", "accuracy_mismatched"): "MNLI mismatched",
    ("stsb", "spearman"): "STS-B Spearman",
    ("mrpc", "f1"): "MRPC F1",
    ("swag", "accuracy"): "SWAG",
    ("squad_v1", "f1"): "v1.1 F1",
    ("squad_v1", "exact"): "v1.1 EM",
    ("squad_v2", "f1"): "v2.0 F1",
    ("squad_v2", "exact"): "v2.0 EM",
    ("squad_v2", "HasAns_f1"): "v2.0 HasAns F1",
    ("squad_v2", "HasAns_exact"): "v2.0 HasAns EM",
    ("squad_v2", "NoAns_exact"): "v2.0 NoAns",
    ("squad_v2", "best_f1"): "v2.0 best-thr. F1",
    ("squad_v2", "best_exact"): "v2.0 best-thr. EM",
}


def folder(source: str) -> str:
    """A source without the part that differs between the runs of one release; the CSV file has it in full."""
    place, colon, path = source.partition(":")
    parts = path.split("/")
    return source if len(parts) < 4 else f"{place}{colon}{parts[0]}/{parts[1]}/…"
