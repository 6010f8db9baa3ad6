"""What was measured inside the trained models of a study, and its intervals over seeds.

The value of a run is a mean over the passages of the dev set. An interval is for a new seed on the same passages: t
over the runs' values. Differences are paired by seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..analysis import measurement
from ..analysis.measurement import Measurement
from .collect import Study

ALL = "all"  # kinds of token
ELSEWHERE = "elsewhere"
RANKS = ("rank_before", "rank_behind")
_CELL = ["model", "task", "method"]


def measured(study: Study) -> tuple[Measurement, ...]:
    """What was measured in the study's models, in the order of its methods; empty where nobody looked into them.

    Raises:
        RecordError: A measurement is damaged, or of another run than the record.
    """
    runs = [run for cell in study.cells.values() for run in cell.runs]
    return study.once("measured", lambda: tuple(measurement.of_runs(study.root, runs)))


def at_sites(study: Study) -> pd.DataFrame:
    """One row a number: model, task, method, seed, layer, site, kind of token (or "all"), measure, value."""

    def rows() -> Iterator[dict[str, Any]]:
        for found in measured(study):
            for of in found.findings.sites:
                where = _names(found) | {"layer": of.layer, "site": of.site}
                for measure, value in (of.means | {rank: getattr(of, rank) for rank in RANKS}).items():
                    yield where | {"kind": ALL, "measure": measure, "value": value}
                for measure, kinds in of.by_kind.items():
                    yield from (where | {"kind": kind, "measure": measure, "value": v} for kind, v in kinds.items())

    return study.once("at sites", lambda: pd.DataFrame(rows()))


def attention(study: Study) -> pd.DataFrame:
    """One row a number: model, task, method, seed, layer, by, to (kinds of token; `by` may be "all"), value.

    Where `to` is "elsewhere", it is the attention that moves once the linear part of the adapter is merged.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for found in measured(study):
            for layer, paid in enumerate(found.findings.mass, 1):
                where = _names(found) | {"layer": layer}
                for by, mass in paid.items():
                    yield from (where | {"by": by, "to": to, "value": value} for to, value in mass.items())
                if found.findings.merged:
                    yield where | {"by": ALL, "to": ELSEWHERE, "value": found.findings.merged[layer - 1]}

    return study.once("attention", lambda: pd.DataFrame(rows()))


def _names(found: Measurement) -> dict[str, Any]:
    return found.model_dump(include={"model", "task", "method", "seed"})


def over_seeds(frame: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Columns mean, low, high and seeds, indexed by model, task, method and `keys`.

    What the keys leave open, such as the layer, is averaged within each run first. One run alone has no interval (NaN).
    """
    groups = _runs(frame, keys).groupby([*_CELL, *keys], sort=False)["value"]
    found = groups.agg(mean="mean", spread="std", seeds="count")
    half = stats.t.ppf(0.975, found["seeds"] - 1) * found["spread"] / np.sqrt(found["seeds"])
    return found.assign(low=found["mean"] - half, high=found["mean"] + half)[["mean", "low", "high", "seeds"]]


def less(frame: pd.DataFrame, base: str, *keys: str) -> pd.DataFrame:
    """The same for the differences to the method `base`, over the seeds that both have."""
    runs = _runs(frame, keys)
    on = ["model", "task", *keys, "seed"]
    both = runs[runs["method"] != base].merge(runs[runs["method"] == base], on=on, suffixes=("", "_base"))
    return over_seeds(both.assign(value=both["value"] - both["value_base"]), *keys)


def between(frame: pd.DataFrame, column: str, a: str, b: str) -> pd.DataFrame:
    """The same for the differences between two values of a column within each run, A less B."""
    wide = frame[frame[column].isin((a, b))].pivot_table("value", [*_CELL, "seed"], column, sort=False)
    return over_seeds((wide[a] - wide[b]).rename("value").reset_index())


def _runs(frame: pd.DataFrame, keys: tuple[str, ...]) -> pd.DataFrame:
    return frame.groupby([*_CELL, *keys, "seed"], sort=False)["value"].mean().reset_index()


def kind(study: Study, method: str) -> str:
    """What a method is: "full", "lora" or "ina"."""
    return next(run.config["method"]["kind"] for run in study.runs if run.method == method)


def lora(study: Study) -> str | None:
    """The method that others are compared with: LoRA, where it was measured."""
    return next((found.method for found in measured(study) if kind(study, found.method) == "lora"), None)
