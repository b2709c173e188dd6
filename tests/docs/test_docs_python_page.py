"""docs/python.md is executed, and names every argument and method that there is."""

import inspect
import re
from pathlib import Path

import pytest

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
