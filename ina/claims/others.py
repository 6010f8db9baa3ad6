"""The numbers of others that bear on the claims, and what they show by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from ..tables import collect
from ..tables.collect import GLUE, task_label

LEVELS = ("0.0", "0.1", "0.3", "0.9")  # of inhibition; the released code runs plain LoRA at 0
_CURVES = {"full fine-tuning": ("full", "")} | {f"gate, inhibition {float(i):g}": ("gate", i) for i in LEVELS}


class Numbers:
    """The numbers of others, in points."""

    def __init__(self) -> None:
        self.tables = {
            name: collect.published(name).assign(value=lambda table: table["value"].astype(float))
            for name in ("glue", "squad", "activation_ablation", "epoch_curves")
        }

    def where(self, name: str, **columns: str) -> pd.DataFrame:
        """Rows of results/published/<name>.csv whose columns have these values."""
        table = self.tables[name]
        for column, value in columns.items():
            table = table[table[column] == value]
        return table

    def one(self, name: str, **columns: str) -> float:
        """The single number that fits.

        Raises:
            LookupError: There is none, or several.
        """
        found = self.where(name, **columns)
        if len(found) != 1:
            raise LookupError(f"results/published/{name}.csv has {len(found)} rows with {columns}, not one")
        return float(found["value"].iloc[0])

    def released(self, name: str, task: str, metric: str, model: str = "bert_large") -> dict[str, float]:
        """The authors' released runs by level of inhibition."""
        found = self.where(name, model=model, task=task, metric=metric, beside="released")
        return dict(zip(found["inhibition"], found["value"], strict=True))

    def released_differences(self, level: str) -> dict[str, float]:
        """Released InA less released LoRA by GLUE task, headline metric."""
        scores = {task: self.released("glue", task, collect.task_headline(task)) for task in GLUE}
        return {task: of[level] - of["0.0"] for task, of in scores.items() if level in of}

    def curve(self, task: str, method: str, level: str = "") -> pd.Series:
        """Dev scores of the precursor's figure after epochs 1 to 5."""
        return self.where("epoch_curves", task=task, method=method, inhibition=level, selection="epoch")["value"]

    def best_of_curves(self, task: str) -> str:
        """The best epoch of each curve, told."""
        levels = ", ".join(f"{self.curve(task, 'gate', level).max():.1f} at {float(level):g}" for level in LEVELS)
        return f"best of 5 epochs: {self.curve(task, 'full').max():.1f} without gate; {levels}"

    def average(self, method: str, level: str, pick: Callable[[pd.Series], float]) -> float:
        """Mean over the eight GLUE tasks of one number of each curve."""
        return sum(float(pick(self.curve(task, method, level))) for task in GLUE) / len(GLUE)

    def collapsed(self) -> pd.DataFrame:
        """Entries of the ablation of activations that are majority-class scores."""
        table = self.tables["activation_ablation"]
        return table[table["note"].str.contains("majority-class")]


def points(value: float) -> str:
    """A difference in points, with its sign."""
    return f"{value:+.2f}".replace("-", "−")


def ahead(differences: dict[str, float]) -> str:
    """On how many tasks a method is ahead, on which, and by how much in the mean."""
    tasks = [task_label(task) for task, difference in differences.items() if difference > 0]
    named = f" ({', '.join(tasks)})" if tasks else ""
    mean = sum(differences.values()) / len(differences)
    return f"ahead on {len(tasks)} of {len(differences)} tasks{named}, mean difference {points(mean)}"


def figures_themselves(numbers: Numbers) -> str:
    """The section on what the published figures show; facts and inference apart."""
    gelu = numbers.where("activation_ablation", activation="gelu")
    printed = {row.task: row.value for row in gelu.itertuples() if row.task != "glue"}
    curves = {task: numbers.curve(task, "gate", "0.3") for task in GLUE}
    equal = [task for task in GLUE if abs(printed[task] - curves[task].max()) < 0.05]
    lower_at_end = [task for task in equal if curves[task].iloc[-1] < printed[task] - 0.05]
    best = {name: numbers.average(*of, max) for name, of in _CURVES.items()}
    last = {name: numbers.average(*of, lambda curve: curve.iloc[-1]) for name, of in _CURVES.items()}
    means = "\n".join(f"| {name} | {best[name]:.2f} | {last[name]:.2f} |" for name in _CURVES)
    collapsed = "; ".join(
        f"{name.upper()}: {', '.join(f'{task_label(row.task)} {row.value:g}' for row in rows.itertuples())}"
        for name, rows in numbers.collapsed().groupby("activation")
    )
    ablation = numbers.tables["activation_ablation"]
    selu = ablation[ablation["activation"] == "selu"].set_index("task")["value"]
    entries = selu.drop("glue").mean()
    without_cola = entries - selu["cola"] / len(GLUE)
    baseline = numbers.one("glue", task="glue", model="bert_large", method="full", beside="published")
    released = "\n".join(
        f"  - inhibition {float(level):g}: {ahead(numbers.released_differences(level))}" for level in LEVELS[1:]
    )
    return f"""## What the published figures themselves show

### Facts

- The GELU column of the ablation table (BERT-large, inhibition 0.3), which holds the paper's CoLA {printed["cola"]},
  equals to 0.1 the best of five dev epochs of the precursor at inhibition 0.3, on {len(equal)} of {len(GLUE)} tasks.
  On {len(lower_at_end)} of them the last epoch is lower than the best.
- The precursor's gate has two full d × d layers for each gated projection, and its code freezes nothing.
- Means over the eight tasks on the curves of the precursor's figure, one curve each:

| BERT-large | best epochs | last epoch |
|---|---|---|
{means}

- The published average of fully fine-tuned BERT-large is {baseline}.
- {len(numbers.collapsed())} entries of the ELU and SELU columns are majority-class scores ({collapsed}).
- The printed mean of the SELU column is {selu["glue"]}; that of its entries is {entries:.2f}, and {without_cola:.2f}
  with CoLA counted as 0.
- The authors' released low-rank runs (BERT-large cased, one run each, last epoch), InA less LoRA at equal settings:
{released}

### Inference

- The BERT-large numbers known from the paper are likely best dev epochs of the full-rank precursor. If so, rank 4 or 8
  in a frozen backbone, measured at the last epoch, should not be expected to reach them. Why the two coincide is not
  known.
- What the ablation shows about ELU and SELU is mostly a failure to train at the settings used.
- One run each cannot tell the released differences from the spread between seeds, in either direction.
"""
