"""The numbers of ours in results/CLAIMS.md.

The claims, other people's evidence and our conclusions are written by hand. Every part between `<!-- claim: NAME -->`
and `<!-- /claim -->` is one of :func:`claim_texts`: a table of verdicts on a claim, by its topic, or a count of them.
"""

import pandas as pd

from .distractors import GROWTH, WORDS, advantages, levels
from .frame import GLUE, RATE_SUFFIXES, SELECTIONS, Study, task_order
from .table import DASH, rows_as_markdown, signed
from .verdicts import MEAN, verdicts

NOTHING = "no runs of ours"
TOPICS = {  # of the claims, and the second methods of the comparisons on each
    "glue": ("lora", "full"),
    "squad_v1": ("lora", "full"),
    "squad_v2": ("lora", "full"),
    "swag": ("lora",),
    "activations": ("ina",),
    "growth with inhibition": ("lora", "ina"),
    "growth without inhibition": ("lora",),
}
_ORDER = ("better", "equivalent", "worse", "undecided", "depends on the rate", *WORDS.values())
_COLUMNS = ["topic", "against", "scale", "on", "pair", "task", "label", "text", "verdict", "name", "weight"]


def claim_texts(studies: list[Study]) -> dict[str, str]:
    """Every part of the document by name: evidence on a topic, and counts of its verdicts on single tasks.

    Of the verdicts on the same methods of a model on a task, the weightiest counts. A study at another learning rate is
    no evidence of its own: it is part of the verdicts of the study that it checks. No claim rests on an interim study.
    """
    counted = [study for study in studies if not (study.is_interim or study.experiment.endswith(RATE_SUFFIXES))]
    every = comparisons(counted)
    single = every[every["task"] != MEAN].sort_values("weight", ascending=False, kind="stable")
    single = single.drop_duplicates(["topic", "scale", "task", "pair"]).sort_index()
    texts = {}
    for topic, seconds in TOPICS.items():
        if not topic.startswith("growth"):
            texts[topic] = evidence(every[every["topic"] == topic])
        for second in seconds:
            rows = single[(single["topic"] == topic) & (single["against"] == second)]
            texts[f"{topic} against {second}"] = counts(rows)
    adapters = single[single["topic"].isin(["glue", "squad_v1", "squad_v2"])]
    texts["no gain"] = counts(adapters)
    return texts


def comparisons(studies: list[Study]) -> pd.DataFrame:
    """The verdicts of all studies that bear on a claim, one row for both selections.

    Columns: topic; against, the kind of the second method; scale, the model and whether the data are generated; on;
    pair; task and its label; text, the differences at the best / last epoch with the verdict; verdict, of both
    selections where they agree, else "undecided", and its name in print; weight, which orders comparisons of the same
    methods by training examples gone through, seeds and time.
    """
    rows = [
        {"topic": topic, "against": study.settings(row.model, row.b)["kind"]} | _row(study, row)
        for study in studies
        for row in _judged(study).itertuples()
        if (topic := _topic(study, row))
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _judged(study: Study) -> pd.DataFrame:
    """The rows of verdicts on a study, or of growth where it has any, with the best epoch's beside the last one's."""
    found = advantages(study) if levels(study) else verdicts(study)
    if found.empty:
        return found
    if levels(study):
        last = best = found[found["distractors"] == GROWTH].assign(difference=found["value"], name=found["advantage"])
    else:
        best, last = (found[found["selection"] == selection].reset_index() for selection in SELECTIONS)
    return last.assign(best=best["difference"], best_verdict=best["verdict"])


def _topic(study: Study, row) -> str | None:
    a, b = study.settings(row.model, row.a), study.settings(row.model, row.b)
    if levels(study):
        return "growth with inhibition" if a["inhibition"] else "growth without inhibition"
    if {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)} == {"activation"}:
        return None if a["activation"] in ("gelu", "leaky_relu") else "activations"
    if a["kind"] != "ina" or b["kind"] not in ("lora", "full") or study.is_ablation:
        return None
    return "glue" if set(study.tasks) <= {*GLUE, "wnli"} else row.task


def _row(study: Study, row) -> dict:
    runs = study.runs[(study.runs["model"] == row.model) & (study.runs["method"] == row.a)]
    runs = runs[(runs["task"] == row.task) | (row.task == MEAN)]
    verdict, name = (row.verdict, row.name) if row.verdict == row.best_verdict else ("undecided", "undecided")
    model = study.label(model=row.model)
    return {
        "scale": model + " on generated data" * (study.source == "probe"),
        "on": f"{model}, {study.experiment}, data source {study.source}",
        "pair": study.pair_label(row.model, row.a, row.b),
        "task": row.task,
        "label": "Mean over tasks" if row.task == MEAN else study.label(task=row.task),
        "text": f"{signed(row.best)} / {signed(row.difference)} {name}",
        "verdict": verdict,
        "name": name,
        "weight": ((runs["train_rows"] * runs["train.epochs"]).iloc[0], len(runs), runs["finished"].max()),
    }


def evidence(found: pd.DataFrame) -> str:
    """A row for each study and pair of methods, a column for each task: differences and verdict, best / last epoch."""
    if found.empty:
        return f"{NOTHING.capitalize()}.\n"
    texts = found.set_index(["on", "pair", "label"])["text"].unstack(sort=False)
    task = dict(zip(found["label"], found["task"], strict=True))
    columns = sorted(texts, key=lambda label: (task[label] == MEAN, task_order(task[label])))
    return rows_as_markdown(texts[columns].fillna(DASH).rename_axis(["Our runs", "Methods"]).reset_index())


def counts(found: pd.DataFrame) -> str:
    """How often there is each verdict, for each model."""
    texts = []
    for scale, group in found.groupby("scale", sort=False):
        numbers = group["name"].value_counts()
        names = sorted(numbers.index, key=lambda name: (_ORDER.index(name.partition(" at ")[0]), name))
        texts.append(f"{scale}: " + ", ".join(f"{numbers[name]} {name}" for name in names))
    return "; ".join(texts) or NOTHING
