"""Look into trained models.

    python -m ina.analysis distractors                         measure all kept models of an experiment
    python -m ina.analysis adapter=FOLDER text=… question=…  print what one model does on one passage

A run with keep_model=true leaves FOLDER: outputs/models/<experiment>/<data source>/<run>. Optional: answer=… and
distractor=…, which are words of the text, and heatmap=FILE.png, which draws the attention of every layer.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pandas as pd
import transformers

from .. import plan, record, saved_models, versions
from . import measure, texts
from .gates import MEASURES
from .measurement import ALL, COLUMNS, Reading, Row

_REQUIRED, _OPTIONAL = {"adapter", "text"}, {"question", "answer", "distractor", "heatmap"}
_MARKS = {"answer": "=", "distractor": "~"}  # printed around words of these kinds


@record.errors_as_messages()
def main(arguments: list[str] | None = None) -> None:
    """``python -m ina.analysis EXPERIMENT [--results DIR] [--models DIR]`` or ``… adapter=FOLDER text=TEXT …``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)  # the pinned libraries announce changes
    is_passage = any("=" in argument and not argument.startswith("-") for argument in arguments)
    (_passage if is_passage else _experiment)(arguments)


def _experiment(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ina.analysis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="its models are measured over the dev set and on the paper's example")
    parser.add_argument("--results", type=Path, metavar="DIR", help="default: results or outputs, as for the record")
    parser.add_argument("--models", default="outputs", type=Path, metavar="DIR", help="default: outputs")
    options = parser.parse_args(arguments)
    folders = sorted((options.models / "models" / options.experiment).glob(f"*/[!.]*/{saved_models.RECORD_FILE}"))
    if not folders:
        raise FileNotFoundError(
            f"no model of experiment {options.experiment!r} under {options.models / 'models'}: run it with "
            "keep_model=true. To repeat runs that are recorded already, set results_dir=… to another folder"
        )
    clean = versions.code()[1] is False
    command = " ".join(["python -m ina.analysis", *arguments])
    for number, file in enumerate(folders, 1):
        run = record.read(file)
        from_clean = clean and run.provenance.dirty is False
        root = options.results or plan.record_root(saved_models.settings(run), from_clean)
        path, new = measure.measure_run(file.parent, root, command)
        state = "->" if new else "already measured,"
        print(f"[{number}/{len(folders)}] {file.parent.name}: {state} {path}", flush=True)


def _passage(arguments: list[str]) -> None:
    settings = dict(argument.partition("=")[::2] for argument in arguments)
    unknown = settings.keys() - _REQUIRED - _OPTIONAL
    if unknown or not settings.keys() >= _REQUIRED:
        raise ValueError(
            "adapter=FOLDER and text=TEXT are required; question, answer, distractor and heatmap are optional"
            + f"; unknown: {', '.join(sorted(unknown))}" * bool(unknown)
        )
    folder, heatmap = Path(settings.pop("adapter")), settings.pop("heatmap", None)
    opened = measure.TrainedModel(folder)
    passage = texts.passage(**settings)
    if passage.answer is None:
        passage = replace(passage, answer=opened.answer(passage))
    read = opened.reading(passage)
    print(report(opened.run.id, measure.measure(opened.model, [opened.tokens(passage)]), read))
    if heatmap:
        from .. import figures  # here, because it loads a browser engine

        figures.save(figures.layers(read), Path(heatmap))
        print(f"\n-> {heatmap}")


def report(title: str, rows: list[Row], read: Reading) -> str:
    """The text that shows what was measured on one passage: the words, the adapter by site, attention by layer."""
    marks = [_MARKS.get(kind, "") for kind in read.kinds]
    parts = [title, " ".join(f"{mark}{word}{mark}" for mark, word in zip(marks, read.words, strict=True))]
    if read.answer is not None:
        parts.append(f"the model answers: {read.answer}")
    frame = pd.DataFrame(rows, columns=COLUMNS)
    at_sites, over_all = frame["site"] != "", frame["by"] == ALL
    paid = over_all & frame["measure"].isin(["attention", "share"]) & frame["to"].isin(read.kinds)
    tables = [("The adapter, mean over tokens", at_sites & over_all, ["layer", "site"], "measure")]
    for name in ("inhibited", "passed"):
        of_kinds = at_sites & ~over_all & (frame["measure"] == name)
        tables.append((f"{MEASURES[name]}, by kind of token", of_kinds, ["layer", "site"], "by"))
    heading = "Attention to tokens of a kind, mean over heads and tokens; layer 0: equal attention to all tokens"
    tables.append((heading, paid, ["layer"], "to"))
    for heading, chosen, index, columns in tables:
        if chosen.any():
            shown = frame[chosen].pivot(index=index, columns=columns, values="value")
            parts.append(heading + "\n" + shown.to_string(float_format="{:.3f}".format, na_rep="–"))
    measured = set(frame["measure"])
    if "moved" in measured:
        listed = ", ".join(map("{:.3f}".format, frame.loc[frame["measure"] == "moved", "value"]))
        parts.append(f"share of attention that moves if the linear part is merged, by layer: {listed}")
    parts.append("\n".join(f"  {name}: {text}" for name, text in MEASURES.items() if name in measured))
    return "\n\n".join(filter(None, parts))


if __name__ == "__main__":
    main()
