"""The numbers of others in results/published, each with its source and how sure it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from ..labels import METHODS
from .table import DASH, SECTION, millions

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
        One row a number, with its `text`, and under the table's own headings the row that it is in.
    """
    table, rows, sources = published(source), [], []
    groups = table[table["beside"] != ""].groupby(["beside", "model", "method", "inhibition"], sort=False)
    for (origin, model, method, inhibition), group in sorted(groups, key=lambda of: list(SECTIONS).index(of[0][0])):
        entries = {score: entry for score in scores if (entry := _entry(group, *score)) is not None}
        if not entries:
            continue
        found = pd.DataFrame(entries).T
        where = _where(found)
        sources += [where] * (where not in sources)
        level = f" (Inh {float(inhibition):g})" if inhibition and method != "lora" else ""
        params = found["params"].iloc[0]
        found[["task", "metric"]] = list(found.index)
        found["mean"] = found["value"].astype(float)
        found["text"] = found["value"] + found["status"].map(MARKS).fillna("")
        if averaged and set(averaged) <= set(found["task"]):
            mean = float(
                found.drop_duplicates("task", keep="last").set_index("task").loc[list(averaged), "mean"].mean()
            )
            average = {"task": "glue", "metric": "average", "mean": mean, "text": f"{mean:.1f}"}
            found = pd.concat([found, pd.DataFrame([average])])
        rows.append(
            found.assign(
                **{
                    "origin": origin,
                    "model": model,
                    "method": method + (f"-inhibition{inhibition}" if level else ""),
                    "n": pd.to_numeric(found["seeds"]),
                    "std": pd.to_numeric(found["std"]),
                    SECTION: SECTIONS[origin],
                    "Model": MODELS[model],
                    "Method": f"{_METHODS[method]}{level} [{sources.index(where) + 1}]",
                    "Trainable": millions(int(params)) if params.isdigit() else params or DASH,
                    "Epoch": "/".join(sorted(found["selection"].dropna().unique())),
                }
            )
        )
    notes = [f"[{number}] {where}" for number, where in enumerate(sources, 1)]
    return (pd.concat(rows) if rows else pd.DataFrame()), notes


def _entry(group: pd.DataFrame, task: str, metric: str) -> pd.Series | None:
    for name in (metric, INSTEAD.get(metric)):
        match = group[(group["task"] == task) & (group["metric"] == name)]
        if len(match):
            return match.iloc[0]
    return None


def _where(entries: pd.DataFrame) -> str:
    """Source, status and notes of the entries of one row, each said once, for its columns where not for all."""
    texts = pd.DataFrame(
        {
            "source": [f"{folder(one.source)}, {one.status}" for one in entries.itertuples()],
            "seeds": [f"n = {seeds}" if seeds else "" for seeds in entries["seeds"]],
            "note": list(entries["note"]),
        }
    )
    columns, parts = [column(*score) for score in entries.index], []
    for part in texts:
        for text in filter(None, texts[part].unique()):
            of = [name for name, other in zip(columns, texts[part], strict=True) if other == text]
            parts.append(text if len(of) == len(columns) else f"{', '.join(of)}: {text}")
    return "; ".join(parts) + "."


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
