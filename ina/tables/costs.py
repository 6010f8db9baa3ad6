"""What every experiment took, and the line that repeats it."""

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
            "repeat": f"`{_repeated(study)}`",
        }
        for study in studies
    )
    total = data[["runs", "process_hours", "core_hours"]].sum()
    everything = {"experiment": "all", "count": f"{total['runs']:,.0f}"} | total.to_dict()
    listed = pd.concat([data, pd.DataFrame([everything])], ignore_index=True).fillna("")
    hours = {f"{kind}_hours": listed[f"{kind}_hours"].map("{:.1f}".format) for kind in ("process", "core")}
    titles = {"experiment": "Experiment", "source": "Data", "count": "Runs", "process_hours": "Process hours",
              "core_hours": "Core hours", "repeat": "Repeat"}  # fmt: skip
    return Table(
        name="cost",
        title="What every experiment took, and how to repeat it",
        caption="Hours of processes, each with a device of its own, and hours of processor cores, evaluation included. "
        "The line makes the runs anew, whatever is recorded here, and prints the table; on a machine without the files "
        "or the weights it takes what there is and says so.",
        shown=listed.assign(**hours)[[*titles]].rename(columns=titles),
        data=data,
    )


def _repeated(study: Study) -> str:
    target = "reproduce-squad" if study.tasks[0].startswith("squad") else "reproduce-glue"
    line = f"make {target} EXPERIMENT={study.experiment}"
    if study.source == "files":
        return f"INA_DATA_DIR=… {line}"
    given = study.runs["data.source"].iloc[0] == study.source  # the experiment itself names the source
    return line if given else f"{line} ARGS=data={study.source}"
