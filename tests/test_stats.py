"""Statistics of seeds × examples: hand-made cases, recomputation by the usual libraries, properties, simulation."""

import itertools
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats as scipy_stats
from sklearn import metrics as sklearn_metrics

from ina.stats import METRICS, Comparison, Estimate, at_other_rates, decide, mean_of, mean_scores, per_run, score_runs
from ina.stats.estimate import from_resamples
from ina.stats.verdict import seeds_needed, tost

REFERENCE = {
    "accuracy": sklearn_metrics.accuracy_score,
    "f1": lambda y, p: sklearn_metrics.f1_score(y, p, zero_division=0),
    "mcc": sklearn_metrics.matthews_corrcoef,
    "pearson": lambda y, p: scipy_stats.pearsonr(y, p).statistic,
    "spearman": lambda y, p: scipy_stats.spearmanr(y, p).statistic,
    "mean": lambda y, p: p.mean(),
}
FIVE = Estimate(0.02, 4e-5, 3e-5, seeds=5, seed_df=4, example_df=1000)


def toy(metric: str, seeds: int = 4, n: int = 60, seed: int = 0, noise: float = 0.25):
    """Labels (n,) and predictions (seeds, n) of runs that are right more often than not."""
    rng = np.random.default_rng(seed)
    if metric == "mean":
        return None, rng.random((seeds, n)) ** (1 + noise)
    if metric in ("pearson", "spearman"):
        labels = rng.integers(0, 6, n) / 5  # few levels: many ties, as in STS-B
        return labels, np.round(labels + noise * rng.normal(size=(seeds, n)), 1)
    labels = rng.integers(0, 3 if metric == "mcc" else 2, n)
    return labels, np.where(rng.random((seeds, n)) < noise, rng.permutation(labels), labels)


def score(metric: str, labels, predictions, **more):
    return score_runs(metric, labels, predictions, **{"rng": 0, "resamples": 200} | more)


def estimate(value: float, se: float, seeds: int = 1000, example_se: float = 0.0) -> Estimate:
    """An estimate with nearly normal errors (many seeds), standard error `se` from seeds and `example_se`."""
    return Estimate(value, se**2, example_se**2, seeds, seeds - 1, 10_000)


def compared(value: float, se: float, **more) -> Comparison:
    return Comparison(estimate(value, se, **more), margin=0.01)


def verdict(*family: Comparison):
    """The verdict on the first comparison of a family."""
    return decide(family)[0]


# metrics and resamples


@pytest.mark.parametrize("metric", METRICS)
def test_metrics_equal_scikit_learns_or_scipys_on_the_examples_and_on_resamples(metric):
    labels, predictions = toy(metric)
    drawn = np.vstack([np.arange(60), np.random.default_rng(1).integers(60, size=(20, 60))])
    counts = np.array([np.bincount(row, minlength=60) for row in drawn], dtype=float)
    expected = [[REFERENCE[metric](None if labels is None else labels[i], p[i]) for p in predictions] for i in drawn]
    np.testing.assert_allclose(METRICS[metric].score(labels, predictions, counts), expected, rtol=1e-9)
    np.testing.assert_allclose(per_run(metric, labels, predictions), expected[0], rtol=1e-12)


@pytest.mark.parametrize("metric", ["f1", "mcc", "pearson", "spearman"])
def test_a_metric_of_constant_predictions_is_zero(metric):
    labels = np.array([0, 1, 1, 0, 1])
    np.testing.assert_array_equal(per_run(metric, labels, np.array([[0, 0, 0, 0, 0], labels])), [0, 1])
    if metric in ("pearson", "spearman"):  # with weight 37 the variance of a constant comes out as 1e-16
        np.testing.assert_array_equal(METRICS[metric].score(*toy(metric), 37 * np.eye(60)), 0)


def test_resamples_depend_on_the_random_seed_and_not_on_predictions_or_other_runs():
    labels, predictions = toy("mcc")
    together, again = (score("mcc", labels, predictions, rng=rng) for rng in (7, np.random.default_rng(7)))
    assert together.estimate == again.estimate
    alone = score("mcc", labels, predictions[[2]], rng=7)
    np.testing.assert_array_equal(alone.resampled[:, 0], together.resampled[:, 2])
    other = score("mcc", labels, predictions[::-1], rng=7)
    mean = mean_scores([together, other])
    np.testing.assert_allclose(mean.resampled, (together.resampled + other.resampled) / 2)
    np.testing.assert_allclose(mean.scores, (together.scores + other.scores) / 2)


@pytest.mark.parametrize("metric", METRICS)
def test_examples_of_one_cluster_are_drawn_together(metric):
    labels, predictions = toy(metric)
    thrice = np.repeat(np.arange(60), 3)  # 180 examples with the information of 60
    copied = None if labels is None else labels[thrice]
    clustered = score(metric, copied, predictions[:, thrice], clusters=thrice)
    assert (len(clustered.examples), clustered.estimate.example_df) == (180, 59)
    right = score(metric, labels, predictions, clusters=[f"paragraph {i}" for i in range(100, 160)])
    assert right.estimate == score(metric, labels, predictions).estimate  # clusters of one example
    assert clustered.estimate.interval() == pytest.approx(right.estimate.interval())


# estimates


@pytest.mark.parametrize(
    ("right", "example_variance", "runs_variance"),
    [
        (
            [[1, 0, 0], [1, 0, 0]],
            2 / 27,
            2 / 27,
        ),  # the same mistakes: an example has variance 2/9, the mean of three 2/27
        ([[1, 1, 0, 0], [1, 0, 1, 0]], 0, 1 / 32),  # unrelated ones, of covariance 0: an example 1/4, of two runs 1/8
    ],
)
def test_variances_by_hand(right, example_variance, runs_variance):
    right, n = np.array(right), len(right[0])
    every_resample = np.array(list(itertools.product(range(n), repeat=n)))
    found = from_resamples(right.mean(1), right[:, every_resample].mean(2).T, examples=n, leverage=0)
    expected = (0, example_variance, runs_variance)
    assert (found.seed_variance, found.example_variance, found.runs_variance) == pytest.approx(expected)


def test_the_interval_is_the_t_interval_over_examples_or_over_seeds_where_the_other_does_not_vary():
    scores = np.random.default_rng(0).random((1, 400))
    over_examples = scipy_stats.t.interval(0.95, 399, scores.mean(), scipy_stats.sem(scores[0]))
    found = score("mean", None, scores, resamples=10_000).estimate
    assert found.interval() == pytest.approx(over_examples, abs=0.002) and found.seed_variance is None
    scores = np.array([0.60, 0.62, 0.67, 0.61])
    over_seeds = scipy_stats.t.interval(0.95, 3, scores.mean(), scipy_stats.sem(scores))
    found = from_resamples(scores, np.tile(scores, (10, 1)), examples=10**6, leverage=1)
    assert found.interval() == pytest.approx(over_seeds)


def test_the_interval_uses_the_t_quantile_of_each_variance():
    of_seeds, of_examples = (scipy_stats.t.ppf(0.975, df) for df in (2, 100))
    half = (of_seeds**2 * 1.0 + of_examples**2 * 3.0) ** 0.5
    found = Estimate(5, 1.0, 3.0, seeds=3, seed_df=2, example_df=100).interval()
    assert found == pytest.approx((5 - half, 5 + half))


def test_three_seeds_that_agree_by_chance_do_not_make_a_small_difference_significant():
    # as DoRA and LoRA on RTE: each seed differs by 5 of 277 examples, net of 37 that differ in both directions
    rng, right = np.random.default_rng(0), np.ones((3, 277))
    other = right.copy()
    for a, b in zip(right, other, strict=True):
        differing = rng.choice(277, 37, replace=False)
        a[differing[:16]] = b[differing[16:]] = 0
    found = (score("mean", None, right) - score("mean", None, other)).estimate
    assert (found.value, found.seed_variance) == pytest.approx((5 / 277, 0))
    assert found.variance**0.5 == pytest.approx(37**0.5 / 277 / 3**0.5, rel=0.1)


@pytest.mark.parametrize("seeds", [3, 5, 20])
@pytest.mark.parametrize("examples", [0.1, 1, 10])
def test_false_alarms_are_at_most_nominal_also_at_the_levels_of_large_families(seeds, examples):
    rng, draws = np.random.default_rng(seeds), 20_000
    value = (1 / seeds + examples / seeds) ** 0.5 * rng.normal(size=draws)
    seed_variances = rng.chisquare(seeds - 1, draws) / (seeds - 1) / seeds
    for level in (0.05, 0.05 / 27):
        halves = np.array(
            [Estimate(0, of, examples / seeds, seeds, seeds - 1, 276).half_width(level / 2) for of in seed_variances]
        )
        alarms = np.mean(abs(value) > halves)
        assert alarms <= level + 3 * (level / draws) ** 0.5
        assert alarms > 0 or level < 0.01


def test_the_p_value_agrees_with_the_interval():
    assert FIVE.interval(level=1 - FIVE.p_value()).low == pytest.approx(0, abs=1e-12)
    assert FIVE.p_value() == pytest.approx(2 * FIVE.p_above(0))


@pytest.mark.parametrize(("metric", "points"), [("accuracy", 1), ("mcc", 2)])  # the worth of one example in a hundred
def test_a_perfect_score_on_a_small_dev_set_has_an_interval(metric, points):
    labels = np.arange(50) % 2
    interval = score(metric, labels, np.tile(labels, (3, 1))).estimate.interval()
    assert interval.low == pytest.approx(1 - points * scipy_stats.t.ppf(0.975, 49) / 50)


def test_the_margins_are_a_point_and_two_of_mcc():
    assert {name: metric.margin for name, metric in METRICS.items()} == dict.fromkeys(METRICS, 0.01) | {"mcc": 0.02}


# pairs, and means over tasks


@pytest.mark.parametrize("metric", METRICS)
def test_a_pair_has_the_seeds_of_both_and_swapping_the_methods_turns_every_sign(metric):
    labels, a = toy(metric, seed=1)
    _, b = toy(metric, seed=1, noise=0.5)
    a, b = score(metric, labels, a, seeds=[1, 2, 3, 4]), score(metric, labels, b[1:], seeds=[2, 3, 4])
    assert (a - b).seeds.tolist() == [2, 3, 4]
    np.testing.assert_allclose((a - b).scores, a.scores[1:] - b.scores)
    ab, ba = (a - b).estimate, (b - a).estimate
    assert ab.value == pytest.approx(-ba.value) and ab.value > 0 and ab.p_value() == pytest.approx(ba.p_value())
    assert ab.interval() == pytest.approx((-ba.interval().high, -ba.interval().low))


def test_pairing_on_examples_makes_the_interval_of_a_difference_narrow():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1000)
    a = np.tile(np.where(rng.random(1000) < 0.3, 1 - labels, labels), (5, 1))
    b = a.copy()
    b[:, :20] = labels[:20]  # the methods differ on the first 20 examples only
    a, b = (score("accuracy", labels, of) for of in (a, b))
    assert (a - b).estimate.variance < 0.3**2 * a.estimate.variance


def test_the_mean_over_tasks_includes_the_covariance_between_tasks_of_a_seed():
    luck = np.array([-1.0, -1, 0, 1, 1])  # of variance 1
    scores = FIVE.value + (5 * FIVE.seed_variance) ** 0.5 * luck
    alike, opposed = mean_of([FIVE] * 4, [scores] * 4), mean_of([FIVE] * 2, [scores, 2 * FIVE.value - scores])
    assert alike.seed_variance == pytest.approx(FIVE.seed_variance)  # the seeds' effects are the same on all tasks
    assert opposed.seed_variance == pytest.approx(0, abs=1e-12)
    for mean, tasks in ((alike, 4), (opposed, 2)):
        assert (mean.value, mean.seeds, mean.seed_df) == pytest.approx((FIVE.value, 5, 4))
        assert (mean.example_variance, mean.example_df) == pytest.approx((FIVE.example_variance / tasks, tasks * 1000))


def test_the_examples_of_tasks_add_up_to_the_variance_of_their_mean():
    other = replace(FIVE, example_variance=9e-5, example_df=100, runs_variance=4e-4)
    mean = mean_of([FIVE, other], [[0.02] * 5] * 2)
    assert (mean.example_variance, mean.runs_variance) == pytest.approx((3e-5, 1e-4))
    assert mean.example_df == pytest.approx(12e-5**2 / (3e-5**2 / 1000 + 9e-5**2 / 100))


def test_the_mean_over_tasks_of_one_seed_has_no_seed_variance():
    one = replace(FIVE, seed_variance=None, seeds=1, seed_df=0)
    assert mean_of([one, one], [[0.1], [0.3]]).seed_variance is None


# verdicts


@pytest.mark.parametrize(
    ("value", "se", "name"),
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
def test_a_verdict_follows_from_the_difference_and_its_standard_error(value, se, name):
    found = verdict(compared(value, se))
    assert (found.verdict, found.needed is not None) == (name, name == "undecided")
    assert ("real but small" in found.remark) == (value == 0.004)


def test_two_seeds_or_two_failed_methods_are_undecided():
    found = verdict(compared(0.5, 0.001, seeds=2))
    assert (found.verdict, found.p_difference, found.smallest_margin) == ("undecided", None, None)
    equal = compared(0.0, 0.001)
    failed = decide([replace(equal, degenerate=True), equal])
    assert [(one.verdict, one.needed) for one in failed] == [("undecided", None), ("equivalent", None)]


@pytest.mark.parametrize("value", np.linspace(0.0, 0.04, 9))
def test_p_values_and_intervals_are_corrected_for_the_size_of_the_family_and_never_disagree(value):
    one, noise = compared(value, 0.010), compared(0.0, 0.010)
    alone, among = verdict(one), verdict(one, noise, noise)
    assert among.p_difference == pytest.approx(min(1, 3 * alone.p_difference))
    assert among.p_equivalence == pytest.approx(min(1, 3 * alone.p_equivalence))
    half = scipy_stats.norm.ppf(1 - 0.05 / 3 / 2) * 0.01
    assert among.interval == pytest.approx((value - half, value + half), abs=1e-4)
    assert (among.verdict == "better") == (among.interval.low > 0)


def test_a_family_counts_planned_comparisons_and_does_not_correct_untested_ones():
    one, two_seeds = compared(0.01, 0.002), compared(0.01, 0.002, seeds=2)
    alone, planned = decide([one])[0], decide([one], planned=2)[0]
    assert planned.interval == decide([one, one])[0].interval and planned.interval.low < alone.interval.low
    assert decide([one, one, two_seeds])[2].interval == two_seeds.difference.interval()


@pytest.mark.parametrize("value", [0.002, -0.002])
def test_the_smallest_margin_is_where_equivalence_begins(value):
    one, other = compared(value, 0.004), compared(0.0, 0.010)
    margin = verdict(one, other).smallest_margin
    beside = [verdict(replace(one, margin=margin + step), other).verdict for step in (1e-6, -1e-6)]
    assert beside == ["equivalent", "undecided"]
    few = estimate(0.003, 0.005, seeds=6)  # alone it is a 90 % interval inside the margin
    assert tost(few, few.interval(0.90).high + 1e-9) < 0.05 < tost(few, few.interval(0.90).high - 1e-9)


def test_identical_predictions_are_equivalent_only_on_enough_examples():
    verdicts = []
    for n in (50, 1000):
        found = score("accuracy", *toy("accuracy", n=n))
        verdicts.append(verdict(Comparison((found - found).estimate, margin=0.01)).verdict)
    assert verdicts == ["undecided", "equivalent"]


def test_a_verdict_has_to_be_the_same_at_neighbouring_rates():
    better, equivalent, undecided = (verdict(compared(*of)) for of in ((0.05, 0.001), (0, 0.001), (0.02, 0.02)))
    of_both, of_one, of_none = ["InA", "LoRA"], ["LoRA"], []
    same, half, partly = (at_other_rates(better, {"LoRA at 2 for 1": better}, of) for of in (of_both, of_one, of_none))
    untried = at_other_rates(better, {}, complete=[])
    names = [one.name for one in (same, half, partly, untried)]
    assert names == ["better", "better at three rates of LoRA", *["better at these rates"] * 2]
    assert "also with LoRA at 2 for 1" in same.remark and not untried.remark
    assert at_other_rates(undecided, {"LoRA at 2 for 1": better}, of_both) == undecided
    changed = at_other_rates(better, {"LoRA at 2 for 1": equivalent}, of_none)
    assert (changed.name, changed.difference) == ("depends on the rate", better.difference)
    low, high = (f"{100 * end:.2f}" for end in equivalent.interval)
    assert f"equivalent with LoRA at 2 for 1 (+0.00 [{low}, {high}] points)" in changed.remark


# seeds that would decide


def test_seeds_needed_by_hand():
    # a run's std is 0.02, no example variance: S with 0.02 / sqrt(S) * (1.645 + 1.282) = 0.01 is 34.3, t adds one
    one = estimate(0.0, 0.02 / 1000**0.5)
    assert seeds_needed(one, margin=0.01).seeds in (35, 36)
    assert seeds_needed(one, margin=0.02).seeds in (10, 11)
    noise = compared(0.0, 0.010, seeds=20)  # a larger family needs more
    assert verdict(*10 * [noise]).needed.seeds > verdict(noise).needed.seeds


def test_more_seeds_do_not_reduce_the_example_variance():
    double = replace(FIVE, runs_variance=8e-5).with_seeds(10)
    assert (double.seed_variance, double.runs_variance) == pytest.approx((2e-5, 3e-5 + 5e-5 / 2))


def test_the_range_of_seeds_needed_reflects_how_few_seeds_it_rests_on():
    five, fifty = (seeds_needed(estimate(0.0, 0.02 / s**0.5, seeds=s), margin=0.01) for s in (5, 50))
    assert five.low < fifty.low < fifty.seeds < fifty.high < five.high
    two = estimate(0.0, 0.005, seeds=2, example_se=1e-5)
    one = replace(two, seed_variance=None, seeds=1, seed_df=0)
    assert verdict(Comparison(two, 0.01)).needed.seeds and verdict(Comparison(one, 0.01)).needed is None


def test_no_number_of_seeds_decides_where_the_examples_are_too_few():
    needed = seeds_needed(estimate(0.0, 0.01, seeds=5, example_se=0.02), margin=0.01)
    assert (needed.seeds, needed.low, needed.high) == (None, None, None)
    assert needed.examples == pytest.approx(34.3, abs=0.1)  # (2.927 * 0.02 / 0.01)^2


@pytest.mark.parametrize("value", [0.1, -0.1])
def test_a_difference_beyond_the_margin_needs_only_the_seeds_that_show_it_again(value):
    # interval [0.06, 0.14]: too few examples for a margin of 0.01, enough for 0.06
    assert seeds_needed(estimate(value, 0.001, seeds=5, example_se=0.02), margin=0.01).seeds == 3


def test_a_large_difference_is_planned_by_the_end_of_its_interval_nearer_to_zero():
    # interval [0.0108, 0.0132], a run's std is 0.02: S with 0.02 / sqrt(S) * (1.960 + 0.842) = 0.0108 is 27.1, t adds
    assert seeds_needed(estimate(0.012, 0.02 / 1000**0.5), margin=0.01).seeds == 30


# errors


@pytest.mark.parametrize(
    ("metric", "labels", "predictions", "message"),
    [
        ("mcc", [1, 1], [[0, 1]], "every label is 1"),
        ("spearman", [0.5, 0.5], [[0, 1]], "every label is 0.5"),
        ("f1", [0, 0], [[0, 1]], "every label is 0"),
    ],
)
def test_a_metric_that_labels_do_not_define_is_named(metric, labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        score(metric, labels, np.array(predictions))


def test_an_error_names_what_cannot_be_paired_or_resampled():
    labels, a = toy("accuracy")
    mine, other = score("accuracy", labels, a), score("accuracy", labels, a, examples=np.arange(60) + 1)
    with pytest.raises(ValueError, match=r"the same examples .* on 60 examples and seeds"):
        mine - other
    with pytest.raises(ValueError, match=r"a seed in common; got seeds \[0, 1, 2, 3\] .* seeds \[8, 9\]"):
        mine - score("accuracy", labels, a[:2], seeds=[8, 9])
    with pytest.raises(ValueError, match="all examples are in one cluster"):
        score("accuracy", labels, a, clusters=[7] * 60)


# simulation


@pytest.fixture(scope="module")
def simulation():
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "simulate_stats.py")))


def test_coverage_and_false_alarms_are_nominal_in_a_simulation(simulation):
    rng, scenario = np.random.default_rng(3), simulation.SCENARIOS["medium"]
    true = simulation.truth(rng, scenario, blocks=3)
    missed = simulation.simulate(rng, scenario, true, seeds=3, n=277, repeats=200)
    for metric in true:  # 200 data sets: 95 % is known to 1.5
        cell, pair = missed[metric][:, list(simulation.METHODS).index("ours")]
        assert 0.915 <= 1 - cell <= 0.985, metric
        assert 0.015 <= pair <= 0.085, metric


def test_a_difference_of_the_margin_is_seldom_called_equivalent(simulation):
    rng, scenario = np.random.default_rng(0), simulation.SCENARIOS["low"]
    shares = simulation.verdict_shares(rng, scenario, seeds=5, n=2000, behind=METRICS["accuracy"].margin, repeats=60)
    assert shares["equivalent"] <= 0.12  # 5 % known to 3
    assert shares["worse"] <= 0.03
