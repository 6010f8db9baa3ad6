"""Scores against the number of distractors: does inhibition help more where more is irrelevant?

The runs are trained with one number of distractors and measured with several (`data.test_distractors`), which differ
in nothing else: the same questions with the same answers. So an advantage of one method over another can be followed
from paragraphs with fewer distractors than in training to those with more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import pandas as pd

from ..data.schema import level_split
from ..stats import METRICS, Comparison, Scores, mean_scores
from .frame import Key, Study
from .outcomes import cell_scores, paired
from .table import SECTION, Table, interval, points, signed
from .verdicts import judge

SELECTION = "last"
_COLUMNS = ["model", "task", "a", "b", "distractors", "seeds", "value", "low", "high", "verdict", "advantage", "margin",
            "simultaneous_low", "simultaneous_high"]  # fmt: skip
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


def f1(study: Study, key: Key, level: int) -> Scores:
    """F1 with `level` distractors."""
    return cell_scores(study, key, SELECTION, split_of(study, level))


def split_of(study: Study, level: int) -> str:
    """The dev split with `level` distractors."""
    return "validation" if level == trained(study) else level_split(level)


@cache
def level_scores(study: Study) -> pd.DataFrame:
    """F1 of every cell with each number of distractors, one row each, in points, with 95 % intervals."""
    return pd.DataFrame(
        {"model": model, "task": task, "a": method, "b": "", "distractors": level}
        | _numbers(f1(study, (model, task, method), level))
        for panel in study.panels
        for model, task, method in study.keys(*panel)
        for level in levels(study)
    )


@cache
def advantages(study: Study) -> pd.DataFrame:
    """InA against LoRA, and InA with inhibition against InA without, in points: one row for each number of distractors
    and one for the growth of the advantage, with its verdict as in `ina.tables.verdicts.judge`.
    """
    rows = [
        names | {"distractors": level} | _numbers(scores)
        for names, by_level in _differences(study)
        for level, scores in by_level.items()
    ]
    grown = judge(study, _growths)
    if grown.empty:
        return pd.DataFrame(rows)
    words = [name.replace(verdict, WORDS[verdict]) for name, verdict in zip(grown["name"], grown["verdict"], strict=True)]
    grown = grown.rename(columns={"difference": "value"}).assign(advantage=words, distractors=GROWTH)
    both = pd.concat([pd.DataFrame(rows), grown], ignore_index=True)
    return both.sort_values("pair", kind="stable", ignore_index=True)


def _growths(study: Study) -> Iterator[dict[str, Any]]:
    """What an advantage is worth with more distractors than in training, less what it is worth with fewer."""
    fewer, more = fewer_and_more(study)
    for names, by_level in _differences(study) if fewer and more else ():
        growth = mean_scores([by_level[k] for k in more]) - mean_scores([by_level[k] for k in fewer])
        yield names | {"comparison": Comparison(growth.estimate, METRICS["mean"].margin), "scores": growth.scores}


def _differences(study: Study) -> Iterator[tuple[dict[str, Any], dict[int, Scores]]]:
    """The pairs of methods, numbered, and their differences in F1 by number of distractors."""
    for pair, (key, other) in enumerate(product(study.cells, repeat=2)):
        of, to = (study.settings(model, method) for model, _, method in (key, other))
        plain = to["kind"] == "lora" or (to["kind"] == "ina" and to["inhibition"] == 0 < of.get("inhibition", 0))
        if key[:2] != other[:2] or of["kind"] != "ina" or not plain:
            continue
        found = {level: paired(study, key, other, SELECTION, split_of(study, level)) for level in levels(study)}
        if None not in found.values():
            names = dict(zip(("model", "task", "a", "b"), (*key, other[2]), strict=True))
            yield names | {"pair": pair}, found


def _numbers(found: Scores) -> dict[str, Any]:
    ends = found.estimate.interval()
    return {
        "seeds": found.estimate.seeds,
        "value": 100 * found.estimate.value,
        "scores": tuple(100 * found.scores),
        "low": 100 * ends.low,
        "high": 100 * ends.high,
    }


def distractor_table(study: Study) -> Table:
    """A section of F1 for each model and task, a row a method; below, the advantages and whether they grow."""
    data = pd.concat([level_scores(study), advantages(study)], ignore_index=True)
    rows = []
    for model, task in study.panels:
        here = data[(data["model"] == model) & (data["task"] == task)]
        for (a, b), group in here.groupby(["a", "b"], sort=False):
            label = study.pair_label(model, a, b) if b else study.label(model=model, method=a)
            section = f"{study.panel_label(model, task)}: {'differences' if b else 'F1'}"
            row = {SECTION: section, "Method": label, "n": f"{group['seeds'].iloc[0]}"}
            for one in group.to_dict("records"):
                text = (signed if b else points)(one["value"])
                if one["distractors"] == GROWTH:
                    row["Growth"] = f"{text} {interval(one['simultaneous_low'], one['simultaneous_high'])}"
                    row |= {"Advantage": one["advantage"], "Because": one["reason"]}
                else:
                    row[f"Distractors {one['distractors']}"] = f"{text} {interval(one['low'], one['high'])}"
            rows.append(row)
    fewer, more = fewer_and_more(study)
    columns = [f"Distractors {level}" for level in levels(study)]
    return Table(
        name="distractors",
        title=f"Scores by number of distractors, experiment {study.experiment}, data source {study.source}",
        caption=f"F1 in points with 95 % intervals on the same questions, with so many irrelevant facts in the "
        f"paragraph; trained with {trained(study)}; {SELECTION} epoch.",
        shown=pd.DataFrame(rows, columns=[SECTION, "Method", "n", *columns, "Growth", "Advantage", "Because"]),
        data=data.filter(_COLUMNS),
        notes=(
            f"Growth: the difference with {' and '.join(map(str, more))} distractors (mean) less that with "
            f"{' and '.join(map(str, fewer))}. It is "
            "positive where the first method gains on the second as more is irrelevant; verdict by the rules of "
            "ina/stats/verdict.py, InA at 0.3 against LoRA and against none being the primary family of a model.",
            "Intervals: of the expected score and difference over seeds and questions; those of growth are "
            "simultaneous for their family.",
        ),
    )
