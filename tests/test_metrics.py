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

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 300)
CLASSES = np.where(RNG.random(300) < 0.7, LABELS, 1 - LABELS)
SCORES = RNG.integers(0, 26, 300) / 5
GUESSES = np.round(SCORES + RNG.normal(0, 1, 300), 1)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# --- GLUE -------------------------------------------------------------------------------------------------------------


def counts(predictions, references):
    """True positives, false positives, false negatives, true negatives of class 1."""
    return (float(np.sum((predictions == p) & (references == r))) for p, r in ((1, 1), (1, 0), (0, 1), (0, 0)))


def mcc(predictions, references):
    tp, fp, fn, tn = counts(predictions, references)
    return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


def f1(predictions, references):
    tp, fp, fn, _ = counts(predictions, references)
    return 2 * tp / (2 * tp + fp + fn)


def pearson(x, y):
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())


def mean_ranks(x):
    """Rank of each value, equal values sharing the mean of theirs."""
    return np.array([(x < value).sum() + ((x == value).sum() + 1) / 2 for value in x])


def test_cola_is_scored_by_the_matthews_correlation():
    metrics = GlueMetric("cola").compute(predictions=CLASSES, references=LABELS)
    assert metrics == {"mcc": pytest.approx(mcc(CLASSES, LABELS))}


@pytest.mark.parametrize("task", ["sst2", "rte", "qnli", "wnli"])
def test_single_metric_tasks_are_scored_by_accuracy(task):
    metrics = GlueMetric(task).compute(predictions=CLASSES, references=LABELS)
    assert metrics == {"accuracy": pytest.approx(np.mean(CLASSES == LABELS))}


def test_mnli_has_three_classes():
    metrics = GlueMetric("mnli").compute(predictions=[0, 1, 2, 2], references=[0, 1, 1, 2])
    assert metrics == {"accuracy": 0.75}


@pytest.mark.parametrize("task", ["mrpc", "qqp"])
def test_paraphrase_tasks_are_scored_by_accuracy_and_f1_of_the_paraphrases(task):
    metrics = GlueMetric(task).compute(predictions=CLASSES, references=LABELS)
    assert metrics == {
        "accuracy": pytest.approx(np.mean(CLASSES == LABELS)),
        "f1": pytest.approx(f1(CLASSES, LABELS)),
    }


def test_stsb_is_scored_by_pearson_and_by_spearman_with_shared_ranks():
    metrics = GlueMetric("stsb").compute(predictions=GUESSES, references=SCORES)
    assert metrics == {
        "pearson": pytest.approx(pearson(GUESSES, SCORES)),
        "spearman": pytest.approx(pearson(mean_ranks(GUESSES), mean_ranks(SCORES))),
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_correlations_reach_both_ends_of_their_range(sign):
    assert GlueMetric("cola").compute(predictions=LABELS if sign == 1 else 1 - LABELS, references=LABELS) == {
        "mcc": pytest.approx(sign)
    }
    for value in GlueMetric("stsb").compute(predictions=sign * SCORES, references=SCORES).values():
        assert value == pytest.approx(sign)


@pytest.mark.parametrize(
    ("task", "predictions", "references", "expected"),
    [
        ("cola", [1, 1, 1], [0, 1, 1], {"mcc": 0.0}),
        ("cola", [0, 1], [1, 1], {"mcc": 0.0}),
        ("cola", [1, 1], [1, 1], {"mcc": 0.0}),
        ("stsb", [2.5, 2.5], [0.0, 5.0], {"pearson": 0.0, "spearman": 0.0}),
        ("stsb", [1.0, 2.0], [3.0, 3.0], {"pearson": 0.0, "spearman": 0.0}),
        ("stsb", [1.0], [3.0], {"pearson": 0.0, "spearman": 0.0}),
        ("mrpc", [0, 0], [0, 0], {"accuracy": 1.0, "f1": 0.0}),
        ("mrpc", [0, 0], [1, 1], {"accuracy": 0.0, "f1": 0.0}),
    ],
)
def test_what_is_undefined_is_zero_and_never_nan(task, predictions, references, expected):
    assert GlueMetric(task).compute(predictions=predictions, references=references) == expected


@pytest.mark.parametrize(
    ("task", "predictions", "message"),
    [
        ("cola", [0, 2, 1], r"cola: predictions\[1\] is 2; it should be a class id from 0 to 1"),
        ("mnli", [0, 1, -1], r"mnli: predictions\[2\] is -1; it should be a class id from 0 to 2"),
        ("sst2", [0.7, 1, 1], r"sst2: predictions\[0\] is 0.7; it should be a class id"),
        ("stsb", [1.0, float("nan"), 2.0], r"stsb: predictions\[1\] is nan; it should be a finite score"),
        ("rte", [0, 1], r"Mismatch in the number of predictions \(2\) and references \(3\)"),
    ],
)
def test_values_outside_the_task_s_range_are_named(task, predictions, message):
    with pytest.raises(ValueError, match=message):
        GlueMetric(task).compute(predictions=predictions, references=[0, 1, 0])


def test_wrong_references_are_named_too():
    with pytest.raises(ValueError, match=r"cola: references\[1\] is 3"):
        GlueMetric("cola").compute(predictions=[0, 1], references=[0, 3])


def test_no_rows_is_an_error():
    with pytest.raises(ValueError, match="cola: no predictions; a metric needs at least one row"):
        GlueMetric("cola").compute(predictions=[], references=[])


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


@pytest.mark.parametrize("version_2", [False, True])
@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1_score"),
    [
        ("The Normans!", ["normans"], 1, 1.0),
        ("Denver", ["Denver Broncos"], 0, 2 / 3),
        ("Denver Broncos", ["Carolina Panthers", "the Denver Broncos", "Broncos"], 1, 1.0),
        ("in the 10th century", ["10th and 11th centuries", "10th century"], 0, 4 / 5),
        ("to to to be", ["to be or not to be"], 0, 2 * 3 / (4 + 6)),
        ("Zürich", ["Zurich"], 0, 0.0),
        ("", ["Denver"], 0, 0.0),
        ("the", ["Denver"], 0, 0.0),
    ],
)
def test_exact_and_f1_are_the_best_over_the_answers(prediction, answers, exact, f1_score, version_2):
    assert question_scores(prediction, answers, version_2) == (exact, pytest.approx(f1_score))


@pytest.mark.parametrize(
    ("prediction", "answers", "scores"),
    [
        ("", [], (1, 1)),
        ("the.", [], (1, 1)),
        ("Denver", [], (0, 0)),
        ("", ["A", "Denver"], (0, 0)),
        ("", ["A"], (1, 1)),
    ],
)
def test_v2_gives_full_score_for_rightly_leaving_a_question_unanswered(prediction, answers, scores):
    assert question_scores(prediction, answers, version_2=True) == scores


def test_v1_gives_no_f1_where_nothing_is_left_of_either_text():
    assert question_scores("the", ["A"], version_2=False) == (1, 0)


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


@pytest.mark.parametrize("seed", range(8))
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
        (
            False,
            [prediction("a", "x")],
            [reference("b", "x")],
            "2 ids are on one side only; the first, 'a', has no ref",
        ),
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
