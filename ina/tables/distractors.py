"""Scores against the number of distractors: does inhibition help more where more is irrelevant?

The runs are trained with one number of distractors and measured with several (`data.test_distractors`), which differ
in nothing else: the same questions with the same answers. So an advantage of one method over another can be followed
from paragraphs with fewer distractors than in training to those with more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pandas as pd

from ..data.schema import level_split
from ..stats import METRICS, Comparison, Scores, mean_scores
from .frame import Key, Study
from .outcomes import cell_scores
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


def f1(study: Study, key: Key, level: int, seeds: tuple[int, ...] | None = None) -> Scores:
    """F1 with `level` distractors."""
    return cell_scores(study, key, SELECTION, seeds, "validation" if level == trained(study) else level_split(level))


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

    Growth is what an advantage is worth with more distractors than in training, less what it is worth with fewer.
    """
    rows, growths = [], []
    fewer, more = fewer_and_more(study)
    for number, (names, by_level) in enumerate(_differences(study)):
        names |= {"pair": number}
        rows += [names | {"distractors": level} | _numbers(scores) for level, scores in by_level.items()]
        growth = mean_scores([by_level[k] for k in more]) - mean_scores([by_level[k] for k in fewer])
        comparison = Comparison(growth.estimate, METRICS["mean"].margin)
        growths.append(names | {"distractors": GROWTH, "comparison": comparison, "scores": growth.scores})
    judged = judge(study, growths, lambda varied: advantages(varied).query("distractors == @GROWTH"))
    if len(judged):
        judged["advantage"] = [name.replace(verdict, WORDS[verdict]) for name, verdict in zip(
            judged["name"], judged["verdict"], strict=True)]  # fmt: skip
    both = pd.concat([pd.DataFrame(rows), judged.rename(columns={"difference": "value"})], ignore_index=True)
    return both.sort_values("pair", kind="stable", ignore_index=True) if len(both) else both


def _differences(study: Study) -> Iterator[tuple[dict[str, str], dict[int, Scores]]]:
    """The pairs of methods, and their differences in F1 by number of distractors."""
    for model, task, a in study.cells.index:
        of = study.settings(model, a)
        for b in (key[2] for key in study.cells.index if key[:2] == (model, task)):
            to = study.settings(model, b)
            plain = to["kind"] == "lora" or (to["kind"] == "ina" and to["inhibition"] == 0 < of.get("inhibition", 0))
            keys = [(model, task, method) for method in (a, b)]
            seeds = tuple(seed for seed in study.seeds(keys[0]) if seed in study.seeds(keys[1]))
            if of["kind"] == "ina" and plain and seeds:
                names = {"model": model, "task": task, "a": a, "b": b}
                yield names, {k: f1(study, keys[0], k, seeds) - f1(study, keys[1], k, seeds) for k in levels(study)}


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
        data=pd.concat([scores, found], ignore_index=True).filter(_COLUMNS),
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
