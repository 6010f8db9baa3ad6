"""The weights that each method trains in the paper's models, counted from shapes alone: nothing is downloaded or run.

python scripts/parameters.py > results/tables/parameters.md      a minute
"""

from __future__ import annotations

import transformers

from ina import cost, plan
from ina.config import RunConfig, check
from ina.tables import collect, render
from ina.tables.layout import DASH, Column, Row, Table

MODELS = ("bert_large", "roberta_large", "deberta_v3_large", "deberta_large")
METHODS = ("full", "lora", "lora_released", "ina", "ina_released")
RANKS = (4, 8)  # of the paper


def main() -> None:
    """Print the table in Markdown."""
    transformers.logging.set_verbosity_error()
    print(render.markdown(table(MODELS)), end="")


def table(models: tuple[str, ...]) -> Table:
    """Weights of adapter and head of every model, method and rank."""
    rows = []
    for model in models:
        for method in METHODS:
            for rank in RANKS if method != "full" else (None,):
                rows.append(_row(*(_configured(model, task, method, rank) for task in ("cola", "squad_v1"))))
    return Table(
        name="parameters",
        number="",
        title="Trainable weights of the paper's models",
        caption="Numbers of weights, counted from the models' shapes by scripts/parameters.py; BERT-large is cased on "
        "GLUE and uncased on SQuAD. GLUE: a task of two classes; MNLI's third has 1,025 weights more, STS-B's single "
        "score 1,025 less. Full to method: how many weights full fine-tuning trains on GLUE for one of the method's.",
        columns=(
            Column("Model", numeric=False),
            Column("Method", numeric=False),
            Column("Sites", numeric=False),
            Column("r"),
            Column("Adapter"),
            *(Column(title, group) for group in ("GLUE", "SQuAD") for title in ("Head", "Trainable", "Total")),
            Column("Full to method"),
        ),
        rows=tuple(rows),
        notes=(
            "The authors' SQuAD runs train the LayerNorms as well: in BERT-large 100,352 weights beside adapter and "
            "head at r = 8, together the 1,282,050 of their log (ChengKang520/inhibited-lora@7e40a8a).",
        ),
    )


def _configured(model: str, task: str, method: str, rank: int | None) -> RunConfig:
    given = [f"model={model}", f"task={task}", f"method={method}"]
    return check(plan.compose_config(given + ([f"method.r={rank}"] if rank else [])))


def _row(glue: RunConfig, squad: RunConfig) -> Row:
    method = glue.method.model_dump()
    on_glue, on_squad = cost.params(glue), cost.params(squad)
    counts = [f"{n:,}" for each in (on_glue, on_squad) for n in (each.head, each.trainable, each.total)]
    return Row(
        (
            glue.model.label,
            collect.NAMES[method["name"]],
            "+".join(method["sites"]) if "sites" in method else "everywhere",
            str(method.get("r", DASH)),
            f"{on_glue.adapter:,}" if "sites" in method else DASH,
            *counts,
            f"{(on_glue.total - on_glue.adapter) / on_glue.trainable:,.0f}",
        )
    )


if __name__ == "__main__":
    main()
