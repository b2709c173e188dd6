"""`ablate export STUDY runs|epochs|predictions`: stored rows as CSV or JSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, StudyArgument, open_database, study_name


class Kind(StrEnum):
    """What a row stands for."""

    RUNS = "runs"
    EPOCHS = "epochs"
    PREDICTIONS = "predictions"


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    study: StudyArgument,
    kind: Annotated[Kind, typer.Argument(help="A row for each run, epoch, or test image.")] = Kind.RUNS,
    db: DatabaseOption = DEFAULT_DATABASE,
    form: Annotated[Format, typer.Option("--format", help="csv or json.")] = Format.CSV,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: standard output.", show_default=False)
    ] = None,
) -> None:
    """Write the rows of STUDY, to standard output or a file."""
    from ablate.errors import UsageError
    from ablate.report.export import export_rows

    with open_database(db) as database:
        text = export_rows(database, study_name(study), kind.value, form.value)
    if out is None:
        typer.echo(text, nl=False)
    else:
        try:
            out.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written: {error.strerror}.", cure="Name another file by --out."
            ) from error
        typer.echo(f"wrote {out}", err=True)
