"""Our own evidence in results/CLAIMS.md.

The claims, other people's evidence and our conclusions are written by hand. Every part between `<!-- claim: TOPIC -->`
and `<!-- /claim -->` is a table of our verdicts on the topic, made by `claim_texts`.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..stats import MIN_SEEDS
from .distractors import GROWTH, advantages, levels, trained
from .frame import GLUE, task_order
from .study import RATE_SUFFIXES, Study, role
from .table import DASH, interval, rows_as_markdown, signed
from .verdicts import MEAN, of_inhibition, verdicts

TOPICS = ("glue", "squad_v1", "squad_v2", "swag", "activations", "irrelevant")
_COLUMNS = ["topic", "against", "on", "pair", "seeds", "column", "order", "text"]


def claim_texts(studies: list[Study]) -> dict[str, str]:
    """The evidence on each topic: a row for each study and pair of methods, a column for each task.

    Studies at a neighbouring learning rate have no row: they count in the verdicts of the studies that they check.
    Interim studies, replaced ones, and pairs with fewer than MIN_SEEDS seeds have none either.
    """
    counted = [study for study in studies if not (study.is_interim or study.experiment.endswith(RATE_SUFFIXES))]
    finished = {study.experiment for study in counted}
    counted = [study for study in counted if role(study.experiment).replaced_by not in finished]
    rows = pd.DataFrame([row for study in counted for row in _rows(study)], columns=_COLUMNS)
    rows = rows[rows["seeds"] >= MIN_SEEDS]
    return {topic: _evidence(rows[rows["topic"] == topic]) for topic in TOPICS}


def _rows(study: Study) -> Iterator[dict[str, Any]]:
    """The verdicts of a study at the last epoch that bear on a claim."""
    found = verdicts(study)
    for row in (found[found["selection"] == "last"] if len(found) else found).itertuples():
        if topic := _topic(study, row.model, row.a, row.b, row.task):
            column = "Mean over tasks" if row.task == MEAN else study.label(task=row.task)
            yield _shared(study, row) | {
                "topic": topic,
                "column": f"{_prefix(study, row.task)}F1 with {trained(study)}" if levels(study) else column,
                "order": (row.task == MEAN, *task_order(row.task)),
                "text": _text(row, row.difference, row.name),
            }
    grown = advantages(study) if levels(study) else pd.DataFrame()
    for row in (grown[grown["distractors"] == GROWTH] if len(grown) else grown).itertuples():
        yield _shared(study, row) | {
            "topic": "irrelevant",
            "column": f"{_prefix(study, row.task)}Growth",
            "order": (True,),
            "text": _text(row, row.value, row.advantage),
        }


def _topic(study: Study, model: str, a: str, b: str, task: str) -> str | None:
    first, second = study.settings(model, a), study.settings(model, b)
    if levels(study):
        return "irrelevant" if of_inhibition(study, model, a, b) == (a, b) else None
    if {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)} == {"activation"}:
        return "activations"
    if first["kind"] != "ina" or second["kind"] not in ("lora", "full") or study.is_ablation:
        return None
    return "glue" if set(study.tasks) <= {*GLUE, "wnli"} else task


def _prefix(study: Study, task: str) -> str:
    """The task's name before a column title, if a study has several tasks."""
    return f"{study.label(task=task)}: " * (len(study.tasks) > 1)


def _shared(study: Study, row) -> dict[str, Any]:
    return {
        "against": study.settings(row.model, row.b)["kind"],
        "on": f"{study.label(model=row.model)}, [{study.experiment}](tables/{study.name}/verdicts.md)",
        "pair": study.pair_label(row.model, row.a, row.b),
        "seeds": row.seeds,
    }


def _text(row, difference: float, verdict: str) -> str:
    return f"{signed(difference)} {interval(row.simultaneous_low, row.simultaneous_high)} {verdict}"


def _evidence(found: pd.DataFrame) -> str:
    if found.empty:
        return f"No runs of ours with {MIN_SEEDS} seeds or more.\n"
    columns = found.drop_duplicates("column").sort_values("order")["column"]
    place = found["against"].map({"ina": 1, "full": 2}).fillna(0)
    found = found.assign(place=place).sort_values("place", kind="stable")
    texts = found.set_index(["on", "pair", "column"])["text"].unstack(sort=False)
    return rows_as_markdown(texts[columns].fillna(DASH).rename_axis(["Our runs", "Methods"]).reset_index())
