"""The generated suite: fixed rows, balanced labels, no text twice, whole sentences; levels differ in facts alone."""

import re
from collections import Counter
from functools import cache

import pytest
from datasets import DatasetDict
from task_files import data_config, task

from ina import data
from ina.data import probe, schema
from ina.data.probe import lexicon
from ina.data.probe.template import phenomena

PINNED = {
    "cola": "4d790f752cedb225",
    "sst2": "0bff050391740cd3",
    "mrpc": "1db196876d1ba2d3",
    "stsb": "643d11960761893c",
    "qqp": "6acc431036fde472",
    "mnli": "5a394d64444a8011",
    "qnli": "cfb00118d4987aa4",
    "rte": "d7fe8f50372080a4",
    "wnli": "5776f820c2de947a",
    "swag": "ce5c886007c7853a",
    "squad_v1": "acc753e3ff369e48",
    "squad_v2": "335434060469a333",
}
LABELLED = [name for name in PINNED if name not in ("stsb", *schema.SQUAD_TASKS)]
LEVELS = [0, 1, 2, 4, 8]


@cache
def splits(name: str) -> dict[str, list[dict]]:
    """The rows of a task; those of SQuAD at every level, 2 in training."""
    return {split: rows.to_list() for split, rows in loaded(name).items()}


@cache
def loaded(name: str) -> DatasetDict:
    squad = name in schema.SQUAD_TASKS
    return data.load(task(name), data_config("probe", test_distractors=LEVELS if squad else None)).splits


def level(name: str, distractors: int) -> list[dict]:
    return splits(name)["validation" if distractors == 2 else f"validation_d{distractors}"]


def texts(name: str, row: dict) -> tuple[str, ...]:
    if name == "swag":  # whole sentences are made of a beginning and an ending
        return (row["sent1"], *(f"{row['sent2']} {row[f'ending{place}']}" for place in range(4)))
    return tuple(row[column] for column in getattr(task(name), "columns", ("context", "question")))


@pytest.mark.parametrize("name", PINNED)
def test_the_content_of_a_task_never_changes(name):
    usual = DatasetDict({split: loaded(name)[split] for split in schema.split_names(name)})
    assert schema.fingerprint(usual)[:16] == PINNED[name]


def test_further_dev_splits_are_those_of_their_number_of_distractors():
    assert list(splits("squad_v1")) == ["train", "validation", *(f"validation_d{one}" for one in LEVELS if one != 2)]
    at_8 = probe.load(task("squad_v1"), data_config("probe", distractors=8))
    assert at_8["validation"].to_list() == level("squad_v1", 8)


@pytest.mark.parametrize("name", [*LABELLED, "squad_v2"])
def test_labels_are_balanced_in_every_split(name):
    classes = 2 if name == "squad_v2" else task(name).classes
    for rows in splits(name).values():
        counts = Counter(row.get("label", "answers" in row and not row["answers"]["text"]) for row in rows)
        assert all(abs(count / len(rows) - 1 / classes) < 0.02 for count in counts.values())


@pytest.mark.parametrize("name", PINNED)
def test_nothing_occurs_twice_in_a_task_and_no_dev_template_in_training(name):
    counts = Counter(texts(name, row) for split in schema.split_names(name) for row in splits(name)[split])
    assert counts.most_common(1)[0][1] == 1
    found = phenomena(probe.SUITES[name].texts)
    train, dev = ({tuple(parts) for one in found for parts in one.templates(split)} for split in ("train", "dev"))
    assert train and dev and not train & dev


def test_held_out_words_are_not_in_training_and_mnli_mismatched_uses_only_held_out_words():
    known, held_out = ({word[""] for word in lexicon.words("name", split)} for split in ("train", "unseen"))
    assert known and held_out and not known & held_out
    for split, forbidden in (("train", held_out), ("validation_mismatched", known)):
        for row in splits("mnli")[split]:
            assert not forbidden & set(re.findall(r"\w+", row["premise"] + " " + row["hypothesis"]))


@pytest.mark.parametrize("name", PINNED)
def test_texts_are_whole_sentences(name):
    for text in (text for rows in splits(name).values() for row in rows for text in texts(name, row)):
        assert re.fullmatch(r"[A-Z][^{}|\[\]+<>]*[.?]", text), text
        assert not re.search(r"  | [.,?]|\.\.|[.?] [a-z]|\b(\w{2,}) \1\b", text), text


@pytest.mark.parametrize("name", schema.SQUAD_TASKS)
def test_every_answer_is_at_its_offset(name):
    for row in (row for rows in splits(name).values() for row in rows):
        for answer, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
            assert row["context"][start : start + len(answer)] == answer


def test_levels_differ_in_distractors_only_and_no_distractor_states_the_answer():
    for fewer, more in zip(LEVELS, LEVELS[1:], strict=False):
        for row, longer in zip(level("squad_v2", fewer), level("squad_v2", more), strict=True):
            assert (row["id"], row["question"]) == (longer["id"], longer["question"])
            assert row["answers"]["text"] == longer["answers"]["text"]
            short, long = (re.split(r"(?<=\.) ", one["context"]) for one in (row, longer))
            assert len(long) - len(short) == more - fewer
            remaining = iter(long)
            assert all(sentence in remaining for sentence in short), "the shorter paragraph is part of the longer one"
            for answer in row["answers"]["text"]:
                assert len({len(re.findall(rf"\b{answer}\b", one["context"])) for one in (row, longer)}) == 1
