"""Write the tables of experiments from their records, or check that the written ones are up to date.

Tables go to <results>/tables/<experiment>-<data source>/. Two kinds of blocks are updated in REPORT.md, DETAILS.md and
CLAIMS.md in <results>, and in the README beside <results> if that folder is called `results`:

    <!-- table: NAME --> ... <!-- /table -->    our rows of a main table; NAME is <experiment>-<data source>
    <!-- claim: NAME --> ... <!-- /claim -->    the verdicts of our runs on a claim
"""

import argparse
import sys
from pathlib import Path

from ..record import errors_as_messages
from .documents import MAIN, by_place, expected_files, outdated, tables, write
from .outcomes import check_metrics
from .scores import on_screen
from .search import search_table
from .study import studies_and_searches
from .table import FORMATS, markdown


@errors_as_messages()
def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; see ``python -m ina.tables --help``."""
    parser = argparse.ArgumentParser(
        prog="python -m ina.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", nargs="?", help="default: every one that has records")
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date, or if a "
                        "record's metrics do not follow from its predictions")  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, help="write nothing; print the tables in this format")
    parser.add_argument("--published", action="store_true", help="also print published numbers of others")
    _tables(parser.parse_args(arguments))


def _tables(options: argparse.Namespace) -> None:
    results, all_studies = options.results, options.experiment is None
    found = studies_and_searches(results, options.experiment)
    recorded, trials = ([one for one in found if one.is_search == is_search] for is_search in (False, True))
    if not recorded and not trials:
        raise FileNotFoundError(f"there is no record under {results / 'runs'}; set --results to the folder with runs/")
    if options.format:
        for shown in by_place(recorded, trials).values():
            print("\n".join(map(FORMATS[options.format], shown)))
        return
    if options.check:
        for study in recorded:
            check_metrics(study)
    files = expected_files(results, recorded, trials, all_studies)
    if options.check:
        problems = [f"{path} is {'out of date' if path.is_file() else 'missing'}" for path in outdated(files)]
        if all_studies:
            paths = sorted((results / "tables").glob("*/*.*"))
            problems += [f"{path} belongs to no record; delete it" for path in paths if path not in files]
        if problems:
            sys.exit("\n".join(problems) + f"\nrun: python -m ina.tables --results {results}")
        print(f"{len(files)} files are up to date")
        return
    count = write(files)
    if all_studies:
        print(f"{count} of {len(files)} files were out of date and have been rewritten")
        return
    for study in recorded:
        main_tables = [table for table in tables(study) if table.name in MAIN]
        print("\n".join(markdown(on_screen(table, options.published)) for table in main_tables))
        print(f"-> {results / 'tables' / study.name}: whole tables, sources, intervals and verdicts")
        print("" if options.published else "   --published also shows the numbers of others\n")
    for search in trials:
        print(markdown(search_table(search)))


if __name__ == "__main__":
    main()
