"""What a method costs: weights, time, memory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .collect import Cell, Study
from .layout import DASH, Column, Row, Table, span


def parameter_table(study: Study) -> Table:
    """Trainable weights of every model and method."""
    rows, data = [], []
    for model, method in study.methods:
        cells = _cells(study, model, method)
        params = [cell.first.params for cell in cells]
        of = cells[0].first.config["method"]
        shares = [each.trainable / each.total for each in params]
        rows.append(
            Row(
                (
                    study.model_label(model),
                    study.method_label(method),
                    "+".join(of["sites"]) if "sites" in of else "everywhere",
                    str(of.get("r", DASH)),
                    span([each.adapter for each in params]) if "sites" in of else DASH,
                    span([each.head for each in params]),
                    span([each.trainable for each in params]),
                    span([each.total for each in params]),
                    f"{100 * max(shares):.2f} %",
                )
            )
        )
        data += [
            {"experiment": study.experiment, "source": study.source, "model": model, "task": cell.task}
            | {"method": method, **cell.first.params.model_dump()}
            for cell in cells
        ]
    titles = ("Adapter", "Head", "Trainable", "Total", "Share")
    return Table(
        name="parameters",
        number="",
        title=f"Trainable weights, experiment {study.experiment}",
        caption="Numbers of weights; a range where heads differ between tasks. Share: of the total, at most.",
        columns=(
            Column("Model", numeric=False),
            Column("Method", numeric=False),
            Column("Sites", numeric=False),
            Column("r"),
            *map(Column, titles),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
    )


def efficiency_table(study: Study) -> Table:
    """Time and memory of every model and method, over the tasks that all methods of the model have."""
    rows, data = [], []
    for model in dict.fromkeys(model for model, _ in study.methods):
        methods = [method for of, method in study.methods if of == model]
        shared = [task for task in study.tasks if all((model, task, method) in study.cells for method in methods)]
        for method in methods:
            cells = [cell for cell in _cells(study, model, method) if cell.task in shared]
            data += [_measured(study, cell) for cell in _cells(study, model, method)]
            if not cells:
                continue
            runs = [run for cell in cells for run in cell.runs]
            speed = _mean([_mean([run.samples_per_second for run in cell.runs]) for cell in cells])
            memory = [run.peak_memory_mb for run in runs if run.peak_memory_mb is not None]
            rows.append(
                Row(
                    (
                        study.model_label(model),
                        study.method_label(method),
                        str(len(runs)),
                        _clock(_mean([run.wall_seconds for run in runs])),
                        DASH if speed is None else f"{speed:,.0f}",
                        f"{max(memory):,.0f}" if memory else DASH,
                        ", ".join(sorted({str(run.provenance.device or "unknown") for run in runs})),
                        ", ".join(sorted({run.provenance.dtype for run in runs})),
                        span([run.provenance.threads for run in runs]),
                    )
                )
            )
    return Table(
        name="efficiency",
        number="",
        title=f"Time and memory, experiment {study.experiment}, data source {study.source}",
        caption="Means over runs of the tasks that all methods of a model have been run on; memory is the maximum. "
        "Time per run includes evaluation after every epoch; samples per second are those of training.",
        columns=(
            Column("Model", numeric=False),
            Column("Method", numeric=False),
            Column("Runs"),
            Column("Time per run"),
            Column("Samples/s"),
            Column("Peak memory, MB"),
            Column("Device", numeric=False),
            Column("Format", numeric=False),
            Column("Threads"),
        ),
        rows=tuple(rows),
        notes=("Other work on the machine at the same time shows in these figures; make bench measures speed alone.",),
        data=pd.DataFrame(data),
    )


def cost_table(studies: list[Study]) -> Table:
    """What every experiment took, and the line that does it again."""
    rows, data = [], []
    for study in studies:
        hours = [(run.wall_seconds or 0) * run.provenance.processes / 3600 for run in study.runs]
        cores = sum(hour * run.provenance.threads for hour, run in zip(hours, study.runs, strict=True))
        of = f" of {study.planned}" if study.planned and study.planned != len(study.runs) else ""
        line = _repeated(study)
        rows.append(
            Row(
                (
                    study.experiment,
                    study.source,
                    f"{len(study.runs)}{of}",
                    f"{sum(hours):.1f}",
                    f"{cores:.1f}",
                    f"`{line}`",
                )
            )
        )
        data.append({"experiment": study.experiment, "source": study.source, "runs": len(study.runs)})
        data[-1] |= {"process_hours": sum(hours), "core_hours": cores, "repeat": line}
    total = [sum(row[name] for row in data) for name in ("runs", "process_hours", "core_hours")]
    rows.append(Row(("all", "", f"{total[0]:,}", f"{total[1]:.1f}", f"{total[2]:.1f}", "")))
    return Table(
        name="cost",
        number="",
        title="What every experiment took, and how to repeat it",
        caption="Hours of processes, each with a device of its own, and hours of processor cores, evaluation included. "
        "The line makes the runs anew, whatever is recorded here, and prints the table; on a machine without the files "
        "or the weights it takes what there is and says so.",
        columns=(
            Column("Experiment", numeric=False),
            Column("Data", numeric=False),
            Column("Runs"),
            Column("Process hours"),
            Column("Core hours"),
            Column("Repeat", numeric=False),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
    )


def _repeated(study: Study) -> str:
    target = "reproduce-squad" if study.tasks[0].startswith("squad") else "reproduce-glue"
    line = f"make {target} EXPERIMENT={study.experiment}"
    if study.source == "files":
        return f"INA_DATA_DIR=… {line}"
    given = study.runs[0].config["data"]["source"] == study.source  # the experiment itself names the source
    return line if given else f"{line} ARGS=data={study.source}"


def _cells(study: Study, model: str, method: str) -> list[Cell]:
    return [cell for cell in study.cells.values() if (cell.model, cell.method) == (model, method)]


def _measured(study: Study, cell: Cell) -> dict:
    return {
        "experiment": study.experiment,
        "source": study.source,
        "model": cell.model,
        "task": cell.task,
        "method": cell.method,
        "n": len(cell.runs),
        "wall_seconds": _mean([run.wall_seconds for run in cell.runs]),
        "samples_per_second": _mean([run.samples_per_second for run in cell.runs]),
        "peak_memory_mb": _mean([run.peak_memory_mb for run in cell.runs]),
        "device": cell.first.provenance.device,
        "dtype": cell.first.provenance.dtype,
        "threads": cell.first.provenance.threads,
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return DASH
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
