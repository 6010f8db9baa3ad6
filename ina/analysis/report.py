"""What was measured in one model on one passage, for reading on a screen."""

from __future__ import annotations

import pandas as pd

from .gates import MEASURES
from .measurement import Findings, Reading
from .texts import KINDS

_SHORT = {"answer": "=", "distractor": "~"}  # around the words of these kinds


def report(title: str, found: Findings, read: Reading) -> str:
    """Words and answer, what the gate does at each site, and where attention goes."""
    parts = [title, _marked(read)]
    if read.answer is not None:
        parts.append(f"the model answers: {read.answer}")
    if found.sites:
        parts.append("The adapter, mean over tokens\n" + _sites(found))
        measures = [name for name in ("inhibited", "passed") if name in found.sites[0].means]
        parts += [f"{MEASURES[name]}, by kind of token\n{_by_kind(found, name)}" for name in measures]
        merged = ", ".join(f"{share:.3f}" for share in found.merged)
        parts.append(f"attention that goes elsewhere with the linear part merged, layer by layer: {merged}")
    parts.append("Attention to tokens of a kind, mean over heads and tokens; last row: if all tokens got equal\n"
                 + _attention(found))  # fmt: skip
    told = [f"  {name}: {text}" for name, text in MEASURES.items() if found.sites and name in found.sites[0].means]
    return "\n\n".join([*parts, *(["\n".join(told)] if told else [])])


def _marked(read: Reading) -> str:
    marks = [_SHORT.get(kind, "") for kind in read.kinds]
    return " ".join(f"{mark}{word}{mark}" for mark, word in zip(marks, read.words, strict=True))


def _sites(found: Findings) -> str:
    rows = [
        {"layer": of.layer, "site": of.site, **of.means, "rank before": of.rank_before, "rank behind": of.rank_behind}
        for of in found.sites
    ]
    return _text(pd.DataFrame(rows).set_index(["layer", "site"]))


def _by_kind(found: Findings, measure: str) -> str:
    rows = {(of.layer, of.site): of.by_kind[measure] for of in found.sites}
    return _text(pd.DataFrame.from_dict(rows, orient="index").rename_axis(["layer", "site"]))


def _attention(found: Findings) -> str:
    rows = {f"layer {number}": layer["all"] for number, layer in enumerate(found.mass, 1)} | {"equal": found.shares}
    there = [kind for kind in KINDS if found.shares[kind]]
    return _text(pd.DataFrame.from_dict(rows, orient="index")[there])


def _text(frame: pd.DataFrame) -> str:
    return frame.to_string(float_format="{:.3f}".format, na_rep="–")
