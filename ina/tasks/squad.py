"""SQuAD v1.1 and v2.0: windows, answers and their official metrics, which are shares in [0, 1].

The metrics are those of Rajpurkar et al. 2016, section 6 (v1.1), and 2018, section 5 (v2.0).
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
    """The dev split, and those with other numbers of distractors.

    Their features are windows, one or several a question; their predictions are one row a question.
    """
    sets = []
    for split, rows in splits.items():
        if split.startswith("validation"):
            all_windows = list(windows(task, rows, tokenizer))
            sets.append(DevSet(split, features(all_windows), _scorer(task, split, rows, all_windows)))
    return sets


def _scorer(
    task: SquadTask, split: str, rows: Dataset, all_windows: list[Window]
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
    """`HasAns_*` and `NoAns_*` of v2.0, over answerable and unanswerable questions; absent where there are none.

    Args:
        exact, f1, answerable: (questions,).
    """
    metrics = {}
    for name, chosen in (("HasAns", answerable), ("NoAns", ~answerable)):
        if chosen.any():
            metrics |= {f"{name}_exact": float(exact[chosen].mean()), f"{name}_f1": float(f1[chosen].mean())}
    return metrics


def best_metrics(exact: np.ndarray, f1: np.ndarray, odds: np.ndarray, answerable: np.ndarray) -> dict[str, float]:
    """`best_exact`, `best_f1` of v2.0 with the lowest thresholds on the odds that give them.

    A question is answered if its odds are at most the threshold. When it is best to answer nothing, the threshold is
    0.0, as in the official script, or below all odds. That script also stops inside a run of equal odds, where no
    threshold can; the two differ only there.

    Args:
        exact, f1, odds, answerable: (questions,), the scores if every question is answered, and the odds against that.
    """
    thresholds, position = np.unique(odds, return_inverse=True)
    thresholds = [min(0.0, np.nextafter(thresholds[0], -np.inf)), *thresholds]
    metrics = {}
    for name, scores in (("exact", exact), ("f1", f1)):
        gains = np.bincount(position, np.where(answerable, scores, -1.0))  # of answering the questions of these odds
        totals = (~answerable).sum() + np.cumsum([0.0, *gains])
        best = totals.argmax()
        metrics |= {f"best_{name}": float(totals[best] / len(odds)), f"best_{name}_thresh": float(thresholds[best])}
    return metrics


def question_scores(prediction: str, answers: list[str], version_2: bool) -> tuple[float, float]:
    """Exact match (0 or 1) and token F1 (0 to 1) of one prediction, each against the answer that suits it best.

    Without answers (v2.0) a prediction is right if nothing is left of it after normalisation. The versions differ where
    nothing is left of a text: v2.0 drops such answers as long as others remain and gives two empty texts F1 1, v1.1
    gives them 0.
    """
    predicted = normalize_answer(prediction)
    golds = [normalize_answer(answer) for answer in answers]
    if version_2:
        golds = [gold for gold in golds if gold] or [""]
    exact = max(float(predicted == gold) for gold in golds)
    return exact, max(_f1(predicted.split(), gold.split(), both_empty=float(version_2)) for gold in golds)


def normalize_answer(text: str) -> str:
    """Lower case, without ASCII punctuation, English articles and superfluous white space."""
    text = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def _f1(predicted: list[str], gold: list[str], both_empty: float) -> float:
    """Harmonic mean of precision and recall over the bags of tokens."""
    if not predicted and not gold:
        return both_empty
    common = (Counter(predicted) & Counter(gold)).total()
    return 2 * common / (len(predicted) + len(gold))
