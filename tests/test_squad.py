"""Reading comprehension: windows, labels, the search for spans, and scoring."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from datasets import Dataset, DatasetDict

from ina import data, models, record
from ina.config import DataConfig, ModelConfig, SquadTask
from ina.data import schema
from ina.tasks import metrics, squad
from ina.tasks.spans import CLS, best_spans, dev_windows, train_windows

ROOT = Path(__file__).parent.parent
TOKENIZERS = ("minilm", "bert", "roberta", "deberta", "deberta-v2")
LENGTHS = dict(max_length=384, doc_stride=128, max_question_length=64)
SHORT = dict(max_length=64, doc_stride=16, max_question_length=32)
NORMANDY = (
    'The café at  Évreux – 50 km from Rouen – opened in 1999; its owner, Zoë O\'Neil-Smith, sold "tartes" for €3.50. '
    "The owner's son moved to Le Havre,\nwhere he built small boats. "
)


@cache
def tokenizer(name: str):
    if name == "minilm":
        return models.load_tokenizer(ModelConfig(**_settings("model", "minilm")))
    return models.load_tokenizer(ModelConfig(name="tiny", label="tiny", tiny=name))


def task(version_2: bool = True, **changed) -> SquadTask:
    return SquadTask(**_settings("task", "squad_v2" if version_2 else "squad_v1") | changed)


def _settings(group: str, name: str) -> dict:
    return yaml.safe_load((ROOT / "configs" / group / f"{name}.yaml").read_text(encoding="utf-8"))


def questions(*entries: tuple[str, str, str | None]) -> Dataset:
    """Rows from (context, question, answer); the answer is where it first occurs, or None."""
    rows = []
    for number, (context, question, answer) in enumerate(entries):
        answers = {"text": [], "answer_start": []}
        if answer is not None:
            answers = {"text": [answer], "answer_start": [context.index(answer)]}
        rows.append({"id": f"q{number}", "title": "", "context": context, "question": question, "answers": answers})
    return Dataset.from_list(rows, features=schema.features("squad_v2"))


def dev_set(rows: Dataset, name: str = "bert", **changed):
    [found] = squad.dev_sets(task(**changed), DatasetDict(validation=rows), tokenizer(name))
    return found


def pointing_at(labels: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of a model that is certain of the labels: score 1 there, 0 elsewhere."""
    width = max(labels["length"])
    return tuple(np.eye(width, dtype=np.float32)[labels[name][:]] for name in ("start_positions", "end_positions"))


# --- windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [LENGTHS, SHORT], ids=["384-128", "64-16"])
@pytest.mark.parametrize("name", TOKENIZERS)
def test_windows_are_those_of_the_tokenizers_own_overflow(name, lengths):
    rows = questions((NORMANDY * 6, "Where did the owner's son move?", None), ("One short line.", "How many?", None))
    own = tokenizer(name)(
        rows["question"][:],
        rows["context"][:],
        truncation="only_second",
        max_length=lengths["max_length"],
        stride=lengths["doc_stride"],
        return_overflowing_tokens=True,
    )
    windows = dev_windows(rows, tokenizer(name), **lengths)
    assert windows["row"][:] == own["overflow_to_sample_mapping"]
    for column in tokenizer(name).model_input_names:
        assert windows[column][:] == own[column]
    assert windows["length"][:] == [len(ids) for ids in own["input_ids"]]


def test_a_question_is_cut_at_its_end_and_white_space_in_front_of_it_dropped():
    rows = questions(("A context.", "   one two three four five six", None), ("A context.", "one two three", None))
    windows = dev_windows(rows, tokenizer("minilm"), max_length=32, doc_stride=4, max_question_length=3)
    assert windows["input_ids"][0] == windows["input_ids"][1]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_labels_are_the_tokens_of_the_answer(name):
    rows = questions(
        (NORMANDY, "Who?", "Zoë O'Neil-Smith"), (NORMANDY, "Where to?", "Le Havre"), (NORMANDY, "Why?", None)
    )
    labels = train_windows(rows, tokenizer(name), **LENGTHS)
    places = dev_windows(rows, tokenizer(name), **LENGTHS)
    spans = [
        NORMANDY[place["char_start"][label["start_positions"]] : place["char_end"][label["end_positions"]]]
        for label, place in zip(labels, places, strict=True)
    ]
    assert spans == ["Zoë O'Neil-Smith", "Le Havre", ""]
    assert (labels[2]["start_positions"], labels[2]["end_positions"]) == (CLS, CLS)


def test_a_window_that_does_not_hold_the_whole_answer_points_at_cls():
    words = [f"w{number}" for number in range(100)]
    rows = questions((" ".join(words), "Which?", "w40 w41 w42 w43"))
    labels = train_windows(rows, tokenizer("minilm"), **SHORT)
    held = [
        tokenizer("minilm").decode(window["input_ids"][window["start_positions"] : window["end_positions"] + 1])
        for window in labels
        if window["start_positions"] != CLS
    ]
    whole = ["w40 w41 w42 w43" in tokenizer("minilm").decode(ids) for ids in labels["input_ids"]]
    assert 0 < sum(whole) < len(whole)
    assert held == ["w40 w41 w42 w43"] * sum(whole)
    assert [start != CLS for start in labels["start_positions"]] == whole
    assert [end != CLS for end in labels["end_positions"]] == whole


def test_white_space_around_an_answer_is_no_part_of_it():
    rows = questions(("It was  built in 1999 by hand.", "When?", " 1999 "))
    labels = train_windows(rows, tokenizer("roberta"), **LENGTHS)
    scored = dev_set(rows, "roberta").score(pointing_at(labels))
    assert list(scored.predictions.text) == ["1999"]


def test_a_context_without_tokens_is_an_error():
    with pytest.raises(ValueError, match=r"question q0: .*nothing in its context ' \\u200b'"):
        train_windows(questions((" \u200b", "b", None)), tokenizer("minilm"), **LENGTHS)


def test_settings_that_leave_no_room_for_new_context_are_an_error():
    with pytest.raises(
        ValueError, match="max_length=196 leaves .*max_question_length=64, doc_stride=128 and 4 special"
    ):
        task(max_length=196)
    rows = questions((NORMANDY * 9, "who " * 100, "Le Havre"))
    assert len(train_windows(rows, tokenizer("roberta"), **LENGTHS | {"max_length": 197})) > 1


# --- every answer of the real files -----------------------------------------------------------------------------------

SUB_WORD = {
    "31e0e17d45a7aab4adb383ffb@475+11": "a year, without its first digit",
    "8d453dbfaaacff0aeae2deedc@283+9": "the name of its people, a country",
    "a09e1927cbac2f4bd02c3acbe@154+9": "a year, without its last digit",
    "0742e8b21aecea2c9bb1bb0aa@450+5": "the name of its language, a country",
    "493226bb59e5e0bdc8b6c1bef@467+6": "the name of its people, a country",
    "abf08aeb5aff200ca71dc2feb@46+5": "the name of its people, a country",
    "cd31fdbfe8bb84dbdc9ecf8ad@399+5": "the name of its people, a country",
}
"""Real answers that MiniLM's vocabulary cannot express, as question@start+length, and what they are a part of."""


@pytest.fixture(scope="module")
def real(real_data) -> dict[str, Dataset]:
    """The real questions of v2.0, each as often as it has different answers, with one of them each."""
    files = DataConfig(source="files", dir=str(real_data), max_train=None, distractors=2)
    splits = data.load("squad_v2", files).splits
    return {
        split: Dataset.from_list(list(_each_answer(rows)), features=rows.features) for split, rows in splits.items()
    }


def _each_answer(rows: Dataset):
    for row in rows.to_list():
        answers = dict.fromkeys(zip(row["answers"]["answer_start"], row["answers"]["text"], strict=True))
        for start, text in answers:
            yield row | {"id": f"{row['id']}@{start}+{len(text)}", "answers": {"text": [text], "answer_start": [start]}}
        if not answers:
            yield row


def not_recovered(rows: Dataset, name: str, **changed) -> pd.DataFrame:
    """The questions whose answer does not come back when the model is certain of the labels."""
    settings = task(max_answer_length=200, **changed)
    labels = squad.train_features(settings, rows, tokenizer(name))
    [found] = squad.dev_sets(settings, DatasetDict(validation=rows), tokenizer(name))
    predictions = found.score(pointing_at(labels)).predictions
    assert list(predictions.id) == rows["id"][:]
    return predictions[predictions.exact == 0]


def test_the_real_answers_that_minilm_cannot_express_are_these(real):
    missing = [id for rows in real.values() for id in not_recovered(rows, "minilm").id]
    assert sorted(missing) == sorted(SUB_WORD)


@pytest.mark.parametrize("name", ["minilm", "roberta", "deberta-v2"])  # word pieces, byte pairs, sentence pieces
def test_in_short_windows_the_real_answers_come_back_unless_they_are_long_or_start_or_end_inside_a_token(real, name):
    rows = real["validation"]
    reasons = [_why_not(rows[row], name, SHORT["doc_stride"]) for row in not_recovered(rows, name, **SHORT).index]
    assert all(reasons)
    assert "long" in {reason for found in reasons for reason in found}


def _why_not(row: dict, name: str, longest: int) -> set[str]:
    """Why an answer does not come back, judged by its context's tokens: it starts or ends inside one, or it is long."""
    [text], [start] = row["answers"]["text"], row["answers"]["answer_start"]
    end = start + len(text)
    tokens = tokenizer(name)(row["context"], add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    words = [(b - len(row["context"][a:b].lstrip()), b) for a, b in tokens]
    reasons = {"inside" for a, b in words if a < start < b or a < end < b}
    if sum(a < end and b > start for a, b in words) > longest:
        reasons.add("long")
    return reasons


# --- the search for spans ---------------------------------------------------------------------------------------------


@pytest.fixture
def searched():
    """Windows of three questions, with random scores."""
    rows = questions((NORMANDY * 3, "Who?", None), ("Rouen is old.", "What?", None), (NORMANDY * 2, "Where?", None))
    windows = dev_windows(rows, tokenizer("roberta"), **SHORT)
    scores = np.random.default_rng(0).normal(size=(2, len(windows), 70)).astype(np.float32)
    return windows, *scores


def spans_from(window: dict, starts: np.ndarray, ends: np.ndarray, first: int, longest: int):
    """Every span of a window that starts at `first`, as (score, first character, last character), the plain way."""
    for last in range(first, min(first + longest, window["length"])):
        if window["char_start"][last] < window["char_end"][last]:
            yield starts[first] + ends[last], window["char_start"][first], window["char_end"][last]


@pytest.mark.parametrize(("n_best", "longest"), [(70, 1), (70, 60), (5, 10), (1, 10)])
def test_the_search_finds_the_best_span_from_the_n_best_starts_of_each_window(searched, n_best, longest):
    windows, starts, ends = searched
    found = best_spans(starts, ends, windows, n_best=n_best, max_answer_length=longest)
    for row in range(3):
        spans = []
        for number, window in enumerate(windows):
            if window["row"] == row:
                context = [at for at in range(window["length"]) if window["char_start"][at] < window["char_end"][at]]
                firsts = sorted(context, key=lambda at: -starts[number, at])[:n_best]
                for first in firsts:
                    spans += spans_from(window, starts[number], ends[number], first, longest)
        assert (found.score[row], found.start[row], found.end[row]) == max(spans)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_question_special_tokens_padding_and_blanks_are_never_an_answer(name):
    rows = questions((NORMANDY, "Who?", None))
    windows = dev_windows(rows, tokenizer(name), **LENGTHS)
    [window] = windows
    outside = np.full((1, len(window["input_ids"]) + 8), 100.0)
    inside = [at for at, (a, b) in enumerate(zip(window["char_start"], window["char_end"], strict=True)) if a < b]
    outside[0, inside] = 0.0
    outside[0, inside[3]] = 1.0
    found = best_spans(outside, outside, windows, n_best=20, max_answer_length=30)
    assert (found.start[0], found.end[0]) == (window["char_start"][inside[3]], window["char_end"][inside[3]])


def test_the_null_score_is_the_lowest_of_the_windows(searched):
    windows, starts, ends = searched
    found = best_spans(starts, ends, windows, n_best=20, max_answer_length=30)
    rows = np.array(windows["row"])
    assert [(starts + ends)[rows == row, CLS].min() for row in range(3)] == list(found.null_score)


def test_scores_that_are_not_finite_are_an_error(searched):
    windows, starts, ends = searched
    starts[2, 1] = np.nan
    with pytest.raises(ValueError, match="not finite: training has diverged"):
        best_spans(starts, ends, windows, n_best=20, max_answer_length=30)


# --- scoring ----------------------------------------------------------------------------------------------------------

FOUR = questions(
    ("Rouen is old.", "What is old?", "Rouen"),
    ("Rouen is old.", "Who is young?", None),
    ("Boats float on water.", "What floats?", "Boats"),
    ("Boats float on water.", "What sinks?", None),
)


def outputs_with(found, null_odds: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Outputs whose best span is the first token of the context, with the given odds against it."""
    starts = np.zeros((2, len(found.features), max(found.features["length"])))
    for number, ids in enumerate(found.features["input_ids"]):
        starts[0, number, ids.index(tokenizer("minilm").sep_token_id) + 1] = 10.0
    starts[0, :, CLS] = 10.0 + np.array(null_odds)
    return starts[0], starts[1]


def test_v2_answers_unless_the_null_odds_exceed_the_threshold():
    found = dev_set(FOUR, "minilm")
    scored = found.score(outputs_with(found, [-3.0, 2.0, 1.0, -1.0]))
    assert scored.predictions.drop(columns=["exact", "f1"]).to_dict("list") == {
        "split": ["validation"] * 4,
        "id": ["q0", "q1", "q2", "q3"],
        "paragraph": [0, 0, 1, 1],
        "answerable": [True, False, True, False],
        "text": ["Rouen", "", "", "Boats"],
        "null_odds": [-3.0, 2.0, 1.0, -1.0],
        "span": ["Rouen", "Rouen", "Boats", "Boats"],
    }
    assert list(scored.predictions.exact) == list(scored.predictions.f1) == [1.0, 1.0, 0.0, 0.0]
    fixed = {"exact": 0.5, "f1": 0.5, "HasAns_exact": 0.5, "HasAns_f1": 0.5, "NoAns_exact": 0.5, "NoAns_f1": 0.5}
    # answering the questions up to odds -3 gets three of four right; so does going on to odds 1
    best = {"best_exact": 0.75, "best_exact_thresh": -3.0, "best_f1": 0.75, "best_f1_thresh": -3.0}
    assert scored.metrics == fixed | best


def test_the_threshold_moves_the_fixed_figures_and_never_the_best_ones():
    outputs = outputs_with(dev_set(FOUR, "minilm"), [-3.0, 2.0, 1.0, -1.0])
    at_zero, at_one = (dev_set(FOUR, "minilm", null_threshold=value).score(outputs).metrics for value in (0.0, 1.0))
    assert (at_zero["exact"], at_one["exact"]) == (0.5, 0.75)
    assert {name: value for name, value in at_zero.items() if "best" in name} == {
        name: value for name, value in at_one.items() if "best" in name
    }


def test_v1_always_answers():
    rows = FOUR.select([0, 2])
    found = dev_set(rows, "minilm", version_2=False)
    scored = found.score(outputs_with(found, [50.0, 50.0]))
    assert list(scored.predictions.text) == ["Rouen", "Boats"]
    assert scored.metrics == {"exact": 1.0, "f1": 1.0}
    assert list(scored.predictions) == ["split", "id", "paragraph", "answerable", "text", "exact", "f1", "null_odds"]


def test_features_to_predict_on_are_model_inputs_and_length_only():
    assert dev_set(FOUR, "bert").features.column_names == ["input_ids", "token_type_ids", "attention_mask", "length"]
    assert dev_set(FOUR, "roberta").features.column_names == ["input_ids", "attention_mask", "length"]


@pytest.mark.parametrize(
    "null_odds, degenerate",
    [([9.0] * 4, True), ([-9.0] * 4, False), ([9.0, 9.0, -9.0, -9.0], False)],
    ids=["none answered", "all answered", "some answered"],
)
def test_the_same_text_for_every_question_is_degenerate(null_odds, degenerate):
    found = dev_set(FOUR, "minilm")
    assert found.score(outputs_with(found, null_odds)).degenerate is degenerate


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("experiment", "version_2"), [("squad_mini", False), ("squad_small", True)])
def test_the_recorded_predictions_give_the_recorded_metrics(real_data, experiment, version_2):
    name = f"dev-v{'2.0' if version_2 else '1.1'}.json"
    articles = json.loads((real_data / "squad" / name).read_text(encoding="utf-8"))["data"]
    questions = [one for article in articles for paragraph in article["paragraphs"] for one in paragraph["qas"]]
    gold = {one["id"]: [each["text"] for each in one["answers"]] for one in questions}
    path = min((ROOT / "results" / "runs" / experiment / "files").glob(f"*--squad_v{1 + version_2}--*.json"))
    run = record.read(path)
    frame = record.read_predictions(ROOT / "results", run)
    answers = [gold[id] for id in frame["id"]]
    answerable = np.array([bool(texts) for texts in answers])
    exact, f1 = metrics.squad_scores(frame["last_text"], answers, version_2)
    again = {"exact": exact.mean(), "f1": f1.mean()}
    if version_2:
        again |= metrics.answerable_metrics(exact, f1, answerable)
        spans, odds = list(frame["last_span"]), frame["last_null_odds"].to_numpy()
        again |= metrics.best_metrics(spans, *metrics.squad_scores(spans, answers, True), odds, answerable)
    assert run.last.metrics == pytest.approx(again, abs=1e-9)
