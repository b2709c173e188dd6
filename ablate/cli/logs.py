"""`ablate logs JOB`: what was said while a job ran, and why it failed."""

from __future__ import annotations

from typing import Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, open_database
from ablate.cli.targets import JobArgument


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs")(logs)


def logs(
    job: JobArgument,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Which attempt; the last without it.", show_default=False)
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Print the log of one attempt of a job, and its traceback if it failed."""
    from ablate.errors import UsageError
    from ablate.store import history
    from ablate.worker.logs import excerpt

    with open_database(db) as database:
        record = history.job(database, job)
        found = [one for one in record.attempts if attempt in (None, one.number)]
        if not found:
            have = f"it has {len(record.attempts)}" if record.attempts else "it has not been tried yet"
            which = "an attempt" if attempt is None else f"attempt {attempt}"
            raise UsageError(f"job {job} ({record.variant}, seed {record.seed}) has no log of {which}: {have}.")
        one = found[-1]
        typer.echo(f"job {job} ({record.variant}, seed {record.seed}), attempt {one.number}: {one.state}")
        text = excerpt(database.artifacts, worker=one.worker, attempt=one.id)
        if text is not None:
            typer.echo(text)
        elif one.host is not None:
            end = "; this is the end of it" if one.printed else ""
            typer.echo(f"its log is not here: it ran on {one.host}{end}", err=True)
            if one.printed:
                typer.echo(one.printed)
        if one.failure_message:
            typer.echo(f"{one.failure_kind or 'diverged'}: {one.failure_message}")
        if one.failure_details:
            typer.echo(one.failure_details.rstrip())
