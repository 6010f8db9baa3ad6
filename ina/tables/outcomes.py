"""Predictions of runs in the form that `ina.stats` takes, and a check that recorded metrics match the predictions."""

from contextlib import suppress
from functools import cache

import numpy as np
import pandas as pd

from ..data.schema import level_split
from ..record import RecordError, record_path
from ..stats import RESAMPLES, Scores, TooFewExamples, per_run, score_runs
from .frame import CELL, ENDING, SELECTIONS, split_of
from .study import Key, Study

TOLERANCE = 1e-6  # predictions are stored in float32
SHARED = ["train_rows", "dev_rows", "adapter", "head", "trainable", "dtype"]  # of a cell, for the CSV files of scores
_ALSO = ["headline", "experiment", "source", "total", "train.learning_rate"]


@cache
def cell_scores(study: Study, key: Key, selection: str, split: str | None = None) -> Scores:
    """The headline scores of a cell.

    `split` names a dev split other than the headline's. SQuAD's further splits have the same questions in the same
    clusters.

    Raises:
        RecordError: A file of predictions is missing.
        ValueError: Two runs were measured on different examples.
    """
    metric = study.headline(key[1])
    of_runs = [study.predictions(run.id) for run in study.cells[key]]
    frames = [frame[frame["split"] == (split or split_of(metric))] for frame in of_runs]
    first = frames[0]
    if not all(np.array_equal(_examples(frame), _examples(first)) for frame in frames):
        raise ValueError(f"the runs of {'--'.join(key)} were measured on different examples; no table can be made")
    if f"{selection}_exact" in first:  # SQuAD's scores are given per question
        metric, labels, column = "mean", None, f"{selection}_{metric}"
    else:
        metric, labels, column = metric.split("_")[0], first["label"].to_numpy(), f"{selection}_prediction"
    paragraphs = _paragraphs(study, key[1], first["id"].to_numpy())
    predictions = np.stack([frame[column] for frame in frames])
    return score_runs(metric, labels, predictions, 0, RESAMPLES, paragraphs, _examples(first), study.seeds(key))


def _examples(frame: pd.DataFrame) -> np.ndarray:
    """A key for each example: its id and its label, because an id is only a row number in many files."""
    right = [name for name in ("label", "answerable") if name in frame]
    return (frame["id"].astype(str).str.cat([frame[name].astype(str) for name in right], sep=" ")).to_numpy(str)


def _paragraphs(study: Study, task: str, ids: np.ndarray) -> np.ndarray | None:
    """The paragraph of each SQuAD question; None for other tasks, and if no record of the study has it.

    If there is a dev set without distractors, its paragraphs are used: in the generated suite, questions on one story
    get different distractors, and so different paragraphs.
    """
    for run in (run for run in study.records if run.task == task):
        frame = study.predictions(run.id)
        if "paragraph" not in frame:
            continue
        bare = frame[frame["split"] == level_split(0)]
        bare = bare if len(bare) else frame[frame["split"] == split_of(study.headline(task))]
        if np.array_equal(bare["id"], ids):
            return bare["paragraph"].to_numpy()
    return None


def paired(study: Study, a: Key, b: Key, selection: str) -> Scores | None:
    """Cell A minus cell B over the seeds that both have; None if they share no seed or have too few examples.

    Raises:
        ValueError: The cells were measured on different examples.
    """
    if not set(study.seeds(a)) & set(study.seeds(b)):
        return None
    try:
        return cell_scores(study, a, selection) - cell_scores(study, b, selection)
    except TooFewExamples:
        return None
    except ValueError as error:
        raise ValueError(f"{'--'.join(a)} and {'--'.join(b)} cannot be compared: {error}") from None


def majority(study: Study, task: str, metric: str) -> float:
    """The score of predicting the most frequent class for every example; in SQuAD v2.0, of never answering.

    NaN if the metric was not measured, or if no constant answer makes sense (STS-B, SQuAD v1.1).
    """
    run = next((run for run in study.records if run.task == task and metric in run.last.metrics), None)
    if run is None:
        return np.nan
    frame = study.predictions(run.id)
    frame = frame[frame["split"] == split_of(metric)]
    if "answerable" in frame:
        right = ~frame["answerable"]
        answers = frame.assign(one_exact=right, one_f1=right)
        return _metric_of(answers, "one", metric.removeprefix("best_")) if right.any() else np.nan
    if "label" not in frame or frame["label"].dtype.kind == "f":
        return np.nan
    return _metric_of(frame.assign(one_prediction=frame["label"].mode()[0]), "one", metric)


def check_metrics(study: Study) -> None:
    """Check that the metrics of the best and the last epoch follow from the stored predictions.

    SQuAD v2.0's metrics at the best threshold are not checked: they need the best span of every question.

    Raises:
        RecordError: A metric differs; the message names the record's file.
    """
    for run in (run for run in study.records if run.predictions):
        for selection in SELECTIONS:
            for metric, value in getattr(run, selection).metrics.items():
                if metric.startswith("best_"):
                    continue
                right = _metric_of(study.predictions(run.id), selection, metric)
                if abs(right - value) > TOLERANCE * max(1, abs(right)):
                    path = study.root / record_path("", run.experiment, run.source, run.id)
                    raise RecordError(f"{path}: {selection}.metrics.{metric} is {value}; its predictions give {right}")


def _metric_of(frame: pd.DataFrame, selection: str, metric: str) -> float:
    """A metric, named as in a record, from per-example predictions."""
    frame, name = frame[frame["split"] == split_of(metric)], ENDING.sub("", metric)
    if "answerable" in frame:
        part, _, name = name.rpartition("_")
        frame = frame[frame["answerable"] == (part == "HasAns")] if part else frame
        return float(frame[f"{selection}_{name}"].mean())
    labels, predictions = frame["label"].to_numpy(), frame[f"{selection}_prediction"].to_numpy()
    return float(per_run(name, labels, predictions[None].astype(labels.dtype))[0])


@cache
def summary(study: Study) -> pd.DataFrame:
    """The numbers of all tables of scores: one row for each cell × metric × selection, in points.

    Columns: n (runs), mean, std, min, max, degenerate (number of such runs), low and high (for the headline metric: the
    95 % interval of the expected score over seeds and examples), and what the runs of a cell share: SHARED and more.
    """
    frame = study.frame.assign(value=study.frame["value"].astype(float), dev_rows=study.frame["n"])
    groups = frame.groupby([*CELL, "metric", "selection"], sort=False)
    rows = 100 * groups["value"].agg(["mean", "std", "min", "max"])
    rows = rows.assign(n=groups.size(), degenerate=groups["degenerate"].sum().astype(int))
    rows = rows.join(groups[[*SHARED, *_ALSO]].first()).reset_index().assign(low=np.nan, high=np.nan)
    for row in rows[rows["metric"] == rows["headline"]].itertuples():
        with suppress(TooFewExamples):
            ends = cell_scores(study, (row.model, row.task, row.method), row.selection).estimate.interval()
            rows.loc[row.Index, ["low", "high"]] = 100 * np.array(ends)
    return rows
