"""How far a grid is: ``python -m ina.status experiment=glue_mini``, with a command line of `ina.run`. Runs nothing."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pandas as pd

from . import data, plan, record
from .config import RunConfig
from .plan import Standing


def table(runs: list[RunConfig], sources: list[str]) -> pd.DataFrame:
    """Number of runs by data source, task and method (rows) and by how far they are (columns)."""
    counts: dict[tuple[str, str, str], Counter] = {}
    for run, source in zip(runs, sources, strict=True):
        cell = counts.setdefault((source, run.task.name, f"{run.model.name} {run.method_label}"), Counter())
        cell[_standing(run, source)] += 1
    frame = pd.DataFrame.from_dict(counts, orient="index", columns=get_args(Standing)).fillna(0).astype(int)
    frame.index.names = ["data", "task", "method"]
    return frame


def recorded_elsewhere(runs: list[RunConfig], sources: list[str]) -> Counter:
    """How many of the runs that are not done are so with another data source, by that source."""
    return Counter(
        other
        for run, source in zip(runs, sources, strict=True)
        if _standing(run, source) != "done"
        for other in data.SOURCES
        if _standing(run, other) == "done"
    )


def _standing(run: RunConfig, source: str) -> Standing:
    return plan.standing(run, source, [Path(run.results_dir), Path(run.output_dir)])


def main() -> None:
    """Print the table of the grid on the command line, and the failed runs with what failed."""
    parser = argparse.ArgumentParser(prog="python -m ina.status", description=__doc__)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="which runs, as for ina.run: see its --help")
    parser.add_argument("-m", "--multirun", action="store_true", help="changes nothing; ina.run needs it for a grid")
    try:
        _tell(plan.expand(parser.parse_intermixed_args().settings))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {record.explained(error)}")


def _tell(runs: list[RunConfig]) -> None:
    sources = plan.sources(runs)
    frame = table(runs, sources)
    total = frame.sum()
    print(frame.replace(0, "·").to_string())
    print(f"\n{len(runs)} runs: {', '.join(f'{total[standing]} {standing}' for standing in frame)}")
    for other, count in recorded_elsewhere(runs, sources).items():
        where = " (INA_DATA_DIR or data.dir names the folder)" if other == "files" else ""
        print(f"  recorded with data.source={other}: {count} of the others{where}")
    for run, source in zip(runs, sources, strict=True):
        if _standing(run, source) == "failed":
            failure = record.read(record.failure_path(run.output_dir, run.experiment, source, run.id))
            print(f"  {run.id}: {failure.status}: {str(failure.error).strip().splitlines()[-1]}")


if __name__ == "__main__":
    main()
