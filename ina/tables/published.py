"""The numbers of others in results/published, each with its source and status."""

from functools import cache
from pathlib import Path

import pandas as pd

from ..labels import METHOD_LABELS
from .table import DASH, SECTION, millions

FOLDER = Path(__file__).parents[2] / "results" / "published"
COLUMNS = {  # of the tables of scores; a task's first column is its headline metric
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
HEADLINES = dict(reversed(COLUMNS))
UNCLEAR = {"accuracy": "accuracy_matched", "correlation": "pearson"}  # assumed if a source does not say which
MARKS = {"DIGEST": "‡"}
SECTIONS = {"published": "Published", "released": "Authors' released runs, with their code"}
MODELS = {
    "bert_large": "BERT-large",
    "roberta_large": "RoBERTa-large",
    "deberta_large": "DeBERTa-large",
    "deberta_v3_large": "DeBERTa-v3-large",
}
_METHODS = METHOD_LABELS | {"ina_released": "InA"}


@cache
def published(name: str) -> pd.DataFrame:
    """The numbers of others in results/published/<name>.csv, as the text in the file.

    `named` is our name of the metric. If a source does not say which of two metrics it reports, the entry is repeated
    under the name of the usual one.
    """
    table = pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)
    named = [table.assign(named=table["metric"]), table.assign(named=table["metric"].map(UNCLEAR)).dropna()]
    return pd.concat(named, ignore_index=True)


def published_rows(
    source: str, scores: list[tuple[str, str]], averaged: tuple[str, ...]
) -> tuple[pd.DataFrame, list[str]]:
    """The numbers of others for a table with the columns `scores`, each a (task, metric).

    Returns:
        The numbers, one per row, with their `text` and the headings of their table row; and the notes with the sources.
    """
    rows, sources, table = [], [], published(source)
    index = pd.MultiIndex.from_tuples(scores, names=["task", "named"])
    table = table[table["beside"] != ""].sort_values("beside", kind="stable")  # published comes before released
    groups = table.groupby(["beside", "model", "method", "inhibition"], sort=False)
    for (origin, model, method, inhibition), group in groups:
        entries = group.drop_duplicates(index.names).set_index(index.names).reindex(index).dropna(how="all")
        if entries.empty:
            continue
        entries = entries.reset_index().assign(metric=[metric for _, metric in entries.index])
        reference = _reference(entries)
        sources += [reference] * (reference not in sources)
        level = f" (Inh {float(inhibition):g})" if inhibition and method != "lora" else ""
        params = entries["params"].iloc[0]
        entries["mean"] = entries["value"].astype(float)
        entries["text"] = entries["value"] + entries["status"].map(MARKS).fillna("")
        if averaged and set(averaged) <= set(entries["task"]):
            mean = entries.loc[entries["task"].isin(averaged), "mean"].mean()
            entries.loc[len(entries), ["task", "metric", "mean", "text"]] = ["glue", "average", mean, f"{mean:.1f}"]
        headings = {
            SECTION: SECTIONS[origin],
            "Model": MODELS.get(model, model),
            "Method": f"{_METHODS.get(method, method)}{level} [{sources.index(reference) + 1}]",
            "Trainable": millions(int(params)) if params.isdigit() else params or DASH,
            "Epoch": "/".join(sorted(entries["selection"].dropna().unique())),
        }
        method += f"-inhibition{inhibition}" if level else ""
        numbers = {name: pd.to_numeric(entries[column]) for name, column in (("n", "seeds"), ("std", "std"))}
        rows.append(entries.assign(origin=origin, model=model, method=method, **numbers, **headings))
    notes = [f"[{number}] {reference}" for number, reference in enumerate(sources, 1)]
    return (pd.concat(rows) if rows else pd.DataFrame()), notes


def _reference(entries: pd.DataFrame) -> str:
    """Source, status and notes of a row's entries, each once; with column names if it is not for all columns."""
    columns = pd.Series(
        [COLUMNS.get(score, score[0]) for score in zip(entries["task"], entries["metric"], strict=True)]
    )
    source = entries["source"].map(short_source) + ", " + entries["status"]
    seeds = ("n = " + entries["seeds"]).where(entries["seeds"] != "", "")
    parts = []
    for texts in (source, seeds, entries["note"]):
        for text, titles in columns[texts != ""].groupby(texts, sort=False):
            parts.append(text if len(titles) == len(columns) else f"{', '.join(titles)}: {text}")
    return "; ".join(parts) + "."


def short_source(source: str) -> str:
    """A source without the path that differs between the runs of a release; the CSV file has the full source."""
    place, colon, path = source.partition(":")
    parts = path.split("/")
    return source if len(parts) < 4 else f"{place}{colon}{parts[0]}/{parts[1]}/…"
