"""Tables of what was measured inside the trained models: where attention goes, and what the gate does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd

from ..analysis.gates import MEASURES
from . import collect
from .collect import Study
from .layout import DASH, Column, Row, Table, points, signed
from .measured import ALL, ELSEWHERE, RANKS, at_sites, attention, between, less, lora, measured, over_seeds

KINDS = ("special", "punctuation", "question", "answer", "distractor", "other")
_INTERVALS = "In brackets: 95 % intervals for a new seed on the same passages (t over seeds)."
_GATE = {
    "update": "Update / base, %",
    "passed": "Passed, %",
    "inhibited": "Inhibited, %",
    "tail": "Through the tail, %",
    "negative_peak": "Negative maximum, %",
    "raised": "Then passed, % of no threshold",
    "rank_before": "Before",
    "rank_behind": "Behind",
}


_TOLD: dict[str, Callable[[float], str]] = {
    **dict.fromkeys(RANKS, "{:.1f}".format),
    "negative_peak": partial(points, decimals=3),  # rare
}


def mechanism_tables(study: Study) -> list[Table]:
    """Attention, the gate, and the gate by kind of token; none where nothing was measured."""
    tables = [attention_table(study)] if measured(study) else []
    return [*tables, gate_table(study), kinds_table(study)] if tables and len(at_sites(study)) else tables


def attention_table(study: Study) -> Table:
    """A row a method: the attention that tokens of each kind get; below, the differences to LoRA."""
    frame, base = attention(study), lora(study)
    of_all = frame[frame["by"] == ALL]
    columns = (*KINDS, ELSEWHERE)
    rows = []
    for model, task, title in _panels(study):
        rows.append(Row((f"{title}: share of attention, %",), "section"))
        equal = next(one.findings.shares for one in measured(study) if (one.model, one.task) == (model, task))
        rows.append(Row(("If all tokens got equal", DASH, *(points(equal[kind]) for kind in KINDS), DASH), "second"))
        rows += _rows(study, over_seeds(of_all, "to"), model, task, columns, points)
        if base:
            rows.append(Row((f"{title}: less {study.method_label(base)}, points",), "section"))
            rows += _rows(study, less(of_all[of_all["to"] != ELSEWHERE], base, "to"), model, task, columns, signed)
    details = [over_seeds(frame, "layer", "by", "to").assign(less="")]
    if base:
        details.append(less(frame, base, "layer", "by", "to").assign(less=base))
    return Table(
        name="attention",
        number="",
        title=f"Attention in the trained models, experiment {study.experiment}, data source {study.source}",
        caption=f"Attention paid to tokens of a kind: mean over all tokens, heads, layers and {_passages(study)}. The "
        f"adapter is unmerged. {_INTERVALS}",
        columns=(
            Column("Method", numeric=False),
            Column("n"),
            *(Column(kind.capitalize(), "Attention to") for kind in KINDS),
            Column("Elsewhere if merged"),
        ),
        rows=tuple(rows),
        notes=(
            "Distractor: sentences that state the same kind of fact about something else. Punctuation: of question and "
            "text alike.",
            "Elsewhere if merged: how much attention goes to other tokens once the linear part of the adapter is "
            "merged into the base weight and the gate is dropped, as the released code does before it draws maps.",
            _answers(study),
        ),
        data=_flat(*details),
    )


def gate_table(study: Study) -> Table:
    """What the adapter does, mean over layers and tokens: a row for each method and site."""
    frame = at_sites(study)
    found = over_seeds(frame[frame["kind"] == ALL], "site", "measure")
    rows = []
    for model, task, title in _panels(study):
        rows.append(Row((title,), "section"))
        for (method, site), of in found.loc[model, task].groupby(["method", "site"], sort=False):
            of = of.loc[method, site]
            shown = [
                with_interval(of.loc[name], _TOLD.get(name, points)) if name in of.index else DASH for name in _GATE
            ]
            rows.append(Row((study.method_label(method), site, f"{of['seeds'].max():.0f}", *shown)))
    return Table(
        name="gate",
        number="",
        title=f"The gate in the trained models, experiment {study.experiment}, data source {study.source}",
        caption=f"Mean over layers and the tokens of {_passages(study)}. {_INTERVALS}",
        columns=(
            Column("Method", numeric=False),
            Column("Site", numeric=False),
            Column("n"),
            *(Column(title, "Effective rank" if name in RANKS else "") for name, title in _GATE.items()),
        ),
        rows=tuple(rows),
        notes=(
            *(f"{_GATE[name].split(',')[0]}: {text}." for name, text in MEASURES.items()),
            "Effective rank: of the update over all tokens, exp of the entropy of its normalised singular values: "
            "before the gate, with Z in the place of f(Z − Th), and behind it. From 1 to the rank.",
        ),
        data=_flat(over_seeds(frame, "layer", "site", "kind", "measure")),
    )


def kinds_table(study: Study) -> Table:
    """The gate by kind of token: does it hold back more where the text does not matter?"""
    frame = at_sites(study)
    rows, details = [], []
    for measure in ("inhibited", "passed"):
        of = frame[frame["measure"] == measure]
        found, apart = over_seeds(of, "kind"), between(of, "kind", "answer", "distractor")
        details += [found.assign(measure=measure), apart.assign(measure=measure, kind="answer less distractor")]
        for model, task, title in _panels(study):
            rows.append(Row((f"{title}: {MEASURES[measure]}, %",), "section"))
            for row in _rows(study, found, model, task, (ALL, *KINDS), points):
                method = next(name for _, name in study.methods if study.method_label(name) == row.cells[0])
                there = (model, task, method) in apart.index
                ending = with_interval(apart.loc[model, task, method], signed) if there else DASH
                rows.append(Row((*row.cells, ending)))
    return Table(
        name="gate_kinds",
        number="",
        title=f"The gate by kind of token, experiment {study.experiment}, data source {study.source}",
        caption=f"Mean over layers and sites, over the tokens of {_passages(study)}. {_INTERVALS}",
        columns=(
            Column("Method", numeric=False),
            Column("n"),
            *(Column(kind.capitalize()) for kind in (ALL, *KINDS)),
            Column("Answer − distractor"),
        ),
        rows=tuple(rows),
        data=_flat(*details),
    )


def _panels(study: Study) -> Iterator[tuple[str, str, str]]:
    """Model, task and a heading of each part of a table."""
    for model, task in dict.fromkeys((found.model, found.task) for found in measured(study)):
        yield model, task, f"{study.model_label(model)}, {collect.task_label(task)}"


def _rows(
    study: Study, found: pd.DataFrame, model: str, task: str, columns: tuple[str, ...], told: Callable[..., str]
) -> Iterator[Row]:
    """A row a method: its label, the number of seeds and the value in each of the columns."""
    for method, of in found.loc[model, task].groupby("method", sort=False):
        of = of.loc[method]
        cells = [with_interval(of.loc[name], told) if name in of.index else DASH for name in columns]
        yield Row((study.method_label(method), f"{of['seeds'].max():.0f}", *cells))


def with_interval(of: pd.Series, told: Callable[[float], str]) -> str:
    """A row of `over_seeds` in print; one seed has no interval."""
    mean, low, high = (told(round(of[name], 5) + 0.0) for name in ("mean", "low", "high"))  # no "−0.0"
    return f"{mean} [{low}, {high}]" if of["seeds"] > 1 else mean


def _passages(study: Study) -> str:
    counts = sorted({found.findings.passages for found in measured(study)})
    return f"{' or '.join(f'{count:,}' for count in counts)} passages of the dev set"


def _answers(study: Study) -> str:
    """What the arms answer to the paper's example."""
    given: dict[str, list[str]] = {}
    for found in measured(study):
        if found.example:
            given.setdefault(study.method_label(found.method), []).append(found.example.answer or "nothing")
    told = "; ".join(f"{method}: {', '.join(answers)}" for method, answers in given.items())
    return f"Answers to the paper's example, seed by seed: {told}." if told else "The task has no questions."


def _flat(*found: pd.DataFrame) -> pd.DataFrame:
    """For the CSV file: shares in points, effective ranks as they are."""
    frame = pd.concat([one.reset_index() for one in found], ignore_index=True)
    scale = 100.0 if "measure" not in frame else (~frame["measure"].isin(RANKS)).map({True: 100.0, False: 1.0})
    return frame.assign(**{name: frame[name] * scale for name in ("mean", "low", "high")})
