"""Which method is better: intervals of cells, pairs of methods with their verdicts, and both over all tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from .. import stats
from ..stats import METRICS
from . import collect
from .collect import RULES, Rule, Study
from .layout import DASH, Column, Row, Table, points, signed
from .outcomes import RESAMPLES, compare, drawn

_SAME = ("r", "alpha", "dropout", "sites")  # what LoRA must share with the InA it is compared with


@dataclass(frozen=True)
class Judged:
    """A verdict on method A against method B; `task` is None for the mean over tasks."""

    model: str
    a: str
    b: str
    task: str | None
    compared: stats.Comparison | stats.Aggregate
    verdict: stats.Verdict
    primary: bool


def pairs(study: Study) -> Iterator[tuple[str, str, str]]:
    """(model, A, B): every method against LoRA, against full fine-tuning, and every variant against its plain method.

    InA is compared with the LoRA of the same rank, alpha, dropout and sites where there is one, else with the first;
    and with the method that is the same without inhibition, which shows what the threshold alone does. Where there is
    nothing of all this, the first method is what the others are compared with. No pair comes both ways.
    """
    for model in dict.fromkeys(model for model, _ in study.methods):
        settings = {c.method: c.first.config["method"] for c in study.cells.values() if c.model == model}
        names = [method for of, method in study.methods if of == model]
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


def is_primary(study: Study, a: str, b: str, task: str | None) -> bool:
    """Whether a comparison is of the primary family of its study: what the study asks, named beforehand.

    It is the paper's InA against LoRA and against InA without inhibition, in the mean over tasks where the study has
    one, else on each task. (Studies recorded up to November 2026 were made before this family was named.)
    """
    settings = {cell.method: cell.first.config["method"] for cell in study.cells.values()}
    of, to = settings[a], settings[b]
    central = of["name"] == a == "ina" and (to["kind"] == "lora" or to == of | {"name": to["name"], "inhibition": 0})
    return central and (task is None) == (len(study.averaged) > 1)


def judge(study: Study, rule: Rule) -> list[Judged]:
    """Verdicts on all pairs of a study. Those of one model are two families: the primary one and the others."""
    judged = []
    found: dict[tuple[str, bool], list[tuple[str, str, str | None, stats.Comparison | stats.Aggregate, float]]] = {}
    for model, a, b in pairs(study):
        by_task, seeds = {}, {}
        for task in study.tasks:
            cells = [study.cells.get((model, task, method)) for method in (a, b)]
            if all(cells) and (compared := compare(study, *cells, rule)):
                by_task[task] = compared
                seeds[task] = frozenset(cells[0].seeds) & frozenset(cells[1].seeds)
        rows = [(task, compared, METRICS[compared.metric].margin) for task, compared in by_task.items()]
        averaged = [compared for task, compared in by_task.items() if task in study.averaged]
        if len(averaged) > 1:
            mean_margin = sum(METRICS[compared.metric].margin for compared in averaged) / len(averaged)
            same_seeds = len({seeds[task] for task in by_task if task in study.averaged}) == 1
            rows.append((None, stats.aggregate(averaged, same_seeds), mean_margin))
        for task, compared, margin in rows:
            found.setdefault((model, is_primary(study, a, b, task)), []).append((a, b, task, compared, margin))
    for (model, primary), family in sorted(found.items(), key=lambda one: not one[0][1]):
        verdicts = stats.decide([row[3] for row in family], [row[4] for row in family])
        for (a, b, task, compared, _), verdict in zip(family, verdicts, strict=True):
            judged.append(Judged(model, a, b, task, compared, verdict, primary))
    return _at_other_rates(study, rule, judged)


def _at_other_rates(study: Study, rule: Rule, judged: list[Judged]) -> list[Judged]:
    """The same rows; a verdict that does not hold at neighbouring rates says so."""
    others: dict[tuple[str, str, str, str | None], dict[str, stats.Verdict]] = {}
    for name, varied, has in study.with_one_arm_at_another_rate():
        for one in judge(varied, rule):
            if all(map(has, [one.task] if one.task else study.averaged)):
                others.setdefault((one.model, one.a, one.b, one.task), {})[name] = one.verdict
    return [
        replace(
            one,
            verdict=stats.at_other_rates(one.verdict, others.get((one.model, one.a, one.b, one.task), {})),
        )
        for one in judged
    ]


def verdict_table(study: Study) -> Table:
    """One section a pair, one row a task, the mean over tasks last; last epochs, with the verdict on best ones beside.

    `data` has both selection rules.
    """
    judged = {rule: judge(study, rule) for rule in RULES}
    at_best = {(one.model, one.a, one.b, one.task): one.verdict.verdict for one in judged["best"]}
    rows, heading = [], ""
    for one in judged["last"]:
        pair = f"{study.model_label(one.model)}: {study.method_label(one.a)} − {study.method_label(one.b)}"
        if pair != heading:
            rows.append(Row((pair,), "section"))
            heading = pair
        rows.append(_row(one, at_best[one.model, one.a, one.b, one.task]))
    return Table(
        name="verdicts",
        number="",
        title=f"Pairs of methods, experiment {study.experiment}, data source {study.source}",
        caption="Differences of the headline scores in points at the last epoch, paired by seed and by example, with "
        "the verdict on the first method of the pair by the rules of ina/stats/verdict.py.",
        columns=(
            Column("Task", numeric=False),
            Column("Family", numeric=False),
            *map(Column, ("n", "Difference", "95 % interval", "Smallest margin")),
            Column("Verdict", numeric=False),
            Column("Best epochs", numeric=False),
            Column("Because", numeric=False),
            Column("Seeds that would decide"),
        ),
        rows=tuple(rows),
        notes=(
            "Family: the primary comparisons, which are what the study asks, and all others of the model, each "
            "corrected for its number of rows (Bonferroni). Interval: of the expected difference over seeds and "
            f"examples, simultaneous for the family, from {RESAMPLES:,} resamples of the {drawn(study)}; a new run "
            "varies more. Mean over tasks: the tasks are fixed; its margin is the mean of theirs.",
            "Smallest margin: the smallest within which the two would be equivalent. Best epochs: the verdict where "
            "the epoch with the best headline score on the dev set is taken of each run.",
            "Seeds that would decide, with their 90 % range: for each method, on the same examples, with power 0.8; "
            "where no number would, how many times the examples it takes. From n = 1 nothing can be said, from n = 2 "
            "little.",
        ),
        data=pd.DataFrame([_flat(study, rule, one) for rule in RULES for one in judged[rule]]),
    )


def _row(one: Judged, at_best: str) -> Row:
    compared, verdict = one.compared, one.verdict
    cells = (
        collect.task_label(one.task) if one.task else f"mean over {compared.tasks} tasks",
        "primary" if one.primary else "other",
        f"{compared.difference.seeds:g}",
        signed(compared.difference.value),
        _interval(verdict.interval),
        DASH if verdict.smallest_margin is None else points(verdict.smallest_margin),
        verdict.verdict,
        at_best,
        verdict.reason.replace("-", "−"),
        _seeds(verdict.needed),
    )
    return Row(cells, "main" if one.task else "second")


def _seeds(needed: stats.SeedsNeeded | None) -> str:
    if needed is None:
        return ""
    if needed.examples:
        return f"none on these; {needed.examples:.1f} × the examples"
    if needed.seeds is None:
        return f"{needed.low:,} or more" if needed.low else needed.reason
    return (
        f"{needed.seeds:,} ({needed.low:,}–{needed.high:,})" if needed.high else f"{needed.seeds:,} ({needed.low:,}–…)"
    )


def _flat(study: Study, rule: Rule, one: Judged) -> dict:
    compared, verdict = one.compared, one.verdict
    return {
        "experiment": study.experiment,
        "source": study.source,
        "selection": rule,
        "model": one.model,
        "a": one.a,
        "b": one.b,
        "task": one.task or "mean",
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
        "smallest_margin": None if verdict.smallest_margin is None else 100 * verdict.smallest_margin,
        "verdict": verdict.verdict,
        "seeds_needed": verdict.needed and verdict.needed.seeds,
        "examples_needed": verdict.needed and verdict.needed.examples,
    }


def _interval(interval: stats.Interval) -> str:
    return f"[{points(interval.low)}, {points(interval.high)}]"
