"""``python -m ina.claims [--results DIR] [--check]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..record import RecordError, write_atomically
from ..tables import collect
from .ledger import ledger


def main(arguments: list[str] | None = None) -> None:
    """``python -m ina.claims [--results DIR] [--check]``."""
    parser = argparse.ArgumentParser(prog="python -m ina.claims", description=__doc__.splitlines()[0])
    parser.add_argument("--results", default="results", type=Path, metavar="DIR", help="default: results")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the ledger is out of date")
    options = parser.parse_args(arguments)
    path = options.results / "CLAIMS.md"
    try:
        text = ledger(list(collect.studies(options.results)))
    except (RecordError, ValueError) as error:
        sys.exit(f"error: {error}")
    if not options.check:
        write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))
        print(f"-> {path}")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path} is out of date\nrun: python -m ina.claims --results {options.results}")


if __name__ == "__main__":
    main()
