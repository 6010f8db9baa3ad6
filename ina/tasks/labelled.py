"""Tasks whose examples have a label: a class or a score in GLUE, the right ending in SWAG."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from transformers import PreTrainedTokenizerBase

from ..config import ChoiceTask, GlueTask
from ..data import schema
from . import DevSet, Head, Scored


def head(task: GlueTask | ChoiceTask) -> Head:
    """One output per class, or a single one for the similarity score of STS-B.

    SWAG has one per ending, with a softmax over the endings of an example (Devlin et al. 2019, section 4.4).
    """
    if task.classes is None:
        return Head("regression", 1)
    return Head("choice" if task.family == "choice" else "classification", task.classes)


def train_features(task: GlueTask | ChoiceTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Token ids with labels: sentence or sentence pair, truncated to `task.max_length`, not padded.

    SWAG's inputs are (endings, tokens), each ending with the text before it.
    """
    return _features(task, rows, tokenizer).add_column("labels", rows["label"][:])


def dev_sets(task: GlueTask | ChoiceTask, splits: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> list[DevSet]:
    """The dev split; for MNLI, the matched and the mismatched dev split."""
    return [
        DevSet(_features(task, rows, tokenizer), _scorer(task, split, rows))
        for split, rows in splits.items()
        if split.startswith("validation")
    ]


def _features(task: GlueTask | ChoiceTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    texts = [rows[column][:] for column in task.columns]
    cut = {"truncation": True, "max_length": task.max_length}
    if task.family == "glue":
        return Dataset.from_dict(dict(tokenizer(*texts, **cut)))
    first, beginning, *endings = texts
    seconds = [[f"{start} {end}" for start, end in zip(beginning, ending, strict=True)] for ending in endings]
    each = [tokenizer(first, second, **cut) for second in seconds]
    return Dataset.from_dict({name: [*zip(*(choice[name] for choice in each), strict=True)] for name in each[0]})


def _scorer(task: GlueTask | ChoiceTask, split: str, rows: Dataset) -> Callable[[tuple[np.ndarray, ...]], Scored]:
    """A function that scores logits (examples, classes); for STS-B, scores (examples, 1)."""
    labels = np.asarray(rows["label"][:])
    keys = {"split": split, "id": rows["idx"][:], "label": labels}

    def score(outputs: tuple[np.ndarray, ...]) -> Scored:
        logits = outputs[0]
        predicted = logits.squeeze(-1) if task.classes is None else logits.argmax(-1)
        metrics = label_metrics(task, predicted, labels)
        suffix = split.removeprefix("validation")  # "_matched", "_mismatched" or nothing
        return Scored(
            metrics={name + suffix: value for name, value in metrics.items()},
            predictions=pd.DataFrame({**keys, "prediction": predicted}),
            degenerate=bool(np.ptp(predicted) == 0),
        )

    return score


def label_metrics(task: GlueTask | ChoiceTask, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """The metrics of a task, raw (not in percent): the official ones for GLUE and SWAG.

    An undefined metric is 0.0: mcc and the correlations if predictions or references are constant, f1 if class 1
    neither occurs nor is predicted.

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
