"""Data card of the embedded suite: contents, sizes, baselines that do not read, ten examples of each task.

    python scripts/probe_card.py                # writes results/probe/DATACARD.md and prints the baselines

About half a minute on a CPU. Expected: every classification task near its majority, sentiment below 75 %.
"""

import argparse
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import hstack
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from ina.data import probe, schema
from ina.data.probe import (
    acceptability,
    continuation,
    entailment,
    lexicon,
    paraphrase,
    questions,
    reading,
    sentiment,
    similarity,
    winograd,
)
from ina.data.probe.template import Draw, Row

DISTRACTORS = 2
EXAMPLES = 10
MODULES = {
    "cola": acceptability,
    "sst2": sentiment,
    "mrpc": paraphrase,
    "stsb": similarity,
    "qqp": paraphrase,
    "mnli": entailment,
    "qnli": questions,
    "rte": entailment,
    "wnli": winograd,
    "swag": continuation,
    "squad_v1": reading,
    "squad_v2": reading,
}
LABELS = {
    "cola": ("unacceptable", "acceptable"),
    "sst2": ("negative", "positive"),
    "mrpc": ("different", "paraphrase"),
    "qqp": ("different", "duplicate"),
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("answers", "does not answer"),
    "rte": ("entailment", "not entailment"),
    "wnli": ("not so", "so"),
    "swag": ("first ending", "second ending", "third ending", "fourth ending"),
}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z'-]+", text.lower())


def bag_of_words(task: str, train: list[Row], dev: list[Row]) -> float:
    """Accuracy of logistic regression (STS-B: Pearson of ridge regression) on the word counts of each text."""
    columns = schema.TEXT_COLUMNS[task]
    vectorizers = [CountVectorizer(analyzer=words).fit([row[name] for row in train]) for name in columns]
    features = [
        hstack([v.transform([row[name] for row in rows]) for v, name in zip(vectorizers, columns, strict=True)])
        for rows in (train, dev)
    ]
    return fitted(task, *features, train, dev)


def overlap(task: str, train: list[Row], dev: list[Row]) -> float:
    """The same on one feature: words common to both texts over words in either."""
    features = []
    for rows in (train, dev):
        sets = [[set(words(row[name])) for name in schema.TEXT_COLUMNS[task]] for row in rows]
        features.append(np.array([[len(a & b) / len(a | b)] for a, b in sets]))
    return fitted(task, *features, train, dev)


def fitted(task: str, train_features, dev_features, train: list[Row], dev: list[Row]) -> float:
    labels, truth = ([row["label"] for row in rows] for rows in (train, dev))
    if task == "stsb":
        return pearsonr(Ridge().fit(train_features, labels).predict(dev_features), truth).statistic
    return LogisticRegression(max_iter=3000).fit(train_features, labels).score(dev_features, truth)


def word_matching(dev: list[Row]) -> float:
    """Exact match on the answerable questions of looking, in the sentence most like the question, for a fitting word.

    This reader knows what kind of word is asked for (a colour, a room, ...) and takes the first one there, so it shows
    how far matching words goes, and how much less far among distractors.
    """
    right = [guess(row) == row["answers"]["text"][0] for row in dev if row["answers"]["text"]]
    return sum(right) / len(right)


def guess(row: Row) -> str:
    classes = {"number": ("number", "few", "many")}.get(row["phenomenon"], (row["phenomenon"],))
    fitting = {word[""] for name in classes for word in lexicon.CLASSES[name]}
    asked = set(words(row["question"]))
    sentences = re.split(r"(?<=\.) ", row["context"])
    for sentence in sorted(sentences, key=lambda text: -len(asked & set(words(text)))):
        found = [word for word in re.findall(r"\w+", sentence) if word in fitting and word.lower() not in asked]
        if found:
            return found[0]
    return ""


def baselines(task: str, rows: dict[str, list[Row]]) -> dict[str, float]:
    """Dev figures of readers that do not understand: accuracy, for STS-B Pearson, for SQuAD exact match."""
    split = schema.split_names(task)[1]
    train, dev = rows["train"], rows[split]
    if task in schema.SQUAD_TASKS:
        return {
            f"word matching, {level} distractors": word_matching(probe.rows(task, level)[split])
            for level in reading.LEVELS
        }
    counts = Counter(row["label"] for row in dev)
    out = {} if task == "stsb" else {"majority": max(counts.values()) / len(dev)}
    out["bag of words"] = bag_of_words(task, train, dev)
    if len(schema.TEXT_COLUMNS[task]) == 2:
        out["word overlap"] = overlap(task, train, dev)
    return out


def example(task: str, row: Row) -> str:
    if task in schema.SQUAD_TASKS:
        answer = row["answers"]["text"][0] if row["answers"]["text"] else "(no answer)"
        return f"{row['context']} **{row['question']}** {answer}"
    label = f"{row['label']:g}" if task == "stsb" else LABELS[task][row["label"]]
    return " / ".join(row[name] for name in schema.TEXT_COLUMNS[task]) + f" **{label}**"


def section(task: str, rows: dict[str, list[Row]], figures: dict[str, float]) -> list[str]:
    split = schema.split_names(task)[1]
    lines = [f"## {task}", "", MODULES[task].__doc__.strip(), ""]
    lines += ["| split | rows | " + ("answerable" if task in schema.SQUAD_TASKS else "labels") + " |", "|---|---|---|"]
    for name, split_rows in rows.items():
        if task in schema.SQUAD_TASKS:
            spread = f"{sum(bool(row['answers']['text']) for row in split_rows):,}"
        else:
            counts = Counter(row["label"] for row in split_rows)
            spread = ", ".join(f"{label:g}: {counts[label]:,}" for label in sorted(counts))
        lines.append(f"| {name} | {len(split_rows):,} | {spread} |")
    metric = {"stsb": "Pearson"}.get(task, "exact match" if task in schema.SQUAD_TASKS else "accuracy")
    lines += ["", f"| baseline ({metric} x 100 on {split}) | |", "|---|---|"]
    lines += [f"| {name} | {100 * value:.1f} |" for name, value in figures.items()]
    counts = {name: Counter(row["phenomenon"] for row in split_rows) for name, split_rows in rows.items()}
    suite = probe.SUITES[task]
    lines += ["", "| phenomenon | templates train / dev | rows " + " / ".join(rows) + " |", "|---|---|---|"]
    for phenomenon in suite.phenomena:
        sizes = " / ".join(f"{counts[name][phenomenon.name]:,}" for name in rows)
        lines.append(f"| {phenomenon.name} | {len(phenomenon.train)} / {len(phenomenon.dev)} | {sizes} |")
    levels = reading.LEVELS if task in schema.SQUAD_TASKS else (DISTRACTORS,)
    for level in levels:
        title = f"{level} distractors" if task in schema.SQUAD_TASKS else "drawn at random"
        lines += ["", f"Examples from {split}, {title}:", ""]
        drawn = Draw("card", task).sample(probe.rows(task, level)[split], EXAMPLES)
        lines += [f"{number}. {example(task, row)}" for number, row in enumerate(drawn, start=1)]
    return [*lines, ""]


def card() -> str:
    open_classes = {name: members for name, members in lexicon.CLASSES.items() if len(members) > 1}
    vocabulary = {word[""] for members in open_classes.values() for word in members}
    lines = [
        "# Data card of the embedded suite (`data.source=probe`)",
        "",
        "Generated by `python scripts/probe_card.py` from `ina/data/probe`; every text is made there, none is copied.",
        f"{len(vocabulary):,} words and phrases in {len(open_classes)} classes; of those with",
        f"{lexicon.SMALLEST_OPEN_CLASS} or more, one word in {lexicon.HELD_OUT_EVERY} is left out in training.",
        "No template of dev is used in training.",
        "All members of a contrast (minimal pair, paraphrase and near-paraphrase, ...) are in the same split.",
        "Same rows in every process and Python version; `tests/test_probe.py` pins a hash of each task.",
        "",
    ]
    for task in schema.TASKS:
        rows = probe.rows(task, DISTRACTORS)
        figures = baselines(task, rows)
        print(f"{task:10}" + "  ".join(f"{name} {100 * value:.1f}" for name, value in figures.items()))
        lines += section(task, rows, figures)
    return "\n".join(lines)


def main() -> None:
    root = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=root / "results" / "probe" / "DATACARD.md")
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    temporary.write_text(card())
    os.replace(temporary, out)


if __name__ == "__main__":
    main()
