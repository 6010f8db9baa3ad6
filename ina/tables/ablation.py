"""Tables of ablations: the settings that an experiment varies as rows, in their order, beside those of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..adapter.gate import ACTIVATIONS, THRESHOLDS
from ..labels import METHODS, value_label
from .frame import CELL, Key, Study
from .outcomes import RESAMPLES, summary
from .published import INSTEAD, folder, published
from .scores import caption, warnings
from .table import DASH, SECTION, Table, interval, signed, spread
from .verdicts import verdicts

TITLES = {
    "activation": "Activation",
    "inhibition": "Inhibition",
    "r": "Rank",
    "sites": "Sites",
    "threshold": "Maximum per",
    "detach_threshold": "Through the maximum",
}
_ACTIVATIONS = list(ACTIVATIONS)
_SITES = ("query", "key", "value", "all")
_ORDERS = {  # how the values of a setting are sorted; others by themselves
    "activation": _ACTIVATIONS.index,
    "threshold": THRESHOLDS.index,
    "sites": lambda sites: (sites == ("all",), len(sites), [_SITES.index(site) for site in sites]),
}
_DATA = ["origin", "experiment", "source", "model", "task", "method", "metric", "selection", "n", "mean", "std", "low",
         "high", "degenerate", "adapter", "learning_rate"]  # fmt: skip
_AGAINST = ["against", "difference", "difference_low", "difference_high", "verdict"]
_LORA_NOTE = (
    "InA = LoRA: without activation (identity) and threshold (inhibition 0), InA computes what LoRA does, apart "
    "from rounding."
)


def varied(study: Study) -> tuple[str, ...]:
    """The settings in which cells of the same model, task and method differ."""
    groups = study.cells.groupby(["model", "task", "method.name"])
    columns = {key: f"method.{key}" for key in TITLES if f"method.{key}" in study.cells}
    return tuple(key for key, column in columns.items() if any(of.map(str).nunique() > 1 for _, of in groups[column]))


def ordered(study: Study, model: str, task: str) -> list[Key]:
    """The cells of a model and task, by method and then by the settings that vary."""

    def place(key: Key) -> tuple[Any, ...]:
        method = study.settings(model, key[2])
        values = [_ORDERS.get(name, lambda value: value)(method[name]) for name in varied(study) if name in method]
        return (method["name"] != "lora", method["name"], *values)

    return sorted(study.keys(model, task), key=place)


def is_lora(method: dict[str, Any]) -> bool:
    """Whether a method's settings make it compute what LoRA computes."""
    if method["kind"] == "ina":
        return (method["activation"], method["inhibition"]) == ("identity", 0)
    return method["kind"] == "lora"


def format_setting(key: str, method: dict[str, Any]) -> str:
    """The value of a setting in print; LoRA has no gate to set."""
    value = method.get(key)
    if key == "detach_threshold":
        return "gradient stopped" if value else "gradient flows"
    return DASH if value is None else value_label(value)


def ablation_table(study: Study) -> Table:
    """A section for each model and task, a row for each setting; below, the same settings as others published them."""
    methods = [study.settings(model, method) for model, method in study.methods]
    keys, rows, notes = varied(study), [], []
    for model, task in study.panels:
        cells = ordered(study, model, task)
        metric = study.cells.loc[cells[0], "headline"]
        section = f"{study.label(model=model)}, {study.label(task=task)} ({metric})"
        rows += [row | {"section": section} for key in cells for row in _ours(study, key, keys)]
        others = pd.DataFrame(_published(keys, task, metric))
        for heading, group in others.groupby("section", sort=False) if len(others) else ():
            reference = group.loc[group["is_reference"], "mean"]
            if len(reference):
                group = group.assign(difference=group["mean"] - reference.iloc[0])
            notes += [where for where in dict.fromkeys(group["where"]) if where not in notes]
            rows += group.assign(section=f"{heading}, {study.label(task=task)}").to_dict("records")
    notes = notes or ["No published numbers of this ablation are known: see results/published/README.md."]
    if any(is_lora(method) and method["kind"] == "ina" for method in methods):
        notes.insert(0, _LORA_NOTE)
    reference = (
        "Reference (ref.): the method with the settings of its file in configs/. Δ: difference to it in points, paired "
        "by seed and by example, with the verdict by the rules of ina/stats/verdict.py. Intervals: of the expected "
        f"score and difference over seeds and examples, from {RESAMPLES:,} resamples; those of differences are "
        "simultaneous for their family. Where others published single runs, Δ is what follows from their numbers."
    )
    data = pd.DataFrame(rows)
    with_lora = any(method["kind"] == "lora" for method in methods)
    shown = pd.DataFrame([_shown(row, keys, with_lora) for row in data.to_dict("records")])
    return Table(
        name="ablation",
        title=f"Ablation, dev set, experiment {study.experiment}, data source {study.source}",
        caption=caption(study),
        shown=shown,
        data=data.filter([*_DATA[:6], *TITLES, *_DATA[6:], *_AGAINST, *(f"lora_{name}" for name in _AGAINST), "note"]),
        notes=(reference, *warnings(study), *notes),
    )


def _ours(study: Study, key: Key, keys: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """A cell by both selections in points, with its differences to its reference and to the LoRA like it."""
    model, task, name = key
    method, found = study.settings(model, name), summary(study)
    label = METHODS.get(method["name"], method["name"])
    common = {
        "origin": "ours",
        "label": f"{label} = LoRA" if is_lora(method) and method["kind"] == "ina" else label,
        "is_reference": name == method["name"],
        **{setting: format_setting(setting, method) for setting in keys},
    }
    found = found[(found[CELL] == key).all(axis=1) & (found["metric"] == found["headline"])]
    for row in found.rename(columns={"train.learning_rate": "learning_rate"}).to_dict("records"):
        for against, one in differences(study, key, row["selection"]).items():
            row |= {
                f"{against}against": one.b,
                f"{against}difference": one.difference,
                f"{against}difference_low": one.simultaneous_low,
                f"{against}difference_high": one.simultaneous_high,
                f"{against}verdict": one.name,
            }
        yield common | row


def differences(study: Study, key: Key, selection: str) -> dict[str, Any]:
    """The rows of `verdicts` on a cell against its reference, "", and for InA against the LoRA like it, "lora_"."""
    model, task, method = key
    found = verdicts(study)
    if not len(found):
        return {}
    found = found[(found["selection"] == selection) & (found["model"] == model) & (found["task"] == task)]
    of = study.settings(model, method)["kind"]
    return {
        "lora_" if study.settings(model, one.b)["kind"] == "lora" != of else "": one
        for one in found[found["a"] == method].itertuples()
    }


def _shown(row: dict[str, Any], keys: tuple[str, ...], with_lora: bool) -> dict[str, str]:
    ours, first = row["origin"] == "ours", row["selection"] == "best" or row["origin"] != "ours"
    shown = {SECTION: row["section"], "Method": row["label"] if first else ""}
    shown |= {TITLES[key]: (DASH if pd.isna(row[key]) else row[key]) if first else "" for key in keys}
    shown["Adapter"] = (f"{row['adapter']:,.0f}" if ours else DASH) if first else ""
    shown["Learning rate"] = (value_label(row["learning_rate"]) if ours else DASH) if first else ""
    shown["Epoch"] = row["selection"]
    score = row["text"] if not ours else spread(row["mean"], row["std"], row["n"] if first else None)
    shown["Score (n)"] = score + (f" †{row['degenerate']:.0f}" if ours and row["degenerate"] else "")
    shown["95 % interval"] = interval(row["low"], row["high"]) if ours else DASH
    for against, title in (("", "To reference"), *[("lora_", "To LoRA")] * with_lora):
        difference = row.get(f"{against}difference", np.nan)
        has_interval = not pd.isna(row.get(f"{against}difference_low", np.nan))
        is_reference = row["is_reference"] and not against and not has_interval
        blank = "" if ours else DASH
        shown[f"{title} Δ"] = "ref." if is_reference else DASH if pd.isna(difference) else signed(difference)
        ends = [row.get(f"{against}difference_{end}") for end in ("low", "high")]
        shown[f"{title} 95 % interval"] = interval(*ends, signed) if has_interval else blank
        shown[f"{title} verdict"] = row[f"{against}verdict"] if has_interval else blank
    return shown


def _published(keys: tuple[str, ...], task: str, metric: str) -> Iterator[dict[str, Any]]:
    """Numbers of others for the settings that vary: activations at 0.3 (InA's authors), levels of inhibition (theirs,
    and the best of five epochs of the precursor's curves); nothing is known of the rest."""
    if keys == ("activation",):
        rows = _rows("activation_ablation", task, metric)
        for row in sorted(rows, key=lambda row: _ACTIVATIONS.index(row["activation"])):
            yield _other("Authors' ablation, BERT-large", row, row["activation"], row["activation"] == "gelu")
    if "inhibition" in keys:
        for row in _rows("glue", task, metric):
            if row["beside"] == "released":
                activation = "identity" if row["method"] == "lora" else "leaky_relu"
                yield _other("Authors' released runs, BERT-large", row, activation, row["inhibition"] == "0.3")
        curves = pd.DataFrame(_rows("epoch_curves", task, metric))
        if len(curves):
            gate = curves[curves["method"] == "gate"]
            best = gate.loc[gate["value"].astype(float).groupby(gate["inhibition"]).idxmax()]
            for row in best.to_dict("records"):
                yield _other("Precursor, best of 5 epochs, BERT-large", row, "gelu", row["inhibition"] == "0.3")


def _rows(name: str, task: str, metric: str) -> list[dict[str, str]]:
    table = published(name)
    for wanted in (metric, INSTEAD.get(metric)):
        match = table[(table["task"] == task) & (table["metric"] == wanted)]
        if len(match):
            return match.to_dict("records")
    return []


def _other(heading: str, row: dict[str, str], activation: str, is_reference: bool) -> dict[str, Any]:
    return {
        "section": heading,
        "origin": heading,
        "label": METHODS.get(row["method"], row["method"]),
        "is_reference": is_reference,
        "where": f"{heading}: {folder(row['source'])}, {row['status']}{'; ' * bool(row['note'])}{row['note']}.",
        "activation": activation,
        "inhibition": f"{float(row['inhibition']):g}",
        **{name: row[name] for name in ("source", "model", "task", "method", "metric", "note")},
        "selection": "best" if row["selection"] == "epoch" else row["selection"],
        "mean": float(row["value"]),
        "text": row["value"],
    }
