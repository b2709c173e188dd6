"""`ablate db check|backup|migrate|vacuum|gc|delete|merge`: look after the experiment database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_database

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Check, back up, clean and merge experiment databases.")
    for command in (check, backup, migrate, vacuum, gc, delete, merge):
        group.command(command.__name__)(command)
    app.add_typer(group, name="db")


def check(db: DatabaseOption = DEFAULT_DATABASE, as_json: JsonOption = False) -> None:
    """Read every row and look whether all is whole; write nothing. Ends with status 6 where something is wrong."""
    from ablate.errors import DatabaseError
    from ablate.store.integrity import check as findings_of

    with open_database(db) as database:
        findings = findings_of(database)
        if as_json:
            rows = [{"text": each.text, "cure": each.cure, "bad": each.bad} for each in findings]
            typer.echo(json.dumps({"database": database.place, "findings": rows}, indent=2))
        for each in () if as_json else findings:
            typer.echo(f"{'wrong' if each.bad else 'note'}: {each.text}\n  {each.cure}")
        bad = sum(each.bad for each in findings)
        if bad:
            raise DatabaseError(f"{database.place} is not whole: {bad} of the checks found something wrong.")
        if not as_json:
            typer.echo(f"{database.place} is whole")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; must not be there.", show_default=False)],
    db: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Copy the database into FILE while workers go on. Checkpoints are not copied."""
    from ablate.store.upkeep import backup as copy

    with open_database(db) as database:
        typer.echo(f"{file}: {copy(database, file) / 1e6:,.1f} MB, looked through and whole")


def migrate(db: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Bring a database of an older ablate up to date. Every command that writes does so by itself."""
    from ablate.store.database import revision

    before = revision(db)
    with open_database(db) as database:
        after = revision(db)
        said = "is up to date" if before == after else f"was brought from {before} up to date"
        typer.echo(f"{database.place} {said}: schema {after}")


def vacuum(db: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Write the database anew without the room of what was deleted. Refused while jobs run."""
    from ablate.store.upkeep import vacuum as shrink

    with open_database(db) as database:
        before, after = shrink(database)
        typer.echo(f"{database.place}: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now")


def gc(db: DatabaseOption = DEFAULT_DATABASE, yes: YesOption = False) -> None:
    """List checkpoints and logs that nothing needs; with `--yes`, delete them.

    Files of the last hour are left alone, and all that another database in the same folder needs.
    """
    from ablate.store.litter import litter, remove

    with open_database(db) as database:
        found = litter(database)
        for file in found.files:
            typer.echo(str(file))
        if yes:
            remove(found)
        what = "deleted" if yes else "`ablate db gc --yes` deletes them"
        typer.echo(f"{found.describe()}: {what}" if found.files else "there is nothing that nothing needs")


def delete(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.", show_default=False)],
    db: DatabaseOption = DEFAULT_DATABASE,
    yes: YesOption = False,
) -> None:
    """Delete a study with all its results. Asks first; refused while its jobs run."""
    from ablate.store.removal import contents, delete_study

    with open_database(db) as database:
        typer.echo(f"{study} in {database.place}: {contents(database, study).describe()}")
        if not yes and not typer.confirm("Delete all of it? It cannot be brought back."):
            typer.echo("nothing was deleted")
            return
        delete_study(database, study)
        typer.echo(f"{study} is deleted; `ablate db vacuum` makes the file smaller")


def merge(
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Database to read.", show_default=False)],
    db: DatabaseOption = DEFAULT_DATABASE,
    artifacts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Artifacts of OTHER, unless they lie in `.ablate` beside it."),
    ] = None,
) -> None:
    """Take over studies, jobs and results of OTHER that this database has not, all or nothing. OTHER is only read.

    A job with a result wins over one without. Where both have one and the numbers differ, ours stays and both are told.
    """
    from ablate.store import Database
    from ablate.store.merge import merge as take_over

    with (
        open_database(db, create=True) as database,
        Database.open(other, readonly=True, artifacts=artifacts) as source,
    ):
        merged = take_over(database, source)
        typer.echo(f"{database.place}: {merged.describe()}")
        if merged.lost_files:
            typer.echo(f"{merged.lost_files} checkpoints were gone or damaged; their jobs start anew", err=True)
        for conflict in merged.conflicts:
            typer.echo(f"ours was kept: {conflict}", err=True)
