"""Write the tables of experiments from their records, or check that the written ones are up to date.

Files go to <results>/tables/<experiment>-<data source>/. <results>/REPORT.md is kept up to date too and, where
<results> is called `results`, the README beside it: what stands between `<!-- table: NAME -->` and `<!-- /table -->` is
replaced, NAME being <experiment>-<data source>, or <experiment>-<data source>/ours for our rows alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..record import RecordError
from . import collect, files
from .trace import trace


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; see ``python -m ina.tables --help``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = _trace if arguments[:1] == ["trace"] else _tables
    try:
        command(arguments)
    except (RecordError, FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")


def _tables(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ina.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="python -m ina.tables trace CELL tells what stands behind a cell",
    )
    parser.add_argument("experiment", nargs="?", help="default: every one that has records")
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of date")
    parser.add_argument("--published", action="store_true", help="print the numbers of others below our own")
    options = parser.parse_args(arguments)
    whole = options.experiment is None
    studies = [
        *collect.studies(options.results, options.experiment),
        *collect.searches(options.results, options.experiment),
    ]
    wanted = files.wanted(options.results, studies, whole)
    if options.check:
        stale = files.stale(options.results, wanted, whole)
        if stale:
            sys.exit("\n".join(stale) + f"\nrun: python -m ina.tables --results {options.results}")
        print(f"{len(wanted)} files are up to date")
        return
    files.write(wanted)
    for study in studies:
        print(files.on_screen(study, options.published))
        print(f"-> {options.results / 'tables' / study.name}: whole tables, sources, intervals and verdicts")
        print("" if options.published else "   --published shows the numbers of others too\n")


def _trace(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ina.tables trace", description="Tell records, commits and settings behind a cell of a table."
    )
    parser.add_argument("cell", help="<model>--<task>--<method>, as in the CSV files and in the names of records")
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    parser.add_argument("--experiment", help="default: every one that has it")
    options = parser.parse_args(arguments[1:])
    print(trace(options.results, options.cell, options.experiment))


if __name__ == "__main__":
    main()
