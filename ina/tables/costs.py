"""The cost of every experiment."""

import pandas as pd

from .study import Study
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
        }
        for whole in studies
        for study in whole.parts or (whole,)
    )
    total = data[["runs", "core_hours"]].sum()
    everything = {"experiment": "all", "count": f"{total['runs']:,.0f}"} | total.to_dict()
    listed = pd.concat([data, pd.DataFrame([everything])], ignore_index=True).fillna("")
    hours = {"core_hours": listed["core_hours"].map("{:.1f}".format)}
    titles = {"experiment": "Experiment", "source": "Data", "count": "Runs", "core_hours": "Core hours"}
    return Table(
        name="cost",
        title="The cost of every experiment, and how to repeat it",
        caption="Hours of processor cores, evaluation included. `make reproduce-glue EXPERIMENT=<experiment>` makes "
        "the runs of any experiment in configs/study again, also one on SQuAD, recorded or not, and prints the table. "
        "Data *files* needs INA_DATA_DIR, else other data is used.",
        shown=listed.assign(**hours)[[*titles]].rename(columns=titles),
        data=data,
    )
