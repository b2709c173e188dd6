"""`ablate retry STUDY|JOB...`: give failed and cancelled jobs another chance."""

from __future__ import annotations

from typing import Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, open_database
from ablate.cli.targets import Targets, chosen


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("retry")(retry)


def retry(
    targets: Targets,
    failed: Annotated[bool, typer.Option("--failed", help="Failed jobs only, no cancelled ones.")] = False,
    oom: Annotated[bool, typer.Option("--oom", help="Only jobs that ran out of memory.")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="Only jobs whose worker was lost or killed.")] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Queue failed and cancelled jobs again, with all their chances; a job goes on from its newest checkpoint.

    History is kept: earlier attempts stay, and `ablate show JOB` lists them.
    """
    from ablate.protocol import FailureKind
    from ablate.store import admin

    kinds = [*([FailureKind.OUT_OF_MEMORY] if oom else []), *([FailureKind.KILLED] if lost else [])]
    with open_database(db) as database:
        for study, only in chosen(database, targets).items():
            count = admin.retry(database, study, only=only, kinds=kinds or None, lost=lost, cancelled=not failed)
            text = f"{count} {'job' if count == 1 else 'jobs'} queued again"
            typer.echo(f"{study}: {text}; `ablate run {study}` trains them" if count else f"{study}: nothing to retry")
