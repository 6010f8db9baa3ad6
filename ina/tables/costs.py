"""The cost of every experiment, and the command that repeats it."""

import pandas as pd

from ..compose import compose, options
from .frame import Study
from .table import Table


def cost_table(studies: list[Study]) -> Table:
    """A row for each experiment and data source, and their sum."""
    data = pd.DataFrame(
        {
            "experiment": study.experiment,
            "source": study.source,
            "runs": len(study.runs),
            "count": study.count if study.plan and len(study.plan) != len(study.runs) else f"{len(study.runs)}",
            "core_hours": float(study.runs["core_hours"].sum()),
            "repeat": _repeated(study),
        }
        for whole in studies
        for study in whole.parts or (whole,)
    )
    total = data[["runs", "core_hours"]].sum()
    everything = {"experiment": "all", "count": f"{total['runs']:,.0f}"} | total.to_dict()
    listed = pd.concat([data, pd.DataFrame([everything])], ignore_index=True).fillna("")
    hours = {"core_hours": listed["core_hours"].map("{:.1f}".format)}
    titles = {"experiment": "Experiment", "source": "Data", "count": "Runs", "core_hours": "Core hours"}
    titles["repeat"] = "Repeat"
    return Table(
        name="cost",
        title="The cost of every experiment, and how to repeat it",
        caption="Hours of processor cores, evaluation included. The command makes all runs again, recorded or not, and "
        "prints the table. Where files or weights are missing, it says what it uses instead.",
        shown=listed.assign(**hours)[[*titles]].rename(columns=titles),
        data=data,
    )


def _repeated(study: Study) -> str:
    """The command that makes an experiment's runs again; empty for other runs."""
    if study.experiment not in options("experiment"):
        return ""
    target = "reproduce-squad" if study.tasks[0].startswith("squad") else "reproduce-glue"
    line = f"make {target} EXPERIMENT={study.experiment}"
    default = compose([f"experiment={study.experiment}"]).data.source
    if study.source != ("files" if default == "auto" else default):
        line += f" ARGS=data={study.source}"
    return f"`INA_DATA_DIR=… {line}`" if study.source == "files" else f"`{line}`"
