"""What every experiment took, and the line that repeats it."""

from __future__ import annotations

import pandas as pd

from .collect import Study
from .layout import Column, Row, Table


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
