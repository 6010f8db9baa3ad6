"""Statistics of seeds × examples: hand-made cases, recomputation by the usual libraries, properties, simulation."""

import importlib.util
import itertools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats
from sklearn import metrics as sklearn_metrics

from ina.stats import (
    METRICS,
    Comparison,
    Estimate,
    Scores,
    at_other_rates,
    decide,
    mean_of,
    mean_scores,
    per_run,
    score_runs,
    seeds_needed,
    stack,
)
from ina.stats.estimate import from_resamples
from ina.stats.verdict import tost
from ina.tables import verdicts
from ina.tables.frame import AtAnotherRate

REFERENCE = {
    "accuracy": sklearn_metrics.accuracy_score,
    "f1": lambda y, p: sklearn_metrics.f1_score(y, p, zero_division=0),
    "mcc": sklearn_metrics.matthews_corrcoef,
    "pearson": lambda y, p: scipy_stats.pearsonr(y, p).statistic,
    "spearman": lambda y, p: scipy_stats.spearmanr(y, p).statistic,
    "mean": lambda y, p: p.mean(),
}


def toy(metric: str, seeds: int = 4, n: int = 60, seed: int = 0, noise: float = 0.25):
    """Labels (n,) and predictions (seeds, n) of runs that are right more often than not."""
    rng = np.random.default_rng(seed)
    if metric == "mean":
        return None, rng.random((seeds, n))
    if metric in ("pearson", "spearman"):
        labels = rng.integers(0, 6, n) / 5  # few levels: many ties, as in STS-B
        return labels, np.round(labels + noise * rng.normal(size=(seeds, n)), 1)
    labels = rng.integers(0, 3 if metric == "mcc" else 2, n)
    return labels, np.where(rng.random((seeds, n)) < noise, rng.permutation(labels), labels)


def compare(metric: str, labels, a, b, **more) -> Scores:
    """A minus B on the same resamples."""
    more = {"rng": 0, "resamples": 200} | more
    return score_runs(metric, labels, a, **more) - score_runs(metric, labels, b, **more)


def example_of(difference: Estimate, margin: float = 0.01) -> Comparison:
    return Comparison(difference, margin)


def estimate(value: float, se: float, seeds: int = 1000, example_se: float = 0.0) -> Estimate:
    """An estimate with nearly normal errors (many seeds), standard error `se` from seeds and `example_se`."""
    return Estimate(value, se**2, example_se**2, seeds, seeds - 1, 10_000)


# Metrics


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_equals_scikit_learns_or_scipys(metric):
    labels, predictions = toy(metric)
    expected = [REFERENCE[metric](labels, run) for run in predictions]
    np.testing.assert_allclose(per_run(metric, labels, predictions), expected, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_resample_by_counts_equals_the_metric_on_the_examples_drawn(metric):
    labels, predictions = toy(metric)
    drawn = np.random.default_rng(1).integers(60, size=(20, 60))
    counts = np.array([np.bincount(row, minlength=60) for row in drawn], dtype=float)
    naive = [[REFERENCE[metric](None if labels is None else labels[i], p[i]) for p in predictions] for i in drawn]
    np.testing.assert_allclose(METRICS[metric].score(labels, predictions, counts), naive, rtol=1e-9)


def test_f1_counts_class_one_by_hand():
    # run 1: one hit, one false alarm, one miss -> 2 / (2 + 1 + 1); run 2 predicts no 1 at all
    np.testing.assert_allclose(per_run("f1", np.array([1, 1, 0, 0]), np.array([[1, 0, 1, 0], [0, 0, 0, 0]])), [0.5, 0])


@pytest.mark.parametrize("metric", ["mcc", "pearson", "spearman"])
def test_constant_predictions_show_no_correlation(metric):
    labels = np.array([0, 1, 1, 0, 1])
    np.testing.assert_array_equal(per_run(metric, labels, np.array([[1, 1, 1, 1, 1], labels])), [0, 1])


def test_a_constant_resample_counts_as_zero_despite_rounding():
    labels, predictions = toy("pearson")
    one_example_each = 37 * np.eye(60)  # with weight 37 the variance of a constant comes out as 1e-16
    for metric in ("pearson", "spearman"):
        np.testing.assert_array_equal(METRICS[metric].score(labels, predictions, one_example_each), 0)


def test_resamples_do_not_depend_on_what_is_predicted():
    labels, predictions = toy("accuracy")
    alone = score_runs("accuracy", labels, predictions[2:3], 5, 50).resampled
    together = score_runs("accuracy", labels, predictions, 5, 50).resampled
    np.testing.assert_allclose(alone[:, 0], together[:, 2])


@pytest.mark.parametrize("metric", METRICS)
def test_ten_thousand_resamples_of_five_runs_on_cola_take_seconds(metric):
    labels, predictions = toy(metric, seeds=5, n=1043)
    start = time.perf_counter()
    score_runs(metric, labels, predictions, 0, 10_000)
    assert time.perf_counter() - start < 15  # 0.5 to 1.5 s on an idle core


@pytest.mark.parametrize("metric", METRICS)
def test_examples_that_hang_together_are_one_draw(metric):
    labels, predictions = toy(metric)
    thrice = np.repeat(np.arange(60), 3)  # 180 examples that say no more than the 60
    copied = None if labels is None else labels[thrice]
    clustered = score_runs(metric, copied, predictions[:, thrice], 0, 200, thrice)
    once = score_runs(metric, labels, predictions, 0, 200)
    assert (len(clustered.examples), clustered.estimate.example_df) == (180, 59)
    ends, right = clustered.estimate.interval(), once.estimate.interval()
    assert (ends.low, ends.high) == pytest.approx((right.low, right.high))
    pair = compare(metric, copied, predictions[:, thrice], predictions[::-1, thrice], clusters=thrice)
    alone = compare(metric, labels, predictions, predictions[::-1])
    assert pair.estimate.p_value() == pytest.approx(alone.estimate.p_value())


def test_clusters_of_one_example_are_no_clusters():
    labels, predictions = toy("mcc")
    alone = score_runs("mcc", labels, predictions, 0, 200, [f"paragraph {i}" for i in range(100, 160)])
    assert alone.estimate == score_runs("mcc", labels, predictions, 0, 200).estimate


def test_runs_scored_one_by_one_are_as_scored_together():
    labels, predictions = toy("mcc")
    together = score_runs("mcc", labels, predictions, 0, 50)
    alone = stack([score_runs("mcc", labels, predictions[[run]], 0, 50) for run in range(4)])
    np.testing.assert_allclose(alone.resampled, together.resampled)
    np.testing.assert_allclose(alone.scores, together.scores)
    halved = mean_scores([together, together - together])
    np.testing.assert_allclose(halved.resampled, together.resampled / 2)


# Estimates


def all_resamples(n: int) -> np.ndarray:
    return np.array(list(itertools.product(range(n), repeat=n)))


def test_variances_by_hand_where_seeds_make_the_same_mistakes():
    right = np.array([[1, 0, 0], [1, 0, 0]])  # both 1/3; one example has variance 2/9, the mean of three 2/27
    e = from_resamples(right.mean(1), right[:, all_resamples(3)].mean(2).T, examples=3, leverage=0)
    assert e.seed_variance == 0
    assert e.example_variance == pytest.approx(2 / 27)


def test_variances_by_hand_where_seeds_make_unrelated_mistakes():
    right = np.array([[1, 1, 0, 0], [1, 0, 1, 0]])  # covariance over the examples: 1/4 - 1/2 * 1/2 = 0
    e = from_resamples(right.mean(1), right[:, all_resamples(4)].mean(2).T, examples=4, leverage=0.04)
    assert e.example_variance == pytest.approx(0.01**2)  # only the floor is left


def test_seed_variance_is_that_of_the_mean():
    e = from_resamples(np.array([0.5, 0.7]), np.full((10, 2), 0.6), examples=100, leverage=0.1)
    assert e.seed_variance == pytest.approx(0.02 / 2)
    assert e.variance == pytest.approx(0.01)
    assert e.df == pytest.approx(1)


def test_degrees_of_freedom_weigh_each_part_by_its_share():
    assert Estimate(0, 1.0, 3.0, seeds=3, seed_df=2, example_df=100).df == pytest.approx(1 / (0.25 / 2 + 0.75 / 100))


def test_without_seed_variance_the_interval_is_the_t_interval_over_examples():
    scores = np.random.default_rng(0).random((1, 400))
    interval = score_runs("mean", None, scores, 0).estimate.interval()
    expected = scipy_stats.t.interval(0.95, 399, scores.mean(), scipy_stats.sem(scores[0]))
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.002)


def test_without_example_variance_the_interval_is_the_t_interval_over_seeds():
    scores = np.array([0.60, 0.62, 0.67, 0.61])
    interval = from_resamples(scores, np.tile(scores, (10, 1)), examples=10**6, leverage=1).interval()
    assert (interval.low, interval.high) == pytest.approx(
        scipy_stats.t.interval(0.95, 3, scores.mean(), scipy_stats.sem(scores))
    )


def test_the_p_value_is_that_of_the_interval():
    e = Estimate(0.02, 4e-5, 3e-5, seeds=5, seed_df=4, example_df=1000)
    touching = e.interval(level=1 - e.p_value())
    assert touching.low == pytest.approx(0, abs=1e-12)
    assert e.p_value() == pytest.approx(2 * e.p_above(0))


# A cell


def test_a_cell_by_hand():
    labels = np.array([0, 1, 0, 1])
    runs = np.array([[0, 1, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]])
    found = score_runs("accuracy", labels, runs, 0, 100)
    assert found.scores.tolist() == [1.0, 0.5, 0.5] and found.estimate.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("seeds", [1, 4])
@pytest.mark.parametrize("metric", METRICS)
def test_intervals_hold_the_mean(metric, seeds):
    found = score_runs(metric, *toy(metric, seeds=seeds), 0, 500)
    interval = found.estimate.interval()
    assert interval.low < found.estimate.value < interval.high
    assert min(found.scores) <= found.estimate.value <= max(found.scores)
    assert (found.estimate.seed_variance is None) == (seeds == 1)


def test_all_right_on_a_small_dev_set_is_not_certainty():
    labels = np.arange(50) % 2
    interval = score_runs("accuracy", labels, np.tile(labels, (3, 1)), 0, 100).estimate.interval()
    assert interval.low == pytest.approx(1 - scipy_stats.t.ppf(0.975, 49) / 50)


def test_the_same_seed_gives_the_same_figures():
    first, again = (score_runs("spearman", *toy("spearman"), rng, 50) for rng in (7, np.random.default_rng(7)))
    assert first.estimate == again.estimate


# A pair


@pytest.mark.parametrize("metric", METRICS)
def test_swapping_the_methods_turns_every_sign(metric):
    labels, a = toy(metric, seed=1)
    _, b = toy(metric, seed=1, noise=0.5)
    if metric == "mean":
        b = a**2
    ab, ba = compare(metric, labels, a, b).estimate, compare(metric, labels, b, a).estimate
    assert ab.value > 0
    assert ab.value == pytest.approx(-ba.value)
    assert (ab.interval().low, ab.interval().high) == pytest.approx((-ba.interval().high, -ba.interval().low))
    assert ab.p_value() == pytest.approx(ba.p_value())


def test_the_order_of_seeds_and_the_names_of_classes_do_not_matter():
    labels, a = toy("mcc", seed=1)
    _, b = toy("mcc", seed=1, noise=0.5)
    plain = compare("mcc", labels, a, b).estimate
    shuffled = compare("mcc", 2 - labels, 2 - a[[2, 0, 3, 1]], 2 - b[[2, 0, 3, 1]]).estimate
    assert shuffled.interval().low == pytest.approx(plain.interval().low)
    assert shuffled.p_value() == pytest.approx(plain.p_value())


def test_a_correlation_ignores_the_scale_of_the_predictions():
    labels, a = toy("pearson")
    assert compare("pearson", labels, a, 7 * a - 3).estimate.value == pytest.approx(0)


def test_pairing_on_examples_makes_the_interval_of_a_difference_narrow():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1000)
    a = np.tile(np.where(rng.random(1000) < 0.3, 1 - labels, labels), (5, 1))
    b = a.copy()
    b[:, :20] = labels[:20]  # the methods differ on the first 20 examples only
    pair, cell = compare("accuracy", labels, a, b), score_runs("accuracy", labels, a, 0, 200)
    assert pair.estimate.se < 0.3 * cell.estimate.se


# Tasks


def test_a_mean_over_tasks_by_hand():
    pairs = [compare("accuracy", *toy("accuracy", seed=s), toy("accuracy", seed=s, noise=0.5)[1]) for s in (0, 1)]
    estimates = [pair.estimate for pair in pairs]
    mean = mean_of(estimates, np.array([pair.scores for pair in pairs]))
    assert mean.value == pytest.approx((estimates[0].value + estimates[1].value) / 2)
    by_seed = np.mean([pair.scores for pair in pairs], axis=0)
    assert mean.seed_variance == pytest.approx(by_seed.var(ddof=1) / len(by_seed))
    assert mean.example_variance == pytest.approx(sum(e.example_variance for e in estimates) / 4)
    assert mean.seed_df == len(by_seed) - 1


def test_the_mean_over_tasks_takes_the_covariance_by_seed():
    e = Estimate(0.02, 4e-5, 3e-5, seeds=5, seed_df=4, example_df=1000)
    luck = np.array([-1.0, -1, 0, 1, 1])  # of variance 1
    scores = e.value + (5 * e.seed_variance) ** 0.5 * luck
    alike, opposed = mean_of([e] * 4, [scores] * 4), mean_of([e] * 2, [scores, 2 * e.value - scores])
    assert alike.seed_variance == pytest.approx(e.seed_variance)  # all tasks have the same seeds' luck
    assert opposed.seed_variance == pytest.approx(0, abs=1e-12)
    for mean, tasks in ((alike, 4), (opposed, 2)):
        assert (mean.value, mean.seeds, mean.seed_df) == pytest.approx((e.value, 5, 4))
        assert (mean.example_variance, mean.example_df) == pytest.approx((e.example_variance / tasks, tasks * 1000))


def test_where_tasks_have_different_seeds_their_mean_is_as_uncertain_as_if_seeds_had_the_same_luck_in_all():
    e = Estimate(0.02, 4e-5, 3e-5, seeds=5, seed_df=4, example_df=1000)
    mean = mean_of([e, replace(e, seeds=3, seed_df=2)])
    assert (mean.seed_variance, mean.seeds, mean.seed_df) == pytest.approx((e.seed_variance, 3, 2))


def test_one_task_with_one_seed_makes_an_average_over_examples_only():
    e = Estimate(0.02, 4e-5, 3e-5, seeds=5, seed_df=4, example_df=1000)
    assert mean_of([e, replace(e, seed_variance=None, seeds=1, seed_df=0)]).seed_variance is None


# Verdicts


def test_p_values_and_intervals_of_a_family_are_corrected_for_its_size():
    pair, noise = example_of(estimate(0.03, 0.010)), example_of(estimate(0.0, 0.010))
    alone, among = decide([pair])[0], decide([pair, noise, noise])[0]
    assert among.p_difference == pytest.approx(3 * alone.p_difference)
    z = scipy_stats.norm.ppf(1 - 0.05 / 3 / 2)
    assert (among.interval.low, among.interval.high) == pytest.approx((0.03 - z * 0.01, 0.03 + z * 0.01), abs=1e-4)


@pytest.mark.parametrize("value", np.linspace(0.0, 0.04, 9))
def test_a_verdict_and_the_interval_beside_it_never_disagree(value):
    verdict = decide([example_of(estimate(value, 0.010)), example_of(estimate(0.0, 0.010))])[0]
    assert (verdict.verdict == "better") == (verdict.interval.low > 0)


def test_the_smallest_margin_is_where_equivalence_begins():
    one, other = example_of(estimate(0.002, 0.004)), example_of(estimate(0.0, 0.010))
    margin = decide([one, other])[0].smallest_margin
    just_within, just_beyond = (decide([replace(one, margin=margin + step), other])[0] for step in (1e-6, -1e-6))
    assert (just_within.verdict, just_beyond.verdict) == ("equivalent", "undecided")


@pytest.mark.parametrize(
    ("value", "se", "verdict"),
    [
        (0.030, 0.010, "better"),  # 3 standard errors from 0
        (-0.030, 0.010, "worse"),
        (0.000, 0.005, "equivalent"),  # 2 standard errors inside the margin of 0.01
        (0.004, 0.001, "equivalent"),  # differs from 0, and too little to matter
        (0.015, 0.010, "undecided"),
        (0.000, 0.010, "undecided"),
        (0.000, 0.007, "undecided"),  # p = 0.08
    ],
)
def test_the_rules(value, se, verdict):
    [result] = decide([example_of(estimate(value, se))])
    assert (result.verdict, result.margin) == (verdict, 0.01)
    assert (result.needed is not None) == (verdict == "undecided")


def test_a_real_difference_within_the_margin_is_named_as_such():
    assert "real all the same" in decide([example_of(estimate(0.004, 0.001))])[0].reason
    assert "real all the same" not in decide([example_of(estimate(0.000, 0.001))])[0].reason


def test_two_seeds_decide_nothing():
    [result] = decide([example_of(estimate(0.5, 0.001, seeds=2))])
    assert (result.verdict, result.p_difference) == ("undecided", None)


def test_two_methods_that_fail_are_not_equivalent():
    equal = example_of(estimate(0.0, 0.001))
    failed = replace(equal, degenerate=True)
    assert [(v.verdict, v.needed) for v in decide([failed, equal])] == [("undecided", None), ("equivalent", None)]


def test_a_verdict_has_to_be_the_same_at_neighbouring_rates():
    better, equivalent = (decide([example_of(estimate(value, 0.001))])[0] for value in (0.05, 0.0))
    [undecided] = decide([example_of(estimate(0.02, 0.02))])
    same, partly = (at_other_rates(better, {"LoRA at 2 for 1": better}, complete) for complete in (True, False))
    untried = at_other_rates(better, {}, complete=False)
    assert same.verdict == partly.verdict == untried.verdict == same.name == "better"
    assert partly.name == untried.name == "better at these rates"
    assert same.reason.endswith("also with LoRA at 2 for 1") and untried.reason.endswith("not tried at other rates")
    assert at_other_rates(undecided, {"LoRA at 2 for 1": better}, complete=True) == undecided
    changed = at_other_rates(better, {"LoRA at 2 for 1": equivalent}, complete=False)
    assert changed.name == "depends on the rate"
    assert (changed.verdict, changed.difference) == ("depends on the rate", better.difference)
    assert "equivalent with LoRA at 2 for 1" in changed.reason


def test_a_verdict_is_unrestricted_only_if_lower_and_higher_rates_of_both_methods_were_tried():
    [better] = decide([example_of(estimate(0.05, 0.001))])
    tried = [(AtAnotherRate(f"{m} {low}", m, low, None, set()), better) for m in ("a", "b") for low in (True, False)]
    assert verdicts.at_other_rates(better, "a", "b", tried).name == "better"
    for missing in range(4):
        some = tried[:missing] + tried[missing + 1 :]
        assert verdicts.at_other_rates(better, "a", "b", some).name == "better at these rates"
    assert verdicts.at_other_rates(better, "a", "c", tried).name == "better at these rates"


def test_from_two_seeds_on_it_is_told_how_many_would_decide():
    two = estimate(0.0, 0.005, seeds=2, example_se=1e-5)
    one = replace(two, seed_variance=None, seeds=1, seed_df=0)
    needed, nothing = (result.needed for result in decide([example_of(two), example_of(one)]))
    assert needed.low < needed.seeds < needed.high
    assert nothing is None


def test_equivalence_alone_is_a_90_percent_interval_inside_the_margin():
    e = estimate(0.003, 0.005, seeds=6)
    interval = e.interval(0.90)
    assert tost(e, interval.high + 1e-9) < 0.05 < tost(e, interval.high - 1e-9)


def test_what_is_shown_alone_may_not_be_shown_among_many():
    pair = example_of(estimate(0.025, 0.010))  # p = 0.013
    noise = example_of(estimate(0.0, 0.010))
    assert decide([pair])[0].verdict == "better"
    assert [v.verdict for v in decide([pair] + 9 * [noise])] == 10 * ["undecided"]


def test_more_comparisons_need_more_seeds():
    noise = example_of(estimate(0.0, 0.010, seeds=20))
    assert decide(10 * [noise])[0].needed.seeds > decide([noise])[0].needed.seeds


def test_identical_predictions_are_equivalent_only_on_enough_examples():
    verdicts = []
    for n in (50, 1000):
        labels, a = toy("accuracy", n=n)
        verdicts.append(decide([example_of(compare("accuracy", labels, a, a).estimate)])[0].verdict)
    assert verdicts == ["undecided", "equivalent"]


def test_seeds_needed_by_hand():
    # a run's std is 0.02, no example variance: S with 0.02 / sqrt(S) * (1.645 + 1.282) = 0.01 is 34.3, t adds one
    e = estimate(0.0, 0.02 / 1000**0.5)
    assert seeds_needed(e, margin=0.01).seeds in (35, 36)
    assert seeds_needed(e, margin=0.02).seeds in (10, 11)


def test_the_range_of_seeds_needed_reflects_how_few_seeds_it_rests_on():
    five, fifty = (seeds_needed(estimate(0.0, 0.02 / s**0.5, seeds=s), margin=0.01) for s in (5, 50))
    assert five.low < fifty.low < fifty.seeds < fifty.high < five.high


def test_no_number_of_seeds_decides_where_the_examples_are_too_few():
    needed = seeds_needed(estimate(0.0, 0.01, seeds=5, example_se=0.02), margin=0.01)
    assert (needed.seeds, needed.low, needed.high) == (None, None, None)
    assert "standard error of 2.00 points" in needed.reason
    assert needed.examples == pytest.approx(34.3, abs=0.1)  # (2.927 * 0.02 / 0.01)^2


def test_a_difference_shown_to_be_beyond_the_margin_needs_only_the_seeds_that_show_it_again():
    # interval [0.06, 0.14]: the examples are too few for a margin of 0.01, and enough for 0.06
    e = estimate(0.1, 0.001, seeds=5, example_se=0.02)
    assert seeds_needed(replace(e, value=0.0), margin=0.01).seeds is None
    assert seeds_needed(e, margin=0.01).seeds == seeds_needed(replace(e, value=-0.1), margin=0.01).seeds == 3


def test_seeds_needed_say_when_the_truth_seems_to_lie_between():
    needed = seeds_needed(estimate(0.006, 0.003, seeds=40), margin=0.01)
    assert needed.seeds <= 40
    assert "lie between" in needed.reason


# Errors


@pytest.mark.parametrize(
    ("metric", "labels", "predictions", "message"),
    [
        ("rouge", [0, 1], [[0, 1]], "unknown metric 'rouge'"),
        ("accuracy", [0, 1], [0, 1], r"shape \(2,\)"),
        ("accuracy", [0, 1, 1], [[0, 1]], "examples differ"),
        ("accuracy", None, [[0, 1]], "needs labels"),
        ("accuracy", [0, 1], np.zeros((0, 2)), r"shape \(0, 2\)"),
        ("pearson", [0.0, 1.0], [[0.1, np.nan]], r"predictions are not finite at index \(0, 1\): nan"),
        ("pearson", [np.inf, 1.0], [[0.1, 0.2]], r"labels are not finite at index \(0,\): inf"),
        ("mcc", [1, 1], [[0, 1]], "every label is 1"),
        ("spearman", [0.5, 0.5], [[0, 1]], "every label is 0.5"),
        ("f1", [0, 0], [[0, 1]], "no label is 1"),
        ("f1", [0, 2], [[0, 1]], "classes 0 and 1; found 2"),
        ("mean", [0, 1], [[0, 1]], "labels=None"),
        ("mean", None, [[0, 85]], r"\[0, 85\]"),
    ],
)
def test_bad_input_is_named(metric, labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        score_runs(metric, labels, np.array(predictions), 0)


def test_a_pair_needs_the_same_seeds_and_examples():
    labels, a = toy("accuracy", seeds=4)
    with pytest.raises(ValueError, match="4 seeds on 60 examples and 3 seeds on 60 examples"):
        compare("accuracy", labels, a, a[:3])
    named = [score_runs("accuracy", labels, a, 0, 10, examples=np.arange(60) + start) for start in (0, 1)]
    with pytest.raises(ValueError, match="the same seeds and the same examples"):
        named[0] - named[1]


def test_other_arguments_that_do_not_fit_are_named():
    labels, a = toy("accuracy")
    with pytest.raises(ValueError, match=r"clusters have shape \(2,\) for 60 examples"):
        score_runs("accuracy", labels, a, 0, clusters=[0, 1])
    with pytest.raises(ValueError, match="all examples are in one cluster"):
        score_runs("accuracy", labels, a, 0, clusters=[7] * 60)
    with pytest.raises(ValueError, match="no estimates"):
        mean_of([])


# Simulation


@pytest.fixture(scope="module")
def simulation():
    path = Path(__file__).parent.parent / "scripts" / "simulate_stats.py"
    spec = importlib.util.spec_from_file_location("simulate_stats", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_intervals_cover_and_false_alarms_are_rare_as_they_say(simulation):
    rng, world = np.random.default_rng(3), simulation.WORLDS["noisy"]
    true = simulation.truth(rng, world, blocks=3)
    missed = simulation.simulate(rng, world, true, seeds=3, n=277, repeats=200)
    for metric in true:  # 200 data sets: 95 % is known to 1.5
        cell, pair = missed[metric][:, simulation.METHODS.index("ours")]
        assert 0.915 <= 1 - cell <= 0.985, metric
        assert 0.015 <= pair <= 0.085, metric


def test_a_difference_of_the_margin_is_seldom_called_equivalent(simulation):
    rng, world = np.random.default_rng(0), simulation.WORLDS["calm"]
    shares = simulation.verdict_shares(rng, world, seeds=5, n=2000, behind=METRICS["accuracy"].margin, repeats=60)
    assert shares["equivalent"] <= 0.12  # 5 % known to 3
    assert shares["worse"] <= 0.03
