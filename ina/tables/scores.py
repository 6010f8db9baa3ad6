"""Tables 3 and 4: our scores by both selection rules, and below them what others published and released."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from . import collect, others
from .collect import GLUE, RULES, SQUAD, Cell, Rule, Score, Study
from .layout import DASH, Column, Row, Table, millions, points, span, spread
from .outcomes import majority, summarise

LEFT = (Column("Model", numeric=False), Column("Method", numeric=False), Column("Trainable"),
        Column("Epoch", numeric=False))  # fmt: skip
_ASIDE = ("HasAns_f1", "HasAns_exact", "NoAns_exact")  # parts of scores that have their own columns


def score_tables(study: Study) -> list[Table]:
    """The tables of scores that a study gives: Table 3 and its second metrics (GLUE), Table 4 (SQuAD), one for SWAG."""
    squad = tuple(task for task in study.tasks if task in SQUAD)
    glue = tuple(task for task in study.tasks if task not in (*SQUAD, "swag"))
    tables = []
    if glue:
        tables += _glue_tables(study.restricted_to(glue))
    if squad:
        tables.append(_squad_table(study.restricted_to(squad)))
    if "swag" in study.tasks:
        title = f"SWAG, dev set, experiment {study.experiment}, data source {study.source}"
        tables.append(_table(study.restricted_to(("swag",)), "", title, "swag", [_headline("swag")]))
    return tables


def _glue_tables(study: Study) -> list[Table]:
    title = f"GLUE, dev set, experiment {study.experiment}, data source {study.source}"
    averaged = study.averaged
    average = Score("glue", "average", f"Avg. of {len(averaged)}")
    apart = [task for task in study.tasks if task not in GLUE]  # WNLI
    headlines = [*map(_headline, GLUE), average, *map(_headline, apart)]
    table = _table(study, "Table 3", title, "glue", headlines, averaged)
    secondary = [
        Score("qqp", "f1", "QQP F1"),
        Score("mnli", "accuracy_mismatched", "MNLI mismatched"),
        Score("stsb", "spearman", "STS-B Spearman"),
        Score("mrpc", "f1", "MRPC F1"),
    ]
    secondary = [score for score in secondary if score.task in study.tasks]
    if not secondary:
        return [table]
    return [table, _table(study, "Table 3b", f"second metrics, {title}", "glue", secondary)]


def _squad_table(study: Study) -> Table:
    scores = [
        Score("squad_v1", "f1", "F1", "v1.1"),
        Score("squad_v1", "exact", "EM", "v1.1"),
        Score("squad_v2", "f1", "F1", "v2.0"),
        Score("squad_v2", "exact", "EM", "v2.0"),
        Score("squad_v2", "HasAns_f1", "HasAns F1", "v2.0"),
        Score("squad_v2", "HasAns_exact", "HasAns EM", "v2.0"),
        Score("squad_v2", "NoAns_exact", "NoAns", "v2.0"),
        Score("squad_v2", "best_f1", "F1", "v2.0 best-thr."),
        Score("squad_v2", "best_exact", "EM", "v2.0 best-thr."),
    ]
    title = f"SQuAD, dev set, experiment {study.experiment}, data source {study.source}"
    table = _table(study, "Table 4", title, "squad", scores)
    if "squad_v2" not in study.tasks:
        return table
    threshold = (
        "v2.0: a question is left unanswered where the null score exceeds that of the best span by more than a "
        "threshold set before training. v2.0 best-thr.: by more than the threshold that gives the highest score on "
        "this dev set, chosen after the fact; these columns are not comparable with the others."
    )
    return replace(table, notes=(threshold, *table.notes))


def _table(
    study: Study, number: str, title: str, source: str, scores: list[Score], averaged: tuple[str, ...] = ()
) -> Table:
    """A column for each of `scores`; the one with the metric "average" is the mean over the headlines of `averaged`."""
    columns = (*LEFT, *(Column(score.title, score.group, aside=score.metric in _ASIDE) for score in scores))
    rows = [Row(("This replication",), "section")]
    rows += [
        Row(("", f"{kind} examples", "", "", *(_examples(study, score, split) for score in scores)), "second")
        for kind, split in (("training", "train"), ("dev", "validation"))
    ]
    constant = _majorities(study, scores)
    if constant:
        shown = [points(constant[score]) if score in constant else DASH for score in scores]
        rows.append(Row(("", "Majority class", "", "", *shown)))
    for model, method in study.methods:
        cells = {s: cell for s in scores if (cell := study.cells.get((model, s.task, method)))}
        if not cells:
            continue
        for rule in RULES:
            texts = {s: _text(study, cell, s.metric, rule) for s, cell in cells.items() if s.metric in cell.metrics}
            texts |= {s: _average(study, model, method, averaged, rule) for s in scores if s.metric == "average"}
            shown = [texts.get(score, DASH) for score in scores]
            if rule == "last":
                rows.append(Row(("", "", "", rule, *shown), "second"))
                continue
            names = (study.model_label(model), study.method_label(method))
            rows.append(Row((*names, _trainable(list(cells.values())), rule, *shown)))
    below, marks, sources = others.rows(source, scores, averaged)
    data = pd.concat([_data(study, scores, constant), others.data(source, scores)], ignore_index=True)
    notes = (*_notes(study, averaged, bool(constant)), *marks)
    return Table("scores", number, title, caption(study), columns, (*rows, *below), notes, tuple(sources), data)


def _majorities(study: Study, scores: list[Score]) -> dict[Score, float]:
    """The scores of one and the same answer to every example, where there is such an answer."""
    found = {}
    for score in scores:
        cell = next((cell for cell in study.cells.values() if cell.task == score.task), None)
        value = majority(study, cell, score.metric) if cell and score.metric in cell.metrics else None
        if value is not None:
            found[score] = value
    return found


def _headline(task: str) -> Score:
    return Score(task, collect.task_headline(task), collect.task_label(task))


def _text(study: Study, cell: Cell, metric: str, rule: Rule) -> str:
    degenerate = cell.degenerate(rule)
    return spread(cell.scores(metric, rule), _count(study, rule)) + (f" †{degenerate}" if degenerate else "")


def _count(study: Study, rule: Rule) -> bool:
    """Whether n stands in the cell: where it is not the same everywhere, once a cell."""
    return rule == "best" and len({len(cell.runs) for cell in study.cells.values()}) > 1


def _average(study: Study, model: str, method: str, averaged: tuple[str, ...], rule: Rule) -> str:
    """Mean over tasks; with a spread where all tasks have the same seeds."""
    cells = [study.cells.get((model, task, method)) for task in averaged]
    if not all(cells):
        return DASH
    scores = [cell.scores(cell.headline, rule) for cell in cells]
    if len({cell.seeds for cell in cells}) == 1:
        return spread(np.mean(scores, axis=0), _count(study, rule))
    return points(np.mean([each.mean() for each in scores]))


def _examples(study: Study, score: Score, split: str) -> str:
    counts = [
        sum(count for name, count in run.data.rows.items() if name.startswith(split))
        for run in study.runs
        if run.task == score.task
    ]
    return span(counts) if counts else "" if score.metric == "average" else DASH


def _trainable(cells: list[Cell]) -> str:
    params = [cell.first.params for cell in cells]
    if all(each.trainable == each.total for each in params):
        return _range([each.trainable for each in params])
    return f"{_range([each.adapter for each in params])} + {_range([each.head for each in params])}"


def _range(counts: list[int]) -> str:
    return "–".join(dict.fromkeys(map(millions, (min(counts), max(counts)))))


def caption(study: Study) -> str:
    """What every table has to say: models, number of runs and seeds, epochs, number format, selection rule."""
    models = ", ".join(dict.fromkeys(study.model_label(run.model) for run in study.runs))
    planned = f"{len(study.runs)} of {study.planned} runs" if study.planned else f"{len(study.runs)} runs"
    dtypes = ", ".join(sorted({run.provenance.dtype for run in study.runs}))
    epochs = _counted([run.config["train"]["epochs"] for run in study.runs], "epoch")
    seeds = _counted([len(cell.runs) for cell in study.cells.values()], "seed")
    counted = ", n in brackets" if _count(study, "best") else ""
    train, dev = span([run.data.rows["train"] for run in study.runs]), span([run.n for run in study.runs])
    return (
        f"{models}; {planned}; {epochs}, {dtypes}; {train} training and {dev} dev examples a task. Mean ± "
        f"standard deviation in points over n = {seeds}{counted}. Epoch best: the one with the best headline score on "
        "the dev set, optimistic for every method alike; last: the last one."
    )


def _counted(counts: list[int], what: str) -> str:
    return f"{span(counts)} {what}{'s' if max(counts) > 1 else ''}"


def _notes(study: Study, averaged: tuple[str, ...], constant: bool) -> list[str]:
    notes = []
    if constant:
        notes.append(
            "Majority class: the most frequent class of the dev set for every example, in SQuAD v2.0 no answer to any "
            "question; a similarity and a span have none."
        )
    if averaged:
        tasks = ", ".join(collect.task_label(task) for task in averaged)
        notes.append(
            f"Avg. of {len(averaged)}: mean over {tasks}, the tasks measured here, worked out in every row from its "
            f"own entries; {DASH} where one is missing."
        )
    notes.append(
        f"{DASH}: nobody measured this. Trainable: weights of adapter + head, which all methods train; all of them in "
        "full fine-tuning."
    )
    return notes + warnings(study)


def warnings(study: Study) -> list[str]:
    """What is unusual about the runs of a study."""
    notes = []
    if any(cell.degenerate(rule) for cell in study.cells.values() for rule in RULES):
        notes.append(
            "†k: k of the runs are degenerate: they predict the same for every example, one class, one score or no "
            "answer, and have learned nothing."
        )
    if any(run.provenance.dirty or run.provenance.commit is None for run in study.runs):
        notes.append("Some of the runs come from code or configs that are not committed.")
    notes += [f"{cell.name}: runs differ in {', '.join(keys)}." for cell, keys in _unequal(study)]
    return notes


def _unequal(study: Study) -> Iterable[tuple[Cell, list[str]]]:
    """Cells whose runs differ in more than the seed, and in what."""
    from ..config import numbers_depend_on

    for cell in study.cells.values():
        settings = [
            numbers_depend_on(run.config, run.source, run.data.fingerprint, run.provenance.dtype) for run in cell.runs
        ]
        keys = sorted({key for each in settings for key in each} - {"seed"})
        differing = [key for key in keys if any(each.get(key) != settings[0].get(key) for each in settings)]
        if differing:
            yield cell, differing


def _data(study: Study, scores: list[Score], constant: dict[Score, float]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for cell in study.cells.values():
        for score in scores:
            if score.task != cell.task or score.metric not in cell.metrics:
                continue
            for rule in RULES:
                values = 100 * cell.scores(score.metric, rule)
                interval = summarise(study, cell, rule).interval if score.metric == cell.headline else None
                rows.append(
                    {
                        "origin": "ours",
                        "experiment": study.experiment,
                        "source": study.source,
                        "model": cell.model,
                        "task": cell.task,
                        "method": cell.method,
                        "metric": score.metric,
                        "selection": rule,
                        "n": len(values),
                        "mean": values.mean(),
                        "std": values.std(ddof=1) if len(values) > 1 else None,
                        "low": interval and 100 * interval.low,  # 95 % interval of the expected headline score
                        "high": interval and 100 * interval.high,
                        "min": values.min(),
                        "max": values.max(),
                        "degenerate": cell.degenerate(rule),
                        "train_rows": cell.first.data.rows["train"],
                        "dev_rows": cell.first.n,
                        "adapter": cell.first.params.adapter,
                        "head": cell.first.params.head,
                        "trainable": cell.first.params.trainable,
                        "dtype": cell.first.provenance.dtype,
                    }
                )
    names = {"origin": "baseline", "experiment": study.experiment, "source": study.source, "method": "majority"}
    rows += [names | {"task": s.task, "metric": s.metric, "mean": 100 * value} for s, value in constant.items()]
    return pd.DataFrame(rows)
