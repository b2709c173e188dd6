"""`ablate cancel STUDY|JOB...`: take waiting and running jobs out of the queue."""

from __future__ import annotations

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, open_database
from ablate.cli.targets import Targets, chosen


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cancel")(cancel)


def cancel(targets: Targets, db: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Cancel waiting and running jobs. A running one ends within seconds; its epochs and checkpoints stay.

    `ablate retry` queues them again.
    """
    from ablate.store import admin

    with open_database(db) as database:
        for study, only in chosen(database, targets).items():
            count = admin.cancel(database, study, only=only)
            typer.echo(f"{study}: {count} {'job' if count == 1 else 'jobs'} cancelled")
