"""docs/exports.md is executed; it names every tool, format and kind of row."""

import re
from pathlib import Path

import pytest

from ablate.cli.export import Format, Kind, Tool
from ablate.report.trackers.write import Tracker
from tests.docs.snippets import Reader, sections

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"


def test_what_the_page_shows_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for section in sections(PAGE):
        reader.read(section)


def test_the_page_names_all_that_there_is() -> None:
    told = set(re.findall(r"`([a-z]+)`", PAGE.read_text("utf-8")))
    kinds = {kind.value for kind in Kind} - {"runs", "submission"}
    assert kinds | {form.value for form in Format} | {tool.value for tool in Tool} <= told
    assert [tool.value for tool in Tool] == [tool.value for tool in Tracker]


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / target).exists(), target
