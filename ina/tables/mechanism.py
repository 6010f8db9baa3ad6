"""Tables of measurements inside trained models: where attention goes, and what the gate does.

The value of a run is its mean over the passages of the dev set. Intervals are t intervals over the runs' values, for a
new seed on the same passages. Differences are paired by seed.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pandas as pd
from scipy import stats

from ..analysis import measurement
from ..analysis.gates import MEASURES
from ..analysis.measurement import ALL, Measurement
from ..analysis.texts import KINDS
from .frame import CELL
from .study import Study
from .table import DASH, SECTION, Table, interval, points, signed

ELSEWHERE = "elsewhere"
_RANKS = ["rank_before", "rank_behind"]
_INTERVALS = "In brackets: 95 % intervals for a new seed on the same passages (t over seeds)."
_ATTENTION = {kind: f"Attention to {kind.capitalize()}" for kind in KINDS} | {ELSEWHERE: "Elsewhere if merged"}
_DECIMALS = {"negative_peak": 3}  # it is rare
_GATE = {
    "update": "Update / base, %",
    "passed": "Passed, %",
    "inhibited": "Inhibited, %",
    "tail": "Through the tail, %",
    "negative_peak": "Negative maximum, %",
    "raised": "Passed at negative maximum, % of that without threshold",
    "rank_before": "Effective rank before",
    "rank_behind": "Effective rank after",
    "inhibited_apart": "Inhibited, answer − distractor",
    "passed_apart": "Passed, answer − distractor",
}


@cache
def measured(study: Study) -> list[Measurement]:
    """The measurements of the study's runs, in their order; empty if there are none.

    Raises:
        RecordError: A measurement is damaged, or belongs to another run than the record.
    """
    return measurement.of_runs(study.root, study.records)


@cache
def measurements(study: Study) -> pd.DataFrame:
    """One row per number, shares in points.

    Columns: model, task, method, seed, and those of `ina.analysis.measurement.Measurement`.
    """
    frame = pd.concat([measurement.frame(found) for found in measured(study)], ignore_index=True)
    return frame.assign(value=frame["value"].where(frame["measure"].isin(_RANKS), 100 * frame["value"]))


def attention(study: Study) -> pd.DataFrame:
    """The rows about attention. `to` is "elsewhere" for the share that merging moves to other tokens."""
    found = measurements(study)
    found = found[found["measure"].isin(["attention", "moved"])]
    return found.assign(to=found["to"].replace("", ELSEWHERE))


def over_seeds(frame: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Columns mean, low, high and seeds, indexed by model, task, method and `keys`.

    Values that differ in other columns, such as the layer, are averaged within each run first. A single run has no
    interval (NaN).
    """
    by_run = frame.groupby([*CELL, *keys, "seed"], sort=False)["value"].mean()
    found = by_run.groupby([*CELL, *keys], sort=False).agg(mean="mean", std="std", seeds="count")
    half = stats.t.ppf(0.975, found["seeds"] - 1) * found["std"] / np.sqrt(found["seeds"])
    return found.assign(low=found["mean"] - half, high=found["mean"] + half)[["mean", "low", "high", "seeds"]]


def difference_to(frame: pd.DataFrame, base: str, *keys: str) -> pd.DataFrame:
    """As `over_seeds`, for the differences from the method `base` over the seeds that both have."""
    columns = ["model", "task", "seed", "layer", "site", "measure", "by", "to"]
    is_base = frame["method"] == base
    pairs = frame[~is_base].merge(frame[is_base], on=columns, suffixes=("", "_base"))
    return over_seeds(pairs.assign(value=pairs["value"] - pairs["value_base"]), *keys)


def mechanism_tables(study: Study) -> list[Table]:
    """The tables of attention and of the gate; none if nothing was measured."""
    if not measured(study):
        return []
    has_gate = (measurements(study)["site"] != "").any()
    return [attention_table(study), *([gate_table(study)] if has_gate else [])]


def attention_table(study: Study) -> Table:
    """A row for each method: attention to each kind of token; below, differences from LoRA and from InA at 0."""
    frame = attention(study)
    shares = measurements(study).query("measure == 'share'").drop_duplicates(["model", "task", "to"])
    paid, of_all = "share of attention, %", frame[frame["by"] == ALL]
    blocks = [
        _block(study, over_seeds(shares.assign(method=""), "to"), paid).assign(
            Method="Equal attention to all tokens", n=DASH
        ),
        _block(study, over_seeds(of_all, "to"), paid),
    ]
    data = [over_seeds(of_all, "to").assign(less="")]
    for base in _bases(study):
        label = study.label(model=study.models[0], method=base)
        differences = difference_to(of_all[of_all["to"] != ELSEWHERE], base, "to")
        blocks.append(_block(study, differences, f"minus {label}, points", signed))
        data.append(differences.assign(less=base))
    return Table(
        name="attention",
        title=f"Attention in the trained models, experiment {study.experiment}, data source {study.source}",
        caption=f"Attention paid to tokens of a kind: mean over all tokens, heads, layers and {_passages(study)}. The "
        f"adapter is unmerged. {_INTERVALS}",
        shown=_shown(blocks, ["Method", "n"], _ATTENTION),
        data=pd.concat([part.reset_index() for part in data], ignore_index=True),
        notes=(
            "Distractor: sentences that state the same kind of fact about something else. Punctuation: in the question "
            "and in the text.",
            "Elsewhere if merged: the share of attention that moves to other tokens if the linear part of the adapter "
            "is merged into the base weight and the gate is dropped. The released code does this before it draws its "
            "maps.",
            _answers(study),
        ),
    )


def gate_table(study: Study) -> Table:
    """What the adapter does, mean over layers and tokens: a row for each method and site."""
    frame = measurements(study)
    frame = frame[frame["site"] != ""]
    kinds = frame[frame["measure"].isin(["inhibited", "passed"])].pivot(
        index=[*CELL, "seed", "layer", "site", "measure"], columns="by", values="value"
    )
    apart = kinds.reindex(columns=["answer", "distractor"]).diff(-1, axis=1)["answer"].rename("value").reset_index()
    apart["measure"] += "_apart"
    means = over_seeds(pd.concat([frame[frame["by"] == ALL], apart]), "site", "measure")
    return Table(
        name="gate",
        title=f"The gate in the trained models, experiment {study.experiment}, data source {study.source}",
        caption=f"Mean over layers and the tokens of {_passages(study)}. {_INTERVALS}",
        shown=_shown([_block(study, means)], ["Method", "Site", "n"], _GATE),
        data=means.reset_index(),
        notes=(
            *(f"{_GATE[name].split(',')[0]}: {text}." for name, text in MEASURES.items()),
            "Effective rank of the update over all tokens: exp of the entropy of its normalised singular values, from "
            "1 to the rank. Before: without the gate, Z in place of f(Z − Th). After: with the gate.",
            "Answer − distractor: the difference between tokens of the two kinds, in points.",
        ),
    )


def _bases(study: Study) -> list[str]:
    """What InA is compared with: LoRA, and InA with the activation but without the threshold."""
    methods = dict.fromkeys((found.model, found.method) for found in measured(study))
    by_method = {method: study.settings(model, method) for model, method in methods}
    loras = [method for method, settings in by_method.items() if settings["kind"] == "lora"]
    return [*loras[:1], *(method for method, settings in by_method.items() if settings.get("inhibition") == 0)]


def _block(study: Study, means: pd.DataFrame, ending: str = "", write: Callable = points) -> pd.DataFrame:
    """Rows of `over_seeds` as text: a row for each method and site, a column for each value of the last key."""
    max_seeds = means["seeds"].groupby(level=list(range(means.index.nlevels - 1)), sort=False).transform("max")
    texts = [
        with_interval(row, partial(write, decimals=_DECIMALS.get(row.Index[-1], 1)))
        + f" (n = {row.seeds})" * (row.seeds < n)
        for row, n in zip(means.itertuples(), max_seeds, strict=True)
    ]
    rows = pd.Series(texts, means.index).unstack(sort=False)
    rows = rows.assign(n=max_seeds.groupby(rows.index.names, sort=False).max().map(str)).reset_index()
    model_tasks = [study.model_task_label(*pair) for pair in zip(rows["model"], rows["task"], strict=True)]
    methods = [row.method and study.label(model=row.model, method=row.method) for row in rows.itertuples()]
    sections = [f"{panel}: {ending}" if ending else panel for panel in model_tasks]
    return rows.assign(**{SECTION: sections, "panel": model_tasks, "Method": methods}).rename(columns={"site": "Site"})


def _shown(blocks: list[pd.DataFrame], first: list[str], titles: dict[str, str]) -> pd.DataFrame:
    """The blocks as one table; those of a model and task come together."""
    rows = pd.concat(blocks).sort_values("panel", kind="stable", ignore_index=True)
    return rows.reindex(columns=[SECTION, *first, *titles]).rename(columns=titles).fillna(DASH)


def with_interval(row, write: Callable[[float], str]) -> str:
    """A row of `over_seeds` as text; a single seed has no interval."""
    if np.isnan(row.mean):
        return DASH
    return write(row.mean) + (f" {interval(row.low, row.high, write)}" if row.seeds > 1 else "")


def _passages(study: Study) -> str:
    counts = sorted({found.passages for found in measured(study)})
    return f"{' or '.join(f'{count:,}' for count in counts)} passages of the dev set"


def _answers(study: Study) -> str:
    """A note: what the methods answer to the paper's example."""
    answers: dict[str, list[str]] = {}
    for found in measured(study):
        if found.example:
            label = study.label(model=found.model, method=found.method)
            answers.setdefault(label, []).append(found.example.answer or "nothing")
    listed = "; ".join(f"{method}: {', '.join(texts)}" for method, texts in answers.items())
    return f"Answers to the paper's example, seed by seed: {listed}." if listed else "The task has no questions."
