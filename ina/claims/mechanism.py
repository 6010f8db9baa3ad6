"""What was measured with more and more distractors, and inside our trained models: evidence on claims 6 and 7."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from ..tables.collect import Study
from ..tables.distractors import WORDS, Advantage, advantages, levels
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
from ..tables.mechanism import with_interval
from .ours import Evidence, weightiest, where

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


def evidence_on_growth(studies: list[Study]) -> Iterator[Evidence]:
    """One line for each advantage of InA: with each number of distractors, and whether it grows with them."""
    for study, one in _advantages(studies):
        told = [
            f"{signed(of.difference.value)} with {level}" for level, of in zip(levels(study), one.by_level, strict=True)
        ]
        ends = one.verdict.interval
        growth = f"growth {signed(one.growth.difference.value)} [{signed(ends.low)}, {signed(ends.high)}]"
        pair = f"{study.method_label(one.a)} − {study.method_label(one.b)}"
        text = f"{pair}, F1 by number of distractors: {', '.join(told)}; {growth}: {WORDS[one.verdict.verdict]}"
        yield "ours", where(study, one.model), text


def state_of_growth(studies: list[Study]) -> str:
    """At how many levels of inhibition InA's advantage grows with the number of distractors, and whether the activation
    alone, at inhibition 0, has one that grows; blank if not measured."""
    found: dict[tuple[str, str, bool], list[str]] = {}
    for study, one in weightiest(_advantages(studies)):
        on = f"in {study.model_label(one.model)} on generated data"
        of = (on, study.method_label(one.b), bool(_level(study, one.a)))
        found.setdefault(of, []).append(one.verdict.verdict)
    told = []
    for (on, base, inhibits), verdicts in sorted(found.items(), reverse=True):
        if inhibits:
            told.append(
                f"{on}, InA's advantage over {base} grows with the number of distractors at "
                f"{verdicts.count('better')} of {len(verdicts)} levels of inhibition ({verdicts.count('undecided')} "
                f"undecided, {verdicts.count('depends on the rate')} depending on the rate)"
            )
        else:
            told.append(
                f"{on}, the advantage over {base} of InA without inhibition, which is its activation alone: "
                f"{WORDS[verdicts[0]]}"
            )
    return "; ".join(told)


def _advantages(studies: list[Study]) -> Iterator[tuple[Study, Advantage]]:
    """Those of InA, without inhibition too: there the activation alone differs from LoRA."""
    for study in filter(levels, studies):
        yield from ((study, one) for one in advantages(study))


def evidence_on_attention(studies: list[Study]) -> Iterator[Evidence]:
    """Attention against LoRA's, the gate at answers and distractors, negative maxima, merged pictures."""
    for study, model in _adapted(studies):
        frame, on = at_sites(study), where(study, model)
        for base in _bases(study):
            for to, of in _against(study, model, base):
                texts = [f"{study.method_label(method)} {with_interval(row, signed)}" for method, row in of.iterrows()]
                less_what = f"less that of {study.method_label(base)}, in points, paired by seed"
                yield "ours", on, f"share of attention on {to} {less_what}: {', '.join(texts)}"
        for measure, what in (("inhibited", "share of components inhibited"), ("passed", "share of norm passed on")):
            apart = between(frame[frame["measure"] == measure], "kind", "answer", "distractor").loc[model]
            texts = [
                f"{study.method_label(method)} {with_interval(row, signed)}" for (_, method), row in apart.iterrows()
            ]
            yield "ours", on, f"{what} at answers less that at distractors, in points: {', '.join(texts)}"
        found = over_seeds(frame[frame["kind"] == ALL], "measure").loc[model]
        texts = [
            f"{study.method_label(method)}: at {with_interval(of.loc['negative_peak'], _RARE)} % of tokens and sites"
            + (f", where the gate passes on {_told(of, 'raised')} of what it would without threshold" * _has(of))
            for method, of in _inas(study, found)
            if _level(study, method)
        ]
        yield "ours", on, f"the largest component is negative, so that the threshold raises all; {'; '.join(texts)}"
        moved = over_seeds(attention(study).query("to == @ELSEWHERE"), "to").loc[model]
        texts = [f"{study.method_label(method)} {_told(of, ELSEWHERE)}" for method, of in _inas(study, moved)]
        yield "ours", on, f"attention that goes to other tokens once the linear part is merged: {', '.join(texts)}"


def state_of_attention(studies: list[Study]) -> str:
    """At how many levels of inhibition attention differs from that of others, and which way; blank if not measured."""
    told = []
    for study, model in _adapted(studies):
        texts = []
        for base in _bases(study):
            found = dict(_against(study, model, base))
            above, below = ({to: int(_beyond(of, way).sum()) for to, of in found.items()} for way in (1, -1))
            texts.append(
                f"against {study.method_label(base)}, attention to the answer is above at {above['the answer']} and "
                f"below at {below['the answer']} of {len(found['the answer'])} levels of inhibition, to distractors "
                f"below at {below['distractors']} and above at {above['distractors']}"
            )
        if texts:
            data = " on generated data" if study.source == "probe" else ""
            ending = "95 % intervals over seeds, not corrected for their number"
            told.append(f"in {study.model_label(model)}{data}, {', and '.join(texts)} ({ending})")
    return "; ".join(told)


def _beyond(of: pd.DataFrame, way: int) -> pd.Series:
    return of["low"] > 0 if way > 0 else of["high"] < 0


def _adapted(studies: list[Study]) -> Iterator[tuple[Study, str]]:
    """Studies and models with InA that somebody has looked into."""
    for study in studies:
        inas = [found.model for found in measured(study) if kind(study, found.method) == "ina"]
        yield from ((study, model) for model in dict.fromkeys(inas))


def _bases(study: Study) -> list[str]:
    """What InA is compared with: LoRA, and InA without inhibition, which has the activation but no threshold."""
    inas = dict.fromkeys(found.method for found in measured(study) if kind(study, found.method) == "ina")
    return [*filter(None, [lora(study)]), *(method for method in inas if not _level(study, method))]


def _against(study: Study, model: str, base: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Differences in attention, a row a method of InA, for answers and for distractors."""
    frame = attention(study)
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
    return f"{with_interval(of.loc[name], points)} %"
