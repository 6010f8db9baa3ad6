"""The metrics are the official ones: each is checked against a second computation from its definition."""

import itertools
import json
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from ina.tasks.metrics import GlueMetric, SquadMetric, best_threshold, normalize_answer, question_scores


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# --- GLUE -------------------------------------------------------------------------------------------------------------


RIGHT_AND_WRONG = [1, 1, 0, 0, 1], [1, 0, 0, 1, 1]  # two true positives, one of each other kind
ACCURACY, F1, MCC = 3 / 5, 2 * 2 / (2 * 2 + 1 + 1), (2 * 1 - 1 * 1) / (3 * 3 * 2 * 2) ** 0.5
TIED = [1.0, 2.0, 2.0, 4.0], [1.0, 3.0, 2.0, 4.0]  # whose equal values share the rank 2.5


@pytest.mark.parametrize(
    ("task", "given", "expected"),
    [
        ("cola", RIGHT_AND_WRONG, {"mcc": MCC}),
        *((task, RIGHT_AND_WRONG, {"accuracy": ACCURACY}) for task in ("sst2", "rte", "qnli", "wnli")),
        *((task, RIGHT_AND_WRONG, {"accuracy": ACCURACY, "f1": F1}) for task in ("mrpc", "qqp")),
        ("mnli", ([0, 1, 2, 2], [0, 1, 1, 2]), {"accuracy": 3 / 4}),
        ("stsb", TIED, {"pearson": 4.5 / (4.75 * 5) ** 0.5, "spearman": 4.5 / (4.5 * 5) ** 0.5}),
        ("cola", ([0, 1], [1, 0]), {"mcc": -1.0}),
        ("stsb", ([5.0, 0.0], [0.0, 5.0]), {"pearson": -1.0, "spearman": -1.0}),
        # what is undefined is zero and never NaN
        ("cola", ([1, 1, 1], [0, 1, 1]), {"mcc": 0.0}),
        ("cola", ([0, 1], [1, 1]), {"mcc": 0.0}),
        ("cola", ([1, 1], [1, 1]), {"mcc": 0.0}),
        ("stsb", ([2.5, 2.5], [0.0, 5.0]), {"pearson": 0.0, "spearman": 0.0}),
        ("stsb", ([1.0, 2.0], [3.0, 3.0]), {"pearson": 0.0, "spearman": 0.0}),
        ("stsb", ([1.0], [3.0]), {"pearson": 0.0, "spearman": 0.0}),
        ("mrpc", ([0, 0], [0, 0]), {"accuracy": 1.0, "f1": 0.0}),
        ("mrpc", ([0, 0], [1, 1]), {"accuracy": 0.0, "f1": 0.0}),
    ],
)
def test_each_task_of_glue_is_scored_by_its_official_metrics(task, given, expected):
    predictions, references = given
    assert GlueMetric(task).compute(predictions=predictions, references=references) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("task", "predictions", "references", "message"),
    [
        ("cola", [0, 2, 1], [0, 1, 0], r"cola: predictions\[1\] is 2; it should be a class id from 0 to 1"),
        ("mnli", [0, 1, -1], [0, 1, 0], r"mnli: predictions\[2\] is -1; it should be a class id from 0 to 2"),
        ("sst2", [0.7, 1, 1], [0, 1, 0], r"sst2: predictions\[0\] is 0.7; it should be a class id"),
        ("stsb", [1.0, float("nan"), 2.0], [0, 1, 0], r"stsb: predictions\[1\] is nan; it should be a finite score"),
        ("rte", [0, 1], [0, 1, 0], r"Mismatch in the number of predictions \(2\) and references \(3\)"),
        ("cola", [0, 1], [0, 3], r"cola: references\[1\] is 3"),
        ("cola", [], [], "cola: no predictions; a metric needs at least one row"),
    ],
)
def test_values_outside_the_task_s_range_are_named(task, predictions, references, message):
    with pytest.raises(ValueError, match=message):
        GlueMetric(task).compute(predictions=predictions, references=references)


def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match="'snli' is no task with labels; there are cola"):
        GlueMetric("snli")


def test_a_metric_can_be_used_again_after_a_result_and_after_an_error():
    metric = GlueMetric("rte")
    assert metric.compute(predictions=[0, 1], references=[0, 1]) == {"accuracy": 1.0}
    with pytest.raises(ValueError):
        metric.compute(predictions=[0, 7], references=[0, 1])
    assert metric.compute(predictions=[0, 1], references=[1, 1]) == {"accuracy": 0.5}


def test_processes_that_evaluate_at_once_share_no_file_and_need_no_folder_of_the_users(tmp_path):
    code = (
        "import json, sys; from ina.tasks.metrics import GlueMetric; n = int(sys.argv[1]);"
        "r = [GlueMetric('rte').compute(predictions=[0] * 10, references=[1] * n + [0] * (10 - n)) for _ in range(20)];"
        "print(json.dumps(r))"
    )
    (tmp_path / "file").touch()
    home = str(tmp_path / "file" / "below")
    env = {"HF_HOME": home, "PATH": "", "PYTHONPATH": ":".join(sys.path), "HF_HUB_OFFLINE": "1"}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], stdout=subprocess.PIPE, text=True, env=env)
        for n in (2, 6)
    ]
    for process, accuracy in zip(running, (0.8, 0.4), strict=True):
        assert json.loads(process.communicate(timeout=120)[0]) == [{"accuracy": accuracy}] * 20


# --- SQuAD: one question ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Normans", "normans"),
        ("an apple a day", "apple day"),
        ("theatre and Anna", "theatre and anna"),
        ("U.S.A.", "usa"),
        ("mother-in-law's", "motherinlaws"),
        ("\tÉmile\u00a0Zola\n", "émile zola"),
        ("10–12 °C", "10–12 °c"),
        ("the", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_normalisation_drops_case_punctuation_articles_and_spaces(text, normal):
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    ("prediction", "answers", "v1", "v2"),
    [
        ("The Normans!", ["normans"], (1, 1.0), (1, 1.0)),
        ("Denver", ["Denver Broncos"], (0, 2 / 3), (0, 2 / 3)),
        ("Denver Broncos", ["Carolina Panthers", "the Denver Broncos", "Broncos"], (1, 1.0), (1, 1.0)),
        ("in the 10th century", ["10th and 11th centuries", "10th century"], (0, 4 / 5), (0, 4 / 5)),
        ("to to to be", ["to be or not to be"], (0, 2 * 3 / (4 + 6)), (0, 2 * 3 / (4 + 6))),
        ("Zürich", ["Zurich"], (0, 0.0), (0, 0.0)),
        ("the", ["Denver"], (0, 0.0), (0, 0.0)),
        ("the", ["A"], (1, 0.0), (1, 1.0)),  # nothing is left of either text
        ("", ["A", "Denver"], (1, 0.0), (0, 0.0)),  # v2 leaves out answers of which nothing is left
        ("the.", [], None, (1, 1.0)),  # rightly left unanswered
        ("Denver", [], None, (0, 0.0)),
    ],
)
def test_exact_and_f1_are_the_best_over_the_answers(prediction, answers, v1, v2):
    assert question_scores(prediction, answers, version_2=True) == pytest.approx(v2)
    if answers:
        assert question_scores(prediction, answers, version_2=False) == pytest.approx(v1)


# --- SQuAD: a whole split ---------------------------------------------------------------------------------------------


def reference(identity, *texts):
    return {"id": identity, "answers": {"text": list(texts), "answer_start": [0] * len(texts)}}


def prediction(identity, text, odds=None):
    return {"id": identity, "prediction_text": text} | ({} if odds is None else {"no_answer_probability": odds})


def test_v1_is_the_mean_over_the_questions_matched_by_id():
    metrics = SquadMetric(version_2=False).compute(
        predictions=[prediction("b", "Broncos"), prediction("a", "The Normans")],
        references=[reference("a", "Normans"), reference("b", "Denver Broncos")],
    )
    assert metrics == {"exact": 0.5, "f1": pytest.approx((1 + 2 / 3) / 2)}


V2_REFERENCES = [reference("a", "Normans"), reference("b", "Denver Broncos"), reference("c"), reference("d")]
V2_PREDICTIONS = [
    prediction("a", "the Normans", 0.1),
    prediction("b", "Broncos", 0.7),
    prediction("c", "", 0.9),
    prediction("d", "Paris", 0.6),
]


def test_v2_tells_answerable_from_unanswerable_questions_and_finds_the_best_threshold():
    metrics = SquadMetric(version_2=True).compute(predictions=V2_PREDICTIONS, references=V2_REFERENCES)
    assert metrics == {
        "exact": 2 / 4,
        "f1": pytest.approx((1 + 2 / 3 + 1 + 0) / 4),
        "HasAns_exact": 1 / 2,
        "HasAns_f1": pytest.approx((1 + 2 / 3) / 2),
        "NoAns_exact": 1 / 2,
        "NoAns_f1": 1 / 2,
        "best_exact": 3 / 4,  # answer a, leave b, c and d
        "best_exact_thresh": 0.1,
        "best_f1": 3 / 4,  # answering b too would cost d
        "best_f1_thresh": 0.1,
    }


def test_v2_has_no_part_scores_for_a_kind_of_question_that_is_not_there():
    metrics = SquadMetric(version_2=True).compute(predictions=V2_PREDICTIONS[2:], references=V2_REFERENCES[2:])
    assert "NoAns_f1" in metrics and not {"HasAns_exact", "HasAns_f1"} & set(metrics)


def by_brute_force(scores, answerable, texts, odds):
    """Mean score at every threshold that makes a difference, each computed from scratch."""
    best = (-1.0, None)
    for threshold in sorted({min(0.0, np.nextafter(min(odds), -np.inf)), *odds}):
        answered = [odd <= threshold for odd in odds]
        total = sum(
            (score if has else float(not text)) if take else float(not has)
            for score, has, text, take in zip(scores, answerable, texts, answered, strict=True)
        )
        best = max(best, (total / len(scores), threshold), key=lambda pair: pair[0])
    return best


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", ["probabilities", "with ties", "log odds"])
def test_the_best_threshold_is_that_of_trying_them_all(seed, spread):
    rng = np.random.default_rng(seed)
    n = 40
    answerable = rng.random(n) < 0.5
    texts = ["" if rng.random() < 0.2 else "word" for _ in range(n)]
    scores = np.array([rng.choice([0.0, 0.5, 1.0]) if text else 0.0 for text in texts])
    odds = {
        "probabilities": rng.random(n),
        "with ties": rng.integers(0, 6, n) / 5,
        "log odds": rng.normal(-3, 4, n) - 2.0 * answerable,
    }[spread]
    gain = np.where(answerable, scores, [-float(bool(text)) for text in texts])
    best, threshold = best_threshold(gain, odds, int((~answerable).sum()))
    expected, at = by_brute_force(scores, answerable, texts, list(odds))
    assert best == pytest.approx(expected) and threshold == at


@pytest.mark.parametrize(("lowest", "threshold"), [(0.4, 0.0), (-3.0, np.nextafter(-3.0, -np.inf))])
def test_when_no_question_should_be_answered_the_threshold_lies_below_all_odds(lowest, threshold):
    assert best_threshold(np.array([-1.0, -1.0]), np.array([lowest, 0.5]), 2) == (1.0, threshold)


def test_the_order_of_questions_with_equal_odds_does_not_matter():
    gains, odds = [1.0, -1.0, 1.0], np.zeros(3)
    results = {best_threshold(np.array(order), odds, 1) for order in itertools.permutations(gains)}
    assert results == {(2 / 3, 0.0)}


@pytest.mark.parametrize(
    ("version_2", "predictions", "references", "message"),
    [
        (False, [prediction("a", "x")], [reference("b", "x")], "2 ids are on one side only; the first, 'a', has no"),
        (False, [prediction("a", "x")] * 2, [reference("a", "x"), reference("b", "x")], "predictions: id 'a' occurs 2"),
        (False, [prediction("a", "x")], [reference("a")], "question a has no answers; in v1.1 it has at least one"),
        (True, [prediction("a", "x", float("inf"))], [reference("a")], "no_answer_probability of a is inf"),
        (True, [], [], "no references; a metric needs at least one question"),
    ],
)
def test_ids_and_values_that_do_not_fit_are_named(version_2, predictions, references, message):
    with pytest.raises(ValueError, match=message):
        SquadMetric(version_2).compute(predictions=predictions, references=references)


def test_the_whole_dev_set_of_v2_takes_a_few_seconds():
    n, rng = 12_000, np.random.default_rng(0)
    answer = "the quick brown fox of the northern woods"
    references = [reference(str(i), *[answer] * (5 if i % 2 else 0)) for i in range(n)]
    predictions = [prediction(str(i), "quick fox", odds) for i, odds in enumerate(rng.random(n))]
    start = time.perf_counter()
    metrics = SquadMetric(version_2=True).compute(predictions=predictions, references=references)
    assert time.perf_counter() - start < 5
    assert metrics["HasAns_f1"] == pytest.approx(2 * 2 / (2 + 6))
