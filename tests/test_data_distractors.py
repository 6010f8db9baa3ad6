"""Sentences of other articles are inserted into paragraphs of SQuAD; questions and answers stay."""

import re

import pytest
from datasets import Dataset

from ina import data
from ina.config import configured
from ina.data.distractors import MOST, insert
from ina.data.schema import features


@pytest.fixture(scope="module")
def rows(real_data) -> Dataset:
    cfg = configured(["task=squad_v2", "data=files", f"data.dir={real_data}"])
    return data.load(cfg.task, cfg.data).splits["validation"]


def test_files_are_read_with_as_many_in_training_and_in_further_dev_sets(rows, real_data):
    given = ["data.distractors=1", "data.test_distractors=[0,1,4]", "data.max_train=8"]
    cfg = configured(["task=squad_v2", "data=files", f"data.dir={real_data}", *given])
    found = data.load(cfg.task, cfg.data).splits
    assert list(found) == ["train", "validation", "validation_d0", "validation_d4"]
    assert found["validation_d0"]["context"][:] == rows["context"][:]
    assert found["validation"]["context"][:] == insert(rows, 1)["context"][:]
    assert found["validation_d4"]["context"][:] == insert(rows, 4)["context"][:]


def texts(rows) -> list[list[str]]:
    """What stands at the place of each answer."""
    return [
        [row["context"][start : start + len(text)] for start, text in zip(*_answers(row), strict=True)] for row in rows
    ]


def _answers(row) -> tuple[list[int], list[str]]:
    return row["answers"]["answer_start"], row["answers"]["text"]


@pytest.mark.parametrize("count", [0, 1, MOST])
def test_answers_stand_at_their_new_places(rows, count):
    found = insert(rows, count)
    assert texts(found) == [row["answers"]["text"] for row in rows]
    assert found["question"][:] == rows["question"][:] and found["id"][:] == rows["id"][:]
    assert found.features == rows.features


def test_each_paragraph_gets_as_many_sentences_and_they_are_of_other_articles(rows):
    paragraphs = dict(zip(rows["context"][:], rows["title"][:], strict=True))
    for count in (1, MOST):
        changed = dict(zip(rows["context"][:], insert(rows, count)["context"][:], strict=True))
        for before, after in changed.items():
            assert len(after) >= len(before) + 30 * count
            others = [text for text, title in paragraphs.items() if title != paragraphs[before]]
            if count == 1:
                start = next(place for place, one in enumerate(after) if before[place : place + 1] != one)
                first_half = after[start : start + (len(after) - len(before)) // 2]  # both may begin alike, with "The"
                assert any(first_half.strip() in text for text in others)


def test_fewer_sentences_are_some_of_more(rows):
    for few, many in zip(insert(rows, 2), insert(rows, 4), strict=True):
        left = iter(many["context"])
        assert all(character in left for character in few["context"])


def test_an_inserted_sentence_has_no_answer_of_its_paragraph(rows):
    for before, after in zip(rows, insert(rows, MOST), strict=True):
        for text in set(before["answers"]["text"]):
            words = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)
            assert len(words.findall(after["context"])) == len(words.findall(before["context"]))


def test_it_is_the_same_every_time_and_refuses_a_single_article(rows):
    assert insert(rows, 4)["context"][:] == insert(rows, 4)["context"][:]
    one = Dataset.from_dict(
        {
            "id": ["a"],
            "title": ["T"],
            "context": ["One."],
            "question": ["?"],
            "answers": [{"text": [], "answer_start": []}],
        },
        features(configured(["task=squad_v2"]).task),
    )
    with pytest.raises(ValueError, match="one article only"):
        insert(one, 1)
