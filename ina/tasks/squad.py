"""SQuAD v1.1 and v2.0: windows, answers and their official metrics."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase

from ..config import SquadTask
from . import DevSet, Head, Scored
from .metrics import answerable_metrics, best_metrics, squad_scores
from .spans import Window, best_spans, features, labels, windows


def head(task: SquadTask) -> Head:
    """A start and an end score for every token."""
    return Head("span", 2)


def train_features(task: SquadTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Windows of question and context with the positions of the first answer, not padded; see `ina.tasks.spans`."""
    found = list(windows(task, rows, tokenizer))
    starts, ends = zip(*labels(found, rows), strict=True)
    return features(found).add_column("start_positions", starts).add_column("end_positions", ends)


def dev_sets(task: SquadTask, splits: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> list[DevSet]:
    """The dev split, and those with other numbers of distractors.

    Their features are windows, one or several a question; their predictions are one row a question.
    """
    sets = []
    for split, rows in splits.items():
        if split.startswith("validation"):
            found = list(windows(task, rows, tokenizer))
            sets.append(DevSet(split, features(found), _scorer(task, split, rows, found)))
    return sets


def _scorer(
    task: SquadTask, split: str, rows: Dataset, asked: list[Window]
) -> Callable[[tuple[np.ndarray, ...]], Scored]:
    """Scoring from (start scores, end scores), each (windows, tokens).

    In v2.0 the predicted text is "" where `null_odds`, how far "no answer" scores above the best span, is more than
    `task.null_threshold`. The metrics `best_*` with their thresholds come instead from the best spans of all questions,
    the column `span`: they are what the best threshold would have given, chosen on the questions it is measured on.
    The column `paragraph` numbers the contexts, as questions on one context hang together. Degenerate means that the
    same text, or none, was predicted for every question.
    """
    ids, contexts = (rows[name][:] for name in ("id", "context"))
    paragraphs, _ = pd.factorize(np.array(contexts, dtype=object))
    answers = [answer["text"] for answer in rows["answers"][:]]
    answerable = np.array([bool(texts) for texts in answers])
    keys = {"split": split, "id": ids, "paragraph": paragraphs, "answerable": answerable}

    def score(outputs: tuple[np.ndarray, ...]) -> Scored:
        found = best_spans(task, asked, *outputs)
        null_odds = found.null_score - found.score
        spans = [context[start:end] for context, start, end in zip(contexts, found.start, found.end, strict=True)]
        unanswered = null_odds > task.null_threshold if task.version_2 else np.zeros(len(spans), bool)
        texts = ["" if nothing else span for span, nothing in zip(spans, unanswered, strict=True)]
        exact, f1 = squad_scores(texts, answers, task.version_2)
        predictions = pd.DataFrame(keys | {"text": texts, "exact": exact, "f1": f1, "null_odds": null_odds})
        metrics = {"exact": float(exact.mean()), "f1": float(f1.mean())}
        if task.version_2:
            predictions["span"] = spans
            metrics |= answerable_metrics(exact, f1, answerable)
            metrics |= best_metrics(*squad_scores(spans, answers, True), null_odds, answerable)
        suffix = split.removeprefix("validation")
        metrics = {name + suffix: value for name, value in metrics.items()}
        return Scored(metrics, predictions, degenerate=len(set(texts)) == 1)

    return score
