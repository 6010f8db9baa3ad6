"""Scores against the number of distractors: does inhibition help more where more is irrelevant?

The runs are trained with one number of distractors and measured with several (`data.test_distractors`), which differ
in nothing else: the same questions with the same answers. So an advantage of one method over another can be followed
from paragraphs with fewer distractors than in training to those with more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from .. import stats
from ..data.schema import level_split
from .frame import Key, Study
from .outcomes import RESAMPLES, outcomes
from .table import SECTION, Table, interval, points, signed
from .verdicts import at_other_rates, is_primary

SELECTION = "last"
GROWTH = "growth"  # in the place of a number of distractors
WORDS = {
    "better": "grows",
    "worse": "shrinks",
    "equivalent": "stays",
    "undecided": "undecided",
    "depends on the rate": "depends on the rate",
}


@cache
def levels(study: Study) -> tuple[int, ...]:
    """The numbers of distractors that all runs were measured with; none where they were measured with one alone."""
    runs = study.runs
    if "data.test_distractors" not in runs or runs["data.distractors"].nunique() > 1:
        return ()
    others = (of if isinstance(of, tuple) else () for of in runs["data.test_distractors"])
    common = set.intersection(*({trained(study), *of} for of in others))
    return tuple(sorted(common)) if len(common) > 1 else ()


def trained(study: Study) -> int:
    """The number of distractors in training."""
    return study.runs["data.distractors"].iloc[0]


def fewer_and_more(study: Study) -> tuple[list[int], list[int]]:
    """The numbers of distractors below and above that in training."""
    return [k for k in levels(study) if k < trained(study)], [k for k in levels(study) if k > trained(study)]


def f1(study: Study, key: Key, level: int, seeds: tuple[int, ...]) -> np.ndarray:
    """F1 of every question with `level` distractors, (seeds, questions)."""
    split = "validation" if level == trained(study) else level_split(level)
    return outcomes(study, key, SELECTION, seeds, split).predictions


@cache
def level_scores(study: Study) -> pd.DataFrame:
    """F1 of every cell with each number of distractors, one row each, in points, with 95 % intervals."""
    rows = []
    for model, task in study.panels:
        for key in study.keys(model, task):
            for level in levels(study):
                found = stats.summarise("mean", None, f1(study, key, level, study.seeds(key)), 0, RESAMPLES)
                names = {"model": model, "task": task, "a": key[2], "b": "", "distractors": level}
                rows.append(names | _numbers(found, found.mean))
    return pd.DataFrame(rows)


@cache
def advantages(study: Study) -> pd.DataFrame:
    """InA against LoRA, and InA with inhibition against InA without, in points: one row for each number of distractors
    and one for the growth of the advantage, with its `verdict`.

    Growth is what an advantage is worth with more distractors than in training, less what it is worth with fewer. Its
    interval is simultaneous for its family, which is as in `verdicts`.
    """
    compared = list(_compared(study))
    found: dict[int, stats.Verdict] = {}
    families: dict[tuple[str, bool], list[int]] = {}
    for index, (model, task, a, b, *_) in enumerate(compared):
        families.setdefault((model, is_primary(study, model, a, b, task)), []).append(index)
    for family in families.values():
        margins = [stats.METRICS["mean"].margin] * len(family)
        found |= dict(zip(family, stats.decide([compared[index][-1] for index in family], margins), strict=True))
    elsewhere = [(tried, _growth_verdicts(tried.study)) for tried in study.at_another_rate()]
    rows = []
    for index, (model, task, a, b, by_level, growth) in enumerate(compared):
        verdict = at_other_rates(found[index], a, b, [(tried, of[model, task, a, b]) for tried, of in elsewhere])
        names = {"model": model, "task": task, "a": a, "b": b}
        for level, one in by_level.items():
            rows.append(names | {"distractors": level} | _numbers(one, one.difference.value))
        rows.append(
            names
            | {"distractors": GROWTH, "verdict": verdict.verdict, "reason": verdict.reason.replace("-", "−")}
            | {"advantage": verdict.name.replace(verdict.verdict, WORDS[verdict.verdict])}
            | {"margin": 100 * verdict.margin, "raw_verdict": verdict}
            | _numbers(growth, growth.difference.value)
            | {"simultaneous_low": 100 * verdict.interval.low, "simultaneous_high": 100 * verdict.interval.high}
        )
    return pd.DataFrame(rows)


def _growth_verdicts(study: Study) -> dict[tuple[str, ...], stats.Verdict]:
    found = advantages(study)
    growth = found[found["distractors"] == GROWTH]
    return {(one.model, one.task, one.a, one.b): one.raw_verdict for one in growth.itertuples()}


def _compared(study: Study) -> Iterator[tuple[str, str, str, str, dict[int, stats.Comparison], stats.Comparison]]:
    for model, task, a in study.cells.index:
        of = study.settings(model, a)
        for b in (key[2] for key in study.cells.index if key[:2] == (model, task)):
            to = study.settings(model, b)
            plain = to["kind"] == "lora" or (to["kind"] == "ina" and to["inhibition"] == 0 < of.get("inhibition", 0))
            keys = [(model, task, method) for method in (a, b)]
            seeds = tuple(sorted(set.intersection(*(set(study.seeds(key)) for key in keys))))
            if of["kind"] != "ina" or not plain or not seeds:
                continue
            scores = [{level: f1(study, key, level, seeds) for level in levels(study)} for key in keys]
            by_level = {k: stats.compare("mean", None, *(one[k] for one in scores), 0, RESAMPLES) for k in scores[0]}
            fewer, more = fewer_and_more(study)
            changes = [
                np.mean([of[k] for k in more], axis=0) - np.mean([of[k] for k in fewer], axis=0) for of in scores
            ]
            yield model, task, a, b, by_level, stats.compare("mean", None, *changes, 0, RESAMPLES)


def _numbers(found: stats.CellSummary | stats.Comparison, value: float) -> dict:
    ends = {"low": 100 * found.interval.low, "high": 100 * found.interval.high}
    return {"seeds": found.seeds, "value": 100 * value, "scores": tuple(100 * s for s in found.scores)} | ends


def distractor_table(study: Study) -> Table:
    """A section of F1 for each model and task, a row a method; below, the advantages and whether they grow."""
    scores, found = level_scores(study), advantages(study)
    rows = []
    for model, task in study.panels:
        heading = f"{study.label(model=model)}, {study.label(task=task)}"
        for title, data, write in ((f"{heading}: F1", scores, points), (f"{heading}: differences", found, signed)):
            here = data[(data["model"] == model) & (data["task"] == task)] if len(data) else data
            for (a, b), group in here.groupby(["a", "b"], sort=False) if len(here) else ():
                pair = study.pair_label(model, a, b) if b else study.label(model=model, method=a)
                row = {SECTION: title, "Method": pair, "n": f"{group['seeds'].iloc[0]}"}
                for one in group.to_dict("records"):
                    is_growth = one["distractors"] == GROWTH
                    ends = [one[f"simultaneous_{end}" if is_growth else end] for end in ("low", "high")]
                    name = "Growth" if is_growth else f"Distractors {one['distractors']}"
                    row[name] = f"{write(one['value'])} {interval(*ends)}"
                    if is_growth:
                        row |= {"Advantage": one["advantage"], "Because": one["reason"]}
                rows.append(row)
    fewer, more = fewer_and_more(study)
    columns = [f"Distractors {level}" for level in levels(study)]
    return Table(
        name="distractors",
        title=f"Scores by number of distractors, experiment {study.experiment}, data source {study.source}",
        caption=f"F1 in points with 95 % intervals on the same questions, with so many irrelevant facts in the "
        f"paragraph; trained with {trained(study)}; {SELECTION} epoch.",
        shown=pd.DataFrame(rows, columns=[SECTION, "Method", "n", *columns, "Growth", "Advantage", "Because"]),
        data=pd.concat(
            [scores, found.drop(columns=["raw_verdict", "reason"], errors="ignore")], ignore_index=True
        ).drop(columns=["scores"]),
        notes=(
            f"Growth: the difference with {_words(more)} distractors (mean) less that with {_words(fewer)}. It is "
            "positive where the first method gains on the second as more is irrelevant; verdict by the rules of "
            "ina/stats/verdict.py, InA at 0.3 against LoRA and against none being the primary family of a model.",
            "Intervals: of the expected score and difference over seeds and questions; those of growth are "
            "simultaneous for their family.",
        ),
    )


def _words(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
