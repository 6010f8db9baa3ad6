"""The numbers of others in results/published, each with its source and how sure it is."""

from functools import cache
from pathlib import Path

import pandas as pd

from ..labels import METHOD_LABELS
from .table import DASH, SECTION, millions

FOLDER = Path(__file__).parents[2] / "results" / "published"
COLUMNS = {  # of the tables of scores; the first of a task is its headline
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
UNCLEAR = {"accuracy": "accuracy_matched", "correlation": "pearson"}  # where a source does not say which of the two
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
    """The numbers of others in results/published/<name>.csv, every entry as the text that stands in the file.

    `named` is our name of the metric. Where a source does not say which of two metrics it has, the entry is repeated
    under the usual metric's name.
    """
    table = pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)
    named = [table.assign(named=table["metric"]), table.assign(named=table["metric"].map(UNCLEAR)).dropna()]
    return pd.concat(named, ignore_index=True)


def published_rows(
    source: str, scores: list[tuple[str, str]], averaged: tuple[str, ...]
) -> tuple[pd.DataFrame, list[str]]:
    """Other people's numbers for a table with columns (task, metric), and the source of each row.

    Returns:
        One row a number, with its `text`, and under the table's own headings the row that it is in.
    """
    rows, sources, table = [], [], published(source)
    wanted = pd.MultiIndex.from_tuples(scores, names=["task", "named"])
    table = table[table["beside"] != ""].sort_values("beside", kind="stable")  # published comes before released
    groups = table.groupby(["beside", "model", "method", "inhibition"], sort=False)
    for (origin, model, method, inhibition), group in groups:
        found = group.drop_duplicates(wanted.names).set_index(wanted.names).reindex(wanted).dropna(how="all")
        if found.empty:
            continue
        found = found.reset_index().assign(metric=[metric for _, metric in found.index])
        where = _where(found)
        sources += [where] * (where not in sources)
        level = f" (Inh {float(inhibition):g})" if inhibition and method != "lora" else ""
        params = found["params"].iloc[0]
        found["mean"] = found["value"].astype(float)
        found["text"] = found["value"] + found["status"].map(MARKS).fillna("")
        if averaged and set(averaged) <= set(found["task"]):
            mean = found.loc[found["task"].isin(averaged), "mean"].mean()
            found.loc[len(found), ["task", "metric", "mean", "text"]] = ["glue", "average", mean, f"{mean:.1f}"]
        headings = {
            SECTION: SECTIONS[origin],
            "Model": MODELS.get(model, model),
            "Method": f"{_METHODS.get(method, method)}{level} [{sources.index(where) + 1}]",
            "Trainable": millions(int(params)) if params.isdigit() else params or DASH,
            "Epoch": "/".join(sorted(found["selection"].dropna().unique())),
        }
        method += f"-inhibition{inhibition}" if level else ""
        numbers = {name: pd.to_numeric(found[column]) for name, column in (("n", "seeds"), ("std", "std"))}
        rows.append(found.assign(origin=origin, model=model, method=method, **numbers, **headings))
    notes = [f"[{number}] {where}" for number, where in enumerate(sources, 1)]
    return (pd.concat(rows) if rows else pd.DataFrame()), notes


def _where(found: pd.DataFrame) -> str:
    """Source, status and notes of the entries of one row, each said once, for its columns where not for all."""
    columns = pd.Series([COLUMNS.get(score, score[0]) for score in zip(found["task"], found["metric"], strict=True)])
    source = found["source"].map(folder) + ", " + found["status"]
    seeds = ("n = " + found["seeds"]).where(found["seeds"] != "", "")
    parts = []
    for texts in (source, seeds, found["note"]):
        for text, of in columns[texts != ""].groupby(texts, sort=False):
            parts.append(text if len(of) == len(columns) else f"{', '.join(of)}: {text}")
    return "; ".join(parts) + "."


def folder(source: str) -> str:
    """A source without the part that differs between the runs of one release; the CSV file has it in full."""
    place, colon, path = source.partition(":")
    parts = path.split("/")
    return source if len(parts) < 4 else f"{place}{colon}{parts[0]}/{parts[1]}/…"
