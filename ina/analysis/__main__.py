"""Look into trained models.

    python -m ina.analysis distractors                         all kept models of an experiment, one file each
    python -m ina.analysis adapter=FOLDER text=… question=…  one model on one passage, told on the screen

The folder is one that a run with keep_model=true left, outputs/models/<experiment>/<data source>/<run>. More may be
said of the passage: answer=… and distractor=…, words of the text. heatmap=FILE.png draws the attention of every layer.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pandas as pd
import transformers

from .. import record, saved_models
from ..compose import CONFIG_DIR
from . import measure, texts
from .gates import MEASURES
from .measurement import ALL, COLUMNS, Reading, Row

_KEYS = ("adapter", "text", "question", "answer", "distractor", "heatmap")


def main(arguments: list[str] | None = None) -> None:
    """``python -m ina.analysis EXPERIMENT [--results DIR] [--models DIR]`` or ``… adapter=FOLDER text=TEXT …``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)  # the pinned libraries announcing their next versions
    try:
        (_passage if "=" in "".join(arguments[:1]) else _experiment)(arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {record.explained(error)}")


def _experiment(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ina.analysis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="its models are measured over the dev set and on the paper's example")
    default_root = "results from a clean checkout, else outputs"
    parser.add_argument("--results", type=Path, metavar="DIR", help=f"default: {default_root}")
    parser.add_argument("--models", default="outputs", type=Path, metavar="DIR", help="default: outputs")
    options = parser.parse_args(arguments)
    folders = sorted((options.models / "models" / options.experiment).glob(f"*/*/{saved_models.RECORD_FILE}"))
    if not folders:
        raise FileNotFoundError(
            f"no model of experiment {options.experiment!r} under {options.models / 'models'}; start with: "
            f"python -m ina.run experiment={options.experiment} keep_model=true"
        )
    commit, dirty = record.git_state(CONFIG_DIR.parent)
    root = options.results or Path("results" if commit and dirty is False else "outputs")
    command = " ".join(["python -m ina.analysis", *arguments])
    for number, file in enumerate(folders, 1):
        path, new = measure.measure_run(file.parent, root, command)
        print(
            f"[{number}/{len(folders)}] {file.parent.name}: {'->' if new else 'already measured,'} {path}", flush=True
        )


def _passage(arguments: list[str]) -> None:
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    unknown = [argument for argument in arguments if argument.split("=", 1)[0] not in _KEYS or "=" not in argument]
    if unknown or not {"adapter", "text"} <= given.keys():
        raise ValueError(
            f"adapter=FOLDER and text=TEXT are needed, {', '.join(_KEYS[2:])} possible"
            + (f"; not {', '.join(map(repr, unknown))}" if unknown else "")
        )
    folder, heatmap = Path(given.pop("adapter")), given.pop("heatmap", None)
    opened = measure.Opened(folder)
    asked = texts.passage(**given)
    if asked.answer is None:
        asked = replace(asked, answer=opened.answer(asked))
    read = measure.reading(opened, asked)
    print(report(opened.run.id, measure.measure(opened.model, [opened.tokens(asked)]), read))
    if heatmap:
        from .. import figures  # matplotlib only where something is drawn

        figures.save(figures.layers(read), Path(heatmap))
        print(f"\n-> {heatmap}")


def report(title: str, rows: list[Row], read: Reading) -> str:
    """What was measured on one passage, to be read on a screen: the words, the adapter by site, attention by layer."""
    found = pd.DataFrame(rows, columns=COLUMNS)
    marks = {"answer": "=", "distractor": "~"}  # around the words of these kinds
    marked = [(marks.get(kind, ""), word) for word, kind in zip(read.words, read.kinds, strict=True)]
    parts = [title, " ".join(f"{mark}{word}{mark}" for mark, word in marked)]
    parts += [f"the model answers: {read.answer}"] * (read.answer is not None)

    def add(heading: str, of: pd.DataFrame, index: list[str], columns: str) -> None:
        shown = of.pivot(index=index, columns=columns, values="value")
        parts.append(heading + "\n" + shown.to_string(float_format="{:.3f}".format, na_rep="–"))

    at_sites = found[found["site"] != ""]
    if len(at_sites):
        add("The adapter, mean over tokens", at_sites[at_sites["by"] == ALL], ["layer", "site"], "measure")
    for measure_name in ("inhibited", "passed"):
        if len(of := at_sites[(at_sites["measure"] == measure_name) & (at_sites["by"] != ALL)]):
            add(f"{MEASURES[measure_name]}, by kind of token", of, ["layer", "site"], "by")
    paid = found[found["measure"].isin(["attention", "share"]) & (found["by"] == ALL)]
    there = paid.groupby("to")["value"].transform("max") > 0
    add("Attention to tokens of a kind, mean over heads and tokens; layer 0: if all tokens got equal", paid[there],
        ["layer"], "to")  # fmt: skip
    if len(moved := found[found["measure"] == "moved"]):
        listed = ", ".join(map("{:.3f}".format, moved["value"]))
        parts.append(f"attention that goes elsewhere with the linear part merged, layer by layer: {listed}")
    parts += ["\n".join(f"  {name}: {text}" for name, text in MEASURES.items() if name in set(at_sites["measure"]))]
    return "\n\n".join(filter(None, parts))


if __name__ == "__main__":
    main()
