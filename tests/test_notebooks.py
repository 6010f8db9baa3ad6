"""The notebooks: committed as they were run, and they run from the first cell to the last on any results."""

from pathlib import Path

import nbformat
import pytest
from IPython.display import Image, Markdown
from made_up import write_levels, write_measurement, write_run, write_study

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Records of one experiment of every kind."""
    root = tmp_path_factory.mktemp("results")
    write_study(root, tasks=("cola", "stsb"), seeds=(1, 2), experiment="glue_small")
    write_study(root, tasks=("cola",), methods=("lora", "ina"), seeds=(3, 4), experiment="glue_confirm")
    write_study(root, tasks=("squad_v1",), seeds=(1, 2), experiment="squad_small")
    for seed in (1, 2):
        for method in ("full", "lora", "ina"):
            run = write_run(root, task="squad_v1", method=method, seed=seed, experiment="inside")
            write_measurement(root, run)
            write_levels(root, method, seed, (0, 2, 4), loss=0.1, questions=50)
        for level in (0.0, 0.3):
            write_run(root, task="stsb", method="ina", seed=seed, experiment="ablation_inhibition", inhibition=level)
    return root


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_as_it_was_run_with_the_committed_tables_and_nothing_that_differs_by_run(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert notebook.metadata == {"language_info": {"name": "python"}}
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(cell.metadata for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"display_data"}  # no error, no warning
    texts = [output.data.get("text/markdown", "") for output in outputs]
    tables, figures = [text for text in texts if text.startswith("**")], sum("image/png" in one.data for one in outputs)
    committed = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "results" / "tables").glob("*/*.md"))
    stale = [table.splitlines()[0] for table in tables if table not in committed]
    assert not stale, f"run: make notebooks; {path.name} shows tables that are not those of results/tables: {stale}"
    assert len(tables) >= 8 and figures >= 6
    assert path.stat().st_size < 600_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_end_to_end_on_other_results(path, results, monkeypatch):
    outputs, names, committed = [], {}, set()
    monkeypatch.setattr("IPython.display.display", outputs.append)
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            committed |= {output.data.get("text/markdown") for output in cell.outputs}
            exec(cell.source.replace('"../results"', repr(str(results))), names)
    tables = [one.data for one in outputs if isinstance(one, Markdown) and one.data.startswith("**")]
    assert len(tables) >= 5 and sum(isinstance(one, Image) for one in outputs) >= 4
    assert not committed & {*tables}
