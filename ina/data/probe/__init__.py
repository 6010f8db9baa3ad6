"""The generated suite (`data.source=probe`): GLUE, SWAG and SQuAD tasks made from templates, the same on every machine.

Rows have the columns and splits of the real tasks. Their texts are made from the words of `lexicon` by the templates in
`texts`. No dev template occurs in training, and some dev words do not. Rows that belong together, such as a minimal
pair, are in the same split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ina.data import schema
from ina.data.probe import reading, sentences
from ina.data.probe.template import Draw, Row, collect, phenomena

if TYPE_CHECKING:
    from datasets import DatasetDict

    from ina.config import DataConfig, Task

VOCABULARY = {"train": "train", "validation": "dev", "validation_matched": "dev", "validation_mismatched": "unseen"}
"""What `lexicon.words` gets as `split`. MNLI's mismatched dev set takes only held-out words of the open classes."""


class Suite(NamedTuple):
    """A task's template file, the function that makes rows of a template, and the numbers of rows."""

    texts: str
    make: Callable[..., list[Row]]
    train: int = 4000
    dev: int = 800


SUITES = {
    "cola": Suite("cola", sentences.acceptable),
    "sst2": Suite("sst2", sentences.reviews),
    "mrpc": Suite("mrpc", partial(sentences.paraphrases, columns=("sentence1", "sentence2"))),
    "qqp": Suite("qqp", partial(sentences.paraphrases, columns=("question1", "question2"))),
    "mnli": Suite("mnli", sentences.hypotheses, 4002, 801),
    "qnli": Suite("qnli", sentences.answers),
    "rte": Suite("mnli", sentences.entailed_or_not),
    "wnli": Suite("wnli", sentences.readings, 2000, 400),
    "stsb": Suite("stsb", sentences.similar, 4002, 804),
    "swag": Suite("swag", sentences.continuations, 2000, 400),
    "squad_v1": Suite("squad", reading.answerable, 2500, 500),
    "squad_v2": Suite("squad", reading.answerable_or_not, 2500, 500),
}


def find(task: Task, data: DataConfig) -> None:
    """The suite has every task and needs no files."""


def load(task: Task, data: DataConfig) -> DatasetDict:
    """Rows of a task, columns and splits as in `schema`; identical at every call.

    `data.distractors` is the number of irrelevant facts per SQuAD paragraph; it does not change questions, answers and
    ids. `data.test_distractors` adds dev splits with other numbers.
    """
    from datasets import Dataset, DatasetDict

    features = schema.features(task)
    count = schema.distractor_count("probe", data.distractors)
    splits = rows(task.name, count, data.test_distractors or [])
    return DatasetDict(
        {
            split: Dataset.from_list([{name: row[name] for name in features} for row in split_rows], features)
            for split, split_rows in splits.items()
        }
    )


def rows(task_name: str, distractors: int, tested: Sequence[int] = ()) -> dict[str, list[Row]]:
    """Rows of each split: the task's columns and `phenomenon`, the name of what the row tests.

    Each number in `tested` other than `distractors` adds a dev split.
    """
    suite = SUITES[task_name]
    seen: set[tuple] = set()
    splits = {}
    for split in schema.split_names(task_name):
        size, vocabulary = suite.train if split == "train" else suite.dev, VOCABULARY[split]
        split_rows = collect(phenomena(suite.texts), vocabulary, size, Draw(task_name, split), suite.make, seen)
        if task_name not in schema.SQUAD_TASKS:
            splits[split] = [row | {"idx": index} for index, row in enumerate(split_rows)]
            continue
        levels = {split: distractors}
        if split != "train":
            levels |= {schema.level_split(level): level for level in tested if level != distractors}
        for name, level in levels.items():
            ids = (f"{task_name}-{split}-{index:05d}" for index in range(size))
            splits[name] = [
                {"id": id, "phenomenon": row["phenomenon"]} | reading.place(row, Draw(id), vocabulary, level)
                for id, row in zip(ids, split_rows, strict=True)
            ]
    return splits
