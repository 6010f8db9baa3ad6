"""How fast training is on this machine, and against what: `make bench`, into results/tables/benchmark.md.

    python scripts/benchmark.py                        everything: about forty minutes on an otherwise idle machine
    python scripts/benchmark.py --quick                a little of everything in three, told and not written down
    python scripts/benchmark.py throughput gate        some sections; the others stay as they are in the file
    python scripts/benchmark.py --threads 1            as runs of a sweep, which has one a core

Contenders take turns on the same batches in one process; a time is a median, a ratio the median of paired ratios with
its quartiles. Only ratios may be compared between machines. The section parity runs nothing: it reads the records of
the experiments parity_plain and parity_fast, which show whether `train.fast` learns alike.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from measure import common, parity, starts, steps, throughput  # noqa: E402

from ina.record import write_atomically  # noqa: E402

ROOT = Path(__file__).parent.parent
FILE = ROOT / "results" / "tables" / "benchmark.md"
SECTIONS = {
    "throughput": ("Examples per second of training runs", throughput.section),
    "parity": ("Whether train.fast learns alike", parity.section),
    "pieces": ("What each piece of train.fast gains", steps.pieces),
    "gate": ("What the gate costs", steps.gate),
    "peak": ("Share of the peak, share of padding", steps.peak_share),
    "starts": ("Runs at once, start of a run, recorded runs", starts.section),
    "scaling": ("Scaling of a step", steps.scaling),
}


def main() -> None:
    """Measure what the command line names and keep the rest of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="few rounds; nothing is written")
    parser.add_argument("--threads", type=int, help="torch threads; default: torch's choice")
    args = parser.parse_args()
    if unknown := set(args.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; choose from {', '.join(SECTIONS)}")
    common.begin(args.threads)
    for name in args.sections:
        title, measure = SECTIONS[name]
        stamp = f"{datetime.date.today()}: {common.machine()}."
        lines = [stamp, "", *measure(args.quick)]
        print("\n".join([f"## {title}", "", *lines, ""]), flush=True)
        if not args.quick:
            _write(title, lines)


def _write(title: str, lines: list[str]) -> None:
    text = FILE.read_text(encoding="utf-8") if FILE.is_file() else "# Benchmark\n"
    found = dict(re.findall(r"^## (.+?)\n\n(.*?)\n*(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    found[title] = "\n".join(lines)
    order = [known for known, _ in SECTIONS.values()]
    whole = ["# Benchmark", "", "\n".join(_docs()), ""]
    for known in sorted(found, key=lambda one: order.index(one) if one in order else len(order)):
        whole += [f"## {known}", "", found[known], ""]
    write_atomically(FILE, partial(Path.write_text, data="\n".join(whole), encoding="utf-8"))


def _docs() -> list[str]:
    return ["Made by `make bench` (scripts/benchmark.py says how). Only ratios may be compared between machines."]


if __name__ == "__main__":
    sys.exit(main())
