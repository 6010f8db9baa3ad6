"""The embedded suite: GLUE, SWAG and SQuAD, generated, on any machine and always the same (`data.source=probe`).

Rows have the columns and splits of the real tasks. Their texts are made from `lexicon` by the templates of one module
per family of tasks. No template of dev, and not every word of it, occurs in training; what belongs together, such as a
minimal pair, stays together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ina.data import schema
from ina.data.probe import (
    acceptability,
    continuation,
    entailment,
    paraphrase,
    questions,
    reading,
    sentiment,
    similarity,
    winograd,
)
from ina.data.probe.template import Draw, Phenomenon, Row, collect

if TYPE_CHECKING:
    from datasets import DatasetDict

    from ina.config import DataConfig

VOCABULARY = {"train": "train", "validation": "dev", "validation_matched": "dev", "validation_mismatched": "unseen"}
"""What `lexicon.words` is asked for; MNLI's mismatched dev set takes only held-out words of the open classes."""


class Suite(NamedTuple):
    """How the rows of a task are made, and how many."""

    phenomena: Sequence[Phenomenon]
    make: Callable[..., list[Row]]
    train: int = 4000
    dev: int = 800


SUITES = {
    "cola": Suite(acceptability.PHENOMENA, acceptability.pair),
    "sst2": Suite(sentiment.PHENOMENA, sentiment.pair),
    "mrpc": Suite(paraphrase.STATEMENTS, partial(paraphrase.pairs, columns=schema.TEXT_COLUMNS["mrpc"])),
    "qqp": Suite(paraphrase.QUESTIONS, partial(paraphrase.pairs, columns=schema.TEXT_COLUMNS["qqp"])),
    "mnli": Suite(entailment.PHENOMENA, entailment.triples, 4002, 801),
    "qnli": Suite(questions.PHENOMENA, questions.pairs),
    "rte": Suite(entailment.PHENOMENA, entailment.pairs),
    "wnli": Suite(winograd.SCHEMAS, winograd.readings, 2000, 400),
    "stsb": Suite(similarity.SCENES, similarity.graded, 4002, 804),
    "swag": Suite(continuation.SCENES, continuation.groups, 2000, 400),
    "squad_v1": Suite(reading.STORIES, reading.answerable, 2500, 500),
    "squad_v2": Suite(reading.STORIES, reading.answerable_or_not, 2500, 500),
}


def available(task_name: str, data: DataConfig) -> bool:
    """Whether the suite has the task; it needs no files."""
    return task_name in SUITES


def looked_for(task_name: str, data: DataConfig) -> str:
    """What would have made the task available."""
    return f"the generated suite has {', '.join(SUITES)}"


def load(task_name: str, data: DataConfig) -> DatasetDict:
    """Rows of a task, columns and splits as in `schema`; the same bytes at every call.

    `data.distractors` is the number of irrelevant facts in a paragraph of the SQuAD tasks; questions, answers and ids
    are the same at every number. `data.test_distractors` adds dev splits with other numbers.
    """
    from datasets import Dataset, DatasetDict

    features = schema.features(task_name)
    return DatasetDict(
        {
            split: Dataset.from_list([{name: row[name] for name in features} for row in split_rows], features)
            for split, split_rows in rows(task_name, data.distractors, data.test_distractors or []).items()
        }
    )


def rows(task_name: str, distractors: int, tested: Sequence[int] = ()) -> dict[str, list[Row]]:
    """Rows of each split, with the name of the phenomenon that each is about beside the task's columns.

    The numbers `tested` other than `distractors` give further dev splits.
    """
    suite = SUITES[task_name]
    seen: set[tuple] = set()
    splits = {}
    for split in schema.split_names(task_name):
        size = suite.train if split == "train" else suite.dev
        made = collect(suite.phenomena, VOCABULARY[split], size, Draw(task_name, split), suite.make, seen)
        if task_name in schema.SQUAD_TASKS:
            ids = [f"{task_name}-{split}-{index:05d}" for index in range(size)]
            levels = {split: distractors}
            if split != "train":
                levels |= {schema.level_split(level): level for level in tested if level != distractors}
            for name, level in levels.items():
                splits[name] = [
                    {"id": id, "phenomenon": row["phenomenon"]} | reading.place(row, Draw(id), VOCABULARY[split], level)
                    for id, row in zip(ids, made, strict=True)
                ]
        else:
            splits[split] = [row | {"idx": index} for index, row in enumerate(made)]
    return splits
