"""What was measured inside our trained models: evidence on claims 6 and 7."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd

from ..tables.collect import Study
from ..tables.layout import points, signed
from ..tables.measured import (
    ALL,
    ELSEWHERE,
    at_sites,
    attention,
    between,
    kind,
    less,
    lora,
    measured,
    over_seeds,
)
from .ours import Evidence, where

_RARE = partial(points, decimals=3)

EQUATION = """## What the equation itself says

### Facts

- The threshold Th = Inh_p · max(Z) is taken over the rank components of one token. No term compares a token with
  another.
- Where the largest component of a token is negative, Th is negative, and subtracting it raises every component. All of
  them stay below 0, in the tail of f.
- GELU's tail has its minimum near −0.75: raising a component makes it weaker above that and stronger below.

### Inference

- Inhibition by itself cannot single out tokens that do not matter. It can do so only where training has given such
  tokens components that the threshold cuts more; the evidence on claim 7 says how far it has.
"""


def evidence_on_tail(studies: list[Study]) -> Iterator[Evidence]:
    """How much of the components is inhibited, and how much of what the gate passes on comes through f's tail."""
    for study, model in _adapted(studies):
        frame = at_sites(study)
        found = over_seeds(frame[frame["kind"] == ALL], "measure").loc[model]
        texts = [
            f"{study.method_label(method)}: {_told(of, 'inhibited')} of the components are inhibited, and "
            f"{_told(of, 'tail')} of the gated signal's squared norm comes from them"
            for method, of in _inas(study, found)
        ]
        yield "ours", where(study, model), "; ".join(texts)


def evidence_on_attention(studies: list[Study]) -> Iterator[Evidence]:
    """Attention against LoRA's, the gate at answers and distractors, negative maxima, merged pictures."""
    for study, model in _adapted(studies):
        frame, on = at_sites(study), where(study, model)
        for to, of in _against_lora(study, model):
            texts = [f"{study.method_label(method)} {_interval(row, signed)}" for method, row in of.iterrows()]
            yield "ours", on, f"share of attention on {to} less LoRA's, in points, paired by seed: {', '.join(texts)}"
        apart = between(frame[frame["measure"] == "inhibited"], "kind", "answer", "distractor").loc[model]
        texts = [f"{study.method_label(method)} {_interval(row, signed)}" for (_, method), row in apart.iterrows()]
        yield "ours", on, f"components inhibited at answers less at distractors, in points: {', '.join(texts)}"
        found = over_seeds(frame[frame["kind"] == ALL], "measure").loc[model]
        texts = [
            f"{study.method_label(method)}: at {_interval(of.loc['negative_peak'], _RARE)} % of tokens and sites"
            + (f", where the gate passes on {_told(of, 'raised')} of what it would without threshold" * _has(of))
            for method, of in _inas(study, found)
            if _level(study, method)
        ]
        yield "ours", on, f"the largest component is negative, so that the threshold raises all; {'; '.join(texts)}"
        moved = over_seeds(attention(study).query("to == @ELSEWHERE"), "to").loc[model]
        texts = [f"{study.method_label(method)} {_told(of, ELSEWHERE)}" for method, of in _inas(study, moved)]
        yield "ours", on, f"attention that goes to other tokens once the linear part is merged: {', '.join(texts)}"


def state_of_attention(studies: list[Study]) -> str:
    """At how many levels of inhibition attention differs from LoRA's, and which way; blank without measurements."""
    told = []
    for study, model in _adapted(studies):
        if found := dict(_against_lora(study, model)):
            counts = {
                f"{place} {to}": int(((of["low"] > 0) if place == "above" else (of["high"] < 0)).sum())
                for to, of in found.items()
                for place in ("above", "below")
            }
            data = " on generated data" if study.source == "probe" else ""
            told.append(
                f"in {study.model_label(model)}{data} attention to the answer is above LoRA's at "
                f"{counts['above the answer']} and below it at {counts['below the answer']} of "
                f"{len(found['the answer'])} levels of inhibition, attention to distractors below at "
                f"{counts['below distractors']} and above at {counts['above distractors']} (95 % intervals over seeds)"
            )
    return "; ".join(told)


def _adapted(studies: list[Study]) -> Iterator[tuple[Study, str]]:
    """Studies and models with InA that somebody has looked into."""
    for study in studies:
        inas = [found.model for found in measured(study) if kind(study, found.method) == "ina"]
        yield from ((study, model) for model in dict.fromkeys(inas))


def _against_lora(study: Study, model: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Differences in attention, a row a method of InA, for answers and for distractors."""
    base, frame = lora(study), attention(study)
    if base is None:
        return
    found = less(frame[frame["by"] == ALL], base, "to").loc[model]
    for to, name in (("answer", "the answer"), ("distractor", "distractors")):
        of = found.xs(to, level="to").droplevel("task")
        yield name, of[[kind(study, method) == "ina" for method in of.index]]


def _inas(study: Study, found: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for (task, method), of in found.groupby(["task", "method"], sort=False):
        if kind(study, method) == "ina":
            yield method, of.loc[task, method]


def _level(study: Study, method: str) -> float:
    return next(run.config["method"]["inhibition"] for run in study.runs if run.method == method)


def _has(of: pd.DataFrame) -> bool:
    return "raised" in of.index


def _told(of: pd.DataFrame, name: str) -> str:
    return f"{_interval(of.loc[name], points)} %"


def _interval(of: pd.Series, told: Callable[[float], str]) -> str:
    return told(of["mean"]) + (f" [{told(of['low'])}, {told(of['high'])}]" if of["seeds"] > 1 else "")
