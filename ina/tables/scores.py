"""Tables 3 and 4: our scores by both selections, and below them what others published and released."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .frame import GLUE, SELECTIONS, SQUAD, Study
from .outcomes import SHARED, majority, summary
from .published import COLUMNS, HEADLINES, MARKS, beside, column
from .table import DASH, SECTION, Table, millions, points, span, spread

OURS = "This replication"
AVERAGE = ("glue", "average")
_NAMES = ["Model", "Method", "Trainable", "Epoch"]
_DATA = ["origin", "experiment", "source", "method", "task", "metric", "mean", "model", "selection", "n", "std", "low",
         "high", "min", "max", "degenerate"]  # fmt: skip
_THRESHOLD = (
    "v2.0: a question is left unanswered where the null score exceeds that of the best span by more than a threshold "
    "set before training. v2.0 best-thr.: by more than the threshold that gives the highest score on this dev set, "
    "chosen after the fact; these columns are not comparable with the others."
)


def score_tables(study: Study) -> list[Table]:
    """The tables of scores that a study gives: Table 3 and its second metrics (GLUE), Table 4 (SQuAD), one for SWAG."""
    where = f"dev set, experiment {study.experiment}, data source {study.source}"
    in_squad, others = set(SQUAD) & set(study.tasks), set(study.tasks) - {*SQUAD, "swag"}
    tables = []
    if others:
        headlines = [(task, HEADLINES[task]) for task in GLUE]
        apart = [(task, _headline(study, task)) for task in study.tasks if task in others and task not in GLUE]
        title = f"Table 3: GLUE, {where}"
        tables.append(_table(study, others, title, "glue", [*headlines, AVERAGE, *apart]))
        second = [score for score in COLUMNS if score[0] in others & set(GLUE) and score not in headlines]
        if second:
            tables.append(_table(study, others, f"Table 3b: second metrics, GLUE, {where}", "glue", second))
    if in_squad:
        scores = [score for score in COLUMNS if score[0] in SQUAD]
        table = _table(study, in_squad, f"Table 4: SQuAD, {where}", "squad", scores)
        notes = (_THRESHOLD, *table.notes) if "squad_v2" in in_squad else table.notes
        tables.append(replace(table, notes=notes))
    if "swag" in study.tasks:
        tables.append(_table(study, {"swag"}, f"SWAG, {where}", "swag", [("swag", "accuracy")]))
    return tables


def _headline(study: Study, task: str) -> str:
    return study.runs.loc[study.runs["task"] == task, "headline"].iloc[0]


def _table(study: Study, tasks: set[str], title: str, source: str, scores: list[tuple[str, str]]) -> Table:
    """A column for each of `scores`, a row for each method and selection."""
    if tasks != set(study.tasks):
        study = study.with_records(run for run in study.records if run.task in tasks)
    averaged = study.averaged if AVERAGE in scores else ()
    others, sources = beside(source, [score for score in scores if score != AVERAGE], averaged)
    data = pd.concat([_majority(study, scores), _ours(study, scores, averaged), others], ignore_index=True)
    names = {score: column(*score) for score in scores}
    for score in scores:
        if score not in COLUMNS:
            names[score] = f"Avg. of {len(averaged)}" if score == AVERAGE else study.label(task=score[0])
    counts = []
    for kind, rows in (("training", "train_rows"), ("dev", "n")):
        found = {task: span(values) for task, values in study.runs.groupby("task")[rows]}
        cells = {names[score]: found.get(score[0], "" if score == AVERAGE else DASH) for score in scores}
        counts.append({SECTION: OURS, "Method": f"{kind} examples"} | cells)
    texts = data.fillna({name: "" for name in _NAMES}).set_index([SECTION, *_NAMES, "task", "metric"])["text"]
    shown = (
        texts.unstack(["task", "metric"], sort=False).reindex(columns=pd.MultiIndex.from_tuples(scores)).fillna(DASH)
    )
    shown = shown.set_axis(list(names.values()), axis=1).reset_index()
    shown.loc[(shown[SECTION] == OURS) & (shown["Epoch"] == "last"), _NAMES[:3]] = ""
    marks = [f"{mark}: not read at its source (status {status}, see results/published/README.md)."
             for status, mark in MARKS.items() if data["text"].str.contains(mark).any()]  # fmt: skip
    notes = (*_notes(study, averaged, bool((data["origin"] == "baseline").any())), *marks, *sources)
    data = data[(data["origin"] != "ours") | (data["metric"] != "average")]
    data = data.filter([*_DATA, *SHARED, "status", "note"])
    shown = pd.concat([pd.DataFrame(counts), shown], ignore_index=True)[[SECTION, *_NAMES, *names.values()]]
    return Table("scores", title, caption(study), shown, data, notes)


def _ours(study: Study, scores: list[tuple[str, str]], averaged: tuple[str, ...]) -> pd.DataFrame:
    """Our numbers in points, one a row, method by method; with the text that stands in the cell."""
    keys = ["model", "method", "selection", "task", "metric"]
    wanted = [(*of, selection, *score) for of in study.methods for selection in SELECTIONS for score in scores]
    found = summary(study).set_index(keys).reindex(pd.MultiIndex.from_tuples(wanted, names=keys)).reset_index()
    averages = (found["task"] == AVERAGE[0]) & (found["metric"] == AVERAGE[1])
    found = found[averages | found["n"].notna()]
    counted = len(set(map(len, study.cells["seeds"]))) > 1  # n differs: it stands in the cells, once a method
    texts = [
        average(study, one.model, one.method, one.selection, averaged, counted)
        if (one.task, one.metric) == AVERAGE
        else spread(one.mean, one.std, one.n if counted and one.selection == "best" else None)
        + (f" †{one.degenerate:.0f}" if one.degenerate else "")
        for one in found.itertuples()
    ]
    trainable = {of: _trainable(cells) for of, cells in found[found["n"].notna()].groupby(["model", "method"])}
    named = list(zip(found["model"], found["method"], strict=True))
    return found.assign(
        **{
            "origin": "ours",
            "text": texts,
            SECTION: OURS,
            "Model": [study.label(model=model) for model, _ in named],
            "Method": [study.label(model=model, method=method) for model, method in named],
            "Trainable": [trainable.get(of, "") for of in named],
            "Epoch": found["selection"],
        }
    )


def average(
    study: Study, model: str, method: str, selection: str, averaged: tuple[str, ...], counted: bool = False
) -> str:
    """Mean over tasks; with a spread where all tasks have the same seeds, and with their number where `counted`."""
    keys = [(model, task, method) for task in averaged]
    if not all(key in study.cells.index for key in keys):
        return DASH
    scores = [100 * study.scores(key, selection) for key in keys]
    if len({study.seeds(key) for key in keys}) > 1:
        return points(np.mean([each.mean() for each in scores]))
    means = np.mean(scores, axis=0)
    std = means.std(ddof=1) if len(means) > 1 else None
    return spread(means.mean(), std, len(means) if counted and selection == "best" else None)


def _majority(study: Study, scores: list[tuple[str, str]]) -> pd.DataFrame:
    """The scores of one and the same answer to every example, where there is such an answer."""
    rows = []
    for task, metric in scores:
        key = next((key for key in study.cells.index if key[1] == task), None)
        measured = key and study.scores(key, "last", metric) is not None
        if measured and (value := majority(study, key, metric)) is not None:
            rows.append({"task": task, "metric": metric, "mean": 100 * value, "text": points(100 * value)})
    same = {"origin": "baseline", "experiment": study.experiment, "source": study.source, "method": "majority",
            SECTION: OURS, "Method": "Majority class"}  # fmt: skip
    return pd.DataFrame(rows).assign(**same) if rows else pd.DataFrame()


def _trainable(cells: pd.DataFrame) -> str:
    cells = cells.astype({name: int for name in ("adapter", "head", "trainable", "total")})
    if (cells["trainable"] == cells["total"]).all():
        return _range(cells["trainable"])
    return f"{_range(cells['adapter'])} + {_range(cells['head'])}"


def _range(counts: pd.Series) -> str:
    return "–".join(dict.fromkeys(map(millions, (min(counts), max(counts)))))


def caption(study: Study) -> str:
    """What every table has to say: models, number of runs and seeds, epochs, number format, selection."""
    runs, seeds = study.runs, list(map(len, study.cells["seeds"]))
    models = ", ".join(runs["model_label"].unique())
    n = ", n in brackets" if len(set(seeds)) > 1 else ""
    return (
        f"{models}; {study.count} runs; {_counted(runs['train.epochs'], 'epoch')}, "
        f"{', '.join(sorted(runs['dtype'].unique()))}; {span(runs['train_rows'])} training and {span(runs['n'])} dev "
        f"examples a task. Mean ± standard deviation in points over n = {_counted(seeds, 'seed')}{n}. Epoch best: the "
        "one with the best headline score on the dev set, optimistic for every method alike; last: the last one."
    )


def _counted(counts, what: str) -> str:
    return f"{span(counts)} {what}{'s' if max(counts) > 1 else ''}"


def _notes(study: Study, averaged: tuple[str, ...], constant: bool) -> list[str]:
    notes = []
    if constant:
        notes.append(
            "Majority class: the most frequent class of the dev set for every example, in SQuAD v2.0 no answer to any "
            "question; a similarity and a span have none."
        )
    if averaged:
        tasks = ", ".join(study.label(task=task) for task in averaged)
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
    if study.frame["degenerate"].any():
        notes.append(
            "†k: k of the runs are degenerate: they predict the same for every example, one class, one score or no "
            "answer, and have learned nothing."
        )
    if study.runs["uncommitted"].any():
        notes.append("Some of the runs come from code or configs that are not committed.")
    for key, group in study.runs.groupby(["model", "task", "method"], sort=False):
        numbers = list(group["numbers"])
        keys = sorted({name for one in numbers for name in one} - {"seed"})
        differing = [name for name in keys if any(one.get(name) != numbers[0].get(name) for one in numbers)]
        if differing:
            notes.append(f"{'--'.join(key)}: runs differ in {', '.join(differing)}.")
    return notes


def on_screen(table: Table, published: bool) -> Table:
    """A table of scores in the columns in which we have numbers, without sources; with `published`, others below."""
    if table.name != "scores":
        return table
    ours = table.shown[SECTION] == OURS
    rows = table.shown if published else table.shown[ours]
    used = [name for name in rows if name in (SECTION, *_NAMES) or _is_used(table.shown[ours], name)]
    rows = rows[used]
    rows = rows[rows[used[5:]].ne(DASH).any(axis=1)]
    notes = [note for note in table.notes if note[0] != "[" and (published or note[0] not in MARKS.values())]
    return replace(table, shown=rows, notes=tuple(notes))


def excerpt(table: Table, place: str) -> Table:
    """Our best-epoch rows of a table, for a document, with a link to the whole table in the folder `place`.

    The caption names the model; where there is but one, its column goes.
    """
    text = f"{table.caption} [The whole table]({place}/{table.name}.md) explains the columns and has more."
    if table.name != "scores":
        return replace(table, caption=text, notes=())
    rows = on_screen(table, published=False).shown.fillna("")
    rows = rows[rows["Epoch"].isin(["best", ""]) & ~rows["Method"].str.endswith(" examples")]
    one_model = len(set(rows["Model"]) - {""}) == 1
    return replace(table, caption=text, shown=rows.drop(columns=[SECTION, *["Model"] * one_model]), notes=())


def _is_used(rows: pd.DataFrame, name: str) -> bool:
    """Whether we have scores in a column; those of parts of SQuAD v2.0's questions are for the whole table."""
    scores = rows[rows["Epoch"].notna()][name]
    return "Ans" not in name and scores.fillna(DASH).ne(DASH).any()
