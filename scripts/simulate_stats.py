"""Do the intervals of ina.stats cover, and do its tests raise false alarms, as often as they say?

    OMP_NUM_THREADS=1 python scripts/simulate_stats.py              # about 10 minutes on one core
    OMP_NUM_THREADS=1 python scripts/simulate_stats.py --repeats 60    # a first look in a minute

Expected in the calm and the noisy world: `ours` covers 93 to 98 of 100 times at a nominal 95 (95 on average) and
raises false alarms 2 to 7 of 100 times at a nominal 5. The multi-bootstrap falls to 82 and 22 where seeds are few and
differ much, the t interval over seeds alone to 29 and 30 where they differ little.

The model. Whether run s of a method gets example i right depends on a margin: how easy the example is, how easy it is
for the method, how good the seed is, and chance. A seed also leans to one of the classes, which moves MCC and F1 more
than accuracy. For a regression task the same parts add up to the error of a prediction. Two methods share the
examples, and partly the luck of a seed (same data order). Three worlds differ in the seeds: `calm` (seed std of
accuracy on many examples 0.4 points, as on large tasks), `noisy` (2 points, as on RTE), and `collapse`, in which one
run in ten of the noisy world fails and predicts one class. No interval from five runs is right there.
"""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ina.stats import METRICS, compare, decide
from ina.stats.compare import improvement_interval, multi_bootstrap, probability_of_improvement
from ina.stats.estimate import Estimate, from_resamples

SEEDS, EXAMPLES = (3, 5, 10), (277, 1043)  # examples of the dev sets of RTE and CoLA
RESAMPLES = 400
METHODS = ("ours", "satterthw.", "multi-boot.", "seeds only")
VERDICTS = ("better", "worse", "equivalent", "undecided")
ACCURACY, POSITIVE = 0.84, 0.69
EASE, TASTE, CHANCE = 1.0, 0.35, 0.5  # std of the margin: of an example, of a method for it, of a run on it
LUCK = 0.3  # correlation of two methods' runs of one seed


@dataclass(frozen=True)
class World:
    """Std between seeds of the margin (`skill`) and of the leaning to one class, and the share of failed runs."""

    skill: float
    leaning: float
    collapse: float = 0

    @property
    def spread(self) -> float:
        """Standard deviation of all that adds to the margin."""
        return (EASE**2 + TASTE**2 + CHANCE**2 + self.skill**2 + self.leaning**2) ** 0.5


WORLDS = {"calm": World(0.02, 0.05), "noisy": World(0.10, 0.15), "collapse": World(0.10, 0.15, collapse=0.1)}


def draw_examples(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Labels (n,) of a binary and of a regression task; what the examples do to each of two methods, (2, 1, n)."""
    shared = EASE * rng.normal(size=n)
    return {
        "labels": (rng.random(n) < POSITIVE).astype(int),
        "values": np.clip(2.5 + 1.5 * rng.normal(size=n), 0, 5),
        "ease": (shared + TASTE * rng.normal(size=(2, n)))[:, None],
    }


def draw_runs(
    rng: np.random.Generator, world: World, examples: dict[str, np.ndarray], seeds: int, behind: float = 0
) -> dict[str, np.ndarray]:
    """Predictions (2 methods, seeds, n) for each metric. `behind`: how much lower B's true accuracy is."""
    labels, values, ease = examples["labels"], examples["values"], examples["ease"]

    def per_seed() -> np.ndarray:
        return LUCK**0.5 * rng.normal(size=(seeds, 1)) + (1 - LUCK) ** 0.5 * rng.normal(size=(2, seeds, 1))

    skill, leaning = world.skill * per_seed(), world.leaning * per_seed()
    failed = rng.random((2, seeds, 1)) < world.collapse
    level = world.spread * stats.norm.ppf([ACCURACY, ACCURACY - behind])[:, None, None]
    error = ease + CHANCE * rng.normal(size=(2, seeds, len(labels)))
    margin = level + error + skill + np.where(labels == 1, leaning, -leaning)
    classes = np.where(failed, 1, np.where(margin > 0, labels, 1 - labels))
    credit = np.where(failed, 0, np.clip(1 + margin, 0, 1))
    floats = np.where(failed, 2.5, values + 0.6 * np.exp(skill) * error)
    return dict.fromkeys(("accuracy", "f1", "mcc"), classes) | {"mean": credit, "pearson": floats, "spearman": floats}


def labels_of(metric: str, examples: dict[str, np.ndarray]) -> np.ndarray | None:
    if metric == "mean":
        return None
    return examples["values" if metric in ("pearson", "spearman") else "labels"]


def score(metric: str, examples: dict[str, np.ndarray], runs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The metric, (resamples, 2 methods, seeds)."""
    flat = METRICS[metric].score(labels_of(metric, examples), runs.reshape(-1, runs.shape[-1]), weights)
    return flat.reshape(len(weights), 2, -1)


def truth(rng: np.random.Generator, world: World, blocks: int = 30) -> dict[str, float]:
    """The expected score of a new seed on all examples there could be, from `blocks` of 60 runs on 20,000 examples."""
    total = dict.fromkeys(METRICS, 0.0)
    for _ in range(blocks):
        examples = draw_examples(rng, 20_000)
        runs = draw_runs(rng, world, examples, seeds=30)
        for metric in METRICS:
            total[metric] += score(metric, examples, runs[metric], np.ones((1, 20_000))).mean() / blocks
    return total


def misses(
    metric: str, scores: np.ndarray, resampled: np.ndarray, n: int, true: float, rng: np.random.Generator
) -> dict[str, bool]:
    """Which 95 % intervals leave out the truth, from scores (seeds,) and resampled scores (resamples, seeds)."""
    e = from_resamples(scores, resampled, n, METRICS[metric].leverage)
    low, high = np.quantile(multi_bootstrap(resampled, rng), [0.025, 0.975])
    off = abs(e.value - true)
    return {
        "ours": off > e.interval().high - e.value,
        "satterthw.": off > stats.t.ppf(0.975, satterthwaite(e)) * e.se,
        "multi-boot.": not low <= true <= high,
        "seeds only": off > stats.t.ppf(0.975, e.seed_df) * e.seed_variance**0.5,
    }


def satterthwaite(e: Estimate) -> float:
    return e.variance**2 / (e.seed_variance**2 / e.seed_df + e.example_variance**2 / e.example_df)


def simulate(
    rng: np.random.Generator, world: World, true: dict[str, float], seeds: int, n: int, repeats: int
) -> dict[str, dict[str, dict[str, float]]]:
    """For each metric in `true`: how often each interval misses a cell's true score, and a pair's difference of 0."""
    counts = {metric: {"cell": dict.fromkeys(METHODS, 0.0), "pair": dict.fromkeys(METHODS, 0.0)} for metric in true}
    for repeat in range(repeats):
        if repeat % 20 == 0:  # the draws do not depend on the data: sharing them saves most of the time
            weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
        examples = draw_examples(rng, n)
        runs = draw_runs(rng, world, examples, seeds)
        for metric in true:
            scores = score(metric, examples, runs[metric], np.ones((1, n)))[0]
            resampled = score(metric, examples, runs[metric], weights)
            cell = misses(metric, scores[0], resampled[:, 0], n, true[metric], rng)
            pair = misses(metric, scores[0] - scores[1], resampled[:, 0] - resampled[:, 1], n, 0, rng)
            for method in METHODS:
                counts[metric]["cell"][method] += cell[method] / repeats
                counts[metric]["pair"][method] += pair[method] / repeats
    return counts


def improvement_coverage(rng: np.random.Generator, world: World, seeds: int, n: int, repeats: int) -> float:
    """How often the interval for P(A > B) on a given dev set covers it; accuracy, the truth from 400 runs each."""
    hits = 0
    for _ in range(repeats):
        examples = draw_examples(rng, n)
        runs = draw_runs(rng, world, examples, 400 + seeds)["accuracy"]
        a, b = score("accuracy", examples, runs, np.ones((1, n)))[0]
        interval = improvement_interval(probability_of_improvement(a[:seeds], b[:seeds]), seeds)
        hits += interval.low <= probability_of_improvement(a[seeds:], b[seeds:]) <= interval.high
    return hits / repeats


def verdict_shares(
    rng: np.random.Generator, world: World, seeds: int, n: int, behind: float, repeats: int
) -> dict[str, float]:
    """How often each verdict falls on accuracy where A's true accuracy is higher by `behind`."""
    shares = dict.fromkeys(VERDICTS, 0.0)
    for _ in range(repeats):
        examples = draw_examples(rng, n)
        a, b = draw_runs(rng, world, examples, seeds, behind)["accuracy"]
        [verdict] = decide([compare("accuracy", examples["labels"], a, b, rng, resamples=RESAMPLES // 2)])
        shares[verdict.verdict] += 1 / repeats
    return shares


def describe(rng: np.random.Generator, world: World) -> str:
    """What the world looks like, to be compared with real runs."""
    examples = draw_examples(rng, 20_000)
    runs = draw_runs(rng, world, examples, 50)
    ones = np.ones((1, 20_000))
    spread = {m: 100 * score(m, examples, runs[m], ones)[0].std(axis=1, ddof=1).mean() for m in METRICS}
    a, b = runs["accuracy"]
    return (
        f"seed std in points: {', '.join(f'{m} {s:.1f}' for m, s in spread.items())}; "
        f"two seeds agree on {100 * np.mean(a[:-1] == a[1:]):.0f} %, two methods on {100 * np.mean(a == b):.0f} %"
    )


def coverage_table(rng: np.random.Generator, world: World, seeds: tuple[int, ...], repeats: int) -> Iterator[str]:
    true = truth(rng, world)
    yield f"{'':24}{'cell: coverage of the 95 % interval':>48}{'pair: false alarms at 5 %':>48}"
    yield f"{'seeds':>5} {'examples':>8} {'metric':<9}" + "".join(f"{method:>12}" for method in METHODS * 2)
    rows = []
    for n, s in itertools.product(EXAMPLES, seeds):
        for metric, missed in simulate(rng, world, true, s, n, repeats).items():
            row = [1 - missed["cell"][m] for m in METHODS] + [missed["pair"][m] for m in METHODS]
            yield f"{s:>5} {n:>8} {metric:<9}" + "".join(f"{100 * share:>12.1f}" for share in row)
            rows.append(row)
    for label, summary in (("least", np.min), ("mean", np.mean), ("most", np.max)):
        yield f"{label:<24}" + "".join(f"{100 * share:>12.1f}" for share in summary(rows, axis=0))


def report(rng: np.random.Generator, repeats: int) -> Iterator[str]:
    error = 100 * (0.05 * 0.95 / repeats) ** 0.5
    yield f"{repeats} data sets a row: 5 % and 95 % are known to ± {error:.1f} (one sigma)"
    for name, world in WORLDS.items():
        yield f"\n## World {name}: {describe(rng, world)}\n"
        yield from coverage_table(rng, world, SEEDS if name != "collapse" else (5,), repeats)
    yield "\n## P(A > B) on accuracy, noisy world, 277 examples: coverage of its 95 % interval\n"
    for seeds in SEEDS:
        yield f"{seeds:>5} seeds {100 * improvement_coverage(rng, WORLDS['noisy'], seeds, 277, repeats):>11.1f}"
    yield "\n## Verdicts on accuracy, margin 1 point, calm world, in % of pairs\n"
    yield f"{'seeds':>5} {'examples':>8} {'A ahead by':>10}" + "".join(f"{verdict:>12}" for verdict in VERDICTS)
    for (seeds, n), behind in itertools.product([(5, 1043), (20, 1043), (5, 10_570)], (0, 0.01, 0.03)):
        shares = verdict_shares(rng, WORLDS["calm"], seeds, n, behind, repeats // 4)
        yield f"{seeds:>5} {n:>8} {100 * behind:>10g}" + "".join(f"{100 * shares[v]:>12.1f}" for v in VERDICTS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Coverage and false alarms of ina.stats by simulation.")
    parser.add_argument("--repeats", type=int, default=500, help="simulated data sets for each row")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for line in report(np.random.default_rng(args.seed), args.repeats):
        print(line, flush=True)
