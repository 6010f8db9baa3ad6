"""Whether `train.fast` learns what plain training learns: read from the records of two experiments, not run here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ina import stats
from ina.record import RecordError
from ina.tables import collect
from ina.tables.collect import RULES, Cell, Rule, Study
from ina.tables.layout import points, signed, spread
from ina.tables.outcomes import RESAMPLES, outcomes

from .common import table

PLAIN, FAST = "parity_plain", "parity_fast"
ROOTS = [collect.ROOT / name for name in ("results", "outputs")]


def section(quick: bool) -> list[str]:
    """A row for each cell and selection rule: the scores, their paired difference, the verdict."""
    pair = next((found for root in ROOTS if (found := both(root))), None)
    if pair is None:
        return [f"No records yet: `python -m ina.run experiment={PLAIN}`, then `experiment={FAST}`."]
    return told(*pair)


def both(root: Path) -> tuple[Study, Study] | None:
    """The two experiments on the first data source that has both."""
    try:
        plain, fast = ({study.source: study for study in collect.studies(root, name)} for name in (PLAIN, FAST))
    except FileNotFoundError:
        return None
    return next(((plain[source], fast[source]) for source in plain if source in fast), None)


def told(plain: Study, fast: Study) -> list[str]:
    """The table of two studies that differ in how they train alone.

    Raises:
        RecordError: They have no run in common, or were measured on different examples.
    """
    shared = [key for key, cell in plain.cells.items() if key in fast.cells and _seeds(cell, fast.cells[key])]
    if not shared:
        raise RecordError(f"{plain.name} and {fast.name} under {plain.root} have no run in common")
    rows = []
    for rule in RULES:  # the verdicts of a rule are one family
        compared = [_compared(plain, plain.cells[key], fast, fast.cells[key], rule) for key in shared]
        for key, one, verdict in zip(shared, compared, stats.decide(compared), strict=True):
            cells = [study.cells[key] for study in (plain, fast)]
            scores = [spread(cell.scores(cell.headline, rule), count=True) for cell in cells]
            interval = f"[{signed(one.interval.low)}, {signed(one.interval.high)}]"
            rows.append(
                [collect.task_label(key[1]), plain.method_label(key[2]), rule, *scores]
                + [signed(one.difference.value), interval, points(verdict.margin), verdict.verdict]
            )
    formats = [", ".join(sorted({run.provenance.dtype for run in study.runs})) for study in (plain, fast)]
    devices = sorted({run.provenance.device or "?" for run in (*plain.runs, *fast.runs)})
    header = ["task", "method", "epoch", f"plain, {formats[0]}", f"train.fast, {formats[1]}"]
    note = (
        f"Headline scores in points (n seeds), data source {plain.source}, run on {', '.join(devices)}. Difference: "
        "train.fast − plain, paired by seed and by example, with its 95 % interval for a new seed on new examples; "
        "verdict by the rules of ina/stats/verdict.py."
    )
    return [note, "", *table([*header, "difference", "95 % interval", "margin", "verdict"], rows)]


def _compared(plain: Study, a: Cell, fast: Study, b: Cell, rule: Rule) -> stats.Comparison:
    one, other = (outcomes(*of, rule, _seeds(a, b)) for of in ((plain, a), (fast, b)))
    if not np.array_equal(one.examples, other.examples):
        raise RecordError(f"{a.name} was measured on different examples in {plain.name} and {fast.name}")
    return stats.compare(one.metric, one.labels, other.predictions, one.predictions, 0, RESAMPLES)


def _seeds(a: Cell, b: Cell) -> tuple[int, ...]:
    return tuple(seed for seed in a.seeds if seed in b.seeds)
