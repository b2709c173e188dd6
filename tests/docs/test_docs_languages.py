"""docs/languages.md has options and calls that there are, and the Chinese README the commands of the English one."""

import inspect
import re
from pathlib import Path

from typer.main import get_command

from ablate.api.results import StudyResults
from ablate.cli import app
from ablate.report.language import languages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "languages.md").read_text("utf-8")
READMES = [(ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh.md")]


def test_commands_and_calls_of_the_page_take_a_language() -> None:
    for name in ("run", "report", "compare"):
        (option,) = [one for one in get_command(app).commands[name].params if "--lang" in one.opts]
        assert option.envvar == "ABLATE_LANG"
    assert "lang" in inspect.signature(StudyResults.report).parameters
    assert all(f'lang="{code}"' in PAGE or code == "en" for code in languages())


def test_both_readmes_have_the_same_commands_and_lead_to_each_other() -> None:
    blocks = [re.findall(r"^```\w+\n.*?^```$", text, flags=re.MULTILINE | re.DOTALL) for text in READMES]
    assert blocks[0] == blocks[1]
    rows = [re.findall(r"^\| (`[^|]*(?:\\\|[^|]*)*) \|", text, flags=re.MULTILINE) for text in READMES]
    assert [re.findall("`[^`]+`", row) for row in rows[0]] == [re.findall("`[^`]+`", row) for row in rows[1]]
    assert rows[0]
    links = [set(re.findall(r"\]\(([^)#]+)\)", text)) for text in READMES]
    assert links[0] - {"README.zh.md"} == links[1] - {"README.md"}
    assert "README.zh.md" in links[0]
    assert "README.md" in links[1]
