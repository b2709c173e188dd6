"""docs/latex.md says what the engines, the files and the replacements really are."""

import re
from pathlib import Path

from typer.main import get_command

from ablate.cli import app
from ablate.report.latex import ENGINES
from ablate.report.latex.letters import OTHER, RIGHT_TO_LEFT, replaced
from tests.docs.snippets import sections

PAGE = Path(__file__).parents[2] / "docs" / "latex.md"
TEXT = " ".join(PAGE.read_text("utf-8").split())


def test_engines_stand_in_the_order_in_which_they_are_tried() -> None:
    told = re.search(r"in this order: ((?:`\w+`(?:, )?)+)", TEXT)
    assert told is not None
    assert re.findall(r"`(\w+)`", told[1]) == list(ENGINES)


def test_replacements_are_what_the_page_says() -> None:
    assert (replaced("Ａ"), replaced("😀"), replaced("学")) == ("A", "[grinning face]", "[U+5B66]")
    assert all(f"`{text}`" in TEXT for text in ("A", "[grinning face]", "[U+5B66]"))
    assert rf"\newcommand{{{OTHER}}}[2]{{#1}}" in TEXT
    assert rf"\newcommand{{{RIGHT_TO_LEFT}}}[2]" in TEXT


def test_commands_of_the_page_have_the_options_that_they_name() -> None:
    known = {option for one in get_command(app).commands["report"].params for option in one.opts}
    typed = [snippet.text for section in sections(PAGE) for snippet in section.snippets if snippet.language == "sh"]
    options = set(re.findall(r"--[a-z]+", "".join(typed)))
    assert {"--latex", "--pdf"} <= options <= known
