"""What every experiment took, and the line that repeats it."""

from __future__ import annotations

import pandas as pd

from .frame import Study
from .table import Table


def cost_table(studies: list[Study]) -> Table:
    """One row an experiment and data source, and their sum."""
    data = pd.DataFrame(
        {
            "experiment": study.experiment,
            "source": study.source,
            "runs": len(study.runs),
            "count": study.count if study.plan and len(study.plan) != len(study.runs) else f"{len(study.runs)}",
            "process_hours": float(study.runs["hours"].sum()),
            "core_hours": float(study.runs["core_hours"].sum()),
            "repeat": _repeated(study),
        }
        for study in studies
    )
    total = data[["runs", "process_hours", "core_hours"]].sum()
    everything = {"experiment": "all", "source": "", "count": f"{total['runs']:,.0f}", "repeat": ""} | total.to_dict()
    listed = pd.concat([data, pd.DataFrame([everything])], ignore_index=True)
    shown = pd.DataFrame(
        {
            "Experiment": listed["experiment"],
            "Data": listed["source"],
            "Runs": listed["count"],
            "Process hours": listed["process_hours"].map("{:.1f}".format),
            "Core hours": listed["core_hours"].map("{:.1f}".format),
            "Repeat": [f"`{line}`" if line else "" for line in listed["repeat"]],
        }
    )
    return Table(
        name="cost",
        title="What every experiment took, and how to repeat it",
        caption="Hours of processes, each with a device of its own, and hours of processor cores, evaluation included. "
        "The line makes the runs anew, whatever is recorded here, and prints the table; on a machine without the files "
        "or the weights it takes what there is and says so.",
        shown=shown,
        data=data,
    )


def _repeated(study: Study) -> str:
    target = "reproduce-squad" if study.tasks[0].startswith("squad") else "reproduce-glue"
    line = f"make {target} EXPERIMENT={study.experiment}"
    if study.source == "files":
        return f"INA_DATA_DIR=… {line}"
    given = study.runs["data.source"].iloc[0] == study.source  # the experiment itself names the source
    return line if given else f"{line} ARGS=data={study.source}"
