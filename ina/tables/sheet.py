"""results/REPRODUCIBILITY.md: the questions of the ACL reproducibility checklist, answered from the records."""

from __future__ import annotations

from ..record import Record
from . import render
from .collect import Study, task_label
from .layout import Column, Row, Table, span
from .resources import cost_table, efficiency_table, parameter_table
from .search import search_table

_HEAD = """# Reproducibility sheet

Written by `python -m ina.tables` from the records in `runs/`. The questions are those of the ACL checklist.

## For all results

- **Model and algorithm**: the equation is the docstring of `InaLinear` (`ina/adapter/layer.py`); what differs between
  the paper's text and the released code is a switch of `InaConfig`.
- **Code and dependencies**: this repository; versions are pinned in `pyproject.toml` and `environment.yml`.
- **Metrics**: `ina/metrics.py`, the official ones of each task; a task's headline metric picks the best epoch.
- **Splits**: everything is measured on the dev sets. No test set was used.
- **Seeds**: `seed` fixes the initial weights of head and adapter, the order of the data and dropout.
- **Raw outcomes**: per-example predictions of every run are in `predictions/`, every metric at every epoch in `runs/`.
"""

_TRAIN = ("learning_rate", "schedule", "warmup_ratio", "batch_size", "weight_decay", "max_grad_norm")
_METHOD = ("r", "alpha", "dropout", "inhibition", "activation", "threshold")


def sheet(studies: list[Study]) -> str:
    """The text of the sheet."""
    return f"{_HEAD}\n{render.markdown(cost_table(studies))}" + "".join(map(_section, studies))


def _section(study: Study) -> str:
    what = (search_table(study),) if study.is_search else (_settings(study), parameter_table(study))
    tables = (_data(study), *what, efficiency_table(study))
    return f"\n## {study.experiment}, data source {study.source}\n\n{_facts(study)}\n" + "".join(
        f"\n{render.markdown(table)}" for table in tables
    )


def _facts(study: Study) -> str:
    runs = study.runs
    of = f" of {study.planned}" if study.planned else ""
    seconds = sum(run.wall_seconds or 0 for run in runs)
    versions = sorted({f"{name} {version}" for run in runs for name, version in run.provenance.versions.items()})
    facts = {
        "Runs": f"{len(runs)}{of}, {seconds / 3600:.1f} hours in all, "
        f"{min(run.provenance.started for run in runs)[:10]} to {max(run.provenance.finished for run in runs)[:10]}",
        "Commits": _listed(run.provenance.commit or "unknown" for run in runs),
        "From a clean checkout": "all" if all(run.provenance.dirty is False for run in runs) else "not all",
        "Computing infrastructure": _listed(
            f"{run.provenance.device} ({run.provenance.processes} process(es), {run.provenance.threads} threads, "
            f"{run.provenance.dtype})"
            for run in runs
        ),
        "Software": f"Python {_listed(run.provenance.python for run in runs)}; {', '.join(versions)}",
        "Hyperparameter search": "this is one; dev stands for training rows held out from training"
        if study.is_search
        else "none within this experiment: one setting for each model, task and method, given below; where it comes "
        "from is said at the head of each file in `configs/`",
    }
    return "\n".join(f"- **{name}**: {text}" for name, text in facts.items())


def _listed(values) -> str:
    return ", ".join(sorted(set(map(str, values))))


def _data(study: Study) -> Table:
    rows = []
    for task in study.tasks:
        runs = [run for run in study.runs if run.task == task]
        rows.append(
            Row(
                (
                    task_label(task),
                    span([run.data.rows["train"] for run in runs]),
                    span([run.n for run in runs]),
                    _majority(study, runs[0]),
                    runs[0].headline,
                    ", ".join(sorted({run.data.fingerprint[:12] for run in runs})),
                )
            )
        )
    return Table(
        name="data",
        number="",
        title="Data",
        caption="English. Examples used for training (a fixed subset where an experiment limits them) and for "
        "evaluation; share of the most frequent dev label; fingerprint: SHA-256 over the content.",
        columns=(
            Column("Task", numeric=False),
            Column("Training"),
            Column("Dev"),
            Column("Most frequent label"),
            Column("Headline metric", numeric=False),
            Column("Fingerprint", numeric=False),
        ),
        rows=tuple(rows),
    )


def _majority(study: Study, run: Record) -> str:
    frame = study.predictions(run)
    labels = frame.get("label", frame.get("answerable"))
    if labels.dtype.kind == "f":
        return "a score"
    if labels.nunique() == 1:
        return "–"
    return f"{100 * labels.value_counts(normalize=True).max():.1f} %"


def _settings(study: Study) -> Table:
    rows = []
    for model, method in study.methods:
        runs = [run for run in study.runs if (run.model, run.method) == (model, method)]
        train = [_listed(run.config["train"][key] for run in runs) for key in (*_TRAIN, "epochs")]
        own = [_listed(run.config["method"].get(key, "–") for run in runs) for key in _METHOD]
        rows.append(Row((study.model_label(model), study.method_label(method), *train, *own)))
    return Table(
        name="settings",
        number="",
        title="Settings",
        caption="All values in use; several where tasks differ.",
        columns=(
            Column("Model", numeric=False),
            Column("Method", numeric=False),
            *(Column(key.replace("_", " ")) for key in (*_TRAIN, "epochs", *_METHOD)),
        ),
        rows=tuple(rows),
    )
