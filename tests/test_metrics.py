"""The metrics are the official ones: each is checked against a second computation from its definition."""

import numpy as np
import pytest
from task_files import task

from ina.tasks.labelled import label_metrics
from ina.tasks.squad import answerable_metrics, best_metrics, question_scores, squad_scores

pytestmark = pytest.mark.filterwarnings("error")  # undefined metrics must not warn


# --- GLUE -------------------------------------------------------------------------------------------------------------


RIGHT_AND_WRONG = [1, 1, 0, 0, 1], [1, 0, 0, 1, 1]  # two true positives, one of each other outcome
ACCURACY, F1, MCC = 3 / 5, 2 * 2 / (2 * 2 + 1 + 1), (2 * 1 - 1 * 1) / (3 * 3 * 2 * 2) ** 0.5
TIED = [1.0, 2.0, 2.0, 4.0], [1.0, 3.0, 2.0, 4.0]  # the equal values share rank 2.5


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("cola", RIGHT_AND_WRONG, {"mcc": MCC}),
        *((name, RIGHT_AND_WRONG, {"accuracy": ACCURACY}) for name in ("sst2", "rte", "qnli", "wnli", "swag")),
        *((name, RIGHT_AND_WRONG, {"accuracy": ACCURACY, "f1": F1}) for name in ("mrpc", "qqp")),
        ("mnli", ([0, 1, 2, 2], [0, 1, 1, 2]), {"accuracy": 3 / 4}),
        ("stsb", TIED, {"pearson": 4.5 / (4.75 * 5) ** 0.5, "spearman": 4.5 / (4.5 * 5) ** 0.5}),
        # an undefined metric is zero, never NaN
        ("cola", ([1, 1, 1], [0, 1, 1]), {"mcc": 0.0}),
        ("cola", ([0, 1], [1, 1]), {"mcc": 0.0}),
        ("stsb", ([2.5, 2.5], [0.0, 5.0]), {"pearson": 0.0, "spearman": 0.0}),
        ("stsb", ([1.0, 2.0], [3.0, 3.0]), {"pearson": 0.0, "spearman": 0.0}),
        ("mrpc", ([0, 0], [0, 0]), {"accuracy": 1.0, "f1": 0.0}),
    ],
)
def test_each_task_of_glue_is_scored_by_its_official_metrics(name, given, expected):
    assert label_metrics(task(name), *map(np.array, given)) == pytest.approx(expected)


# --- SQuAD: one question ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "answers", "v1", "v2"),
    [
        ("\tThe \u00a0Émile-Zola's!\n", ["an émilezolas"], (1, 1.0), (1, 1.0)),  # case, punctuation, articles, spaces
        ("theatre", ["atre"], (0, 0.0), (0, 0.0)),  # an article is a whole word
        ("10–12 °C", ["1012 °c"], (0, 1 / 2), (0, 1 / 2)),  # punctuation is that of ASCII
        ("Denver", ["Denver Broncos"], (0, 2 / 3), (0, 2 / 3)),
        ("Denver Broncos", ["Carolina Panthers", "the Denver Broncos", "Broncos"], (1, 1.0), (1, 1.0)),
        ("in the 10th century", ["10th and 11th centuries", "10th century"], (0, 4 / 5), (0, 4 / 5)),
        ("to to to be", ["to be or not to be"], (0, 2 * 3 / (4 + 6)), (0, 2 * 3 / (4 + 6))),
        ("Zürich", ["Zurich"], (0, 0.0), (0, 0.0)),
        ("the", ["Denver"], (0, 0.0), (0, 0.0)),
        ("the", ["A"], (1, 0.0), (1, 1.0)),  # both texts become empty
        ("", ["A", "Denver"], (1, 0.0), (0, 0.0)),  # v2 drops answers that become empty
        ("the.", [], None, (1, 1.0)),  # rightly left unanswered
        ("Denver", [], None, (0, 0.0)),
    ],
)
def test_exact_and_f1_are_the_best_over_the_answers(prediction, answers, v1, v2):
    assert question_scores(prediction, answers, version_2=True) == pytest.approx(v2)
    if answers:
        assert question_scores(prediction, answers, version_2=False) == pytest.approx(v1)


# --- SQuAD: a whole split ---------------------------------------------------------------------------------------------


def test_v2_has_metrics_for_answerable_and_for_unanswerable_questions():
    texts, answers = ["the Normans", "Broncos", "", "Paris"], [["Normans"], ["Denver Broncos"], [], []]
    exact, f1 = squad_scores(texts, answers, version_2=True)
    assert list(exact) == [1, 0, 1, 0] and list(f1) == pytest.approx([1, 2 / 3, 1, 0])
    answerable = np.array([True, True, False, False])
    assert answerable_metrics(exact, f1, answerable) == {
        "HasAns_exact": 1 / 2,
        "HasAns_f1": pytest.approx((1 + 2 / 3) / 2),
        "NoAns_exact": 1 / 2,
        "NoAns_f1": 1 / 2,
    }
    assert answerable_metrics(exact[2:], f1[2:], answerable[2:]).keys() == {"NoAns_exact", "NoAns_f1"}


def by_trying_all(scores, answerable, odds):
    """The best mean score and its lowest threshold, by trying all thresholds that make a difference."""
    best = (-1.0, None)
    for threshold in sorted({min(0.0, np.nextafter(min(odds), -np.inf)), *odds}):
        gained = np.where(odds <= threshold, np.where(answerable, scores, 0.0), ~answerable)
        best = max(best, (gained.mean(), threshold), key=lambda pair: pair[0])
    return best


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", ["probabilities", "with ties", "log odds"])
def test_the_best_threshold_equals_that_of_an_exhaustive_search(seed, spread):
    rng = np.random.default_rng(seed)
    n = 40
    answerable = rng.random(n) < 0.5
    exact, f1 = rng.choice([0.0, 1.0], n), rng.choice([0.0, 0.5, 1.0], n)
    odds = {
        "probabilities": rng.random(n),
        "with ties": rng.integers(0, 6, n) / 5,
        "log odds": rng.normal(-3, 4, n) - 2.0 * answerable,
    }[spread]
    found = best_metrics(exact, f1, odds, answerable)
    for name, scores in (("exact", exact), ("f1", f1)):
        best, threshold = by_trying_all(scores, answerable, odds)
        assert found[f"best_{name}"] == pytest.approx(best) and found[f"best_{name}_thresh"] == threshold


@pytest.mark.parametrize(("lowest", "threshold"), [(0.4, 0.0), (-3.0, np.nextafter(-3.0, -np.inf))])
def test_when_no_question_should_be_answered_the_threshold_lies_below_all_odds(lowest, threshold):
    found = best_metrics(*np.zeros((2, 2)), np.array([lowest, 0.5]), np.array([False, False]))
    assert (found["best_f1"], found["best_f1_thresh"]) == (1.0, threshold)
