"""SQuAD v1.1 and v2.0: windows, answers and the official metrics, in [0, 1].

The metrics are defined in Rajpurkar et al. 2016, section 6 (v1.1), and 2018, section 5 (v2.0).
"""

import re
import string
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase

from ..config import SquadTask
from . import DevSet, Head, Scored
from .spans import Window, answer_positions, best_spans, features, windows

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def head(task: SquadTask) -> Head:
    """A start and an end score for every token."""
    return Head("span", 2)


def train_features(task: SquadTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Windows of question and context with the positions of the first answer, not padded; see `ina.tasks.spans`."""
    all_windows = list(windows(task, rows, tokenizer))
    starts, ends = zip(*answer_positions(all_windows, rows), strict=True)
    return features(all_windows).add_column("start_positions", starts).add_column("end_positions", ends)


def dev_sets(task: SquadTask, splits: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> list[DevSet]:
    """The dev split, and the dev splits with other numbers of distractors.

    Features are windows, one or more per question. Predictions have one row per question.
    """
    sets = []
    for split, rows in splits.items():
        if split.startswith("validation"):
            all_windows = list(windows(task, rows, tokenizer))
            sets.append(DevSet(features(all_windows), _scorer(task, split, rows, all_windows)))
    return sets


def _scorer(
    task: SquadTask, split: str, rows: Dataset, all_windows: list[Window]
) -> Callable[[tuple[np.ndarray, ...]], Scored]:
    """A function that scores (start scores, end scores), each (windows, tokens).

    `null_odds` is the score of "no answer" minus the score of the best span. In v2.0 the predicted text is "" if
    `null_odds` is above `task.null_threshold`. The metrics `best_*` do not use that threshold: they use the column
    `span`, the best span of every question, and the threshold that is best on these same questions. The column
    `paragraph` numbers the contexts, because scores of questions on one context are correlated. Degenerate means that
    every question got the same text, or none.
    """
    ids, contexts = (rows[name][:] for name in ("id", "context"))
    paragraphs, _ = pd.factorize(np.array(contexts, dtype=object))
    answers = [answer["text"] for answer in rows["answers"][:]]
    answerable = np.array([bool(texts) for texts in answers])
    keys = {"split": split, "id": ids, "paragraph": paragraphs, "answerable": answerable}

    def score(outputs: tuple[np.ndarray, ...]) -> Scored:
        best = best_spans(task, all_windows, *outputs)
        null_odds = best.null_score - best.score
        spans = [context[start:end] for context, start, end in zip(contexts, best.start, best.end, strict=True)]
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


def squad_scores(texts: list[str], answers: list[list[str]], version_2: bool) -> tuple[np.ndarray, np.ndarray]:
    """Exact match and F1 of each predicted text, both (questions,); see `question_scores`."""
    pairs = zip(texts, answers, strict=True)
    exact, f1 = np.array([question_scores(text, golds, version_2) for text, golds in pairs]).T
    return exact, f1


def answerable_metrics(exact: np.ndarray, f1: np.ndarray, answerable: np.ndarray) -> dict[str, float]:
    """`HasAns_*` and `NoAns_*` of v2.0, over answerable and unanswerable questions; left out if there are none.

    Args:
        exact, f1, answerable: (questions,).
    """
    metrics = {}
    for name, chosen in (("HasAns", answerable), ("NoAns", ~answerable)):
        if chosen.any():
            metrics |= {f"{name}_exact": float(exact[chosen].mean()), f"{name}_f1": float(f1[chosen].mean())}
    return metrics


def best_metrics(exact: np.ndarray, f1: np.ndarray, odds: np.ndarray, answerable: np.ndarray) -> dict[str, float]:
    """`best_exact` and `best_f1` of v2.0, each with the lowest threshold on the odds that gives it.

    A question is answered if its odds are at most the threshold. If it is best to answer nothing, the threshold is 0.0,
    as in the official script, or just below the lowest odds if these are not above 0. One difference: the official
    script may also cut between questions with equal odds, which no threshold can do.

    Args:
        exact, f1, odds, answerable: (questions,); the scores if every question is answered, and the `null_odds`.
    """
    thresholds, position = np.unique(odds, return_inverse=True)
    thresholds = [min(0.0, np.nextafter(thresholds[0], -np.inf)), *thresholds]
    metrics = {}
    for name, scores in (("exact", exact), ("f1", f1)):
        gains = np.bincount(position, np.where(answerable, scores, -1.0))  # from answering questions with these odds
        totals = (~answerable).sum() + np.cumsum([0.0, *gains])
        best = totals.argmax()
        metrics |= {f"best_{name}": float(totals[best] / len(odds)), f"best_{name}_thresh": float(thresholds[best])}
    return metrics


def question_scores(prediction: str, answers: list[str], version_2: bool) -> tuple[float, float]:
    """Exact match (0 or 1) and token F1 (0 to 1) of one prediction, each the maximum over the answers.

    Without answers (v2.0) a prediction is right if it is empty after normalisation. The versions differ in texts that
    normalisation empties: v2.0 drops such answers if others remain, and two empty texts have F1 1 (v1.1: 0).
    """
    predicted = normalize_answer(prediction)
    golds = [normalize_answer(answer) for answer in answers]
    if version_2:
        golds = [gold for gold in golds if gold] or [""]
    exact = max(float(predicted == gold) for gold in golds)
    return exact, max(_f1(predicted.split(), gold.split(), both_empty=float(version_2)) for gold in golds)


def normalize_answer(text: str) -> str:
    """The text in lower case, without ASCII punctuation, English articles and superfluous white space."""
    text = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def _f1(predicted: list[str], gold: list[str], both_empty: float) -> float:
    """Harmonic mean of precision and recall over the bags of tokens."""
    if not predicted and not gold:
        return both_empty
    common = (Counter(predicted) & Counter(gold)).total()
    return 2 * common / (len(predicted) + len(gold))
