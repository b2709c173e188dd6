"""`ablate report` as it is typed: formats combine."""

import json

from test_cli_import import RUNS


def test_formats_combine_in_one_folder(ablate, folder):
    (folder / "runs.csv").write_text(RUNS, encoding="utf-8")
    assert ablate("import", "runs.csv", "--study", "lab", "--baseline", "base").returncode == 0
    done = ablate("report", "lab", "--latex", "--json", "--out", "paper")
    assert (done.returncode, done.stderr) == (0, "report: paper/report.tex\n")
    assert json.loads(done.stdout)["study"] == "lab"
    assert {path.name for path in (folder / "paper").iterdir()} == {"report.tex", "report.json", "tables", "figures"}
    assert (folder / "paper" / "figures" / "effects.pdf").read_bytes().startswith(b"%PDF")
    done = ablate("report", "lab", "--markdown", "--latex", "--out", "paper")
    assert done.stdout == "report: paper/report.md\nreport: paper/report.tex\n"
    assert (folder / "paper" / "report.md").exists()


def test_without_an_engine_nothing_is_written_and_the_cure_is_told(ablate, folder):
    (folder / "runs.csv").write_text(RUNS, encoding="utf-8")
    assert ablate("import", "runs.csv", "--study", "lab", "--baseline", "base").returncode == 0
    done = ablate("report", "lab", "--pdf", PATH=str(folder))
    assert done.returncode == 2
    assert "no LaTeX engine is found" in done.stderr
    assert "texlive-xetex" in done.stderr
    assert not (folder / "reports").exists()


def test_the_language_is_an_option_or_in_the_environment(ablate, folder):
    (folder / "runs.csv").write_text(RUNS, encoding="utf-8")
    assert ablate("import", "runs.csv", "--study", "lab", "--baseline", "base").returncode == 0
    done = ablate("report", "lab", "--json", "--lang", "xx")
    assert done.returncode == 2
    assert "there is no language 'xx' to write a report in." in done.stderr
    assert "Write one of: en, zh." in done.stderr
    chinese = ablate("report", "lab", "--html", "--json", ABLATE_LANG="zh")
    assert chinese.stdout == ablate("report", "lab", "--json").stdout
    assert '<html lang="zh-CN">' in (folder / "reports" / "lab" / "report.html").read_text("utf-8")
    assert "变体" in ablate("compare", "base", "wide", ABLATE_LANG="zh").stdout
    assert "variant" in ablate("compare", "base", "wide", "--lang", "en", ABLATE_LANG="zh").stdout
