"""Write the tables of experiments from their records, or check that the written ones are up to date.

Files go to <results>/tables/<experiment>-<data source>/. <results>/REPORT.md is kept up to date too and, where
<results> is called `results`, the README beside it: what stands between `<!-- table: NAME -->` and `<!-- /table -->` is
replaced by our rows of that table, NAME being <experiment>-<data source>.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..record import explained
from . import collect, files, render
from .excerpt import on_screen


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; see ``python -m ina.tables --help``."""
    try:
        _tables(arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {explained(error)}")


def _tables(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ina.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", nargs="?", help="default: every one that has records")
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of date")
    parser.add_argument("--format", choices=files.FORMATS, help="write nothing; print the tables in this format")
    parser.add_argument("--published", action="store_true", help="print the numbers of others below our own")
    options = parser.parse_args(arguments)
    whole = options.experiment is None
    studies = [
        *collect.studies(options.results, options.experiment),
        *collect.searches(options.results, options.experiment),
    ]
    if options.format:
        print("\n".join(files.FORMATS[options.format](table) for study in studies for table in files.tables(study)))
        return
    wanted = files.wanted(options.results, studies, whole)
    if options.check:
        stale = files.stale(options.results, wanted, whole)
        if stale:
            sys.exit("\n".join(stale) + f"\nrun: python -m ina.tables --results {options.results}")
        print(f"{len(wanted)} files are up to date")
        return
    files.write(wanted)
    for study in studies:
        tables = (on_screen(table, options.published) for table in files.main_tables(study))
        print("\n".join(map(render.markdown, tables)))
        print(f"-> {options.results / 'tables' / study.name}: whole tables, sources, intervals and verdicts")
        print("" if options.published else "   --published shows the numbers of others too\n")


if __name__ == "__main__":
    main()
