"""The official metrics of GLUE and SQuAD as `evaluate.Metric`s that need no network.

All values are raw: shares in [0, 1], correlations in [-1, 1]. Predictions are kept in memory, so that processes which
evaluate at the same time cannot meet in a shared cache.
"""

import re
import string
from collections import Counter

import datasets
import evaluate
import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from ina.data import schema


class _Metric(evaluate.Metric):
    """A metric that keeps its inputs in memory and needs no folder, so HF_HOME may be read-only."""

    def __init__(self, config_name: str):
        super().__init__(config_name=config_name, keep_in_memory=True)

    def _build_data_dir(self) -> None:
        """`evaluate` makes a folder in HF_HOME here, even for what stays in memory."""


# --- GLUE (Wang et al. 2019, table 1) ---------------------------------------------------------------------------------


class GlueMetric(_Metric):
    """Metrics of a GLUE task or SWAG: `GlueMetric("mrpc").compute(predictions=..., references=...)`.

    cola: mcc; sst2, rte, qnli, wnli, mnli, swag: accuracy; mrpc, qqp: accuracy and f1 of class 1; stsb: pearson and
    spearman.
    Predictions and references are class ids, for stsb scores; both are (n,). Where a metric is undefined it is 0.0:
    mcc and the correlations when predictions or references are all the same, f1 when class 1 is neither there nor
    predicted. Raises ValueError for no rows, unequal lengths, a class id outside the task's range, a score that is not
    finite.
    """

    def _info(self) -> evaluate.MetricInfo:
        if self.config_name not in schema.TEXT_COLUMNS:
            raise ValueError(f"{self.config_name!r} is no task with labels; there are {', '.join(schema.TEXT_COLUMNS)}")
        kind = datasets.Value("float64")  # for class ids too: int64 would silently cut 0.7 down to class 0
        return evaluate.MetricInfo(
            description=f"GLUE metrics of {self.config_name}",
            citation="Wang et al. 2019, GLUE, https://arxiv.org/abs/1804.07461",
            features=datasets.Features({"predictions": kind, "references": kind}),
            format="numpy",
        )

    def _compute(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        for name, values in (("predictions", predictions), ("references", references)):
            _check_values(self.config_name, name, values)
        constant = len(np.unique(predictions)) == 1 or len(np.unique(references)) == 1
        match self.config_name:
            case "cola":
                metrics = {"mcc": 0.0 if constant else matthews_corrcoef(references, predictions)}
            case "stsb":
                correlations = {"pearson": pearsonr, "spearman": spearmanr}
                metrics = {
                    name: 0.0 if constant else function(predictions, references).statistic
                    for name, function in correlations.items()
                }
            case "mrpc" | "qqp":
                f1 = f1_score(references, predictions, zero_division=0.0)
                metrics = {"accuracy": accuracy_score(references, predictions), "f1": f1}
            case _:
                metrics = {"accuracy": accuracy_score(references, predictions)}
        return {name: float(value) for name, value in metrics.items()}


def _check_values(task_name: str, name: str, values: np.ndarray) -> None:
    if not len(values):
        raise ValueError(f"{task_name}: no {name}; a metric needs at least one row")
    if task_name == "stsb":
        sound, right = np.isfinite(values), "a finite score"
    else:
        classes = schema.NUM_CLASSES[task_name]
        sound, right = np.isin(values, np.arange(classes)), f"a class id from 0 to {classes - 1}"
    if not sound.all():
        row = int(np.argmin(sound))
        raise ValueError(f"{task_name}: {name}[{row}] is {values[row]:g}; it should be {right}")


# --- SQuAD (v1.1: Rajpurkar et al. 2016, section 6; v2.0: Rajpurkar et al. 2018, section 5) ---------------------------


class SquadMetric(_Metric):
    """SQuAD v1.1's `exact` and `f1`, or with `version_2` those of v2.0.

    predictions: [{id, prediction_text}], v2.0 also no_answer_probability; references: [{id, answers}] with answers
    {text: [...], answer_start: [...]}, empty lists where unanswerable. Predictions and references are matched by id.

    v2.0 adds `HasAns_*` and `NoAns_*` (over the answerable and the unanswerable questions, absent where there are none)
    and `best_exact`, `best_f1` with their thresholds: the best value that answering only the questions whose
    no_answer_probability is at most `best_*_thresh` would give. `exact` and `f1` take the texts as they are, "" being
    no answer. no_answer_probability may be any finite number that grows with the odds against an answer.

    Raises ValueError for ids that occur twice or only on one side, for a v1.1 question without answers, and for a
    no_answer_probability that is not finite.
    """

    def __init__(self, version_2: bool):
        self.version_2 = version_2
        super().__init__("squad_v2" if version_2 else "squad_v1")

    def _info(self) -> evaluate.MetricInfo:
        prediction = {"id": datasets.Value("string"), "prediction_text": datasets.Value("string")}
        if self.version_2:
            prediction["no_answer_probability"] = datasets.Value("float64")
        reference = {
            name: kind for name, kind in schema.features(self.config_name).items() if name in ("id", "answers")
        }
        return evaluate.MetricInfo(
            description=f"metrics of {self.config_name}",
            citation="Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250; 2018, https://arxiv.org/abs/1806.03822",
            features=datasets.Features({"predictions": prediction, "references": reference}),
        )

    def _compute(self, predictions: list[dict], references: list[dict]) -> dict[str, float]:
        by_id = _pair(predictions, references)
        golds = [reference["answers"]["text"] for reference in references]
        if not self.version_2 and [] in golds:
            raise ValueError(
                f"question {references[golds.index([])]['id']} has no answers; in v1.1 it has at least one"
            )
        texts = [by_id[reference["id"]]["prediction_text"] for reference in references]
        pairs = zip(texts, golds, strict=True)
        exact, f1 = np.array([question_scores(text, gold, self.version_2) for text, gold in pairs]).T
        metrics = {"exact": exact.mean(), "f1": f1.mean()}
        if self.version_2:
            odds = np.array([by_id[reference["id"]]["no_answer_probability"] for reference in references])
            if not np.isfinite(odds).all():
                row = int(np.argmin(np.isfinite(odds)))
                raise ValueError(
                    f"no_answer_probability of {references[row]['id']} is {odds[row]}; it should be finite"
                )
            answerable = np.array([bool(gold) for gold in golds])
            for name, chosen in (("HasAns", answerable), ("NoAns", ~answerable)):
                if chosen.any():
                    metrics |= {f"{name}_exact": exact[chosen].mean(), f"{name}_f1": f1[chosen].mean()}
            for name, scores in (("exact", exact), ("f1", f1)):
                gain = np.where(answerable, scores, -np.array([bool(text) for text in texts], dtype=float))
                metrics[f"best_{name}"], metrics[f"best_{name}_thresh"] = best_threshold(
                    gain, odds, (~answerable).sum()
                )
        return {name: float(value) for name, value in metrics.items()}


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


def best_threshold(gain: np.ndarray, odds: np.ndarray, unanswerable: int) -> tuple[float, float]:
    """The best mean score that a threshold on the no-answer odds can give, and the lowest threshold that gives it.

    gain: (n,) what answering a question adds: its score where answerable, -1 where not (0 for an empty text)
    odds: (n,) a question is answered if its odds are at most the threshold
    unanswerable: number of questions that are right when left unanswered

    The official script scans the same sums but also stops inside a run of equal odds, where no threshold can; the two
    differ only there. When it is best to answer nothing, the threshold is 0.0, as there, or below all odds.
    """
    order = np.argsort(odds, kind="stable")
    totals = unanswerable + np.concatenate([[0.0], np.cumsum(gain[order])])
    thresholds = np.concatenate([[min(0.0, np.nextafter(odds.min(), -np.inf))], odds[order]])
    reachable = np.append(thresholds[1:] != thresholds[:-1], True)  # the last of a run of equal odds
    reachable[0] = True
    best = np.argmax(np.where(reachable, totals, -np.inf))
    return totals[best] / len(odds), thresholds[best]


def _pair(predictions: list[dict], references: list[dict]) -> dict[str, dict]:
    """Predictions by id, after checking that each reference has exactly one."""
    if not references:
        raise ValueError("no references; a metric needs at least one question")
    ids = {}
    for name, entries in (("predictions", predictions), ("references", references)):
        counts = Counter(entry["id"] for entry in entries)
        if twice := [identity for identity, count in counts.items() if count > 1]:
            raise ValueError(f"{name}: id {twice[0]!r} occurs {counts[twice[0]]} times; ids are unique")
        ids[name] = set(counts)
    if unmatched := sorted(ids["predictions"] ^ ids["references"]):
        side = "prediction" if unmatched[0] in ids["references"] else "reference"
        raise ValueError(f"{len(unmatched)} ids are on one side only; the first, {unmatched[0]!r}, has no {side}")
    return {entry["id"]: entry for entry in predictions}
