"""The notebooks: committed without outputs, and they run from the first cell to the last."""

from pathlib import Path

import nbformat
import pytest
from made_up import write_levels, write_measurement, write_run, write_study
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Records of an experiment of every kind."""
    root = tmp_path_factory.mktemp("results")
    write_study(root, tasks=("cola", "stsb"), seeds=(1, 2), experiment="glue")
    write_study(root, tasks=("squad_v1", "squad_v2"), seeds=(1, 2), experiment="squad")
    for seed in (1, 2):
        for method in ("full", "lora", "ina"):
            run = write_run(root, task="squad_v1", method=method, seed=seed, experiment="inside")
            write_measurement(root, run)
            write_levels(root, method, seed, (0, 2, 4), loss=0.1, questions=50)
        for level in (0.0, 0.3):
            write_run(root, task="stsb", method="ina", seed=seed, experiment="ablation_inhibition", inhibition=level)
    return root


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.parametrize("name", ["glue", "squad", "mechanism"])
def test_a_notebook_runs_end_to_end_and_shows_tables_and_figures(name, results, monkeypatch):
    monkeypatch.setenv("INA_RESULTS", str(results))
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "stream"]
    shown = [output["data"] for output in outputs]
    assert sum("text/html" in data for data in shown) >= 5
    assert sum("image/svg+xml" in data for data in shown) >= 5
