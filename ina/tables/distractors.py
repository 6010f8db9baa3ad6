"""Scores by number of distractors: does inhibition help more in texts with more irrelevant sentences?

Runs are trained with one number of distractors and measured with several (`data.test_distractors`), on the same
questions with the same answers. So one method's advantage over another can be compared between paragraphs with fewer
and with more distractors than in training.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pandas as pd

from ..data.schema import distractor_count, level_split
from ..record import Record
from ..stats import METRICS, Comparison, Scores, mean_scores
from .outcomes import cell_scores
from .study import Key, Study
from .table import SECTION, Table, interval, points, signed
from .verdicts import judge, of_inhibition, pairs

SELECTION = "last"
_NAMES = ["model", "task", "a", "b"]
_COLUMNS = [*_NAMES, "rate", "distractors", "seeds", "value", "low", "high", "verdict", "advantage", "margin",
            "simultaneous_low", "simultaneous_high"]  # fmt: skip
GROWTH = "growth"  # in the place of a number of distractors
WORDS = {"better": "grows", "worse": "shrinks", "equivalent": "stays"}


@cache
def levels(study: Study) -> tuple[int, ...]:
    """The numbers of distractors that all runs were measured with; empty unless training's number lies between them."""
    measured = [{_trained(run), *(run.config["data"].get("test_distractors") or ())} for run in study.records]
    common, alike = set.intersection(*measured), len({_trained(run) for run in study.records}) == 1
    return tuple(sorted(common)) if alike and common and min(common) < trained(study) < max(common) else ()


def trained(study: Study) -> int:
    """The number of distractors in training."""
    return _trained(study.records[0])


def _trained(run: Record) -> int:
    return distractor_count(run.source, run.config["data"].get("distractors"))


def fewer_and_more(study: Study) -> tuple[list[int], list[int]]:
    """The numbers of distractors below and above that in training."""
    return [k for k in levels(study) if k < trained(study)], [k for k in levels(study) if k > trained(study)]


def f1(study: Study, key: Key) -> dict[int, Scores]:
    """F1 of a cell by number of distractors."""
    base = trained(study)
    return {k: cell_scores(study, key, SELECTION, "validation" if k == base else level_split(k)) for k in levels(study)}


@cache
def level_scores(study: Study) -> pd.DataFrame:
    """F1 of every cell with each number of distractors, one row each, in points, with 95 % intervals."""
    keys = [key for panel in study.model_tasks for key in study.keys(*panel)]
    return pd.DataFrame(row for key in keys for row in _by_level((*key, ""), f1(study, key)))


@cache
def advantages(study: Study) -> pd.DataFrame:
    """The advantage of InA over LoRA, and of InA with inhibition over InA without, in points.

    One row for each number of distractors, and one for the growth of the advantage, with its verdict as in
    `ina.tables.verdicts.judge`.
    """
    grown = judge(study, _growths)
    if grown.empty:
        return grown
    by_level = pd.DataFrame(row for names, found in _differences(study) for row in _by_level(names, found))
    grown = grown.rename(columns={"difference": "value", "name": "advantage"}).assign(distractors=GROWTH)
    grown[["advantage", "remark"]] = grown[["advantage", "remark"]].replace(WORDS, regex=True)
    pairs = pd.concat([by_level, grown]).groupby(_NAMES, sort=False)
    return pd.concat([rows for _, rows in pairs], ignore_index=True)


def _growths(study: Study) -> Iterator[dict[str, Any]]:
    """The mean advantage with more distractors than in training, minus that with fewer."""
    fewer, more = fewer_and_more(study)
    for names, found in _differences(study):
        growth = mean_scores([found[k] for k in more]) - mean_scores([found[k] for k in fewer])
        runs = [run for method in names[2:] for run in study.cells[(*names[:2], method)] if run.seed in growth.seeds]
        failed = all(run.last.degenerate for run in runs)
        comparison = Comparison(growth.estimate, METRICS["mean"].margin, failed)
        yield dict(zip(_NAMES, names, strict=True)) | {"comparison": comparison, "scores": growth.scores}


def _differences(study: Study) -> Iterator[tuple[tuple[str, ...], dict[int, Scores]]]:
    """Pairs of InA with LoRA, or with InA without inhibition, and their differences in F1 by number of distractors.

    Pairs without a common seed are left out.
    """
    for model, a, b in pairs(study):
        pair = of_inhibition(study, model, a, b)
        for task in study.tasks if pair else ():
            key, other = ((model, task, method) for method in pair)
            if {*study.seeds(key)} & {*study.seeds(other)}:
                scores_b = f1(study, other)
                yield (
                    (model, task, *pair),
                    {level: scores - scores_b[level] for level, scores in f1(study, key).items()},
                )


def _by_level(names: tuple[str, ...], found: dict[int, Scores]) -> Iterator[dict[str, Any]]:
    for level, scores in found.items():
        low, high = scores.estimate.interval()
        yield dict(zip(_NAMES, names, strict=True)) | {
            "distractors": level,
            "seeds": scores.estimate.seeds,
            "value": 100 * scores.estimate.value,
            "scores": tuple(100 * scores.scores),
            "low": 100 * low,
            "high": 100 * high,
        }


def distractor_table(study: Study) -> Table:
    """F1 for each model, task and method; then the advantages and their growth, also at neighbouring rates."""
    at_other_rates = pd.DataFrame(
        row | {"rate": other.name}
        for other in study.rate_variants
        for names, found in _differences(other.study)
        if names[0] == other.model and other.method in names[2:]
        for row in _by_level(names, found)
    )
    data = pd.concat([level_scores(study), advantages(study), at_other_rates], ignore_index=True)
    data["rate"] = data["rate"].fillna("") if "rate" in data else ""
    rows = []
    for model, task in study.model_tasks:
        panel = data[(data["model"] == model) & (data["task"] == task)]
        for (rate, a, b), group in panel.groupby(["rate", "a", "b"], sort=False):
            label = study.pair_label(model, a, b) if b else study.label(model=model, method=a)
            section = f"{study.model_task_label(model, task)}: {'differences' if b else 'F1'}" + f", {rate}" * bool(
                rate
            )
            row = {SECTION: section, "Method": label, "n": f"{group['seeds'].iloc[0]}"}
            for entry in group.to_dict("records"):
                text = (signed if b else points)(entry["value"])
                if entry["distractors"] == GROWTH:
                    row["Growth"] = f"{text} {interval(entry['simultaneous_low'], entry['simultaneous_high'])}"
                    row |= {"Advantage": entry["advantage"], "Remark": entry["remark"]}
                else:
                    row[f"Distractors {entry['distractors']}"] = f"{text} {interval(entry['low'], entry['high'])}"
            rows.append(row)
    fewer, more = fewer_and_more(study)
    growth = (
        f"Growth: the mean difference with {' and '.join(map(str, more))} distractors minus that with "
        f"{' and '.join(map(str, fewer))}. It is positive if the first method gains on the second as irrelevant "
        "sentences are added. Its verdict is grows, shrinks, stays or undecided, by the rules of the table of "
        "verdicts. Its intervals are corrected for their family. Primary family: InA at 0.3 against LoRA and against "
        "InA without inhibition."
    )
    return Table(
        name="distractors",
        title=f"Scores by number of distractors, experiment {study.experiment}, data source {study.source}",
        caption="F1 in points with 95 % intervals on the same questions, by number of irrelevant sentences in the "
        f"paragraph; trained with {trained(study)}; {SELECTION} epoch.",
        shown=pd.DataFrame(rows),
        data=data.filter(_COLUMNS),
        notes=(
            *[growth] * (not advantages(study).empty),
            "Intervals: for the expected score or difference over new seeds and questions, not corrected; with n = 1, "
            "over questions only.",
            *study.notes,
        ),
    )
