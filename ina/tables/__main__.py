"""Write the tables of experiments from their records, or check that the written ones are up to date.

Files go to <results>/tables/<experiment>-<data source>/. Where <results> is called `results`, the README beside it is
kept up to date too: what stands between `<!-- table: <experiment>-<data source> -->` and `<!-- /table -->` is replaced.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..record import RecordError
from . import collect, files


def main(arguments: list[str] | None = None) -> None:
    """``python -m ina.tables [EXPERIMENT] [--results DIR] [--check]``."""
    parser = argparse.ArgumentParser(
        prog="python -m ina.tables", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", nargs="?", help="default: every one that has records")
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of date")
    options = parser.parse_args(arguments)
    try:
        studies = list(collect.studies(options.results, options.experiment))
        wanted = files.wanted(options.results, studies)
        if options.check:
            stale = files.stale(options.results, wanted, whole=options.experiment is None)
            if stale:
                sys.exit("\n".join(stale) + f"\nrun: python -m ina.tables --results {options.results}")
            print(f"{len(wanted)} files are up to date")
            return
        files.write(wanted)
        for study in studies:
            print(files.on_screen(study))
            print(f"-> {options.results / 'tables' / study.name}\n")
    except (RecordError, FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
