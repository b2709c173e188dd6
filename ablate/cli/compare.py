"""`ablate compare A B [C ...]`: picked variants against the first of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DEFAULT_LANGUAGE,
    DatabaseOption,
    JsonOption,
    LangOption,
    open_database,
    study_name,
)

if TYPE_CHECKING:
    from ablate.report.contrast.judge import Contrast


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C ...]",
            help="Variants by name, the reference first; `STUDY:VARIANT` for those of another study.",
            show_default=False,
        ),
    ],
    study: Annotated[
        str | None,
        typer.Option(metavar="STUDY", help="Study of plain names; without it the newest.", show_default=False),
    ] = None,
    test: Annotated[
        Literal["auto", "welch", "paired", "dunnett"] | None,
        typer.Option(help="Another test than the study's.", show_default=False),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Another error rate than the study's.", show_default=False)
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="SIZE",
            help="Difference that counts as none, in the metric's unit (accuracies: shares).",
            show_default=False,
        ),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    lang: LangOption = DEFAULT_LANGUAGE,
    as_json: JsonOption = False,
) -> None:
    """Compare variants with the first of them: difference, verdict, what differs in their recipes, what they cost."""
    from ablate.report.contrast.document import document
    from ablate.report.contrast.judge import contrast
    from ablate.report.contrast.members import find_members
    from ablate.report.language import speaking

    with open_database(db) as database:
        members = find_members(database, names, study=None if study is None else study_name(study))
    found = contrast(members, test=test, alpha=alpha, margin=margin)
    if as_json:
        typer.echo(json.dumps(document(found), indent=2, allow_nan=False))
    else:
        with speaking(lang):
            _print(found)


def _print(found: Contrast) -> None:
    from rich.console import Console

    from ablate.report.contrast.sections import SECTIONS
    from ablate.report.contrast.warnings import warnings
    from ablate.report.language import say
    from ablate.report.terminal import plain_lines, rich_table
    from ablate.report.words import word

    console = Console(highlight=False)
    for number, section in enumerate(SECTIONS):
        table = section(found)
        if table is None:
            continue
        if number:
            typer.echo()
        if table.rows and console.is_terminal:
            console.print(rich_table(table))
        else:
            typer.echo("\n".join(plain_lines(table) if table.rows else [table.title]))
        for note in table.notes:
            typer.echo(note)
    for text in warnings(found):
        typer.echo(say("{severity}: {text}", severity=word("warning"), text=text))
