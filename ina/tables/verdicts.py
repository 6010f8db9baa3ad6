"""Which method is better: pairs of methods with their verdicts, on every task and in the mean over tasks."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from .. import stats
from ..stats import METRICS
from .frame import GLUE, SELECTIONS
from .outcomes import paired
from .study import AtAnotherRate, Study
from .table import DASH, SECTION, Table, interval, points, signed

MEAN = "mean"  # in place of a task: the mean over tasks
_SAME = ("r", "alpha", "dropout", "sites")  # what LoRA must share with the InA it is compared with
_COLUMNS = [
    *("experiment", "source", "selection", "model", "a", "b", "task", "seeds", "difference", "low", "high", "family"),
    *("simultaneous_low", "simultaneous_high", "p_difference", "p_equivalence", "margin", "smallest_margin"),
    *("verdict", "holds_at_other_rates", "seeds_needed", "examples_needed"),
]


def pairs(study: Study) -> Iterator[tuple[str, str, str]]:
    """(model, A, B): every method against LoRA, against full fine-tuning, and every variant against its plain method.

    InA is compared with the LoRA of the same rank, alpha, dropout and sites where there is one, else with the first;
    and with the method that is the same without inhibition, which shows what the threshold alone does. If there is
    none of these, all others are compared with the first method. No pair comes in both orders. The head alone is in no
    pair: like the majority class, it is a baseline in the tables of scores.
    """
    for model in study.models:
        settings = {method: study.settings(model, method) for owner, method in study.methods if owner == model}
        names, earlier = [name for name, method in settings.items() if method["kind"] != "head"], set()
        loras = [name for name in names if settings[name]["kind"] == "lora"]
        full = [name for name in names if settings[name]["kind"] == "full"]
        for a in reversed(names):
            method = settings[a]
            if method["kind"] == "full":
                continue
            matches = [b for b in loras if all(method.get(key) == settings[b][key] for key in _SAME)]
            lora = [] if method["kind"] == "lora" else (matches or loras)[:1]
            plain = [name for name in names if name == method["name"]]
            uninhibited = [b for b in names if settings[b]["name"] == b and without_inhibition(study, model, b, a)]
            others = [b for b in dict.fromkeys(lora + full + plain + uninhibited) if b != a]
            if not others and not any(settings[name]["name"] == a for name in names if name != a):
                others = names[:1]
            for b in others:
                if b != a and (b, a) not in earlier:
                    earlier.add((a, b))
                    yield model, a, b


def is_primary(study: Study, model: str, a: str, b: str, task: str) -> bool:
    """Whether a comparison belongs to the primary family of its study, its main question.

    It is the paper's InA against LoRA and against InA without inhibition, in the mean over tasks where the study has
    one, else on each task. The primary family was defined after the studies of November 2026 had been run, and before
    those in results/QUESTIONS.md.
    """
    a, _ = of_inhibition(study, model, a, b) or ("", "")
    return a == "ina" == study.settings(model, a)["name"] and (task == MEAN) == bool(study.averaged)


def of_inhibition(study: Study, model: str, a: str, b: str) -> tuple[str, str] | None:
    """The pair, put in the order (InA, LoRA) or (InA, InA without inhibition); None for any other pair.

    In an ablation, `a` and `b` come as InA without inhibition and InA: every setting is compared with the reference.
    """
    if without_inhibition(study, model, a, b):
        a, b = b, a
    kind_a, kind_b = (study.settings(model, name)["kind"] for name in (a, b))
    return (a, b) if kind_a == "ina" and (kind_b == "lora" or without_inhibition(study, model, b, a)) else None


def _planned_primary(study: Study, model: str) -> int:
    """The planned number of primary comparisons: with LoRA and with no inhibition, in the mean or on each task."""
    runs = [run for run in study.completed_plan if run.model.name == model]
    planned, tasks = {run.method_id: run.method for run in runs}, {run.task.name for run in runs}
    if "ina" not in planned:
        return 1
    bare = planned["ina"].model_copy(update={"inhibition": 0})
    has_bare = any(
        method.kind == "ina" and method.model_copy(update={"name": bare.name}) == bare for method in planned.values()
    )
    of_each = has_bare + any(method.kind == "lora" for method in planned.values())
    return max(1, of_each * (1 if len(tasks & {*GLUE}) > 1 else len(tasks)))


def without_inhibition(study: Study, model: str, a: str, b: str) -> bool:
    """Whether method a is method b without inhibition, and differs in nothing else."""
    first, second = study.settings(model, a), study.settings(model, b)
    return bool(second.get("inhibition")) and first == second | {"name": first["name"], "inhibition": 0}


@cache
def verdicts(study: Study) -> pd.DataFrame:
    """Verdicts on all pairs of a study by both selections, one row each, in points.

    The columns are those of the CSV file, those of `judge`, and `tasks` (their number in a mean). A verdict that does
    not hold at neighbouring learning rates says so.
    """
    found = [judge(study, partial(_compared, selection=selection)) for selection in SELECTIONS]
    found = [table.sort_values("family", ascending=False, kind="stable") for table in found if len(table)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def judge(study: Study, compare: Callable[[Study], Iterable[dict[str, Any]]]) -> pd.DataFrame:
    """Verdicts on comparisons of a study, one row each, in points.

    The comparisons of one model form two families, primary and other. Columns that are not in the CSV file:
    `comparison` and `judged` (from `ina.stats`), `scores` (A minus B for each seed), and as text `name` (the verdict),
    `remark` and `needed` (the seeds that would decide).

    Args:
        compare: Yields model, a, b, task, comparison and raw scores for each comparison in a study. It is also called
            on the study with one method at a neighbouring rate.
    """
    rows = pd.DataFrame(compare(study), dtype=object)
    if rows.empty:
        return rows
    names = ["model", "a", "b", "task"]
    rows["family"] = ["primary" if is_primary(study, *row) else "other" for row in rows[names].itertuples(index=False)]
    rows["judged"] = None
    for (model, name), family in rows.groupby(["model", "family"]):
        planned = _planned_primary(study, model) if name == "primary" else 1
        judged = stats.decide(list(family["comparison"]), planned=planned)
        rows.loc[family.index, "judged"] = pd.Series(judged, family.index)
    elsewhere = [(other, judge(other.study, compare).set_index(names)["judged"]) for other in study.rate_variants]
    rows["judged"] = [_restricted(study, elsewhere, *row) for row in rows[["judged", *names]].itertuples(index=False)]
    numbers = pd.DataFrame(map(_numbers, rows["comparison"], rows["judged"]))
    scores = [tuple(100 * score for score in values) for values in rows["scores"]]
    return pd.concat([rows.assign(experiment=study.experiment, source=study.source, scores=scores), numbers], axis=1)


def _restricted(
    study: Study,
    elsewhere: list[tuple[AtAnotherRate, pd.Series]],
    verdict: stats.Verdict,
    model: str,
    a: str,
    b: str,
    task: str,
) -> stats.Verdict:
    """The verdict, restricted by the verdicts with one of the two methods at a neighbouring rate."""
    tasks = set(study.averaged) if task == MEAN else {task}
    tried = {
        (other.method, other.is_lower): (other.name, verdicts[model, a, b, task])
        for other, verdicts in elsewhere
        if other.model == model and other.method in (a, b) and other.tasks >= tasks and (model, a, b, task) in verdicts
    }
    methods = [method for method in (a, b) if {(method, True), (method, False)} <= tried.keys()]
    complete = [study.label(model=model, method=method) for method in methods]
    return stats.at_other_rates(verdict, dict(tried.values()), complete)


def _numbers(compared: stats.Comparison, verdict: stats.Verdict) -> dict[str, Any]:
    difference, own = compared.difference, compared.difference.interval()
    raw = {
        "difference": difference.value,
        "low": own.low,
        "high": own.high,
        "simultaneous_low": verdict.interval.low,
        "simultaneous_high": verdict.interval.high,
        "margin": compared.margin,
        "smallest_margin": np.nan if verdict.smallest_margin is None else verdict.smallest_margin,
    }
    needed = verdict.needed or stats.SeedsNeeded()
    names = ("p_difference", "p_equivalence", "verdict", "holds_at_other_rates", "name")
    numbers = {name: 100 * value for name, value in raw.items()} | {name: getattr(verdict, name) for name in names}
    return numbers | {
        "seeds": difference.seeds,
        "seeds_needed": needed.seeds,
        "examples_needed": needed.examples,
        "remark": re.sub(r"-(?=\d)", "−", verdict.remark),
        "needed": _needed(verdict.needed),
    }


def _compared(study: Study, selection: str) -> Iterator[dict[str, Any]]:
    """All pairs of methods on every task that both have runs on, and in the mean over tasks."""
    for model, a, b in pairs(study):
        names = {"selection": selection, "model": model, "a": a, "b": b}
        by_task: dict[str, tuple[stats.Comparison, stats.Scores]] = {}
        for task in study.tasks:
            keys = [(model, task, method) for method in (a, b)]
            if (scores := paired(study, *keys, selection)) is None:
                continue
            runs = [run for key in keys for run in study.cells[key] if run.seed in scores.seeds]
            failed = all(getattr(run, selection).degenerate for run in runs)
            by_task[task] = stats.Comparison(scores.estimate, METRICS[scores.metric].margin, failed), scores
            yield names | {"task": task, "comparison": by_task[task][0], "scores": scores.scores, "tasks": 1}
        averaged = [by_task[task] for task in study.averaged if task in by_task]
        seeds = set.intersection(*(set(difference.seeds) for _, difference in averaged)) if averaged else set()
        if seeds and len(averaged) == len(study.averaged):
            comparisons, scores = zip(*averaged, strict=True)
            shared = [difference.of_seeds(seeds) for difference in scores]
            by_seed = np.array([difference.scores for difference in shared])
            mean = stats.Comparison(
                stats.mean_of([difference.estimate for difference in shared], by_seed),
                float(np.mean([comparison.margin for comparison in comparisons])),
                all(comparison.degenerate for comparison in comparisons),
            )
            yield names | {"task": MEAN, "comparison": mean, "scores": by_seed.mean(axis=0), "tasks": len(averaged)}


def _needed(needed: stats.SeedsNeeded | None) -> str:
    if needed is None:
        return ""
    if needed.examples:
        return f"{needed.examples:.1f} × the examples"
    low, seeds, high = (format(n, ",") if n else None for n in (needed.low, needed.seeds, needed.high))
    return f"{seeds} ({low}–{high or '…'})" if seeds else f"{low or format(stats.MAX_SEEDS, ',')} or more"


def _p(value: float | None) -> str:
    if pd.isna(value):
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def verdict_table(study: Study) -> Table:
    """A section for each pair, a row for each task, for the last epoch; a column has the verdict at best epochs.

    `data` has both selections.
    """
    data = verdicts(study)
    if data.empty:
        nothing = pd.DataFrame(columns=["Task"])
        text = "No two methods have a seed in common on a task with enough examples."
        return Table("verdicts", f"Pairs of methods, experiment {study.experiment}", text, nothing, nothing)
    best, last = (data[data["selection"] == selection] for selection in SELECTIONS)
    rows = [
        {
            SECTION: f"{study.label(model=row.model)}: {study.pair_label(row.model, row.a, row.b)}",
            "Task": f"mean over {row.tasks} tasks" if row.task == MEAN else study.task_label(row.task),
            "Family": row.family,
            "n": f"{row.seeds:g}",
            "Difference": signed(row.difference),
            "95 % interval": interval(row.simultaneous_low, row.simultaneous_high),
            "Smallest margin": DASH if np.isnan(row.smallest_margin) else points(row.smallest_margin),
            "Verdict": row.name,
            "Best epochs": at_best,
            "p, difference": _p(row.p_difference),
            "p, equivalence": _p(row.p_equivalence),
            "Seeds that would decide": row.needed,
            "Remark": row.remark,
        }
        for row, at_best in zip(last.itertuples(), best["name"], strict=True)
    ]
    return Table(
        name="verdicts",
        title=f"Pairs of methods, experiment {study.experiment}, data source {study.source}",
        caption="Differences of the headline scores in points at the last epoch, paired by seed and by example. "
        "docs/reading-results.md explains the columns.",
        shown=pd.DataFrame(rows),
        data=data[_COLUMNS],
        notes=study.notes,
    )
