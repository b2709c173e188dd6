"""docs/python.md and the notebook are executed, and name every argument and method that there is."""

import inspect
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import ablate
from tests.docs.snippets import Reader, sections

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "python.md"


def test_what_the_page_shows_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for section in sections(PAGE):
        reader.read(section)


def test_the_page_has_a_row_for_each_argument_and_method() -> None:
    rows = re.findall(r"(?m)^\| (`[^|]+`) \|", PAGE.read_text("utf-8"))
    told = {name for row in rows for name in re.findall(r"`([a-z_]+)", row)}
    arguments = set(inspect.signature(ablate.run).parameters) - {"study"}
    methods = {name for name, value in vars(ablate.StudyResults).items() if callable(value) and name[0] != "_"}
    assert told == arguments | methods


def test_the_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text("utf-8")):
        assert (DOCS / target).is_file(), target


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(DOCS / "notebook.ipynb", as_version=4)


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
