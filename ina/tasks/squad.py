"""SQuAD v1.1 and v2.0: windows, answers and their official metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase

from ..config import SquadTask
from . import DevSet, Head, Scored
from .metrics import SquadMetric, question_scores
from .spans import PLACES, best_spans, dev_windows, train_windows


def head(task: SquadTask) -> Head:
    """A start and an end score for every token."""
    return Head("span", 2)


def train_features(task: SquadTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Windows of question and context with the positions of the first answer, not padded; see `ina.tasks.spans`."""
    return train_windows(rows, tokenizer, **_lengths(task))


def dev_sets(task: SquadTask, splits: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> list[DevSet]:
    """The dev split, and those with other numbers of distractors.

    Their features are windows, one or several a question; their predictions are one row a question.
    """
    found = []
    for split, rows in splits.items():
        if split.startswith("validation"):
            windows = dev_windows(rows, tokenizer, **_lengths(task))
            found.append(DevSet(split, windows.remove_columns(PLACES), _scorer(task, split, rows, windows)))
    return found


def _lengths(task: SquadTask) -> dict[str, int]:
    return {name: getattr(task, name) for name in ("max_length", "doc_stride", "max_question_length")}


def _scorer(task: SquadTask, split: str, rows: Dataset, windows: Dataset) -> Callable[[tuple[np.ndarray, ...]], Scored]:
    """Scoring from (start scores, end scores), each (windows, tokens).

    In v2.0 the predicted text is "" where `null_odds`, how far "no answer" scores above the best span, is more than
    `task.null_threshold`. The metrics `best_*` with their thresholds come instead from the best spans of all questions,
    the column `span`: they are what the best threshold would have given, chosen on the questions it is measured on.
    The column `paragraph` numbers the contexts, as questions on one context hang together. Degenerate means that the
    same text, or none, was predicted for every question.
    """
    ids, contexts, answers = (rows[name][:] for name in ("id", "context", "answers"))
    paragraphs, _ = pd.factorize(np.array(contexts, dtype=object))
    references = [{"id": id, "answers": answer} for id, answer in zip(ids, answers, strict=True)]

    def measure(texts: list[str], null_odds: np.ndarray) -> dict[str, float]:
        columns = {"id": ids, "prediction_text": texts}
        if task.version_2:
            columns["no_answer_probability"] = null_odds
        predictions = pd.DataFrame(columns).to_dict("records")
        return SquadMetric(task.version_2).compute(predictions=predictions, references=references)

    def score(outputs: tuple[np.ndarray, ...]) -> Scored:
        found = best_spans(*outputs, windows, n_best=task.n_best, max_answer_length=task.max_answer_length)
        null_odds = found.null_score - found.score
        best = [context[start:end] for context, start, end in zip(contexts, found.start, found.end, strict=True)]
        texts = best
        if task.version_2:
            texts = [
                "" if unanswered else text
                for text, unanswered in zip(best, null_odds > task.null_threshold, strict=True)
            ]
        scores = [
            question_scores(text, answer["text"], task.version_2) for text, answer in zip(texts, answers, strict=True)
        ]
        exact, f1 = np.array(scores).T
        predictions = pd.DataFrame(
            {
                "split": split,
                "id": ids,
                "paragraph": paragraphs,
                "answerable": [bool(answer["text"]) for answer in answers],
                "text": texts,
                "exact": exact,
                "f1": f1,
                "null_odds": null_odds,
            }
        )
        metrics = measure(texts, null_odds)
        if task.version_2:
            predictions["span"] = best
            metrics |= {name: value for name, value in measure(best, null_odds).items() if name.startswith("best_")}
        suffix = split.removeprefix("validation")
        metrics = {name + suffix: value for name, value in metrics.items()}
        return Scored(metrics, predictions, degenerate=len(set(texts)) == 1)

    return score
