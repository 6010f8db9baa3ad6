"""Check by simulation how often the intervals of ina.stats cover the truth and how often its tests raise false alarms.

OMP_NUM_THREADS=1 python scripts/simulate_stats.py > results/STATISTICS.md      # about 20 minutes on one core
OMP_NUM_THREADS=1 python scripts/simulate_stats.py --repeats 60                 # a first look in a minute
"""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ina.stats import METRICS, Comparison, Scores, decide, mean_of, score_runs, seeds_needed
from ina.stats.estimate import Estimate, from_resamples

HEAD = """# How reliable the intervals and tests of `ina.stats` are: a simulation

Written by `python scripts/simulate_stats.py`: {repeats} simulated data sets for each number of seeds, of examples
and each metric, seed {seed}. All shares are in %. The standard error of a share of 95 % or 5 % is {error:.1f} points.

Run s of a method gets example i right if a sum is positive. The sum adds how easy the example is, how easy it is for
this method, how good the seed is, and chance. A seed also favours one class; this moves MCC and F1 more than accuracy.
In a regression task, example, method and chance add up to the error of a prediction, and the seed scales this error.
Two methods share the examples and, because of the same data order, part of the seed's effect.

The scenarios differ in the variance between seeds: low (as on large tasks), medium (as on RTE), high (as on texts with
irrelevant facts), and collapse: medium, but one run in ten fails and predicts one class. If runs fail now and then, a
few seeds cannot show it, so no interval from a few seeds is reliable.

- **Cell**: how often the 95 % interval of a cell holds the expected score of a new seed on new examples. 95 is right;
  more is conservative.
- **Pair**: how often the 5 % test of two methods that are equally good calls them different. 5 is right, less is
  conservative.
- **Family**: the share of families of {family} such pairs, corrected for their number, with one false alarm or more. 5
  is right, less is conservative. Our largest families, 88 pairs, were not simulated.

Not covered: how the rate was chosen, another training set, and examples that depend on each other in larger groups
than paragraphs, such as SQuAD's articles.
"""

SEEDS, EXAMPLES = (2, 3, 5, 10), (277, 1043)  # examples of the dev sets of RTE and CoLA
RESAMPLES = 400
SIMULATED = tuple(metric for metric in METRICS if metric != "spearman")  # like Pearson, but ten times as slow
METHODS = {
    "ours": "the variances from seeds and from examples, each with its own quantile, `ina/stats/estimate.py`",
    "satterthwaite": "one t statistic over both variances, with Satterthwaite's degrees of freedom",
    "multi-bootstrap": "percentiles over resampled seeds and examples (Sellam et al. 2022)",
    "seeds only": "t statistic over the seeds' scores",
}
FAMILY = 27  # pairs, as in glue_methods
VERDICTS = ("better", "worse", "equivalent", "undecided")
ACCURACY, POSITIVE = 0.84, 0.69
EASE, TASTE, CHANCE = 1.0, 0.35, 0.5  # std of the parts of the margin: example, method on example, run on example
LUCK = 0.3  # correlation of two methods' runs of one seed
PARAGRAPHS = 93  # in three dev articles of SQuAD, with 314 questions (v1.1) or 725 (v2.0)


@dataclass(frozen=True)
class Scenario:
    """Standard deviations between seeds of a run's skill and of its bias to one class, and the share of failed runs."""

    skill: float
    class_bias: float
    collapse: float = 0

    @property
    def spread(self) -> float:
        """Standard deviation of the whole margin."""
        return (EASE**2 + TASTE**2 + CHANCE**2 + self.skill**2 + self.class_bias**2) ** 0.5


SCENARIOS = {
    "low": Scenario(0.02, 0.05),
    "medium": Scenario(0.10, 0.15),
    "high": Scenario(0.35, 0.15),
    "collapse": Scenario(0.10, 0.15, collapse=0.1),
}


def draw_examples(
    rng: np.random.Generator, n: int, paragraph: np.ndarray | None = None, alike: float = 0
) -> dict[str, np.ndarray]:
    """The labels (n,) for each metric, and as "ease" how easy each example is for each of two methods, (2, 1, n).

    Questions on the same `paragraph` (n,) share the fraction `alike` of the variance of "ease".
    """

    def per_example(*shape: int) -> np.ndarray:
        own = rng.normal(size=shape)
        if paragraph is None:
            return own
        common = rng.normal(size=(*shape[:-1], PARAGRAPHS))[..., paragraph]
        return alike**0.5 * common + (1 - alike) ** 0.5 * own

    shared = EASE * per_example(n)
    labels = (rng.random(n) < POSITIVE).astype(int)
    values = np.clip(2.5 + 1.5 * rng.normal(size=n), 0, 5)
    ease = (shared + TASTE * per_example(2, n))[:, None]
    return dict.fromkeys(("accuracy", "f1", "mcc"), labels) | {"mean": None, "pearson": values, "ease": ease}


def draw_seeds(rng: np.random.Generator, seeds: int) -> np.ndarray:
    """The effect of each seed on each of two methods, (2, seeds, 1), with standard deviation 1."""
    return LUCK**0.5 * rng.normal(size=(seeds, 1)) + (1 - LUCK) ** 0.5 * rng.normal(size=(2, seeds, 1))


def draw_runs(
    rng: np.random.Generator,
    scenario: Scenario,
    examples: dict[str, np.ndarray],
    seeds: int,
    behind: float = 0,
    skills: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Predictions (2 methods, seeds, n) for each metric.

    Args:
        behind: How much lower B's true accuracy is.
        skills: The effect of each seed on each method's skill, as from `draw_seeds`; drawn here if None.
    """
    labels, values, ease = examples["accuracy"], examples["pearson"], examples["ease"]
    skill = scenario.skill * (draw_seeds(rng, seeds) if skills is None else skills)
    class_bias = scenario.class_bias * draw_seeds(rng, seeds)
    failed = rng.random((2, seeds, 1)) < scenario.collapse
    level = scenario.spread * stats.norm.ppf([ACCURACY, ACCURACY - behind])[:, None, None]
    error = ease + CHANCE * rng.normal(size=(2, seeds, len(labels)))
    margin = level + error + skill + np.where(labels == 1, class_bias, -class_bias)
    classes = np.where(failed, 1, np.where(margin > 0, labels, 1 - labels))
    credit = np.where(failed, 0, np.clip(1 + margin, 0, 1))
    floats = np.where(failed, 2.5, values + 0.6 * np.exp(skill) * error)
    return dict.fromkeys(("accuracy", "f1", "mcc"), classes) | {"mean": credit, "pearson": floats}


def score(metric: str, examples: dict[str, np.ndarray], runs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The metric, (resamples, 2 methods, seeds)."""
    flat = METRICS[metric].score(examples[metric], runs.reshape(-1, runs.shape[-1]), weights)
    return flat.reshape(len(weights), 2, -1)


def difference(
    metric: str, labels: np.ndarray | None, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, *more
) -> Scores:
    """A minus B (seeds, n), paired by seed and by example."""
    both = score_runs(metric, labels, np.concatenate([a, b]), rng, *more)
    halves = zip(np.split(both.scores, 2), np.split(both.resampled, 2, axis=1), strict=True)
    of_a, of_b = (
        replace(both, seeds=np.arange(len(a)), scores=scores, resampled=resampled) for scores, resampled in halves
    )
    return of_a - of_b


def truth(rng: np.random.Generator, scenario: Scenario, blocks: int = 30) -> dict[str, float]:
    """The expected score of a new seed on all examples there could be, from `blocks` of 60 runs on 20,000 examples."""
    total = dict.fromkeys(SIMULATED, 0.0)
    for _ in range(blocks):
        examples = draw_examples(rng, 20_000)
        runs = draw_runs(rng, scenario, examples, seeds=30)
        for metric in SIMULATED:
            total[metric] += score(metric, examples, runs[metric], np.ones((1, 20_000))).mean() / blocks
    return total


def misses(
    metric: str, scores: np.ndarray, resampled: np.ndarray, n: int, true: float, rng: np.random.Generator
) -> np.ndarray:
    """Which 95 % intervals leave out the truth, in the order of METHODS.

    `scores` are (seeds,), `resampled` (resamples, seeds).
    """
    e = from_resamples(scores, resampled, n, METRICS[metric].leverage)
    low, high = np.quantile(multi_bootstrap(resampled, rng), [0.025, 0.975])
    off = abs(e.value - true)
    return np.array(
        [
            off > e.interval().high - e.value,
            off > satterthwaite(e, 0.025),
            not low <= true <= high,
            off > stats.t.ppf(0.975, e.seed_df) * e.seed_variance**0.5,
        ]
    )


def satterthwaite(e: Estimate, tail: float) -> float:
    """Half the width of an interval with Satterthwaite's degrees of freedom."""
    variance = e.seed_variance + e.example_variance
    if not variance:
        return 0.0
    df = variance**2 / (e.seed_variance**2 / e.seed_df + e.example_variance**2 / e.example_df)
    return stats.t.isf(tail, df) * variance**0.5


def multi_bootstrap(resampled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean over resampled seeds of scores on resampled examples (Sellam et al. 2022, "The MultiBERTs", section 3).

    `resampled` (resamples, seeds) holds the scores on resampled examples; returns (resamples,).
    """
    seeds = resampled.shape[1]
    counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(resampled))
    return (counts * resampled).sum(axis=1) / seeds


def simulate(
    rng: np.random.Generator, scenario: Scenario, true: dict[str, float], seeds: int, n: int, repeats: int
) -> dict[str, np.ndarray]:
    """How often the interval of each of METHODS misses the truth, for each metric in `true`.

    Returns:
        Shares (2, METHODS) by metric: for a cell's true score, and for a pair's true difference of 0.
    """
    missed = {metric: np.zeros((2, len(METHODS))) for metric in true}
    for repeat in range(repeats):
        if repeat % 20 == 0:  # the draws do not depend on the data: sharing them saves most of the time
            weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
        examples = draw_examples(rng, n)
        runs = draw_runs(rng, scenario, examples, seeds)
        for metric in true:
            a, b = score(metric, examples, runs[metric], np.ones((1, n)))[0]
            of_a, of_b = score(metric, examples, runs[metric], weights).swapaxes(0, 1)
            missed[metric][0] += misses(metric, a, of_a, n, true[metric], rng) / repeats
            missed[metric][1] += misses(metric, a - b, of_a - of_b, n, 0, rng) / repeats
    return missed


def paragraph_shares(rng: np.random.Generator, scenario: Scenario, n: int, alike: float, repeats: int) -> list[float]:
    """Coverage of a cell's interval and false alarms of a pair, each with paragraphs and with questions resampled.

    Five seeds, one score per question; the questions are spread over the paragraphs by chance.
    """
    true = truth(rng, scenario)["mean"]
    covered, alarms = np.zeros(2), np.zeros(2)
    for _ in range(repeats):
        paragraph = rng.integers(PARAGRAPHS, size=n)
        a, b = draw_runs(rng, scenario, draw_examples(rng, n, paragraph, alike), 5)["mean"]
        for way, clusters in enumerate((paragraph, None)):
            interval = score_runs("mean", None, a, rng, RESAMPLES, clusters).estimate.interval()
            covered[way] += interval.low <= true <= interval.high
            alarms[way] += difference("mean", None, a, b, rng, RESAMPLES, clusters).estimate.p_value() <= 0.05
    return [*(covered / repeats).tolist(), *(alarms / repeats).tolist()]


def task_alarms(rng: np.random.Generator, scenario: Scenario, seeds: int, alike: float, repeats: int) -> list[float]:
    """False alarms of the mean over five tasks of two equal methods: means by seed, and tasks taken as independent.

    Accuracy, 1,043 examples a task. `alike`: the share of the variance of a seed's skill that all tasks have in common.
    """
    alarms, tasks = np.zeros(2), 5
    for _ in range(repeats):
        common = draw_seeds(rng, seeds)
        pairs = []
        for _ in range(tasks):
            examples = draw_examples(rng, 1043)
            skills = alike**0.5 * common + (1 - alike) ** 0.5 * draw_seeds(rng, seeds)
            a, b = draw_runs(rng, scenario, examples, seeds, skills=skills)["accuracy"]
            pairs.append(difference("accuracy", examples["accuracy"], a, b, rng, RESAMPLES // 2))
        by_seed = mean_of([pair.estimate for pair in pairs], np.array([pair.scores for pair in pairs]))
        seed_variance = sum(pair.estimate.seed_variance for pair in pairs) / tasks**2
        independent = replace(by_seed, seed_variance=seed_variance, seed_df=tasks * (seeds - 1))
        alarms += [by_seed.p_value() <= 0.05, independent.p_value() <= 0.05]
    return (alarms / repeats).tolist()


def accuracy_apart(rng: np.random.Generator, scenario: Scenario, seeds: int, n: int, behind: float = 0) -> Scores:
    """A difference in accuracy on one set of examples, where A's true accuracy is higher by `behind`."""
    examples = draw_examples(rng, n)
    a, b = draw_runs(rng, scenario, examples, seeds, behind)["accuracy"]
    return difference("accuracy", examples["accuracy"], a, b, rng, RESAMPLES // 2)


def verdict_shares(
    rng: np.random.Generator, scenario: Scenario, seeds: int, n: int, behind: float, repeats: int
) -> dict[str, float]:
    """The share of each verdict on accuracy, where A's true accuracy is higher by `behind`."""
    shares = dict.fromkeys(VERDICTS, 0.0)
    for _ in range(repeats):
        pair = accuracy_apart(rng, scenario, seeds, n, behind)
        [verdict] = decide([Comparison(pair.estimate, METRICS["accuracy"].margin)])
        shares[verdict.verdict] += 1 / repeats
    return shares


def family_alarms(rng: np.random.Generator, scenario: Scenario, seeds: int, repeats: int) -> list[float]:
    """Families of FAMILY pairs of equal methods with a false alarm, by two intervals; accuracy, 277 examples."""
    tail, alarms = 0.05 / FAMILY / 2, np.zeros(2)
    for _ in range(repeats):
        e = accuracy_apart(rng, scenario, seeds, 277).estimate
        alarms += [abs(e.value) > e.half_width(tail), abs(e.value) > satterthwaite(e, tail)]
    return (1 - (1 - alarms / repeats) ** FAMILY).tolist()


def describe(rng: np.random.Generator, scenario: Scenario) -> str:
    """A line about the scenario, to compare it with real runs."""
    examples = draw_examples(rng, 20_000)
    runs = draw_runs(rng, scenario, examples, 50)
    ones = np.ones((1, 20_000))
    spread = {m: 100 * score(m, examples, runs[m], ones)[0].std(axis=1, ddof=1).mean() for m in SIMULATED}
    a, b = runs["accuracy"]
    return (
        f"Seed std in points: {', '.join(f'{m} {s:.1f}' for m, s in spread.items())}; "
        f"two seeds agree on {100 * np.mean(a[:-1] == a[1:]):.0f} %, two methods on {100 * np.mean(a == b):.0f} %"
    )


def seeds_planned(rng: np.random.Generator, scenario: Scenario, pilot: int, n: int, repeats: int) -> np.ndarray:
    """Quartiles of the number of seeds that would decide two equal methods, from `pilot` seeds; accuracy."""
    pairs = (accuracy_apart(rng, scenario, pilot, n) for _ in range(repeats))
    needed = [seeds_needed(pair.estimate, METRICS["accuracy"].margin).seeds or np.inf for pair in pairs]
    return np.quantile(needed, [0.25, 0.5, 0.75], method="nearest")


def line(*cells: object) -> str:
    """A row of a Markdown table; numbers that are not whole are shares, in %."""
    return "| " + " | ".join(f"{100 * c:.1f}" if isinstance(c, float) else str(c) for c in cells) + " |"


def heading(*titles: str) -> Iterator[str]:
    yield line(*titles)
    yield "|" + "---:|" * len(titles)


def coverage_table(rng: np.random.Generator, scenario: Scenario, seeds: tuple[int, ...], repeats: int) -> Iterator[str]:
    """A row for each number of seeds: the mean over metrics and numbers of examples, and its range."""
    true = truth(rng, scenario)
    yield from heading("Seeds", *(f"{what}: {m}" for what in ("Cell", "Pair") for m in METHODS))
    for s in seeds:
        results = [simulate(rng, scenario, true, s, n, repeats) for n in EXAMPLES]
        rows = 100 * np.array([[*(1 - cell), *pair] for result in results for cell, pair in result.values()])
        summary = zip(rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0), strict=True)
        yield line(s, *(f"{mean:.1f} ({low:.1f}–{high:.1f})" for mean, low, high in summary))


def report(rng: np.random.Generator, repeats: int) -> Iterator[str]:
    yield from (f"- **{name}**: {what}" for name, what in METHODS.items())
    metrics, counts = ", ".join(SIMULATED), " and ".join(map(str, EXAMPLES))
    yield f"\nEach entry is the mean over {metrics}, with {counts} examples; the range is in brackets."
    for name, scenario in SCENARIOS.items():
        yield f"\n## Variance between seeds: {name}\n\n{describe(rng, scenario)}.\n"
        yield from coverage_table(rng, scenario, SEEDS if name != "collapse" else (5,), repeats)
    yield f"\n## Families of {FAMILY}\n\nAccuracy, 277 examples, {15 * repeats:,} pairs a row.\n"
    yield from heading("Scenario", "Seeds", "Family: ours", "Family: satterthwaite")
    for name, seeds in itertools.product(("low", "medium", "high"), SEEDS[1:]):
        yield line(name, seeds, *family_alarms(rng, SCENARIOS[name], seeds, 15 * repeats))
    low, margin = SCENARIOS["low"], METRICS["accuracy"].margin
    yield "\n## Verdicts\n\nOn accuracy, margin 1 point, low variance, one comparison. A quarter of the data sets,"
    yield "so that the standard error of a share is up to 5 points.\n"
    yield from heading("Seeds", "Examples", "A ahead by", *VERDICTS)
    for (seeds, n), behind in itertools.product([(5, 1043), (20, 1043), (5, 10_570)], (0, margin, 3 * margin)):
        shares = verdict_shares(rng, low, seeds, n, behind, repeats // 4)
        yield line(seeds, n, f"{100 * behind:g}", *shares.values())
    yield "\n## Seeds that would decide\n\nSeeds planned from pilot seeds, for two equal methods and a power of 80 %."
    yield "Accuracy, margin 1 point, low variance, 10,570 examples (SQuAD's).\n"
    yield from heading("Seeds so far", "Lower quartile", "Median", "Upper quartile")
    for pilot in SEEDS:
        yield line(pilot, *map("{:g}".format, quartiles := seeds_planned(rng, low, pilot, 10_570, repeats // 4)))
    seeds = int(quartiles[1])
    yield f"\nWith the {seeds} seeds planned from {pilot}:\n"
    yield from heading("A ahead by", *VERDICTS)
    for behind in (0, margin):
        yield line(f"{100 * behind:g}", *verdict_shares(rng, low, seeds, 10_570, behind, repeats // 4).values())
    yield "\n## Questions on one paragraph\n\nWith whole paragraphs drawn, as for SQuAD, and with single questions:"
    yield f"{PARAGRAPHS} paragraphs, five seeds, low variance. Alike: the share of the variance of how easy questions"
    yield "are that the questions on a paragraph have in common (intra-paragraph correlation).\n"
    ways = ("paragraphs", "questions")
    yield from heading("Questions", "Alike", *(f"Cell: {way}" for way in ways), *(f"Pair: {way}" for way in ways))
    for n, alike in itertools.product((314, 725), (0, 0.2, 0.5)):
        yield line(n, f"{alike:g}", *paragraph_shares(rng, low, n, alike, repeats))
    yield "\n## Mean over tasks\n\nFalse alarms of the mean over five tasks, by the means of each seed and with tasks"
    yield "taken as independent. Medium variance, accuracy, 1,043 examples a task. Alike: the share of a seed's skill"
    yield "that all tasks have in common.\n"
    yield from heading("Seeds", "Alike", "By seed", "Independent")
    for seeds, alike in itertools.product((3, 5, 10), (0, 0.2, 0.5)):
        yield line(seeds, f"{alike:g}", *task_alarms(rng, SCENARIOS["medium"], seeds, alike, repeats))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Coverage and false alarms of ina.stats by simulation.")
    parser.add_argument("--repeats", type=int, default=400, help="simulated data sets for each row")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(HEAD.format(error=100 * (0.05 * 0.95 / args.repeats) ** 0.5, family=FAMILY, **vars(args)))
    for text in report(np.random.default_rng(args.seed), args.repeats):
        print(text, flush=True)
