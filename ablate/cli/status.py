"""`ablate status [STUDY]`: where studies stand."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, OptionalStudy, open_database, study_name

if TYPE_CHECKING:
    from ablate.store import Database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    study: OptionalStudy = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Draw anew every second until Ctrl-C.")] = False,
) -> None:
    """Show jobs by state, running jobs with their last figures, the time left, and failures."""
    from ablate.errors import UsageError
    from ablate.orchestrate.progress import progress
    from ablate.store.reading import studies

    with open_database(db) as database:
        names = [study_name(study)] if study else [record.name for record in studies(database)]
        if as_json and watch:
            raise UsageError("--json prints once, --watch goes on.", cure="Take one of them.")
        if as_json:
            typer.echo(json.dumps({"studies": [progress(database, name).as_json() for name in names]}, indent=2))
        elif watch:
            from rich.console import Console, Group
            from rich.live import Live

            from ablate.cli.live import picture

            console = Console()
            with Live(console=console, refresh_per_second=4) as live:
                while True:
                    drawn = Group(*(picture(progress(database, name)) for name in names))
                    live.update(drawn) if console.is_terminal else console.print(drawn)
                    time.sleep(1.0)
        else:
            for name in names:
                _show(database, name)


def _show(database: Database, name: str) -> None:
    from rich.console import Console

    from ablate.cli.live import picture
    from ablate.orchestrate.progress import progress
    from ablate.store.reading import failures

    console = Console(highlight=False)
    console.print(picture(progress(database, name)))
    for failure in failures(database, name):
        who = f"job {failure.job}, {failure.variant}, seed {failure.seed}"
        console.print(f"  {failure.state}: {who}: {failure.error}", markup=False)
