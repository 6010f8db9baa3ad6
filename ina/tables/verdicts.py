"""Which method is better: pairs of methods with their verdicts, on every task and in the mean over tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
import pandas as pd

from .. import stats
from ..stats import METRICS
from .frame import SELECTIONS, AtAnotherRate, Study
from .outcomes import RESAMPLES, compare, resampled
from .table import DASH, SECTION, Table, interval, points, signed

MEAN = "mean"  # in the place of a task: the mean over tasks
_SAME = ("r", "alpha", "dropout", "sites")  # what LoRA must share with the InA it is compared with


@dataclass(frozen=True)
class _Judged:
    model: str
    a: str
    b: str
    task: str
    compared: stats.Comparison | stats.Aggregate
    margin: float
    primary: bool
    verdict: stats.Verdict | None = None


def pairs(study: Study) -> Iterator[tuple[str, str, str]]:
    """(model, A, B): every method against LoRA, against full fine-tuning, and every variant against its plain method.

    InA is compared with the LoRA of the same rank, alpha, dropout and sites where there is one, else with the first;
    and with the method that is the same without inhibition, which shows what the threshold alone does. Where there is
    nothing of all this, the first method is what the others are compared with. No pair comes both ways.
    """
    for model in study.models:
        names = [method for of, method in study.methods if of == model]
        settings = {name: study.settings(model, name) for name in names}
        loras = [name for name in names if settings[name]["kind"] == "lora"]
        full = [name for name in names if settings[name]["kind"] == "full"]
        for a in reversed(names):
            of = settings[a]
            if of["kind"] == "full":
                continue
            like = [b for b in loras if all(of.get(key) == settings[b][key] for key in _SAME)]
            lora = [] if of["kind"] == "lora" else (like or loras)[:1]
            plain = [name for name in names if name == of["name"]]
            without = [name for name in names if settings[name] == of | {"name": name, "inhibition": 0}]
            against = [b for b in dict.fromkeys(lora + full + plain + without) if b != a]
            if not against and not any(settings[name]["name"] == a for name in names if name != a):
                against = names[:1]
            yield from ((model, a, b) for b in against if b != a)


def is_primary(study: Study, model: str, a: str, b: str, task: str) -> bool:
    """Whether a comparison is of the primary family of its study: what the study asks, named beforehand.

    It is the paper's InA against LoRA and against InA without inhibition, in the mean over tasks where the study has
    one, else on each task. (Studies recorded up to November 2026 were made before this family was named.)
    """
    of, to = study.settings(model, a), study.settings(model, b)
    central = of["name"] == a == "ina" and (to["kind"] == "lora" or to == of | {"name": to["name"], "inhibition": 0})
    return central and (task == MEAN) == (len(study.averaged) > 1)


@cache
def verdicts(study: Study) -> pd.DataFrame:
    """Verdicts on all pairs of a study by both selections, one row each, in points.

    Beside the columns of the CSV file: `name` (the verdict in print), `tasks` (number of them in a mean), `scores` (A
    minus B of each seed), `degenerate`, `reason`, `needed` (what would decide, in print). Those of one model are two
    families, the primary one and the others.
    """
    return pd.DataFrame([_row(study, selection, one) for selection in SELECTIONS for one in _judged(study, selection)])


def _judged(study: Study, selection: str) -> list[_Judged]:
    families: dict[tuple[str, bool], list[_Judged]] = {}
    for one in _compared(study, selection):
        families.setdefault((one.model, one.primary), []).append(one)
    judged = []
    for _, family in sorted(families.items(), key=lambda item: not item[0][1]):
        found = stats.decide([one.compared for one in family], [one.margin for one in family])
        judged += [replace(one, verdict=verdict) for one, verdict in zip(family, found, strict=True)]
    elsewhere: dict[tuple[str, ...], list[tuple[AtAnotherRate, stats.Verdict]]] = {}
    for tried in study.at_another_rate():
        for one in _judged(tried.study, selection):
            if tried.tasks >= ({one.task} if one.task != MEAN else set(study.averaged)):
                elsewhere.setdefault(_pair(one), []).append((tried, one.verdict))
    return [
        replace(one, verdict=at_other_rates(one.verdict, one.a, one.b, elsewhere.get(_pair(one), []))) for one in judged
    ]


def _pair(one: _Judged) -> tuple[str, ...]:
    return one.model, one.a, one.b, one.task


def at_other_rates(
    verdict: stats.Verdict, a: str, b: str, tried: list[tuple[AtAnotherRate, stats.Verdict]]
) -> stats.Verdict:
    """The verdict on methods a and b after a look at those `tried` with one of the two at a neighbouring rate."""
    tried = [(at, found) for at, found in tried if at.method in (a, b)]
    needed = set(product((a, b), (True, False)))
    complete = {(at.method, at.lower) for at, _ in tried} >= needed
    return stats.at_other_rates(verdict, {at.name: found for at, found in tried}, complete)


def _compared(study: Study, selection: str) -> Iterator[_Judged]:
    for model, a, b in pairs(study):
        found, seeds = {}, set()
        for task in study.tasks:
            keys = [(model, task, method) for method in (a, b)]
            if all(key in study.cells.index for key in keys) and (compared := compare(study, *keys, selection)):
                margin = METRICS[compared.metric].margin
                yield _Judged(model, a, b, task, compared, margin, is_primary(study, model, a, b, task))
                if task in study.averaged:
                    found[task] = compared
                    seeds.add(frozenset(study.seeds(keys[0])) & frozenset(study.seeds(keys[1])))
        if len(found) > 1:
            margin = sum(METRICS[compared.metric].margin for compared in found.values()) / len(found)
            mean = stats.aggregate(list(found.values()), same_seeds=len(seeds) == 1)
            yield _Judged(model, a, b, MEAN, mean, margin, is_primary(study, model, a, b, MEAN))


def _row(study: Study, selection: str, one: _Judged) -> dict:
    compared, verdict = one.compared, one.verdict
    return {
        "experiment": study.experiment,
        "source": study.source,
        "selection": selection,
        "model": one.model,
        "a": one.a,
        "b": one.b,
        "task": one.task,
        "seeds": compared.difference.seeds,
        "difference": 100 * compared.difference.value,
        "low": 100 * compared.interval.low,
        "high": 100 * compared.interval.high,
        "family": "primary" if one.primary else "other",
        "simultaneous_low": 100 * verdict.interval.low,
        "simultaneous_high": 100 * verdict.interval.high,
        "p_difference": verdict.p_difference,
        "p_equivalence": verdict.p_equivalence,
        "margin": 100 * verdict.margin,
        "smallest_margin": np.nan if verdict.smallest_margin is None else 100 * verdict.smallest_margin,
        "verdict": verdict.verdict,
        "holds_at_other_rates": verdict.holds_at_other_rates,
        "seeds_needed": verdict.needed and verdict.needed.seeds,
        "examples_needed": verdict.needed and verdict.needed.examples,
        "name": verdict.name,
        "tasks": getattr(compared, "tasks", 1),
        "scores": tuple(100 * score for score in compared.scores),
        "degenerate": compared.degenerate,
        "reason": verdict.reason.replace("-", "−"),
        "needed": _needed(verdict.needed),
    }


def _needed(needed: stats.SeedsNeeded | None) -> str:
    if needed is None:
        return ""
    if needed.examples:
        return f"none on these; {needed.examples:.1f} × the examples"
    if needed.seeds is None:
        return f"{needed.low:,} or more" if needed.low else needed.reason
    return f"{needed.seeds:,} ({needed.low:,}–{needed.high and format(needed.high, ',') or '…'})"


def verdict_table(study: Study) -> Table:
    """One section a pair, one row a task, the mean over tasks last; last epochs, with the verdict on best ones beside.

    `data` has both selections.
    """
    data = verdicts(study)
    best, last = (data[data["selection"] == selection] for selection in SELECTIONS)
    shown = pd.DataFrame(
        {
            SECTION: [
                f"{study.label(model=one.model)}: {study.pair_label(one.model, one.a, one.b)}"
                for one in last.itertuples()
            ],
            "Task": [
                f"mean over {one.tasks} tasks" if one.task == MEAN else study.label(task=one.task)
                for one in last.itertuples()
            ],
            "Family": last["family"].to_list(),
            "n": last["seeds"].map("{:g}".format).to_list(),
            "Difference": last["difference"].map(signed).to_list(),
            "95 % interval": list(map(interval, last["simultaneous_low"], last["simultaneous_high"])),
            "Smallest margin": [DASH if np.isnan(margin) else points(margin) for margin in last["smallest_margin"]],
            "Verdict": last["name"].to_list(),
            "Best epochs": best["name"].to_list(),
            "Because": last["reason"].to_list(),
            "Seeds that would decide": last["needed"].to_list(),
        }
    )
    return Table(
        name="verdicts",
        title=f"Pairs of methods, experiment {study.experiment}, data source {study.source}",
        caption="Differences of the headline scores in points at the last epoch, paired by seed and by example, with "
        "the verdict on the first method of the pair by the rules of ina/stats/verdict.py.",
        shown=shown,
        data=data.drop(columns=["name", "tasks", "scores", "degenerate", "reason", "needed"]),
        notes=(
            "Family: the primary comparisons, which are what the study asks, and all others of the model, each "
            "corrected for its number of rows (Bonferroni). Interval: of the expected difference over seeds and "
            f"examples, simultaneous for the family, from {RESAMPLES:,} resamples of the {resampled(study)}; a new run "
            "varies more. Mean over tasks: the tasks are fixed; its margin is the mean of theirs.",
            "At these rates: not tried at a lower and a higher learning rate of either method, so it says nothing "
            "about other rates. Smallest margin: the smallest within which the two would be equivalent. Best epochs: "
            "the verdict where the epoch with the best headline score on the dev set is taken of each run.",
            "Seeds that would decide, with their 90 % range: for each method, on the same examples, with power 0.8; "
            "where no number would, how many times the examples it takes. From n = 1 nothing can be said, from n = 2 "
            "little.",
        ),
    )
