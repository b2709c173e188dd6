"""One study whose names mean something to shells, spreadsheets, browsers and paths, through every format of text."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tracked_cases import CUSTOM, NASTY, database

from tests.command import Ablate, clean_environment


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database."""
    folder = tmp_path_factory.mktemp("hostile")
    ends = {(NASTY[1], 0): "failed", (NASTY[2], 1): "diverged"}
    database(folder / "results.db", NASTY, title=NASTY[0], custom=CUSTOM, ends=ends)
    return folder


def test_no_cell_of_a_csv_begins_a_formula(hostile: Path, ablate: Ablate) -> None:
    for kind in ("runs", "epochs"):
        text = ablate("export", "tracked", kind, "--db", str(hostile / "results.db")).stdout
        rows = list(csv.reader(io.StringIO(text)))
        assert len({len(row) for row in rows}) == 1
        for cell in (cell for row in rows for cell in row):
            assert not re.match(r"[=@\t\r]|[+-](?!\d|nan)", cell), cell
        names = [row[0].removeprefix("'") if row[0][:2] in ("'=", "'+", "'-", "'@") else row[0] for row in rows[1:]]
        assert list(dict.fromkeys(names)) == list(NASTY)


def test_json_has_every_name_as_it_is(hostile: Path, ablate: Ablate) -> None:
    words = ("tracked", "--json", "--db", str(hostile / "results.db"))
    document = json.loads(ablate("report", *words).stdout)
    assert [document["baseline"]["variant"], *(one["variant"] for one in document["comparisons"])] == list(NASTY)


def test_markdown_shows_text_and_nothing_else(hostile: Path, ablate: Ablate, folder: Path) -> None:
    done = ablate("report", "tracked", "--db", str(hostile / "results.db"))
    assert (done.returncode, done.stdout) == (0, "report: reports/tracked/report.md\n")
    text = (folder / "reports" / "tracked" / "report.md").read_text("utf-8")
    for mark in ("<script", "<b>", "\u202e", "\x1b", "=HYPERLINK(1) |"):
        assert mark not in text, mark
    outside = text.split("```sh")[0]
    assert not re.search(r"(?<!\\)[`$~]", outside)
    widths: list[int] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))
        assert len(set(widths)) == 1, line
    shown = (
        "学习率 😀 × 2",
        "שלום עולם",
        r"\$x\$ 100 % \\input{x} &amp;amp;",
        r"a\|b&lt;script&gt;alert(1)&lt;/script&gt;",
    )
    assert [name for name in shown if name not in text] == []
    pictures = sorted(path.name for path in (folder / "reports" / "tracked" / "figures").iterdir())
    assert all(re.fullmatch(r"[a-z0-9-]+\.(png|svg)", name) for name in pictures), pictures
    assert not [path for path in (folder / "reports").rglob("*.svg") if "<script" in path.read_text("utf-8")]


def test_the_text_of_a_report_depends_on_nothing_but_the_database(ablate: Ablate, folder: Path) -> None:
    """A process with another locale, time zone, width and other hashes writes the same bytes as this one."""
    database(folder / "results.db", NASTY[:2], seeds=1, custom=CUSTOM, ends={(NASTY[1], 0): "failed"})
    assert ablate("report", "tracked", "--out", "here").returncode == 0
    other = {"LC_ALL": "C", "LANG": "C", "TZ": "Asia/Shanghai", "PYTHONHASHSEED": "7", "COLUMNS": "60"}
    subprocess.run(
        [sys.executable, "-m", "ablate", "report", "tracked", "--out", "there"],
        cwd=folder,
        env=clean_environment() | other | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    for name in ("report.md", "report.json"):
        here, there = ((folder / place / name).read_bytes() for place in ("here", "there"))
        assert here == there
        assert "script" in here.decode("utf-8")
