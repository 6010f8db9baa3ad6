"""``python -m ina.figures [EXPERIMENT] [--results DIR]``."""

import argparse
from pathlib import Path

from ..record import errors_as_messages
from ..tables.study import studies_and_searches
from . import __doc__ as described
from . import figures_for, save


@errors_as_messages()
def main(arguments: list[str] | None = None) -> None:
    """``python -m ina.figures [EXPERIMENT] [--results DIR]``."""
    parser = argparse.ArgumentParser(prog="python -m ina.figures", description=described)
    parser.add_argument("experiment", nargs="?", help="default: every one that has records")
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    options = parser.parse_args(arguments)
    for study in studies_and_searches(options.results, options.experiment):
        folder = options.results / "figures" / study.name
        for name, draw in figures_for(study).items():
            figure = draw()
            for suffix in ("pdf", "png"):
                save(figure, folder / f"{name}.{suffix}")
        print(f"-> {folder}")


if __name__ == "__main__":
    main()
