"""Reading comprehension: windows, labels, the search for spans, and scoring."""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from task_files import data_config, task

from ina import data, models, record
from ina.config import ModelConfig, configured
from ina.data import schema
from ina.tasks import spans, squad
from ina.tasks.spans import CLS, best_spans, windows

ROOT = Path(__file__).parent.parent
TOKENIZERS = ("minilm", "roberta", "deberta-v2")  # word pieces, byte pairs, sentence pieces
V2 = task("squad_v2")
SHORT = V2.model_copy(update={"max_length": 64, "doc_stride": 16, "max_question_length": 32})
NORMANDY = (
    'The café at  Évreux – 50 km from Rouen – opened in 1999; its owner, Zoë O\'Neil-Smith, sold "tartes" for €3.50. '
    "The owner's son moved to Le Havre,\nwhere he built small boats. "
)


@cache
def tokenizer(name: str):
    given = configured([]).model if name == "minilm" else ModelConfig(name="tiny", label="tiny", tiny=name)
    return models.load_tokenizer(given)


def questions(*entries: tuple[str, str, str | None]) -> Dataset:
    """Rows from (context, question, answer); the answer is where it first occurs, or None."""
    rows = []
    for number, (context, question, answer) in enumerate(entries):
        answers = {"text": [], "answer_start": []}
        if answer is not None:
            answers = {"text": [answer], "answer_start": [context.index(answer)]}
        rows.append({"id": f"q{number}", "title": "", "context": context, "question": question, "answers": answers})
    return Dataset.from_list(rows, features=schema.features(V2))


def dev_set(rows: Dataset, name: str = "minilm", of=V2):
    [found] = squad.dev_sets(of, DatasetDict(validation=rows), tokenizer(name))
    return found


def certain_predictions(rows: Dataset, name: str, of=V2):
    """The predictions of a model that is certain of the labels: score 1 there, 0 elsewhere."""
    labels = squad.train_features(of, rows, tokenizer(name))
    ones = np.eye(max(map(len, labels["input_ids"])), dtype=np.float32)
    outputs = tuple(ones[labels[side][:]] for side in ("start_positions", "end_positions"))
    return dev_set(rows, name, of).score(outputs).predictions


# windows


@pytest.mark.parametrize("name", TOKENIZERS)
def test_windows_hold_the_question_and_share_doc_stride_tokens_of_the_context(name, monkeypatch):
    monkeypatch.setattr(spans, "TOKENIZER_BATCH", 1)
    of = tokenizer(name)
    rows = questions((NORMANDY * 6, "  Where did the owner's son move?", None), ("One line.", "How many?", None))
    found = list(windows(SHORT, rows, of))
    assert [window.row for window in found] == [0] * (len(found) - 1) + [1] and len(found) > 3
    asked = of(rows["question"][0].strip(), add_special_tokens=False)["input_ids"]
    context = of(rows["context"][0], add_special_tokens=False, verbose=False)["input_ids"]
    room = 64 - len(asked) - of.num_special_tokens_to_add(pair=True)
    for number, window in enumerate(found[:-1]):
        stretch = context[number * (room - 16) :][:room]
        ids = window.inputs["input_ids"].tolist()
        assert (ids[0], ids[1 : 1 + len(asked)], ids[-1 - len(stretch) : -1]) == (of.cls_token_id, asked, stretch)
        assert len(ids) == 64 - room + len(stretch) and list(window.inputs) == of.model_input_names


def test_a_question_is_cut_at_its_end():
    of = SHORT.model_copy(update={"max_question_length": 3})
    rows = questions(("A context.", "one two three four five six", None), ("A context.", "one two three", None))
    long, short = (window.inputs["input_ids"].tolist() for window in windows(of, rows, tokenizer("minilm")))
    assert long == short


@pytest.mark.parametrize("name", TOKENIZERS)
def test_labels_are_the_tokens_of_the_answer(name):
    rows = questions(
        (NORMANDY, "Who?", "Zoë O'Neil-Smith"), (NORMANDY, "Where to?", " Le Havre"), (NORMANDY, "Why?", None)
    )
    assert list(certain_predictions(rows, name).text) == ["Zoë O'Neil-Smith", "Le Havre", ""]
    assert squad.train_features(V2, rows, tokenizer(name))[2]["start_positions"] == CLS


def test_a_window_that_does_not_hold_the_whole_answer_points_at_cls():
    rows = questions((" ".join(f"w{number}" for number in range(100)), "Which?", "w40 w41 w42 w43"))
    labels = squad.train_features(SHORT, rows, tokenizer("minilm"))
    whole = ["w40 w41 w42 w43" in tokenizer("minilm").decode(ids) for ids in labels["input_ids"]]
    assert 0 < sum(whole) < len(whole)
    for label, holds in zip(labels, whole, strict=True):
        span = slice(label["start_positions"], label["end_positions"] + 1)
        text = tokenizer("minilm").decode(label["input_ids"][span])
        assert text == ("w40 w41 w42 w43" if holds else "[CLS]")


# every answer of the real files

SUB_WORD = {
    "493226bb59e5e0bdc8b6c1bef@467+6": "the name of its people, a country",
    "abf08aeb5aff200ca71dc2feb@46+5": "the name of its people, a country",
    "cd31fdbfe8bb84dbdc9ecf8ad@399+5": "the name of its people, a country",
}
"""Real answers that MiniLM's vocabulary cannot express, as question@start+length, and what they are a part of."""


def test_the_real_answers_that_minilm_cannot_express_are_these(real_data):
    """The dev questions of v2.0, repeated so that each row has one of a question's different answers."""
    rows = data.load(V2, data_config("files", real_data)).splits["validation"]
    each = []
    for row in rows.to_list():
        answers = dict.fromkeys(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))
        for start, text in answers:
            one = {"text": [text], "answer_start": [start]}
            each.append(row | {"id": f"{row['id']}@{start}+{len(text)}", "answers": one})
        each += [row] * (not answers)
    asked = Dataset.from_list(each, features=rows.features)
    predictions = certain_predictions(asked, "minilm", V2.model_copy(update={"max_answer_length": 200}))
    assert list(predictions.id) == asked["id"][:]
    assert sorted(predictions.id[predictions.exact == 0]) == sorted(SUB_WORD)


@pytest.mark.parametrize(
    ("family", "nothing"), [("roberta", " \n \n "), ("minilm", " \u200b"), ("deberta-v2", " \n \n ")]
)
def test_a_long_run_of_blanks_in_a_context_is_accepted_and_a_blank_context_is_refused(family, nothing):
    long = f"Start here.{' ' * 200}The end is near."
    rows = questions((long, "Where?", "The end"), (long, "Who?", None))
    found = squad.train_features(SHORT, rows, tokenizer(family))
    assert any(found["start_positions"][:])
    told = f"question q0: the tokenizer finds nothing in its context {nothing!r}"
    with pytest.raises(ValueError, match=re.escape(told)):
        squad.train_features(SHORT, questions((nothing, "Who?", None)), tokenizer(family))


# the search for spans


@pytest.fixture(scope="module")
def searched():
    """Windows of three questions, with random scores."""
    rows = questions((NORMANDY * 3, "Who?", None), ("Rouen is old.", "What?", None), (NORMANDY * 2, "Where?", None))
    found = list(windows(SHORT, rows, tokenizer("roberta")))
    return found, *np.random.default_rng(0).normal(size=(2, len(found), 70)).astype(np.float32)


@pytest.mark.parametrize(("n_best", "longest"), [(70, 1), (70, 60), (5, 10), (1, 2)])
def test_the_search_finds_the_best_span_from_the_n_best_starts_of_each_window(searched, n_best, longest):
    asked, starts, ends = searched
    found = best_spans(SHORT.model_copy(update={"n_best": n_best, "max_answer_length": longest}), *searched)
    for row in range(3):
        spans = []
        for number, window in enumerate(asked):
            context = [at for at, (start, end) in enumerate(window.chars) if start < end and window.row == row]
            for first in sorted(context, key=lambda at: -starts[number, at])[:n_best]:
                for last in (at for at in context if first <= at < first + longest):
                    places = window.chars[first, 0], window.chars[last, 1]
                    spans.append((starts[number, first] + ends[number, last], *places))
        assert (found.score[row], found.start[row], found.end[row]) == max(spans)
        null = min((starts + ends)[number, CLS] for number, window in enumerate(asked) if window.row == row)
        assert found.null_score[row] == null


@pytest.mark.parametrize("name", TOKENIZERS)
def test_question_special_tokens_padding_and_blanks_are_never_an_answer(name):
    [window] = windows(V2, questions((NORMANDY, "Who?", None)), tokenizer(name))
    scores = np.full((1, len(window.chars) + 8), 100.0)
    inside = [at for at, (start, end) in enumerate(window.chars) if NORMANDY[start:end].strip()]
    scores[0, inside] = 0.0
    scores[0, inside[3]] = 1.0
    found = best_spans(V2, [window], scores, scores)
    assert [found.start[0], found.end[0]] == window.chars[inside[3]].tolist()


# scoring

FOUR = questions(
    ("Rouen is old.", "What is old?", "Rouen"),
    ("Rouen is old.", "Who is young?", None),
    ("Boats float on water.", "What floats?", "Boats"),
    ("Boats float on water.", "What sinks?", None),
)


def scored(null_odds: list[float], rows: Dataset = FOUR, of=V2):
    """The outcome if the best span is the context's first token, with the given null odds."""
    found = dev_set(rows, of=of)
    starts = np.zeros((2, len(found.features), max(map(len, found.features["input_ids"]))))
    for number, ids in enumerate(found.features["input_ids"]):
        starts[0, number, ids.index(tokenizer("minilm").sep_token_id) + 1] = 10.0
    starts[0, :, CLS] = 10.0 + np.array(null_odds)
    return found.score((starts[0], starts[1]))


def test_v2_answers_unless_the_null_odds_exceed_the_threshold():
    found = scored([-3.0, 2.0, 1.0, 1.5])
    assert found.predictions.to_dict("list") == {
        "split": ["validation"] * 4,
        "id": ["q0", "q1", "q2", "q3"],
        "paragraph": [0, 0, 1, 1],
        "answerable": [True, False, True, False],
        "text": ["Rouen", "", "", ""],
        "exact": [1.0, 1.0, 0.0, 1.0],
        "f1": [1.0, 1.0, 0.0, 1.0],
        "null_odds": [-3.0, 2.0, 1.0, 1.5],
        "span": ["Rouen", "Rouen", "Boats", "Boats"],
    }
    fixed = {"exact": 0.75, "f1": 0.75, "HasAns_exact": 0.5, "HasAns_f1": 0.5, "NoAns_exact": 1.0, "NoAns_f1": 1.0}
    best = {"best_exact": 1.0, "best_exact_thresh": 1.0, "best_f1": 1.0, "best_f1_thresh": 1.0}
    assert found.metrics == fixed | best
    higher = scored([-3.0, 2.0, 1.0, 1.5], of=V2.model_copy(update={"null_threshold": 1.0})).metrics
    assert higher["exact"] == 1.0 and higher.items() >= best.items()


def test_v1_always_answers():
    found = scored([50.0, 50.0], FOUR.select([0, 2]), task("squad_v1"))
    assert list(found.predictions.text) == ["Rouen", "Boats"]
    assert found.metrics == {"exact": 1.0, "f1": 1.0}
    assert list(found.predictions) == ["split", "id", "paragraph", "answerable", "text", "exact", "f1", "null_odds"]


def test_a_further_dev_set_is_scored_under_its_name():
    sets = squad.dev_sets(V2, DatasetDict(train=FOUR, validation=FOUR, validation_d8=FOUR), tokenizer("minilm"))
    assert len(sets) == 2
    assert sets[1].features.column_names == ["input_ids", "token_type_ids", "attention_mask"]
    width = max(map(len, sets[1].features["input_ids"]))
    assert {"exact_d8", "best_f1_thresh_d8"} <= sets[1].score(
        (np.zeros((4, width)), np.zeros((4, width)))
    ).metrics.keys()


def test_the_same_text_for_every_question_is_degenerate():
    for null_odds, degenerate in (([9.0] * 4, True), ([-9.0] * 4, False), ([9.0, 9.0, -9.0, -9.0], False)):
        assert scored(null_odds).degenerate is degenerate
    assert scored([-9.0] * 2, FOUR.select([0, 1])).degenerate


# records


@pytest.mark.parametrize(("experiment", "version_2"), [("squad_mini", False), ("squad_small", True)])
def test_the_recorded_predictions_give_the_recorded_metrics(real_data, experiment, version_2):
    name = f"dev-v{'2.0' if version_2 else '1.1'}.json"
    articles = json.loads((real_data / "squad" / name).read_text(encoding="utf-8"))["data"]
    asked = [one for article in articles for paragraph in article["paragraphs"] for one in paragraph["qas"]]
    gold = {one["id"]: [each["text"] for each in one["answers"]] for one in asked}
    path = min((ROOT / "results" / "runs" / experiment / "files").glob(f"*--squad_v{1 + version_2}--*.json"))
    run = record.read(path)
    frame = record.read_predictions(ROOT / "results", run)
    answers = [gold[id] for id in frame["id"]]
    answerable = np.array([bool(texts) for texts in answers])
    exact, f1 = squad.squad_scores(frame["last_text"], answers, version_2)
    again = {"exact": exact.mean(), "f1": f1.mean()}
    if version_2:
        odds = frame["last_null_odds"].to_numpy()
        again |= squad.answerable_metrics(exact, f1, answerable)
        again |= squad.best_metrics(*squad.squad_scores(frame["last_span"], answers, True), odds, answerable)
    assert run.last.metrics == pytest.approx(again, abs=1e-9)
