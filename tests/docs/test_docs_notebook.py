"""docs/notebook.ipynb runs in a real kernel, and is committed without what it shows there."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PAGE = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PAGE, as_version=4)


def test_the_notebook_is_committed_without_outputs(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


def test_the_notebook_runs_and_shows_tables_and_a_picture(
    notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.data for output in outputs if "data" in output]
    texts = "".join(data.get("text/html", "") + data.get("text/plain", "") for data in shown)
    assert "tiny_notebook: 4/4 runs, ETA 0:00" in texts  # the line that changed while workers trained
    assert "What helps a tiny network? (4 of 4 runs done)" in texts
    assert any("image/png" in data for data in shown)
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert (tmp_path / "results.db").is_file()
