"""`report.tex` and its tables: what they say, that names stay harmless text, and that real engines set them."""

import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from report_cases import many, shapes, whole, wounded

from ablate.errors import UsageError
from ablate.report.latex import ENGINES, Source, compile_report, find_engines, render
from ablate.report.latex.layout import SIZES, lay_out
from ablate.report.latex.letters import escape, replaced
from ablate.report.latex.tables import table_file
from ablate.report.latex.widths import width, wrapped
from ablate.report.table import Cell, Column, Row, Table, words
from ablate.report.write import write_report
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

PICTURES = {"overview": "overview", "factor dropout": "factor-01-dropout"}
HOSTILE = "\\end{document} {x} $y$ & # ^ _ % ~ < > | \" ` -- '' 学习率 😀 שלום עולם Привет é Ω \x1b[31m"


def source(given: Results) -> Source:
    return render(analyse(given), PICTURES)


def together(found: Source) -> str:
    tables = (f"%%% tables/{name}\n{text}" for name, text in found.tables.items())
    return "\n".join([found.report, *tables])


def hostile(count: int = 3) -> Results:
    """Every name of the study is one that LaTeX would trip over, and some are long."""
    outline = many(count).outline
    named = tuple(
        one.model_copy(update={"name": f"{'x' * 60 if place == 2 else HOSTILE} {place}" if place else "baseline"})
        for place, one in enumerate(outline.variants)
    )
    labelled = tuple(one.model_copy(update={"label": f"[{HOSTILE}]"}) for one in outline.factors)
    return replace(
        many(count), outline=outline.model_copy(update={"title": HOSTILE * 3, "variants": named, "factors": labelled})
    )


@pytest.mark.parametrize(("name", "make"), [("whole", whole), ("wounded", wounded)])
def test_the_report_is_the_golden_one(
    name: str, make: Callable[[], Results], golden: Callable[[str, str], str]
) -> None:
    text = together(source(make()))
    assert text == golden(f"{name}.tex", text)


def test_the_order_of_stored_rows_does_not_matter() -> None:
    given = wounded()
    shuffled = replace(given, runs=given.runs[::-1], epochs=given.epochs[::-1], failures=given.failures[::-1])
    assert together(source(shuffled)) == together(source(given))


def test_only_what_is_better_is_bold_and_the_baseline_is_marked() -> None:
    for given in (whole(), wounded()):
        for text in source(given).tables.values():
            rows = [line for line in text.splitlines() if line.endswith(r"\\") and r"\begin" not in line]
            assert all("better" in line for line in rows if r"\textbf" in line)
    table = source(whole()).tables["dropout.tex"]
    assert r"\textit{0 (baseline)} & 5" in table
    assert "not adjusted for the number of comparisons; verdicts are Holm-adjusted. Bold marks better." in table


def test_a_table_has_a_caption_and_a_label_and_no_preamble() -> None:
    found = source(whole())
    for name, text in found.tables.items():
        assert text.count(r"\caption{") == 1
        assert rf"\label{{tab:shapes-{name.removesuffix('.tex')}}}" in text
        assert r"\usepackage" not in text
        assert rf"\input{{tables/{name.removesuffix('.tex')}}}" in found.report
    assert found.report.count(r"\input{tables/") == len(found.tables)


def test_tables_of_one_title_have_files_of_their_own() -> None:
    outline = shapes(factors=tuple(one.model_copy(update={"label": "学习率"}) for one in shapes().factors))
    names = [name for name in source(replace(whole(), outline=outline)).tables if name.startswith("table")]
    assert names == ["table.tex", "table-2.tex", "table-3.tex"]  # the third is of their grid


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b & 5 % of {x}", r"a\_b \& 5 \% of \{x\}"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("--set <<x>>", r"-\kern0pt{}-set \textless{}\kern0pt{}\textless{}x\textgreater{}\kern0pt{}\textgreater{}"),
        ("[1] in front", "{}[1] in front"),
        ("−2.84 ± 0.15 × Δ", r"$-$2.84 $\pm$ 0.15 $\times$ $\Delta$"),
        ("Müller\x00\x1b\u202e", "Müller"),
        ("学习", r"\AblateLetters{学习}{[U+5B66 U+4E60]}"),
        ("😀", r"\AblateLetters{😀}{[grinning face]}"),
        ("שלום עולם", r"\AblateRightToLeft{שלום עולם}{" + replaced("שלום עולם") + "}"),
        ("two\n lines", "two lines"),
    ],
)
def test_text_stays_text(text: str, latex: str) -> None:
    assert escape(text) == latex


def test_a_long_name_without_blanks_may_be_broken() -> None:
    assert escape("0123456789abcdef" * 4).count(r"\allowbreak{}") >= 4
    assert r"\allowbreak" not in escape("Donaudampfschifffahrtsgesellschaft")  # has syllables


def table(columns: int, rows: int, text: str = "12.34 ± 0.56") -> Table:
    heads = tuple(Column(name=f"c{number}", heading=f"a heading {number}") for number in range(columns))
    cells = (words("a variant with a long name, which goes on and on and on"), *(Cell(text=text),) * (columns - 1))
    return Table(title="Wide", columns=heads, rows=(Row(cells=cells),) * rows)


@pytest.mark.parametrize("columns", [2, 6, 9, 14, 40])
def test_no_column_leaves_the_page(columns: int) -> None:
    layout = lay_out(table(columns, 3))
    assert sorted({one.index for part in layout.parts for one in part}) == list(range(columns))
    for part in layout.parts:
        assert part[0].index == 0
        assert sum(one.width for one in part) <= layout.size.room(len(part)) + 1e-6
        assert all(width(line) <= one.width + 0.1 for one in part for line in one.heading)


def test_letters_are_as_large_as_fits() -> None:
    assert lay_out(table(3, 3)).size == SIZES[0]
    assert lay_out(table(7, 3)).size in SIZES[1:]
    assert len(lay_out(table(7, 3)).parts) == 1
    assert len(lay_out(table(14, 3)).parts) > 1


def test_a_table_of_more_than_a_page_is_broken_across_pages() -> None:
    assert r"\begin{table}" in table_file(table(3, 20), label="x", command="")
    long = table_file(table(14, 60), label="x", command="")
    assert r"\begin{longtable}" in long
    assert long.count(r"\label{tab:x}") == 1
    assert long.count(r"\addtocounter{table}{-1}") == long.count(r"\begin{longtable}") - 1


def test_a_word_that_is_wider_than_its_column_is_broken() -> None:
    assert "".join(wrapped("x" * 100, 10.0)) == "x" * 100
    assert all(width(line) <= 10 for line in wrapped("x" * 100, 10.0))


def test_files_of_the_last_report_are_replaced_and_fonts_are_within(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine.tex").write_text("% mine\n", encoding="utf-8")
    assert write_report(many(5), tmp_path, ["latex"]) == tmp_path / "report.tex"
    assert not (tmp_path / "report.md").exists()
    figures = {path.stem for path in (tmp_path / "figures").glob("*.pdf")}
    assert figures == {path.stem for path in (tmp_path / "figures").glob("*.png")}
    text = (tmp_path / "report.tex").read_text(encoding="utf-8")
    assert set(re.findall(r"\{figures/([^}]+)\.pdf\}", text)) == figures
    assert "factor-1.tex" in {path.name for path in (tmp_path / "tables").iterdir()}
    write_report(many(2), tmp_path, ["latex"])
    left = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {"mine.tex", "all-variants.tex"} <= left
    assert "factor-1.tex" not in left
    for path in (tmp_path / "figures").glob("*.pdf"):
        assert b"/FontFile2" in path.read_bytes()
        assert b"/Type3" not in path.read_bytes()
    write_report(many(2), tmp_path)
    assert (tmp_path / "tables" / "all-variants.tex").exists()  # belongs to report.tex, which is still there
    assert (tmp_path / "figures" / "overview.pdf").exists()


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_without_an_engine_the_cure_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"no LaTeX engine is found: neither xelatex, .*(?s:.)*texlive-xetex"):
        write_report(whole(), tmp_path / "out", ["pdf"])
    assert not (tmp_path / "out").exists()


def written(folder: Path) -> Path:
    (folder / "report.tex").write_text("x", encoding="utf-8")
    return folder


def test_the_next_engine_is_tried_and_the_last_log_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    broken = "printf 'This is a log\\n! LaTeX Error: File fontspec.sty not found.\\n' > report.log; exit 1"
    for name in ENGINES:
        program(tmp_path / "bin", name, broken)
    with pytest.raises(UsageError, match=r"xelatex cannot set(?s:.)*fontspec\.sty(?s:.)*pdflatex cannot set"):
        compile_report(written(tmp_path), find_engines())
    sound = 'echo "$@" >> args; if [ -e once ]; then echo %PDF > report.pdf; else touch once; '
    sound += "echo 'LaTeX Warning: Rerun LaTeX.' > report.log; touch report.pdf; exit 0; fi; : > report.log"
    program(tmp_path / "bin", "pdflatex", f"{sound}; case $1 in -no-shell-escape) ;; *) exit 1;; esac")
    assert compile_report(tmp_path, find_engines()) == b"%PDF\n"


def engine(name: str) -> pytest.ParameterSet:
    missing = pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
    return pytest.param(name, marks=[missing, pytest.mark.latex])


@pytest.mark.parametrize("name", [engine(name) for name in ("xelatex", "lualatex", "pdflatex")])
def test_a_real_engine_sets_every_name(name: str, tmp_path: Path) -> None:
    found = render(analyse(hostile(40)), {})
    tables = {**found.tables, "wide.tex": table_file(table(40, 3), label="wide", command="")}
    (tmp_path / "tables").mkdir()
    for file, text in tables.items():
        (tmp_path / "tables" / file).write_text(text, encoding="utf-8")
    report = found.report.replace(r"\end{document}" + "\n", r"\input{tables/wide}" "\n" r"\end{document}" "\n")
    (tmp_path / "report.tex").write_text(report, encoding="utf-8")
    for _ in range(2):
        done = subprocess.run([name, *ENGINES[name]], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
    log = (tmp_path / "report.log").read_text(encoding="utf-8", errors="replace")
    assert "Overfull" not in log
    assert "Missing character" not in log
    assert "multiply defined" not in log
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_paper_of_two_columns_takes_a_table_in(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(source(hostile()).tables["all-variants.tex"], encoding="utf-8")
    packages = r"\usepackage{booktabs}\usepackage{array}\usepackage{graphicx}"
    paper = rf"\documentclass[twocolumn]{{article}}{packages}\begin{{document}}\input{{table}}\end{{document}}"
    (tmp_path / "report.tex").write_text(paper, encoding="utf-8")
    done = subprocess.run(["pdflatex", *ENGINES["pdflatex"]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Overfull" not in done.stdout


@pytest.mark.latex
@pytest.mark.skipif(not any(map(shutil.which, ENGINES)), reason=f"none of {', '.join(ENGINES)} is installed")
def test_a_report_is_set_with_its_pictures(tmp_path: Path) -> None:
    assert write_report(many(2), tmp_path, ["markdown", "pdf"]) == tmp_path / "report.pdf"
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.md", "report.tex", "report.pdf", "report.json", "tables", "figures",
    }  # fmt: skip
