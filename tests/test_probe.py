"""The embedded suite: what its rows promise, beyond the columns that `test_data` asks of every source."""

import re
from collections import Counter
from types import SimpleNamespace

import pytest
from scipy.sparse import hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from ina.data import probe, schema
from ina.data.probe import lexicon, reading

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


def data(distractors: int = 2, test_distractors: list[int] | None = None) -> SimpleNamespace:
    return SimpleNamespace(distractors=distractors, test_distractors=test_distractors)


@pytest.fixture(scope="module")
def rows() -> dict:
    return {task: probe.rows(task, 2) for task in probe.SUITES}


@pytest.fixture(scope="module")
def by_level() -> dict:
    return {level: probe.rows("squad_v2", level) for level in reading.LEVELS}


def texts(task: str, row: dict) -> tuple[str, ...]:
    columns = schema.TEXT_COLUMNS.get(task, ("context", "question"))
    if task == "swag":  # whole sentences are made of a beginning and an ending
        return (row["sent1"], *(f"{row['sent2']} {row[name]}" for name in columns[2:]))
    return tuple(row[name] for name in columns)


@pytest.mark.parametrize("task", schema.TASKS)
def test_the_content_of_a_task_never_changes(task):
    assert schema.fingerprint(schema.conform(task, probe.load(task, data()), "probe"))[:16] == PINNED[task]


def test_further_dev_splits_are_those_of_their_number_of_distractors():
    tested = schema.conform("squad_v1", probe.load("squad_v1", data(2, [0, 2, 8])), "probe")
    assert list(tested) == ["train", "validation", "validation_d0", "validation_d8"]
    for level in (0, 8):
        assert tested[f"validation_d{level}"][:] == probe.load("squad_v1", data(level))["validation"][:]
    assert tested["train"][:] == probe.load("squad_v1", data())["train"][:]


def test_labels_are_balanced_in_every_split(rows):
    labels = {task: lambda row: row["label"] for task in schema.NUM_CLASSES}
    labels["squad_v2"] = lambda row: not row["answers"]["text"]  # half of the questions have no answer
    for task, label in labels.items():
        for split, split_rows in rows[task].items():
            for count in Counter(map(label, split_rows)).values():
                assert abs(count / len(split_rows) - 1 / schema.NUM_CLASSES.get(task, 2)) < 0.02, (task, split)


def test_nothing_occurs_twice_in_a_task_and_no_dev_template_in_training(rows):
    for task, suite in probe.SUITES.items():
        counts = Counter(texts(task, row) for split_rows in rows[task].values() for row in split_rows)
        assert counts.most_common(1)[0][1] == 1, task
        train, dev = ({str(t) for p in suite.phenomena for t in p.templates(split)} for split in ("train", "dev"))
        assert train and dev and not train & dev, task


def test_every_phenomenon_is_in_every_split(rows):
    for task, suite in probe.SUITES.items():
        names = {phenomenon.name for phenomenon in suite.phenomena}
        assert all({row["phenomenon"] for row in split_rows} == names for split_rows in rows[task].values()), task


def test_held_out_words_are_not_in_training_and_mnlis_mismatched_set_has_no_others(rows):
    known, held_out = ({word[""] for word in lexicon.words("name", split)} for split in ("train", "unseen"))
    assert known and held_out and not known & held_out
    for name, forbidden in (("train", held_out), ("validation_mismatched", known)):
        for row in rows["mnli"][name]:
            assert not forbidden & set(re.findall(r"\w+", row["premise"] + " " + row["hypothesis"]))


def test_texts_are_whole_sentences(rows):
    for task, splits in rows.items():
        for text in (text for split_rows in splits.values() for row in split_rows for text in texts(task, row)):
            assert re.fullmatch(r"[A-Z][^{}|\[\]+<>]*[.?]", text), (task, text)
            assert not re.search(r"  | [.,?]|\.\.|[.?] [a-z]|\b(\w{2,}) \1\b", text), (task, text)


def test_every_answer_is_at_its_offset(rows, by_level):
    for splits in (rows["squad_v1"], *by_level.values()):
        for row in (row for split_rows in splits.values() for row in split_rows):
            for answer, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
                assert row["context"][start : start + len(answer)] == answer


@pytest.mark.parametrize("task", ["cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli", "swag"])
def test_counting_words_is_not_enough(rows, task):
    """Logistic regression on the word counts of each text and on the words that two texts share."""
    splits, columns = list(rows[task].values()), schema.TEXT_COLUMNS[task]
    counters = [CountVectorizer().fit([row[name] for row in splits[0]]) for name in columns]
    labels = [[row["label"] for row in split] for split in splits]

    def counts(split):
        return hstack(
            [count.transform([row[name] for row in split]) for count, name in zip(counters, columns, strict=True)]
        )

    def shared(split):
        sets = [[set(re.findall(r"\w+", row[name].lower())) for name in columns[-2:]] for row in split]
        return [[len(one & other) / len(one | other)] for one, other in sets]

    for features in (counts, shared) if len(columns) == 2 else (counts,):
        train, dev = map(features, splits[:2])
        assert LogisticRegression(max_iter=3000).fit(train, labels[0]).score(dev, labels[1]) < 0.65


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) ", text)


def test_levels_differ_in_distractors_only(by_level):
    for level, more in zip(reading.LEVELS, reading.LEVELS[1:], strict=False):
        for row, longer in zip(by_level[level]["validation"], by_level[more]["validation"], strict=True):
            assert [row[key] for key in ("id", "question")] == [longer[key] for key in ("id", "question")]
            assert row["answers"]["text"] == longer["answers"]["text"]
            short, long = sentences(row["context"]), sentences(longer["context"])
            assert len(long) - len(short) == more - level
            remaining = iter(long)
            assert all(sentence in remaining for sentence in short), "the shorter paragraph is part of the longer one"


def test_a_distractor_never_states_the_answer(by_level):
    for short, long in zip(by_level[0]["validation"], by_level[8]["validation"], strict=True):
        for answer in short["answers"]["text"]:
            counts = {len(re.findall(rf"\b{answer}\b", row["context"])) for row in (short, long)}
            assert len(counts) == 1
