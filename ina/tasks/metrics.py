"""The official metrics of GLUE, SWAG and SQuAD. All values are raw: shares in [0, 1], correlations in [-1, 1]."""

import re
import string
from collections import Counter

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from ..config import ChoiceTask, GlueTask
from ..data import schema


def label_metrics(task: GlueTask | ChoiceTask, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """The metrics of a task of GLUE or SWAG, or of one's own.

    Where one is undefined it is 0.0: mcc and the correlations when predictions or references are all the same, f1 when
    class 1 is neither there nor predicted.

    Args:
        predictions, references: (n,) class ids; scores for STS-B.
    """
    constant = np.ptp(predictions) == 0 or np.ptp(references) == 0
    functions = {
        "accuracy": lambda: accuracy_score(references, predictions),
        "f1": lambda: f1_score(references, predictions, zero_division=0.0),
        "mcc": lambda: 0.0 if constant else matthews_corrcoef(references, predictions),
        "pearson": lambda: 0.0 if constant else pearsonr(predictions, references).statistic,
        "spearman": lambda: 0.0 if constant else spearmanr(predictions, references).statistic,
    }
    return {name: float(functions[name]()) for name in schema.metric_names(task)}


# SQuAD (v1.1: Rajpurkar et al. 2016, section 6; v2.0: Rajpurkar et al. 2018, section 5)


def squad_scores(texts: list[str], answers: list[list[str]], version_2: bool) -> tuple[np.ndarray, np.ndarray]:
    """Exact match and F1 of each predicted text, both (questions,); see :func:`question_scores`."""
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


_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def _f1(predicted: list[str], gold: list[str], both_empty: float) -> float:
    """Harmonic mean of precision and recall over the bags of tokens."""
    if not predicted and not gold:
        return both_empty
    common = (Counter(predicted) & Counter(gold)).total()
    return 2 * common / (len(predicted) + len(gold))
