"""Show the progress of a grid: ``python -m ina.status experiment=glue_mini``. Takes the settings of `ina.run`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import pandas as pd

from . import data, plan, record
from .config import RunConfig


@record.errors_as_messages()
def main() -> None:
    """Print how many runs of the grid are in each state, and the error of each failed run."""
    parser = argparse.ArgumentParser(prog="python -m ina.status", description=__doc__)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="the runs, as for ina.run: see its --help")
    parser.add_argument("-m", "--multirun", action="store_true", help="no effect; ina.run needs it for a grid")
    runs = plan.expand(parser.parse_intermixed_args().settings)
    _print_states(runs, plan.source(runs))


def _print_states(runs: list[RunConfig], source: str) -> None:
    states = _states(runs, source)
    cells = [(source, run.task.name, f"{run.model.name} {run.method_id}") for run in runs]
    index = pd.MultiIndex.from_tuples(cells, names=["data", "task", "method"])
    columns = list(get_args(plan.RunState))
    frame = pd.get_dummies(pd.Series(states, index), dtype=int).reindex(columns=columns, fill_value=0)
    print(frame.groupby(level=index.names, sort=False).sum().replace(0, "·").to_string())
    print(f"\n{len(runs)} runs: {', '.join(f'{states.count(state)} {state}' for state in columns)}")
    for other in data.SOURCES:
        pairs = zip(states, _states(runs, other), strict=True)
        if count := sum(state != "done" and elsewhere == "done" for state, elsewhere in pairs):
            where = " (set INA_DATA_DIR or data.dir)" if other == "files" else ""
            print(f"  recorded with data.source={other} instead: {count}{where}")
    for run, state in zip(runs, states, strict=True):
        if state == "failed":
            failure = record.read(record.failure_path(run.output_dir, run.experiment, source, run.id))
            print(f"  {run.id}: {failure.status}: {record.what_failed(failure)}")


def _states(runs: list[RunConfig], source: str) -> list[plan.RunState]:
    return [plan.run_state(run, source, [plan.record_root(run, clean=True), Path(run.output_dir)]) for run in runs]


if __name__ == "__main__":
    main()
