"""Data card of the embedded suite: contents, sizes, baselines that do not read, ten examples of each task.

    python scripts/probe_card.py                # writes results/probe/DATACARD.md and prints the baselines

About half a minute on a CPU. Expected: what does not read is near the majority on every classification task, sentiment
below 65 %; STS-B's word overlap is below that of the real one. The column of fine-tuning is read from the records of
experiment probe_card, as far as they were made with the rows of today.
"""

import argparse
import os
import re
from collections import Counter
from pathlib import Path
from statistics import mean

import numpy as np
from scipy.sparse import hstack
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from ina import data, record
from ina.config import DataConfig
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

ROOT = Path(__file__).parent.parent
EXPERIMENT = "probe_card"
DISTRACTORS = 2
EXAMPLES = 10
CLEAR = 0.05
"""What counts as a clear difference: twice the standard error on the smallest dev set, 400 rows, and more."""
REAL_ROWS = {
    "cola": (8551, 1043),
    "sst2": (67349, 872),
    "mrpc": (3668, 408),
    "stsb": (5749, 1500),
    "qqp": (363846, 40430),
    "mnli": (392702, 9815),
    "qnli": (104743, 5463),
    "rte": (2490, 277),
    "wnli": (635, 71),
    "swag": (73546, 20006),
    "squad_v1": (87599, 10570),
    "squad_v2": (130319, 11873),
}
"""Training and (first) dev rows of the tasks that the suite stands in for."""
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


def columns_and_labels(task: str, *splits: list[Row]) -> tuple[tuple[str, ...], list[list]]:
    """The texts of a task and the label of every row; in SQuAD v2 whether the question has an answer."""
    if task == "squad_v2":
        return ("question", "context"), [[bool(row["answers"]["text"]) for row in rows] for rows in splits]
    return schema.TEXT_COLUMNS[task], [[row["label"] for row in rows] for rows in splits]


def bag_of_words(task: str, train: list[Row], dev: list[Row]) -> float:
    """Accuracy of logistic regression (STS-B: Pearson of ridge regression) on the word counts of each text."""
    columns, labels = columns_and_labels(task, train, dev)
    vectorizers = [CountVectorizer(analyzer=words).fit([row[name] for row in train]) for name in columns]
    features = [
        hstack([v.transform([row[name] for row in rows]) for v, name in zip(vectorizers, columns, strict=True)])
        for rows in (train, dev)
    ]
    return fitted(task, *features, *labels)


def overlap(task: str, train: list[Row], dev: list[Row]) -> float:
    """The same on one feature: words common to both texts over words in either."""
    columns, labels = columns_and_labels(task, train, dev)
    features = []
    for rows in (train, dev):
        sets = [[set(words(row[name])) for name in columns] for row in rows]
        features.append(np.array([[len(a & b) / len(a | b)] for a, b in sets]))
    return fitted(task, *features, *labels)


def fitted(task: str, train_features, dev_features, labels: list, truth: list) -> float:
    if task == "stsb":
        return pearsonr(Ridge().fit(train_features, labels).predict(dev_features), truth).statistic
    return LogisticRegression(max_iter=3000).fit(train_features, labels).score(dev_features, truth)


def word_matching(dev: list[Row]) -> float:
    """Exact match on the answerable questions of looking, in the sentence most like the question, for a fitting word.

    This reader knows what kind of word is asked for (a colour, a room, ...) and takes the first one there, so it shows
    how far matching words goes, and how much less far among distractors.
    """
    return mean(guess(row) == row["answers"]["text"][0] for row in dev if row["answers"]["text"])


def guess(row: Row) -> str:
    asked = set(words(row["question"]))
    sentences = re.split(r"(?<=\.) ", row["context"])
    for sentence in sorted(sentences, key=lambda text: -len(asked & set(words(text)))):
        if found := fitting(row, sentence):
            return found[0]
    return ""


def fitting(row: Row, text: str) -> list[str]:
    """The words of a text that are of the kind that is asked for, but for those in the question."""
    classes = {"number": ("number", "few", "many")}.get(row["phenomenon"], (row["phenomenon"],))
    kind = {word[""] for name in classes for word in lexicon.CLASSES[name]} - set(re.findall(r"\w+", row["question"]))
    return [word for word in re.findall(r"\w+", text) if word in kind]


def guessing(dev: list[Row]) -> float:
    """Exact match, on average, of any word in the paragraph that is of the kind that is asked for: chance."""
    return mean(1 / len({*fitting(row, row["context"])}) for row in dev if row["answers"]["text"])


def baselines(task: str, rows: dict[str, list[Row]]) -> dict[str, float]:
    """Dev figures of readers that do not understand: accuracy, for STS-B Pearson, for SQuAD exact match.

    In SQuAD v2, those of the classification tasks say whether the question has an answer.
    """
    split = schema.split_names(task)[1]
    train, dev = rows["train"], rows[split]
    out = {}
    if task in schema.SQUAD_TASKS:
        for level in reading.LEVELS:
            rows_then = probe.rows(task, level)[split]
            out[f"any fitting word, {level} distractors"] = guessing(rows_then)
            out[f"word matching, {level} distractors"] = word_matching(rows_then)
    if task == "squad_v1":
        return out
    columns, (labels,) = columns_and_labels(task, dev)
    if task != "stsb":
        out["majority"] = max(Counter(labels).values()) / len(dev)
    out["bag of words"] = bag_of_words(task, train, dev)
    if len(columns) == 2:
        out["word overlap"] = overlap(task, train, dev)
    return out


def fine_tuned() -> dict[str, record.Record]:
    """The record of each task in `EXPERIMENT`; none where the rows have changed since."""
    found = {}
    for run in record.read_all(ROOT / "results", EXPERIMENT, "probe"):
        if data.load(run.task, DataConfig(dir=None, **run.config["data"])).fingerprint == run.data.fingerprint:
            found[run.task] = run
        else:
            print(f"{run.id}: made with other rows, left out; run experiment={EXPERIMENT} again")
    return found


def verdict(task: str, figures: dict[str, float], run: record.Record | None) -> str:
    """Whether fine-tuning is clearly above what does not read and clearly below everything right."""
    if run is None:
        return "not measured with these rows"
    reached = run.last.metrics[run.headline]
    floor = 0.0 if run.headline == "mcc" else max(figures.values())
    if reached < floor + CLEAR:
        return "not above its baselines"
    return "at the ceiling" if reached > 1 - CLEAR else "clearly above its baselines and clearly below 100"


def overview(tasks: dict[str, tuple[dict[str, list[Row]], dict[str, float]]]) -> list[str]:
    """A row a task: sizes, baselines and MiniLM; below, what comes of it."""
    lines = [
        "| task | train / dev | real task | chance | bag of words | word overlap | MiniLM, full fine-tuning | of |",
        "|---|---|---|---|---|---|---|---|",
    ]
    runs = fine_tuned()
    verdicts: dict[str, list[str]] = {}
    for task, (rows, figures) in tasks.items():
        sizes = [f"{len(rows[name]):,}" for name in schema.split_names(task)[:2]]
        shown = [points(figures.get(name)) for name in ("majority", "bag of words", "word overlap")]
        run = runs.get(task)
        verdicts.setdefault(verdict(task, figures, run), []).append(task)
        trained = ["–", "–"]
        if run:
            trained = [
                f"{points(run.last.metrics[run.headline])} ({run.headline})",
                f"{run.data.rows['train']:,} rows, {run.last.epoch} epochs",
            ]
        real = "{:,} / {:,}".format(*REAL_ROWS[task])
        lines.append("| " + " | ".join([task, " / ".join(sizes), real, *shown, *trained]) + " |")
    lines += ["", f"Full fine-tuning of MiniLM, clearly being by {points(CLEAR)} points or more:", ""]
    return lines + [f"- {found}: {', '.join(of)}" for found, of in verdicts.items()]


def points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


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
    lines += [f"| {name} | {points(value)} |" for name, value in figures.items()]
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
    tasks = {}
    for task in schema.TASKS:
        rows = probe.rows(task, DISTRACTORS)
        tasks[task] = rows, baselines(task, rows)
        print(f"{task:10}" + "  ".join(f"{name} {points(value)}" for name, value in tasks[task][1].items()))
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
        *overview(tasks),
        "",
        "Baselines in points, accuracy but for STS-B (Pearson), on the dev set; chance is the majority class. In SQuAD",
        "v2 they say whether the question has an answer. On the dev set of the real STS-B, word overlap reaches 62.3.",
        f"all-MiniLM-L6-v2: last epoch of experiment {EXPERIMENT}, one seed.",
        "",
    ]
    for task, (rows, figures) in tasks.items():
        lines += section(task, rows, figures)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "probe" / "DATACARD.md")
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    temporary.write_text(card())
    os.replace(temporary, out)


if __name__ == "__main__":
    main()
