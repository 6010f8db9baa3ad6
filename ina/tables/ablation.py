"""Tables of ablations: a row for each setting that an experiment varies, with published ablations below."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..adapter.gate import ACTIVATIONS, THRESHOLDS
from ..labels import METHOD_LABELS, value_label
from ..stats import RESAMPLES
from .outcomes import summary
from .published import published, short_source
from .scores import caption, warnings
from .study import Study
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
_ORDERS = {  # sort keys for values of a setting; the values of other settings sort as they are
    "activation": _ACTIVATIONS.index,
    "threshold": THRESHOLDS.index,
    "sites": lambda sites: (sites == ["all"], len(sites), [_SITES.index(site) for site in sites]),
}
_AGAINST = ["against", "difference", "difference_low", "difference_high", "verdict"]
_DATA = ["origin", "experiment", "source", "model", "task", "method", *TITLES, "metric", "selection", "n", "mean",
         "std", "low", "high", "degenerate", "adapter", "learning_rate", *_AGAINST,
         *(f"lora_{name}" for name in _AGAINST), "note"]  # fmt: skip


def varied(study: Study) -> tuple[str, ...]:
    """The settings in which cells of the same model, task and method differ."""
    groups = study.runs.groupby(["model", "task", "method.name"])
    columns = {key: f"method.{key}" for key in TITLES if f"method.{key}" in study.runs}
    return tuple(
        key for key, column in columns.items() if any(values.map(str).nunique() > 1 for _, values in groups[column])
    )


def equals_lora(method: dict[str, Any]) -> bool:
    """Whether InA's settings make it compute what LoRA computes."""
    return method["kind"] == "ina" and (method["activation"], method["inhibition"]) == ("identity", 0)


def format_setting(key: str, method: dict[str, Any]) -> str:
    """The printed value of a setting; a dash if the method lacks it, as LoRA lacks those of the gate."""
    value = method.get(key)
    if value is None:
        return DASH
    if key == "detach_threshold":
        return "gradient stopped" if value else "gradient flows"
    return value_label(value)


def ablation_table(study: Study) -> Table:
    """A section for each model and task, a row for each setting at its last epoch; published numbers below.

    `data` has both selections.
    """
    keys = varied(study)
    parts = []
    for model, task in study.model_tasks:
        parts += [_ours(study, model, task, keys), *_published(study, task, keys)]
    data = pd.concat([part.infer_objects() for part in parts], ignore_index=True)
    printed = data.query("origin != 'ours' or selection == 'last'")
    methods = [study.settings(model, method) for model, method in study.methods]
    with_lora = any(method["kind"] == "lora" for method in methods)
    sources = list(data["where"].dropna().unique()) if "where" in data else []
    notes = [
        "Reference (ref.): the method with the settings in its file in configs/. Δ: difference from the reference in "
        "points, paired by seed and by example, with its verdict (docs/reading-results.md). Intervals: of "
        "the expected "
        f"score and difference over seeds and examples, from {RESAMPLES:,} resamples; those of differences are "
        "simultaneous for their family. For single runs published by others, Δ is computed from their numbers.",
        *warnings(study),
    ]
    if any(map(equals_lora, methods)):
        notes.append(
            "InA = LoRA: without activation (identity) and threshold (inhibition 0), InA computes what LoRA does, "
            "apart from rounding."
        )
    nothing = "No published numbers of this ablation are known: see results/published/README.md."
    return Table(
        name="ablation",
        title=f"Ablation, dev set, experiment {study.experiment}, data source {study.source}",
        caption=caption(study, ("last",)),
        shown=pd.DataFrame([_shown(row, keys, with_lora) for row in printed.to_dict("records")]),
        data=data.filter(_DATA),
        notes=(*notes, *(sources or [nothing])),
    )


def _ours(study: Study, model: str, task: str, keys: tuple[str, ...]) -> pd.DataFrame:
    """Cells at both selections in points, with their differences from the reference and from the matching LoRA.

    They are in the order of the methods and then of the settings that vary.
    """

    def place(name: str) -> tuple[Any, ...]:
        method = study.settings(model, name)
        values = [_ORDERS.get(key, lambda value: value)(method[key]) for key in keys if key in method]
        return (method["name"] != "lora", method["name"], *values)

    cells = summary(study)
    cells = cells[(cells["model"] == model) & (cells["task"] == task) & (cells["metric"] == cells["headline"])]
    cells = cells.set_index("method").loc[sorted(set(cells["method"]), key=place)].reset_index()
    methods = [study.settings(model, method) for method in cells["method"]]
    cells = cells.rename(columns={"train.learning_rate": "learning_rate"}).assign(
        origin="ours",
        section=f"{study.model_task_label(model, task)} ({cells['headline'].iloc[0]})",
        label=[
            METHOD_LABELS.get(settings["name"], settings["name"]) + " = LoRA" * equals_lora(settings)
            for settings in methods
        ],
        is_reference=[settings["name"] == method for settings, method in zip(methods, cells["method"], strict=True)],
        **{key: [format_setting(key, settings) for settings in methods] for key in keys},
    )
    judged = verdicts(study)
    if judged.empty:
        return cells
    judged = judged[(judged["model"] == model) & (judged["task"] == task)]
    kinds = {method: study.settings(model, method)["kind"] for owner, method in study.methods if owner == model}
    to_lora = [kinds[b] == "lora" != kinds[a] for a, b in zip(judged["a"], judged["b"], strict=True)]
    join_columns, values = ["method", "selection"], ["b", "difference", "simultaneous_low", "simultaneous_high", "name"]
    judged = judged.rename(columns={"a": "method"}).assign(to_lora=to_lora)[[*join_columns, *values, "to_lora"]]
    for prefix, group in judged.drop_duplicates([*join_columns, "to_lora"], keep="last").groupby("to_lora"):
        names = {value: "lora_" * prefix + name for value, name in zip(values, _AGAINST, strict=True)}
        cells = cells.merge(group.drop(columns="to_lora").rename(columns=names), "left", join_columns)
    return cells


def _shown(row: dict[str, Any], keys: tuple[str, ...], with_lora: bool) -> dict[str, str]:
    is_ours = row["origin"] == "ours"
    shown = {SECTION: row["section"], "Method": row["label"]}
    shown |= {TITLES[key]: DASH if pd.isna(row[key]) else row[key] for key in keys}
    shown["Adapter"] = f"{row['adapter']:,.0f}" if is_ours else DASH
    shown["Learning rate"] = value_label(row["learning_rate"]) if is_ours else DASH
    shown["Epoch"] = row["selection"]
    score = spread(row["mean"], row["std"], row["n"]) if is_ours else row["text"]
    shown["Score (n)"] = score + (f" †{row['degenerate']:.0f}" if is_ours and row["degenerate"] else "")
    shown["95 % interval"] = interval(row["low"], row["high"]) if is_ours else DASH
    for prefix, title in (("", "To reference"), *[("lora_", "To LoRA")] * with_lora):
        _, difference, *ends, verdict = (row.get(f"{prefix}{name}", np.nan) for name in _AGAINST)
        cells = [DASH if pd.isna(difference) else signed(difference), *["" if is_ours else DASH] * 2]
        if not pd.isna(ends[0]):
            cells[1:] = interval(*ends), verdict
        elif row["is_reference"] and not prefix:
            cells[0] = "ref."
        shown |= dict(zip((f"{title} {column}" for column in ("Δ", "95 % interval", "verdict")), cells, strict=True))
    return shown


def _published(study: Study, task: str, keys: tuple[str, ...]) -> Iterator[pd.DataFrame]:
    """Published numbers for the settings that vary; only activations and levels of inhibition have any.

    Activations: InA's authors, at inhibition 0.3. Inhibition: InA's authors, and the precursor's best of five epochs.
    """

    def rows_of(name: str) -> pd.DataFrame:
        table = published(name)
        return table[(table["task"] == task) & (table["named"] == study.headline(task))]

    by_heading = {}
    if keys == ("activation",):
        rows = rows_of("activation_ablation")
        rows = rows.sort_values("activation", key=lambda values: values.map(_ACTIVATIONS.index))
        by_heading["Authors' ablation, BERT-large"] = rows.assign(is_reference=rows["activation"] == "gelu")
    if "inhibition" in keys:
        rows = rows_of("glue").query("beside == 'released'")
        activation = np.where(rows["method"] == "lora", "identity", "leaky_relu")
        by_heading["Authors' released runs, BERT-large"] = rows.assign(activation=activation)
        rows = rows_of("epoch_curves").query("method == 'gate'")
        best = rows.loc[rows["value"].astype(float).groupby(rows["inhibition"]).idxmax()]
        by_heading["Precursor, best of 5 epochs, BERT-large"] = best.assign(activation="gelu", selection="best")
    for heading, rows in by_heading.items():
        if rows.empty:
            continue
        mean = rows["value"].astype(float)
        is_reference = rows.get("is_reference", rows["inhibition"] == "0.3")
        shared = rows[["source", "model", "task", "method", "metric", "selection", "note", "activation"]]
        yield shared.assign(
            origin=heading,
            section=f"{heading}, {study.label(task=task)}",
            label=rows["method"].map(lambda method: METHOD_LABELS.get(method, method)),
            is_reference=is_reference,
            where=[f"{heading}: {short_source(one.source)}, {one.status}{'; ' * bool(one.note)}{one.note}."
                   for one in rows.itertuples()],
            inhibition=rows["inhibition"].map(lambda level: f"{float(level):g}"),
            mean=mean,
            text=rows["value"],
            difference=mean - mean[is_reference].iloc[0] if is_reference.any() else np.nan,
        )  # fmt: skip
