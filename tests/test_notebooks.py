"""The notebooks: they run from the first cell to the last, and are committed with fresh outputs."""

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


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook after a run from the first cell to the last."""
    notebook = nbformat.read(path, as_version=4)
    return NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()


def shown(notebook: nbformat.NotebookNode) -> list[dict]:
    """What the cells show, by media type."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type in ("stream", "error")]
    return [output["data"] for output in outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_any_records_and_shows_tables_and_figures(path, results, monkeypatch):
    monkeypatch.setenv("INA_RESULTS", str(results))
    found = shown(run(path))
    assert sum("text/markdown" in data for data in found) >= 5
    assert sum("image/png" in data for data in found) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_committed_outputs_show_the_committed_tables(path):
    written = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "results" / "tables").glob("*/*.md"))
    found = shown(nbformat.read(path, as_version=4))
    tables = [text for data in found if (text := "".join(data.get("text/markdown", ""))).startswith("**")]
    assert len(tables) >= 5 and all(text in written for text in tables)
    assert sum("image/png" in data for data in found) >= 5
    assert path.stat().st_size < 1_000_000
