"""Sentences of other articles are inserted into paragraphs of SQuAD; questions and answers stay."""

import re

import pytest
from datasets import Dataset
from task_files import data_config, task

from ina import data
from ina.data.distractors import MOST, insert

SQUAD = task("squad_v2")


@pytest.fixture(scope="module")
def rows(real_data) -> Dataset:
    return data.load(SQUAD, data_config("files", real_data)).splits["validation"]


@pytest.fixture(scope="module")
def changed(rows) -> dict[int, Dataset]:
    """The same rows by the number of inserted sentences."""
    return {count: insert(rows, count) for count in (0, 1, 2, 4, MOST)}


def test_training_and_each_dev_set_have_their_number_of_inserted_sentences(changed, real_data):
    given = data_config("files", real_data, distractors=1, test_distractors=[0, 1, 4], max_train=8)
    found = data.load(SQUAD, given).splits
    assert list(found) == ["train", "validation", "validation_d0", "validation_d4"]
    for split, count in (("validation", 1), ("validation_d0", 0), ("validation_d4", 4)):
        assert found[split]["context"][:] == changed[count]["context"][:]


def test_questions_stay_and_answers_stand_at_their_new_places(rows, changed):
    assert changed[0]["context"][:] == rows["context"][:]
    for found in changed.values():
        assert found.features == rows.features and found["id"][:] == rows["id"][:]
        assert found["question"][:] == rows["question"][:]
        for before, after in zip(rows, found, strict=True):
            assert after["answers"]["text"] == before["answers"]["text"]
            for text, start in zip(after["answers"]["text"], after["answers"]["answer_start"], strict=True):
                assert after["context"][start : start + len(text)] == text


def test_each_paragraph_gets_the_given_number_of_sentences_from_other_articles(rows, changed):
    titles = dict(zip(rows["context"][:], rows["title"][:], strict=True))
    lengths = {n: dict(zip(rows["context"][:], map(len, changed[n]["context"][:]), strict=True)) for n in changed}
    assert all(lengths[n][text] < lengths[m][text] for text in titles for n, m in ((0, 1), (1, 2), (2, 4), (4, MOST)))
    for before, one, most in zip(titles, *(dict.fromkeys(changed[n]["context"][:]) for n in (1, MOST)), strict=True):
        assert len(most) >= len(before) + 30 * MOST and len(one) >= len(before) + 30
        start = next(place for place, letter in enumerate(one) if before[place : place + 1] != letter)
        first_half = one[start : start + (len(one) - len(before)) // 2]  # both may begin alike, with "The"
        assert any(first_half.strip() in text for text, title in titles.items() if title != titles[before])


def test_a_smaller_number_of_inserted_sentences_is_a_part_of_a_larger_one(changed):
    for few, many in zip(changed[2], changed[4], strict=True):
        left = iter(many["context"])
        assert all(character in left for character in few["context"])


def test_an_inserted_sentence_has_no_answer_of_its_paragraph(rows, changed):
    for before, after in zip(rows, changed[MOST], strict=True):
        for text in set(before["answers"]["text"]):
            words = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)
            assert len(words.findall(after["context"])) == len(words.findall(before["context"]))


def days(verb: str, count: int) -> list[str]:
    return [f"It {verb} on the {number}th day of that month." for number in range(11, 11 + count)]


def article(title: str, *sentences: str, answer: str = "Ann") -> dict:
    context = " ".join(sentences)
    answers = {"text": [answer], "answer_start": [context.index(answer)]}
    return {"id": title, "title": title, "context": context, "question": "Who?", "answers": answers}


def test_no_inserted_sentence_contains_the_answer_after_the_metrics_normalisation():
    one = article("one", "They met in the 1990s, in a cafe by the sea.", *days("shone", 9), answer="the 1990s")
    grunge = [f"Grunge music of kind {number} was popular in 1990s America and beyond." for number in range(9)]
    two = article("two", *grunge, *days("rained", MOST), answer="popular")
    found = insert(Dataset.from_list([one, two]), MOST)["context"][0]
    assert "Grunge" not in found and found.count("It rained") == MOST


def test_no_sentence_is_inserted_into_an_answer_and_the_place_of_the_answer_moves():
    answer = "by the sea. In the morning"
    one = article("one", "They met in a cafe by the sea.", "In the morning they left for the north.", answer=answer)
    others = [article(verb, *days(verb, 9), answer=verb) for verb in ("rained", "shone")]
    found = insert(Dataset.from_list([one, *others]), MOST)[0]
    assert found["answers"]["answer_start"] == [found["context"].index(answer)]


def test_no_sentence_is_cut_at_an_abbreviation_or_an_initial():
    whole = "The plan of Franklin D. Roosevelt and of St. Peter's was read in the U.S. News of that day."
    one = article("one", *[whole.replace("plan", f"plan{number}") for number in range(9)], answer="plan0")
    two = article("two", *days("rained", 9), answer="rained")
    found = insert(Dataset.from_list([one, two]), MOST)["context"]
    assert all(whole.replace("plan", f"plan{number}") in found[0] for number in range(9))
    assert found[1].count(whole[8:]) == MOST


def test_the_draw_is_fixed_and_a_single_article_is_refused(rows):
    too_long = f"It rained on the 99th day{', and the next' * 30}."
    one, two = (article(verb, *days(verb, 9), too_long, answer="11th") for verb in ("shone", "rained"))
    context = insert(Dataset.from_list([one, two]), 4)["context"][0]
    assert re.findall(r"rained on the (\d+)", context) == ["16", "15", "13", "99", "17"]  # the 99th day is its own
    with pytest.raises(ValueError, match="other articles have 0 sentences to insert, and a paragraph needs 8"):
        insert(rows.select([0]), 1)
