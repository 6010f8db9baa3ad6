"""The notebooks: committed without outputs, and they run from the first cell to the last."""

from pathlib import Path

import nbformat
import pytest
from made_up import write_measurement, write_run, write_study
from nbclient import NotebookClient

from ina.tables import collect
from ina.tables.collect import GLUE, SQUAD
from ina.tables.measured import measured

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TASKS = {"glue": GLUE, "squad": SQUAD}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, Path]:
    """The committed records; made-up ones where none is committed for a notebook."""
    committed = list(collect.studies(ROOT / "results"))
    found = {}
    for name, tasks in TASKS.items():
        found[name] = ROOT / "results"
        if not any(set(study.tasks) & set(tasks) for study in committed):
            found[name] = tmp_path_factory.mktemp(name)
            write_study(found[name], tasks=tasks[:2], seeds=(1, 2))
    found["mechanism"] = ROOT / "results"
    if not any(measured(study) for study in committed):
        found["mechanism"] = tmp_path_factory.mktemp("mechanism")
        for method in ("full", "lora", "ina"):
            for seed in (1, 2):
                write_measurement(
                    found["mechanism"], write_run(found["mechanism"], task="squad_v1", method=method, seed=seed)
                )
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.parametrize("name", [*TASKS, "mechanism"])
def test_a_notebook_runs_end_to_end_and_shows_tables_and_figures(name, results, monkeypatch):
    monkeypatch.setenv("INA_RESULTS", str(results[name]))
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "stream"]
    shown = [output["data"] for output in outputs]
    assert sum("text/html" in data for data in shown) >= 5
    assert sum("image/svg+xml" in data for data in shown) >= 5
