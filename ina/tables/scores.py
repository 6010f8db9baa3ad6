"""Tables 3 and 4: our scores by both selections, and below them what others published and released."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from .frame import CELL, GLUE, SELECTIONS, SQUAD
from .outcomes import SHARED, majority, summary
from .published import COLUMNS, HEADLINES, MARKS, published_rows
from .study import Study
from .table import DASH, SECTION, Table, millions, points, span, spread

OURS = "This replication"
AVERAGE = ("glue", "average")
EPOCHS = {
    "best": "Best: each run at its epoch with the best headline score on the dev set, which is optimistic for every "
    "method.",
    "last": "Last: at the last epoch.",
}
_NAMES = ["Model", "Method", "Trainable", "Epoch"]
_DATA = ["origin", "experiment", "source", "method", "task", "metric", "mean", "model", "selection", "n", "std", "low",
         "high", "min", "max", "degenerate"]  # fmt: skip


def score_tables(study: Study) -> list[Table]:
    """The tables of scores that a study gives: Table 3 and its second metrics (GLUE), Table 4 (SQuAD), one for SWAG."""
    glue = [task for task in study.tasks if task not in (*SQUAD, "swag")]
    apart = [(task, study.headline(task)) for task in glue if task not in GLUE]
    own = [] if set(glue) & {*GLUE, "wnli"} else glue
    headlines = [(task, HEADLINES[task]) for task in GLUE]
    second = [score for score in COLUMNS if score[0] in set(glue) & set(GLUE) and score not in headlines]
    squad = [score for score in COLUMNS if score[0] in SQUAD]
    kinds = [
        ("Your own tasks", "", own, apart),
        ("Table 3: GLUE", "glue", [] if own else glue, [*headlines, AVERAGE, *apart]),
        ("Table 3b: second metrics, GLUE", "glue", glue, second),
        ("Table 4: SQuAD", "squad", [task for task in study.tasks if task in SQUAD], squad),
        ("SWAG", "swag", [task for task in study.tasks if task == "swag"], [("swag", "accuracy")]),
    ]
    return [_table(study, *kind) for kind in kinds if kind[2] and kind[3]]


def _table(study: Study, kind: str, source: str, tasks: list[str], scores: list[tuple[str, str]]) -> Table:
    """A column for each of `scores`, a row for each method and selection."""
    if set(tasks) != set(study.tasks):
        shown = [run for run in study.records if run.task in tasks]
        study = study.with_records(shown, left_out=tuple(set(study.tasks) - set(tasks)))
    averaged = study.averaged if AVERAGE in scores else ()
    if not averaged or any(study.headline(task) != HEADLINES[task] for task in averaged):
        averaged, scores = (), [score for score in scores if score != AVERAGE]
    others, sources = pd.DataFrame(), []
    # no published numbers are for generated data or for paragraphs with inserted sentences
    if source and study.source != "probe" and not any(run.config["data"].get("distractors") for run in study.records):
        others, sources = published_rows(source, [score for score in scores if score != AVERAGE], averaged)
    parts = [_counts(study, scores), majority_scores(study, scores), our_scores(study, scores, averaged), others]
    data = pd.concat(parts, ignore_index=True)
    heads = data[[SECTION, *_NAMES]].fillna("")
    texts = data["text"].set_axis(pd.MultiIndex.from_frame(heads.join(data[["task", "metric"]])))
    shown = texts.unstack(["task", "metric"], sort=False).reindex(columns=pd.MultiIndex.from_tuples(scores))
    titles = [
        f"Avg. of {len(averaged)}" if score == AVERAGE else COLUMNS.get(score) or study.label(task=score[0])
        for score in scores
    ]
    shown = shown.set_axis(titles, axis=1).fillna(DASH).reset_index()
    shown.loc[(shown[SECTION] == OURS) & (shown["Epoch"] == "last"), _NAMES[:3]] = ""
    marks = [f"{mark}: not read at its source (status {status}, see results/published/README.md)."
             for status, mark in MARKS.items() if data["text"].str.contains(mark).any()]  # fmt: skip
    notes = (*_notes(study, averaged, (data["origin"] == "baseline").any()), *marks, *sources)
    data = data[data["origin"].notna() & ~((data["origin"] == "ours") & (data["metric"] == "average"))]
    generated = " (generated)" * (study.source == "probe")
    title = f"{kind}{generated}, dev set, experiment {study.experiment}, data source {study.source}"
    return Table("scores", title, caption(study), shown, data.filter([*_DATA, *SHARED, "status", "note"]), notes)


def _counts(study: Study, scores: list[tuple[str, str]]) -> pd.DataFrame:
    """Rows with numbers of examples. They have no `origin`, which keeps them out of the CSV file."""
    rows = []
    groups = study.frame.groupby(["task", "metric"])
    for kind, column in (("training", "train_rows"), ("dev", "n")):
        counts = groups[column].agg(span).to_dict() | {AVERAGE: ""}
        if kind == "dev":  # HasAns and NoAns are for a part of the questions
            counts = {score: "" if "Ans_" in score[1] else count for score, count in counts.items()}
        rows += [{"Method": f"{kind} examples", "task": score[0], "metric": score[1], "text": counts.get(score, DASH)}
                 for score in scores]  # fmt: skip
    return pd.DataFrame(rows).assign(**{SECTION: OURS})


def majority_scores(study: Study, scores: list[tuple[str, str]]) -> pd.DataFrame:
    """The scores of the majority class, for metrics that have such a baseline."""
    found = pd.DataFrame(scores, columns=["task", "metric"])
    found = found.assign(mean=[100 * majority(study, *score) for score in scores]).dropna()
    same = {"origin": "baseline", "experiment": study.experiment, "source": study.source, "method": "majority"}
    return found.assign(text=found["mean"].map(points), **same, **{SECTION: OURS, "Method": "Majority class"})


def our_scores(study: Study, scores: list[tuple[str, str]], averaged: tuple[str, ...]) -> pd.DataFrame:
    """Our numbers in points, one per row, ordered by method, with the text of each cell."""
    keys = ["model", "method", "selection", "task", "metric"]
    index = [(*pair, selection, *score) for pair in study.methods for selection in SELECTIONS for score in scores]
    rows = summary(study).set_index(keys).reindex(pd.MultiIndex.from_tuples(index, names=keys)).reset_index()
    rows = rows[(rows["metric"] == "average") | rows["n"].notna()].astype({"n": "Int64", "degenerate": "Int64"})
    counted = len(set(map(len, study.cells.values()))) > 1  # n differs between cells, so best epochs show it

    def text(row) -> str:
        if row.metric == "average":
            return _average(study, row.model, row.method, row.selection, averaged, counted)
        n = row.n if counted and row.selection == "best" else None
        return spread(row.mean, row.std, n) + (f" †{row.degenerate:.0f}" if row.degenerate else "")

    trainable = {pair: _trainable(cells) for pair, cells in rows[rows["n"].notna()].groupby(["model", "method"])}
    pairs = list(zip(rows["model"], rows["method"], strict=True))
    headings = {
        SECTION: OURS,
        "Model": [study.label(model=model) for model, _ in pairs],
        "Method": [study.label(model=model, method=method) for model, method in pairs],
        "Trainable": [trainable.get(pair, "") for pair in pairs],
        "Epoch": rows["selection"],
    }
    return rows.assign(origin="ours", text=list(map(text, rows.itertuples())), **headings)


def _average(study: Study, model: str, method: str, selection: str, averaged: tuple[str, ...], counted: bool) -> str:
    """Mean over tasks, with its spread if all tasks have the same seeds, and with the number of seeds if `counted`."""
    keys = [(model, task, method) for task in averaged]
    if not all(key in study.cells for key in keys):
        return DASH
    scores = [100 * study.scores(key, selection) for key in keys]
    if len({study.seeds(key) for key in keys}) > 1:
        return points(np.mean([each.mean() for each in scores]))
    means = pd.Series(np.mean(scores, axis=0))
    return spread(means.mean(), means.std(), len(means) if counted and selection == "best" else None)


def _trainable(cells: pd.DataFrame) -> str:
    """Weights of adapter + head, or all weights if all are trained; a range if tasks differ."""
    adapter, head, total = (
        "–".join(dict.fromkeys(millions(int(count)) for count in (cells[name].min(), cells[name].max())))
        for name in ("adapter", "head", "total")
    )
    return total if (cells["trainable"] == cells["total"]).all() else f"{adapter} + {head}"


def caption(study: Study, selections: Sequence[str] = SELECTIONS) -> str:
    """The caption of every table: models, number of runs and seeds, epochs, number format, selections."""
    runs, seeds = study.runs, list(map(len, study.cells.values()))
    models = ", ".join(runs["model_label"].unique())
    n = ", n in brackets" if len(set(seeds)) > 1 else ""
    return (
        f"{models}; {study.count} runs; {_counted(runs['train.epochs'], 'epoch')}, "
        f"{', '.join(sorted(runs['dtype'].unique()))}; {span(runs['train_rows'])} training and {span(runs['n'])} dev "
        f"examples a task. Mean ± standard deviation in points over n = {_counted(seeds, 'seed')}{n}. "
        + " ".join(EPOCHS[selection] for selection in selections)
    )


def _counted(counts, unit: str) -> str:
    return f"{span(counts)} {unit}{'s' if max(counts) > 1 else ''}"


def _notes(study: Study, averaged: tuple[str, ...], constant: bool) -> list[str]:
    notes = []
    if "squad_v2" in study.tasks:
        notes.append(
            'v2.0: a question counts as unanswered if the score of "no answer" exceeds the best span\'s score by more '
            "than a threshold set before training. v2.0 best-thr.: the threshold is instead the one with the highest "
            "score on this dev set, chosen after the fact; these columns are not comparable with the others."
        )
    if constant:
        notes.append(
            "Majority class: the most frequent class of the dev set for every example, in SQuAD v2.0 no answer to any "
            "question. STS-B and SQuAD v1.1 have no such baseline."
        )
    if averaged:
        tasks = ", ".join(study.label(task=task) for task in averaged)
        notes.append(
            f"Avg. of {len(averaged)}: mean over {tasks}, the tasks measured here. Every row's mean is computed from "
            f"the row's own entries; {DASH} if one is missing."
        )
    notes.append(
        f"{DASH}: not measured. Trainable: weights of the adapter + weights of the head, which every method trains; "
        "for full fine-tuning, all weights."
    )
    return [*notes, *warnings(study)]


def warnings(study: Study) -> list[str]:
    """What is unusual about the runs of a study."""
    notes = list(study.notes)
    if study.frame["degenerate"].any():
        notes.append(
            '†k: k of the runs are degenerate. A degenerate run predicts the same class, score or "no answer" for '
            "every example; it has learned nothing."
        )
    if study.runs["uncommitted"].any():
        notes.append("Some runs were made with uncommitted code or configs.")
    for key, group in study.runs.groupby(CELL, sort=False):
        numbers = pd.DataFrame(list(group["numbers"])).map(str)
        if differing := [name for name in sorted(numbers) if name != "seed" and numbers[name].nunique() > 1]:
            notes.append(f"{'--'.join(key)}: runs differ in {', '.join(differing)}.")
    for key, group in study.runs.groupby(CELL[:2], sort=False):
        numbers = pd.DataFrame(list(group["numbers"])).map(str)
        shared = ("data.fingerprint", "train.epochs", "train.batch_size")
        if differing := [name for name in shared if name in numbers and numbers[name].nunique() > 1]:
            notes.append(f"{'--'.join(key)}: methods differ in {', '.join(differing)}, so they are not comparable.")
    return notes


def on_screen(table: Table, published: bool) -> Table:
    """A table of scores for the terminal: only columns with numbers of ours; others' rows only if `published`.

    Sources, and columns for parts of SQuAD v2.0's questions, are only in the whole table.
    """
    if table.name != "scores":
        return table
    rows, is_ours = table.shown, table.shown[SECTION] == OURS
    scored = rows[is_ours & rows["Epoch"].isin(SELECTIONS)].drop(columns=[SECTION, *_NAMES])
    columns = [name for name in scored if "Ans" not in name and scored[name].ne(DASH).any()]
    rows = rows.loc[(is_ours | published) & rows[columns].ne(DASH).any(axis=1), [SECTION, *_NAMES, *columns]]
    notes = [note for note in table.notes if note[0] != "[" and (published or note[0] not in MARKS.values())]
    return replace(table, shown=rows, notes=tuple(notes))


def excerpt(table: Table, place: str) -> Table:
    """Our best-epoch rows of a table, for a document, with a link to the whole table in the folder `place`.

    The column of models is dropped if there is only one model; the caption names it.
    """
    caption = table.caption.removesuffix(f" {EPOCHS['last']}")
    text = f"{caption} [The whole table]({place}/{table.name}.md) explains the columns and has more."
    rows = on_screen(table, published=False).shown
    if table.name == "scores":
        rows = rows[rows["Epoch"].isin(["best", ""]) & ~rows["Method"].str.endswith(" examples")]
        one_model = len(set(rows["Model"]) - {""}) == 1
        rows = rows.drop(columns=[SECTION, *["Model"] * one_model])
    return replace(table, caption=text, shown=rows, notes=())
