"""What was measured inside the trained models of a study: where attention goes, and what the gate does.

The value of a run is a mean over the passages of the dev set. An interval is for a new seed on the same passages: t
over the runs' values. Differences are paired by seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..analysis import measurement
from ..analysis.gates import MEASURES
from ..analysis.measurement import Measurement
from .frame import CELL, Study
from .table import DASH, SECTION, Table, interval, points, signed

ALL = "all"  # kinds of token
KINDS = ("special", "punctuation", "question", "answer", "distractor", "other")
ELSEWHERE = "elsewhere"
RANKS = ("rank_before", "rank_behind")
_INTERVALS = "In brackets: 95 % intervals for a new seed on the same passages (t over seeds)."
_GATE = {
    "update": "Update / base, %",
    "passed": "Passed, %",
    "inhibited": "Inhibited, %",
    "tail": "Through the tail, %",
    "negative_peak": "Negative maximum, %",
    "raised": "Then passed, % of no threshold",
    "rank_before": "Effective rank before",
    "rank_behind": "Effective rank behind",
}
_DECIMALS = {"negative_peak": 3}  # rare


@cache
def measured(study: Study) -> tuple[Measurement, ...]:
    """What was measured in the study's models, in the order of its methods; empty where nobody looked into them.

    Raises:
        RecordError: A measurement is damaged, or of another run than the record.
    """
    return tuple(measurement.of_runs(study.root, study.records))


@cache
def at_sites(study: Study) -> pd.DataFrame:
    """One row a number: model, task, method, seed, layer, site, kind of token (or "all"), measure, value.

    Shares are in points, effective ranks as they are.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for found in measured(study):
            for of in found.findings.sites:
                where = _names(found) | {"layer": of.layer, "site": of.site}
                for measure, value in of.means.items():
                    yield where | {"kind": ALL, "measure": measure, "value": 100 * value}
                for rank in RANKS:
                    yield where | {"kind": ALL, "measure": rank, "value": getattr(of, rank)}
                for measure, kinds in of.by_kind.items():
                    for kind, value in kinds.items():
                        yield where | {"kind": kind, "measure": measure, "value": 100 * value}

    return pd.DataFrame(rows())


@cache
def attention(study: Study) -> pd.DataFrame:
    """One row a number: model, task, method, seed, layer, by, to (kinds of token; `by` may be "all"), value in points.

    Where `to` is "elsewhere", it is the attention that moves once the linear part of the adapter is merged.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for found in measured(study):
            for layer, paid in enumerate(found.findings.mass, 1):
                where = _names(found) | {"layer": layer}
                for by, mass in paid.items():
                    yield from (where | {"by": by, "to": to, "value": 100 * value} for to, value in mass.items())
                if found.findings.merged:
                    yield where | {"by": ALL, "to": ELSEWHERE, "value": 100 * found.findings.merged[layer - 1]}

    return pd.DataFrame(rows())


def _names(found: Measurement) -> dict[str, Any]:
    return found.model_dump(include={*CELL, "seed"})


def over_seeds(frame: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Columns mean, low, high and seeds, indexed by model, task, method and `keys`.

    What the keys leave open, such as the layer, is averaged within each run first. One run alone has no interval (NaN).
    """
    groups = _runs(frame, keys).groupby([*CELL, *keys], sort=False)["value"]
    found = groups.agg(mean="mean", std="std", seeds="count")
    half = stats.t.ppf(0.975, found["seeds"] - 1) * found["std"] / np.sqrt(found["seeds"])
    return found.assign(low=found["mean"] - half, high=found["mean"] + half)[["mean", "low", "high", "seeds"]]


def difference_to(frame: pd.DataFrame, base: str, *keys: str) -> pd.DataFrame:
    """The same for the differences to the method `base`, over the seeds that both have."""
    runs = _runs(frame, keys)
    on = ["model", "task", *keys, "seed"]
    both = runs[runs["method"] != base].merge(runs[runs["method"] == base], on=on, suffixes=("", "_base"))
    return over_seeds(both.assign(value=both["value"] - both["value_base"]), *keys)


def difference_between(frame: pd.DataFrame, column: str, a: str, b: str) -> pd.DataFrame:
    """The same for the differences between two values of a column within each run, A minus B."""
    wide = frame[frame[column].isin((a, b))].pivot_table("value", [*CELL, "seed"], column, sort=False)
    return over_seeds((wide[a] - wide[b]).rename("value").reset_index())


def _runs(frame: pd.DataFrame, keys: tuple[str, ...]) -> pd.DataFrame:
    return frame.groupby([*CELL, *keys, "seed"], sort=False)["value"].mean().reset_index()


def measured_methods(study: Study, kind: str) -> list[tuple[str, str]]:
    """The (model, method) of a kind, such as "lora" or "ina", that were measured."""
    found = dict.fromkeys((one.model, one.method) for one in measured(study))
    return [(model, method) for model, method in found if study.settings(model, method)["kind"] == kind]


def mechanism_tables(study: Study) -> list[Table]:
    """Attention and the gate; none where nothing was measured."""
    if not measured(study):
        return []
    return [attention_table(study), *([gate_table(study)] if len(at_sites(study)) else [])]


def attention_table(study: Study) -> Table:
    """A row a method: the attention that tokens of each kind get; below, the differences to LoRA."""
    frame = attention(study)
    base = next((method for _, method in measured_methods(study, "lora")), None)
    of_all = frame[frame["by"] == ALL]
    columns = {kind: f"Attention to {kind.capitalize()}" for kind in KINDS} | {ELSEWHERE: "Elsewhere if merged"}
    rows, data = [], [over_seeds(frame, "layer", "by", "to").assign(less="")]
    for model, task, title in _panels(study):
        section = f"{title}: share of attention, %"
        equal = next(one.findings.shares for one in measured(study) if (one.model, one.task) == (model, task))
        rows.append(
            {SECTION: section, "Method": "If all tokens got equal", "n": DASH, columns[ELSEWHERE]: DASH}
            | {columns[kind]: points(100 * equal[kind]) for kind in KINDS}
        )
        rows += _rows(study, over_seeds(of_all, "to"), model, task, section, columns, points)
        if base:
            section = f"{title}: less {study.label(model=model, method=base)}, points"
            found = difference_to(of_all[of_all["to"] != ELSEWHERE], base, "to")
            rows += _rows(study, found, model, task, section, columns, signed)
    if base:
        data.append(difference_to(frame, base, "layer", "by", "to").assign(less=base))
    return Table(
        name="attention",
        title=f"Attention in the trained models, experiment {study.experiment}, data source {study.source}",
        caption=f"Attention paid to tokens of a kind: mean over all tokens, heads, layers and {_passages(study)}. The "
        f"adapter is unmerged. {_INTERVALS}",
        shown=pd.DataFrame(rows, columns=[SECTION, "Method", "n", *columns.values()]),
        data=_flat(data),
        notes=(
            "Distractor: sentences that state the same kind of fact about something else. Punctuation: of question and "
            "text alike.",
            "Elsewhere if merged: how much attention goes to other tokens once the linear part of the adapter is "
            "merged into the base weight and the gate is dropped, as the released code does before it draws maps.",
            _answers(study),
        ),
    )


def gate_table(study: Study) -> Table:
    """What the adapter does, mean over layers and tokens: a row for each method and site."""
    frame = at_sites(study)
    found = over_seeds(frame[frame["kind"] == ALL], "site", "measure")
    rows = []
    for model, task, title in _panels(study):
        for (method, site), of in found.loc[model, task].groupby(["method", "site"], sort=False):
            of = of.loc[method, site]
            row = {SECTION: title, "Method": study.label(model=model, method=method), "Site": site}
            row["n"] = f"{of['seeds'].max():.0f}"
            for name, column in _GATE.items():
                write = partial(points, decimals=_DECIMALS.get(name, 1))
                row[column] = with_interval(of.loc[name], write) if name in of.index else DASH
            rows.append(row)
    return Table(
        name="gate",
        title=f"The gate in the trained models, experiment {study.experiment}, data source {study.source}",
        caption=f"Mean over layers and the tokens of {_passages(study)}. {_INTERVALS}",
        shown=pd.DataFrame(rows),
        data=_flat([over_seeds(frame, "layer", "site", "kind", "measure")]),
        notes=(
            *(f"{_GATE[name].split(',')[0]}: {text}." for name, text in MEASURES.items()),
            "Effective rank: of the update over all tokens, exp of the entropy of its normalised singular values: "
            "before the gate, with Z in the place of f(Z − Th), and behind it. From 1 to the rank.",
        ),
    )


def _panels(study: Study) -> Iterator[tuple[str, str, str]]:
    """Model, task and a heading of each part of a table."""
    for model, task in dict.fromkeys((found.model, found.task) for found in measured(study)):
        yield model, task, f"{study.label(model=model)}, {study.label(task=task)}"


def _rows(
    study: Study, found: pd.DataFrame, model: str, task: str, section: str, columns: dict[str, str], write: Callable
) -> Iterator[dict[str, str]]:
    """A row a method: its label, the number of seeds and the value in each of the columns."""
    for method, of in found.loc[model, task].groupby("method", sort=False):
        of = of.loc[method]
        cells = {title: with_interval(of.loc[name], write) if name in of.index else DASH
                 for name, title in columns.items()}  # fmt: skip
        label = study.label(model=model, method=method)
        yield {SECTION: section, "Method": label, "n": f"{of['seeds'].max():.0f}"} | cells


def with_interval(of: pd.Series, write: Callable[[float], str]) -> str:
    """A row of `over_seeds` in print; one seed has no interval."""
    mean, low, high = (round(of[name], 5) + 0.0 for name in ("mean", "low", "high"))  # no "−0.0"
    return f"{write(mean)} {interval(low, high, write)}" if of["seeds"] > 1 else write(mean)


def _passages(study: Study) -> str:
    counts = sorted({found.findings.passages for found in measured(study)})
    return f"{' or '.join(f'{count:,}' for count in counts)} passages of the dev set"


def _answers(study: Study) -> str:
    """What the arms answer to the paper's example."""
    answers: dict[str, list[str]] = {}
    for found in measured(study):
        if found.example:
            label = study.label(model=found.model, method=found.method)
            answers.setdefault(label, []).append(found.example.answer or "nothing")
    listed = "; ".join(f"{method}: {', '.join(given)}" for method, given in answers.items())
    return f"Answers to the paper's example, seed by seed: {listed}." if listed else "The task has no questions."


def _flat(found: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([one.reset_index() for one in found], ignore_index=True)
