"""Which method is better: pairs of methods with their verdicts, on every task and in the mean over tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from .. import stats
from ..stats import METRICS
from .frame import SELECTIONS, AtAnotherRate, Study
from .outcomes import RESAMPLES, paired, resampled
from .table import DASH, SECTION, Table, interval, points, signed

MEAN = "mean"  # in the place of a task: the mean over tasks
_SAME = ("r", "alpha", "dropout", "sites")  # what LoRA must share with the InA it is compared with
_COLUMNS = [
    *("experiment", "source", "selection", "model", "a", "b", "task", "seeds", "difference", "low", "high", "family"),
    *("simultaneous_low", "simultaneous_high", "p_difference", "p_equivalence", "margin", "smallest_margin"),
    *("verdict", "holds_at_other_rates", "seeds_needed", "examples_needed"),
]


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

    Beside the columns of the CSV file: see `judge`, and `tasks` (number of them in a mean). A verdict that does not
    hold at neighbouring learning rates says so.
    """
    found = [judge(study, _compared(study, selection), lambda varied, selection=selection: verdicts(varied).query(
        "selection == @selection")) for selection in SELECTIONS]  # fmt: skip
    found = [of.sort_values("family", ascending=False, kind="stable") for of in found if len(of)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def judge(study: Study, compared: Iterable[dict[str, Any]], again: Callable[[Study], pd.DataFrame]) -> pd.DataFrame:
    """Verdicts on comparisons of a study, one row each, in points.

    Those of one model are two families, the primary one and the others. Columns that no CSV file has: `comparison` and
    `judged` (of `ina.stats`), `scores` (A minus B of each seed), and in print `name` (the verdict), `reason` and
    `needed` (what would decide).

    Args:
        compared: model, a, b, task, comparison and raw scores of each.
        again: The same verdicts on the study with one method at a neighbouring rate.
    """
    rows = pd.DataFrame(compared, dtype=object)
    if not len(rows):
        return rows
    named = rows[["model", "a", "b", "task"]].itertuples(index=False)
    rows["family"] = ["primary" if is_primary(study, *names) else "other" for names in named]
    rows["judged"] = None
    for _, family in rows.groupby(["model", "family"]):
        rows.loc[family.index, "judged"] = pd.Series(stats.decide(list(family["comparison"])), family.index)
    tried: dict[tuple[str, ...], list[tuple[AtAnotherRate, stats.Verdict]]] = {}
    for at in study.at_another_rate:
        for one in again(at.study).itertuples():
            if at.tasks >= ({one.task} if one.task != MEAN else set(study.averaged)):
                tried.setdefault((one.model, one.a, one.b, one.task), []).append((at, one.judged))
    rows["judged"] = [
        at_other_rates(one.judged, one.a, one.b, tried.get((one.model, one.a, one.b, one.task), []))
        for one in rows.itertuples()
    ]
    numbers = pd.DataFrame(map(_numbers, rows["comparison"], rows["judged"]))
    scores = [tuple(100 * score for score in of) for of in rows["scores"]]
    return pd.concat([rows.assign(experiment=study.experiment, source=study.source, scores=scores), numbers], axis=1)


def at_other_rates(
    verdict: stats.Verdict, a: str, b: str, tried: list[tuple[AtAnotherRate, stats.Verdict]]
) -> stats.Verdict:
    """The verdict on methods a and b after a look at those `tried` with one of the two at a neighbouring rate."""
    tried = [(at, found) for at, found in tried if at.method in (a, b)]
    complete = {(at.method, at.lower) for at, _ in tried} >= set(product((a, b), (True, False)))
    return stats.at_other_rates(verdict, {at.name: found for at, found in tried}, complete)


def _numbers(compared: stats.Comparison, verdict: stats.Verdict) -> dict[str, Any]:
    difference, own = compared.difference, compared.difference.interval()
    return {
        "seeds": difference.seeds,
        "difference": 100 * difference.value,
        "low": 100 * own.low,
        "high": 100 * own.high,
        "simultaneous_low": 100 * verdict.interval.low,
        "simultaneous_high": 100 * verdict.interval.high,
        "p_difference": verdict.p_difference,
        "p_equivalence": verdict.p_equivalence,
        "margin": 100 * verdict.margin,
        "smallest_margin": np.nan if verdict.smallest_margin is None else 100 * verdict.smallest_margin,
        "verdict": verdict.verdict,
        "holds_at_other_rates": verdict.holds_at_other_rates,
        "name": verdict.name,
        "seeds_needed": verdict.needed and verdict.needed.seeds,
        "examples_needed": verdict.needed and verdict.needed.examples,
        "degenerate": compared.degenerate,
        "reason": verdict.reason.replace("-", "−"),
        "needed": _needed(verdict.needed),
    }


def _compared(study: Study, selection: str) -> Iterator[dict[str, Any]]:
    for model, a, b in pairs(study):
        found, seeds = [], set()
        row = {"selection": selection, "model": model, "a": a, "b": b}
        for task in study.tasks:
            keys = [(model, task, method) for method in (a, b)]
            if not all(key in study.cells.index for key in keys):
                continue
            if (scores := paired(study, *keys, selection)) is None:
                continue
            shared = [np.isin(study.seeds(key), study.seeds(other)) for key, other in (keys, keys[::-1])]
            failed = all(study.degenerate(key, selection)[of].all() for key, of in zip(keys, shared, strict=True))
            one = stats.Comparison(scores.estimate, METRICS[scores.metric].margin, failed)
            yield row | {"task": task, "comparison": one, "scores": scores.scores, "tasks": 1}
            if task in study.averaged:
                found.append((one, scores.scores))
                seeds.add(frozenset(study.seeds(keys[0])) & frozenset(study.seeds(keys[1])))
        if len(found) > 1:
            comparisons, scores = zip(*found, strict=True)
            by_seed = np.array(scores) if len(seeds) == 1 else None
            mean = stats.Comparison(
                stats.mean_of([one.difference for one in comparisons], by_seed),
                float(np.mean([one.margin for one in comparisons])),
                all(one.degenerate for one in comparisons),
            )
            scores = () if by_seed is None else by_seed.mean(axis=0)
            yield row | {"task": MEAN, "comparison": mean, "scores": scores, "tasks": len(found)}


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
        data=data[_COLUMNS],
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
