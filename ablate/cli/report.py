"""`ablate report STUDY`: tables, curves and verdicts from stored rows alone."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DEFAULT_LANGUAGE,
    DatabaseOption,
    JsonOption,
    LangOption,
    StudyArgument,
    open_database,
    study_name,
)

if TYPE_CHECKING:
    from ablate.report.write import Format
    from ablate.store import Database


#: What writing a report imports, when it is needed.
LIBRARIES = (
    "ablate.report.figures.picture",
    "ablate.report.write",
    "statsmodels.stats.multitest",
    "statsmodels.stats.weightstats",
)
FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="With --check: a report.json, or its folder.", show_default=False),
]
CheckOption = Annotated[
    bool,
    typer.Option(
        "--check", help="Compare FILE (default: reports/<study>/report.json) with the database; writes nothing."
    ),
]
ToleranceOption = Annotated[
    float | None,
    typer.Option(
        "--tolerance",
        min=0,
        metavar="X",
        help="--check: largest relative difference; default 1e-9.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    study: StudyArgument,
    file: FileArgument = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write report.md with its figures, and report.json.")
    ] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="Write report.tex, a file for each table in tables/, and figures as PDF.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Write that, and report.pdf by the LaTeX engine that is found.")
    ] = False,
    html: Annotated[bool, typer.Option("--html", help="Write report.html: one file that needs nothing else.")] = False,
    as_json: JsonOption = False,
    check: CheckOption = False,
    tolerance: ToleranceOption = None,
    lang: LangOption = DEFAULT_LANGUAGE,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: reports/<study>.", show_default=False)
    ] = None,
) -> None:
    """Write the report of STUDY; formats combine; without one, Markdown.

    LaTeX engines are looked for in this order: xelatex, lualatex, tectonic, pdflatex. The last replaces letters beyond
    Latin.

    `--check` compares the report.json that was written once with what the database says now: every number and every
    verdict. What differs is listed (with `--json` as JSON), and the command ends with exit status 7.
    """
    from ablate.errors import UsageError
    from ablate.report.comparisons import comparisons_json
    from ablate.report.write import DEFAULT, FILES, write_report
    from ablate.verdicts.results import Results

    name = study_name(study)
    folder = out or Path("reports") / name
    if not check and (file is not None or tolerance is not None):
        raise UsageError(
            f"{'--tolerance' if file is None else file} belongs to --check.",
            cure=f"Write `ablate report {study} --check`, or leave it out.",
        )
    asked: dict[Format, bool] = {"markdown": markdown, "html": html, "latex": latex, "pdf": pdf}
    formats = [each for each, wanted in asked.items() if wanted]
    if check and formats:
        raise UsageError("--check writes nothing.", cure=f"Leave --{formats[0]} out.")
    if check:
        _check(name, db, file or folder / "report.json", tolerance, as_json=as_json)
        return
    with open_database(db) as database:
        results = Results.load(database, name)
    if as_json:
        typer.echo(json.dumps(comparisons_json(results), indent=2, allow_nan=False))
    if formats or not as_json:
        write_report(results, folder, formats or DEFAULT, lang=lang, warn=_warn)
        for each in formats or DEFAULT:
            typer.echo(f"report: {folder / FILES[each]}", err=as_json)


def _check(study: str, db: str, file: Path, tolerance: float | None, *, as_json: bool) -> None:
    """Say what differs between a committed report and the database."""
    from dataclasses import asdict

    from ablate.errors import ReportMismatchError
    from ablate.report.agreement import TOLERANCE, mismatches, read_committed, told
    from ablate.report.comparisons import comparisons_json
    from ablate.verdicts.results import Results

    file = file / "report.json" if file.is_dir() else file
    committed = read_committed(file)
    with open_database(db) as database:
        now = comparisons_json(Results.load(database, study))
    found = mismatches(committed, now, tolerance=TOLERANCE if tolerance is None else tolerance)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2, allow_nan=False))
    if not found:
        typer.echo(f"{file} agrees with the database", err=as_json)
        return
    if not as_json:
        from rich.console import Console

        from ablate.report.console import mismatch_table

        Console().print(mismatch_table(found))
    raise ReportMismatchError(
        f"{file} is not what the database says: {told(found)}.",
        cure=f"If the database is right, write it anew: `ablate report {study}`.",
    )


def _warn(text: str) -> None:
    typer.echo(f"warning: {text}", err=True)


def load_libraries() -> None:
    """Import `LIBRARIES` beforehand: that takes seconds, in which workers may be training."""
    for name in LIBRARIES:
        import_module(name)


def conclude(database: Database, study: str, out: Path, *, lang: str = DEFAULT_LANGUAGE) -> None:
    """Print the table of a study and write its report, as `ablate run` ends."""
    from rich.console import Console

    from ablate.report.console import summary_table
    from ablate.report.language import speaking
    from ablate.report.write import write_report
    from ablate.verdicts.results import Results

    results = Results.load(database, study)
    written = write_report(results, out / study, lang=lang, warn=_warn)
    console = Console()
    with speaking(lang):
        console.print(summary_table(results, width=console.width))
    typer.echo(f"report: {written}")
