"""Reports as files, the final table, and the way from the database to both."""

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from report_cases import many, whole, wounded
from rich.console import Console

from ablate.errors import UsageError
from ablate.report.comparisons import comparisons_json
from ablate.report.console import summary_table
from ablate.report.write import write_report
from ablate.verdicts.results import Results


def printed(given: Results, width: int) -> list[str]:
    stream = StringIO()
    Console(file=stream, width=width).print(summary_table(given))
    return stream.getvalue().splitlines()


def test_a_report_is_text_json_and_pictures(tmp_path: Path) -> None:
    path = write_report(whole(), tmp_path / "reports" / "shapes")
    assert path == tmp_path / "reports" / "shapes" / "report.md"
    folder = path.parent
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == comparisons_json(whole())
    text = path.read_text(encoding="utf-8")
    names = ["effects", "factor-01-dropout", "factor-02-optimizer", "generalisation-gap", "grid-01-grid"]
    names += ["interaction-02-grid", "mains-01-grid", "named", "overview", "pareto-parameters"]
    assert sorted(file.name for file in (folder / "figures").iterdir()) == [
        f"{name}.{ending}" for name in names for ending in ("png", "svg")
    ]
    for name in names:
        assert f"](figures/{name}.png)" in text
        assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
    assert {entry.name for entry in folder.iterdir()} == {"report.md", "report.json", "figures"}


def test_a_second_report_replaces_the_first_and_nothing_else(tmp_path: Path) -> None:
    write_report(whole(), tmp_path)
    (tmp_path / "figures" / "mine.png").write_bytes(b"kept")
    (tmp_path / "notes.txt").write_text("kept", encoding="utf-8")
    outline = whole().outline
    without = replace(whole(), outline=outline.model_copy(update={"factors": outline.factors[:1], "designs": ()}))
    write_report(without, tmp_path)
    left = {file.name for file in (tmp_path / "figures").iterdir()}
    assert "mine.png" in left
    assert "factor-01-dropout.png" in left
    assert "factor-02-optimizer.png" not in left
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "kept"


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="--out DIR"):
        write_report(whole(), tmp_path / "taken")


@pytest.mark.parametrize("width", [80, 120])
def test_the_final_table_fits(width: int) -> None:
    for given in (whole(), wounded(), many(30)):
        lines = printed(given, width)
        assert max(map(len, lines)) <= width
        assert not any("…" in line for line in lines)


def test_the_final_table_says_what_was_found() -> None:
    lines = printed(wounded(), 120)
    adam = next(line for line in lines if line.strip().startswith("optimizer=Adam"))
    assert "4/5" in adam
    assert "undecided" in adam
    best = next(line for line in lines if line.strip().startswith("dropout=0.3, optimizer=Adam"))
    assert "+4.86 [+4.56, +5.15]" in best
    assert "better" in best
    assert "5 of 35 runs brought no value" in lines[-1]


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, ablate.report.console, ablate.report.comparisons, ablate.report.write, ablate.report.export;"
        "print(sorted({'torch', 'pandas', 'matplotlib', 'scipy', 'statsmodels'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
