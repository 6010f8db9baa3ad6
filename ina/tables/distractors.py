"""Scores against the number of distractors: does inhibition help more where more is irrelevant?

The runs are trained with one number of distractors and measured with several (`data.test_distractors`), which differ
in nothing else: the same questions with the same answers. So an advantage of one method over another can be followed
from paragraphs with fewer distractors than in training to those with more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import stats
from ..data.schema import level_split
from . import collect
from .collect import Cell, Study
from .layout import Column, Row, Table, points, signed
from .outcomes import RESAMPLES, outcomes
from .verdicts import is_primary

RULE = "last"
WORDS = {
    "better": "grows",
    "worse": "shrinks",
    "equivalent": "stays",
    "undecided": "undecided",
    "depends on the rate": "depends on the rate",
}


@dataclass(frozen=True)
class Advantage:
    """The advantage of method A over method B on one task.

    by_level: A minus B with each number of distractors
    growth: what the advantage is worth with more distractors than in training, less what it is worth with fewer
    verdict: on the growth; families are those of :func:`ina.tables.verdicts.judge`
    """

    model: str
    task: str
    a: str
    b: str
    by_level: tuple[stats.Comparison, ...]
    growth: stats.Comparison
    verdict: stats.Verdict


def levels(study: Study) -> tuple[int, ...]:
    """The numbers of distractors that all runs were measured with; none where they were measured with one alone."""
    measured = [{_trained(run), *(run.config["data"].get("test_distractors") or [])} for run in study.runs]
    common = set.intersection(*measured)
    return tuple(sorted(common)) if len(common) > 1 and len({_trained(run) for run in study.runs}) == 1 else ()


def f1(study: Study, cell: Cell, level: int, seeds: tuple[int, ...]) -> np.ndarray:
    """F1 of every question with `level` distractors, (seeds, questions)."""
    split = "validation" if level == _trained(cell.first) else level_split(level)
    return outcomes(study, cell, RULE, seeds, split).predictions


def advantages(study: Study) -> list[Advantage]:
    """InA against LoRA, and InA with inhibition against InA without: the arms that differ in the gate or its level."""
    found = list(_compared(study))
    verdicts: dict[int, stats.Verdict] = {}
    families: dict[tuple[str, bool], list[int]] = {}
    for index, (model, task, a, b, *_) in enumerate(found):
        families.setdefault((model, is_primary(study, a, b, task)), []).append(index)
    for family in families.values():
        margins = [stats.METRICS["mean"].margin] * len(family)
        verdicts |= dict(zip(family, stats.decide([found[index][-1] for index in family], margins), strict=True))
    other = [(name, advantages(varied)) for name, varied, _ in study.with_one_arm_at_another_rate()]
    return [
        Advantage(*one, stats.at_other_rates(verdicts[index], {name: of[index].verdict for name, of in other}))
        for index, one in enumerate(found)
    ]


def _compared(study: Study) -> Iterator[tuple[str, str, str, str, tuple[stats.Comparison, ...], stats.Comparison]]:
    for (model, task, a), cell in study.cells.items():
        of = cell.first.config["method"]
        for (_, _, b), other in study.cells.items():
            to = other.first.config["method"]
            plain = to["kind"] == "lora" or (to["kind"] == "ina" and to["inhibition"] == 0 < of.get("inhibition", 0))
            if of["kind"] == "ina" and plain and (other.model, other.task) == (model, task):
                seeds = tuple(sorted(set(cell.seeds) & set(other.seeds)))
                if seeds:
                    yield model, task, a, b, *_advantage(study, cell, other, seeds)


def _advantage(
    study: Study, a: Cell, b: Cell, seeds: tuple[int, ...]
) -> tuple[tuple[stats.Comparison, ...], stats.Comparison]:
    def work() -> tuple[tuple[stats.Comparison, ...], stats.Comparison]:
        both = [{level: f1(study, cell, level, seeds) for level in levels(study)} for cell in (a, b)]
        by_level = tuple(stats.compare("mean", None, *(one[k] for one in both), 0, RESAMPLES) for k in both[0])
        trained = _trained(a.first)
        changes = [_over(one, lambda k: k > trained) - _over(one, lambda k: k < trained) for one in both]
        return by_level, stats.compare("mean", None, *changes, 0, RESAMPLES)

    return study.once(("distractors", a.name, b.name), work)


def _over(scores: dict[int, np.ndarray], wanted) -> np.ndarray:
    """Mean of each question over the numbers of distractors that are `wanted`."""
    return np.mean([score for level, score in scores.items() if wanted(level)], axis=0)


def level_summary(study: Study, cell: Cell, level: int) -> stats.CellSummary:
    """F1 of a cell with `level` distractors."""
    return study.once(
        ("level", cell.name, level),
        lambda: stats.summarise("mean", None, f1(study, cell, level, cell.seeds), 0, resamples=RESAMPLES),
    )


def distractor_table(study: Study) -> Table:
    """A section of F1 for each model and task, a row a method; below, the advantages and whether they grow."""
    measured, trained = levels(study), _trained(study.runs[0])
    rows, data = [], []
    for model, task in dict.fromkeys((cell.model, cell.task) for cell in study.cells.values()):
        rows.append(Row((f"{study.model_label(model)}, {collect.task_label(task)}: F1",), "section"))
        for cell in study.cells.values():
            if (cell.model, cell.task) == (model, task):
                found = [level_summary(study, cell, level) for level in measured]
                texts = [f"{points(one.mean)} {_interval(one)}" for one in found]
                rows.append(Row((study.method_label(cell.method), f"{len(cell.seeds)}", *texts, "", "", "")))
                data += [_flat(cell.name, "", level, one.mean, one) for level, one in zip(measured, found, strict=True)]
        mine = [one for one in advantages(study) if (one.model, one.task) == (model, task)]
        if mine:
            rows.append(Row((f"{study.model_label(model)}, {collect.task_label(task)}: differences",), "section"))
        for one in mine:
            pair = f"{study.method_label(one.a)} − {study.method_label(one.b)}"
            shown = [f"{signed(c.difference.value)} {_interval(c)}" for c in one.by_level]
            shown.append(f"{signed(one.growth.difference.value)} {_interval(one.verdict)}")
            ending = (WORDS[one.verdict.verdict], one.verdict.reason.replace("-", "−"))
            rows.append(Row((pair, f"{one.growth.seeds}", *shown, *ending)))
            names = (f"{model}--{task}--{one.a}", f"{model}--{task}--{one.b}")
            compared = zip((*measured, "growth"), (*one.by_level, one.growth), strict=True)
            data += [_flat(*names, level, c.difference.value, c) for level, c in compared]
    fewer, more = ([k for k in measured if k < trained], [k for k in measured if k > trained])
    return Table(
        name="distractors",
        number="",
        title=f"Scores by number of distractors, experiment {study.experiment}, data source {study.source}",
        caption=f"F1 in points with 95 % intervals on the same questions, with so many irrelevant facts in the "
        f"paragraph; trained with {trained}; {RULE} epoch.",
        columns=(
            Column("Method", numeric=False),
            Column("n"),
            *(Column(str(level), "Distractors") for level in measured),
            Column("Growth"),
            Column("The advantage", numeric=False),
            Column("Because", numeric=False),
        ),
        rows=tuple(rows),
        notes=(
            f"Growth: the difference with {_words(more)} distractors (mean) less that with {_words(fewer)}. It is "
            "positive where the first method gains on the second as more is irrelevant; verdict by the rules of "
            "ina/stats/verdict.py, InA at 0.3 against LoRA and against none being the primary family of a model.",
            "Intervals: of the expected score and difference over seeds and questions; those of growth are "
            "simultaneous for their family.",
        ),
        data=pd.DataFrame(data),
    )


def _flat(a: str, b: str, level: int | str, value: float, found: stats.CellSummary | stats.Comparison) -> dict:
    return {
        "a": a,
        "b": b,
        "distractors": level,
        "seeds": found.seeds,
        "value": 100 * value,
        "low": 100 * found.interval.low,
        "high": 100 * found.interval.high,
    }


def _interval(found: stats.CellSummary | stats.Comparison | stats.Verdict) -> str:
    return f"[{points(found.interval.low)}, {points(found.interval.high)}]"


def _words(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))


def _trained(run) -> int:
    return run.config["data"]["distractors"]
