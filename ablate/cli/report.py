"""`ablate report STUDY`: tables, curves and verdicts from stored rows alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, StudyArgument, open_database, study_name

if TYPE_CHECKING:
    from ablate.store import Database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    study: StudyArgument,
    db: DatabaseOption = DEFAULT_DATABASE,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write report.md with its figures.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Write report.html: one file that needs nothing else.")] = False,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: reports/<study>.", show_default=False)
    ] = None,
) -> None:
    """Write the report of STUDY; without a format, Markdown."""
    from ablate.report.comparisons import comparisons_json
    from ablate.report.write import write_report
    from ablate.verdicts.results import Results

    name = study_name(study)
    with open_database(db) as database:
        results = Results.load(database, name)
    if as_json:
        typer.echo(json.dumps(comparisons_json(results), indent=2, allow_nan=False))
    folder = out or Path("reports") / name
    if markdown or not (html or as_json):
        typer.echo(f"report: {write_report(results, folder)}", err=as_json)
    if html:
        from ablate.report.html.write import write_page

        typer.echo(f"report: {write_page(results, folder)}", err=as_json)


def conclude(database: Database, study: str, out: Path) -> None:
    """Print the table of a study and write its report, as `ablate run` ends."""
    from rich.console import Console

    from ablate.report.console import summary_table
    from ablate.report.write import write_report
    from ablate.verdicts.results import Results

    results = Results.load(database, study)
    written = write_report(results, out / study)
    console = Console()
    console.print(summary_table(results, width=console.width))
    typer.echo(f"report: {written}")
