"""Tables of ablations: the settings that an experiment varies as rows, in their order, beside those of others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from .. import stats
from ..adapter.gate import ACTIVATIONS, THRESHOLDS
from . import collect, scores
from .collect import RULES, Cell, Rule, Study
from .layout import DASH, Column, Row, Table, points, signed, spread
from .others import INSTEAD, folder
from .outcomes import RESAMPLES, summarise
from .verdicts import Judged, judge

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
    "sites": lambda sites: (sites == ["all"], len(sites), [_SITES.index(site) for site in sites]),
}
_LORA_NOTE = (
    "InA = LoRA: without activation (identity) and threshold (inhibition 0), InA computes what LoRA does, apart "
    "from rounding."
)


def is_ablation(study: Study) -> bool:
    """Whether the study varies settings of a method rather than methods."""
    return study.experiment.startswith("ablation_")


def varied(study: Study) -> tuple[str, ...]:
    """The settings in which cells of the same model, task and method differ."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for cell in study.cells.values():
        method = _settings(cell)
        groups.setdefault((cell.model, cell.task, method["name"]), []).append(method)
    return tuple(key for key in TITLES if any(_differs(key, methods) for methods in groups.values()))


def _differs(key: str, methods: list[dict[str, Any]]) -> bool:
    return any(method.get(key) != methods[0].get(key) for method in methods)


def ordered(study: Study, model: str, task: str) -> list[Cell]:
    """The cells of a model and task, by method and then by the settings that vary."""
    keys = varied(study)

    def place(cell: Cell) -> tuple[Any, ...]:
        method = _settings(cell)
        values = [_ORDERS.get(key, lambda value: value)(method[key]) for key in keys if key in method]
        return (method["name"] != "lora", method["name"], *values)

    cells = [cell for cell in study.cells.values() if (cell.model, cell.task) == (model, task)]
    return sorted(cells, key=place)


def is_lora(method: dict[str, Any]) -> bool:
    """Whether a method's settings make it compute what LoRA computes."""
    if method["kind"] == "ina":
        return (method["activation"], method["inhibition"]) == ("identity", 0)
    return method["kind"] == "lora"


def panels(study: Study) -> list[tuple[str, str]]:
    """All (model, task), in order."""
    return list(dict.fromkeys((cell.model, cell.task) for cell in study.cells.values()))


def told(key: str, method: dict[str, Any]) -> str:
    """The value of a setting in print; LoRA has no gate to set."""
    value = method.get(key)
    if key == "detach_threshold":
        return "gradient stopped" if value else "gradient flows"
    return DASH if value is None else collect.value_text(value)


def ablation_table(study: Study) -> Table:
    """A section for each model and task, a row for each setting; below, the same settings as others published them."""
    keys = varied(study)
    with_lora = any(_settings(cell)["kind"] == "lora" for cell in study.cells.values())
    against = ("To reference", *(["To LoRA"] * with_lora))
    columns = (
        Column("Method", numeric=False),
        *(Column(TITLES[key], numeric=key in ("inhibition", "r")) for key in keys),
        Column("Adapter"),
        Column("Learning rate"),
        Column("Epoch", numeric=False),
        Column("Score (n)"),
        Column("95 % interval"),
        *(c for g in against for c in (Column("Δ", g), Column("95 % interval", g), Column("Verdict", g, False))),
    )
    rows, notes, data = [], [], []
    for model, task in panels(study):
        cells = ordered(study, model, task)
        metric = cells[0].headline
        rows.append(Row((f"{study.model_label(model)}, {collect.task_label(task)} ({metric})",), "section"))
        for cell in cells:
            for rule in RULES:
                rows.append(_row(study, cell, rule, keys, with_lora))
                data.append(_flat(study, cell, rule, keys))
        published = list(_published(keys, task, metric))
        for heading in dict.fromkeys(one["heading"] for one in published):
            rows.append(Row((f"{heading}, {collect.task_label(task)}",), "section"))
            group = [one for one in published if one["heading"] == heading]
            rows += [_published_row(one, keys, group, len(columns)) for one in group]
        notes += dict.fromkeys(one["where"] for one in published if one["where"] not in notes)
        data += [one["data"] for one in published]
    if not notes:
        notes = ["No published numbers of this ablation are known: see results/published/README.md."]
    if any(is_lora(_settings(cell)) and _settings(cell)["kind"] == "ina" for cell in study.cells.values()):
        notes.insert(0, _LORA_NOTE)
    reference = (
        "Reference (ref.): the method with the settings of its file in configs/. Δ: difference to it in points, paired "
        "by seed and by example, with the verdict by the rules of ina/stats/verdict.py. Intervals: of the expected "
        f"score and difference over seeds and examples, from {RESAMPLES:,} resamples; those of differences are "
        "simultaneous for their family. Where others published single runs, Δ is what follows from their numbers."
    )
    return Table(
        name="ablation",
        number="",
        title=f"Ablation, dev set, experiment {study.experiment}, data source {study.source}",
        caption=scores.caption(study),
        columns=columns,
        rows=tuple(rows),
        notes=(reference, *scores.warnings(study), *notes),
        data=pd.DataFrame(data),
    )


def _settings(cell: Cell) -> dict[str, Any]:
    return cell.first.config["method"]


def _method(method: dict[str, Any]) -> str:
    label = collect.NAMES.get(method["name"], method["name"])
    return f"{label} = LoRA" if is_lora(method) and method["kind"] == "ina" else label


def differences(study: Study, cell: Cell, rule: Rule) -> dict[str, Judged]:
    """The cell against its reference and, for InA, against the LoRA like it, where there are these: "", "lora"."""
    kinds = {of.method: _settings(of)["kind"] for of in study.cells.values()}
    judged = study.once(("judged", rule), partial(judge, study, rule))
    return {
        "lora" if kinds[one.b] == "lora" != kinds[one.a] else "": one
        for one in judged
        if (one.model, one.task, one.a) == (cell.model, cell.task, cell.method)
    }


def _row(study: Study, cell: Cell, rule: Rule, keys: tuple[str, ...], with_lora: bool) -> Row:
    method, found, degenerate = _settings(cell), differences(study, cell, rule), cell.degenerate(rule)
    of = cell.first
    rate = collect.value_text(of.config["train"]["learning_rate"])
    mine = (_method(method), *(told(key, method) for key in keys), f"{of.params.adapter:,}", rate)
    score = spread(cell.scores(cell.headline, rule), count=rule == "best") + (f" †{degenerate}" if degenerate else "")
    interval = _interval(summarise(study, cell, rule).interval)
    shown = []
    for against in ("", *(["lora"] * with_lora)):
        one = found.get(against)
        if one is None:
            shown += ["ref." if cell.method == method["name"] and not against else DASH, "", ""]
        else:
            difference = one.compared.difference.value
            shown += [signed(difference), _interval(one.verdict.interval, signed), one.verdict.verdict]
    names = mine if rule == "best" else ("",) * len(mine)
    return Row((*names, rule, score, interval, *shown), "main" if rule == "best" else "second")


def _interval(interval: stats.Interval, write=points) -> str:
    return f"[{write(interval.low)}, {write(interval.high)}]"


def _flat(study: Study, cell: Cell, rule: Rule, keys: tuple[str, ...]) -> dict[str, Any]:
    summary, method = summarise(study, cell, rule), _settings(cell)
    row = {
        "origin": "ours",
        "experiment": study.experiment,
        "source": study.source,
        "model": cell.model,
        "task": cell.task,
        "method": cell.method,
        **{key: told(key, method) for key in keys},
        "metric": cell.headline,
        "selection": rule,
        "n": summary.seeds,
        "mean": 100 * summary.mean,
        "std": None if summary.std is None else 100 * summary.std,
        "low": 100 * summary.interval.low,
        "high": 100 * summary.interval.high,
        "degenerate": cell.degenerate(rule),
        "adapter": cell.first.params.adapter,
        "learning_rate": cell.first.config["train"]["learning_rate"],
    }
    for against, one in differences(study, cell, rule).items():
        prefix = f"{against}_" if against else ""
        row |= {
            f"{prefix}against": one.b,
            f"{prefix}difference": 100 * one.compared.difference.value,
            f"{prefix}difference_low": 100 * one.verdict.interval.low,
            f"{prefix}difference_high": 100 * one.verdict.interval.high,
            f"{prefix}verdict": one.verdict.verdict,
        }
    return row


def _published(keys: tuple[str, ...], task: str, metric: str) -> Iterator[dict[str, Any]]:
    """Numbers of others for the settings that vary: activations at 0.3 (InA's authors), levels of inhibition (theirs,
    and the best of five epochs of the precursor's curves); nothing is known of the rest."""
    if keys == ("activation",):
        for row in sorted(
            _rows("activation_ablation", task, metric), key=lambda row: _ACTIVATIONS.index(row["activation"])
        ):
            of = row["activation"]
            yield _other("Authors' ablation, BERT-large", row, {"activation": of}, of == "gelu")
    if "inhibition" in keys:
        for row in _rows("glue", task, metric):
            if row["beside"] == "released":
                settings = {"activation": "leaky_relu", "inhibition": row["inhibition"]}
                if row["method"] == "lora":
                    settings["activation"] = "identity"
                yield _other("Authors' released runs, BERT-large", row, settings, row["inhibition"] == "0.3")
        curves = pd.DataFrame(_rows("epoch_curves", task, metric))
        if len(curves):
            gate = curves[curves["method"] == "gate"]
            best = gate.loc[gate["value"].astype(float).groupby(gate["inhibition"]).idxmax()]
            for row in best.to_dict("records"):
                settings = {"activation": "gelu", "inhibition": row["inhibition"]}
                yield _other("Precursor, best of 5 epochs, BERT-large", row, settings, row["inhibition"] == "0.3")


def _rows(name: str, task: str, metric: str) -> list[dict[str, str]]:
    table = collect.published(name)
    for wanted in (metric, INSTEAD.get(metric)):
        match = table[(table["task"] == task) & (table["metric"] == wanted)]
        if len(match):
            return match.to_dict("records")
    return []


def _other(heading: str, row: dict[str, str], settings: dict[str, str], reference: bool) -> dict[str, Any]:
    return {
        "heading": heading,
        "settings": settings | {"inhibition": f"{float(row['inhibition']):g}"},
        "label": collect.others_label(row["method"], ""),
        "value": float(row["value"]),
        "text": row["value"],
        "reference": reference,
        "rule": "best" if row["selection"] == "epoch" else row["selection"],
        "where": f"{heading}: {folder(row['source'])}, {row['status']}{'; ' * bool(row['note'])}{row['note']}.",
        "data": {
            "origin": heading,
            "source": row["source"],
            "model": row["model"],
            "task": row["task"],
            "method": row["method"],
            **settings,
            "metric": row["metric"],
            "selection": row["selection"],
            "mean": float(row["value"]),
            "note": row["note"],
        },
    }


def _published_row(one: dict[str, Any], keys: tuple[str, ...], group: list[dict[str, Any]], width: int) -> Row:
    base = next((other["value"] for other in group if other["reference"]), None)
    difference = DASH if base is None else "ref." if one["reference"] else signed((one["value"] - base) / 100)
    settings = (one["settings"].get(key, DASH) for key in keys)
    cells = (one["label"], *settings, DASH, DASH, one["rule"], one["text"], DASH)
    return Row((*cells, difference, *[DASH] * (width - len(cells) - 1)))
