"""`ablate doctor`: is everything there that a run needs, and sound?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, DataRootOption, JsonOption

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    db: DatabaseOption = DEFAULT_DATABASE,
    data_root: DataRootOption = None,
    load_torch: Annotated[bool, typer.Option("--torch", help="Import PyTorch and ask it for GPUs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at Python, PyTorch, GPUs, SQLite, the database, its disk and files, workers, data sets and fonts.

    Nothing is changed. Ends with status 6 where something failed; a warning is none.
    """
    from ablate.errors import DatabaseError
    from ablate.launch.doctor import examine

    failed = False
    found = []
    for each in examine(db, data_root, load_torch=load_torch):
        failed |= each.verdict == "fail"
        found.append({"name": each.name, "verdict": str(each.verdict), "text": each.text, "cure": each.cure})
        if not as_json:
            verdict = typer.style(f"{each.verdict:<4}", fg=_COLOURS[each.verdict])
            typer.echo(f"{verdict}  {each.name}: {each.text}" + (f"\n      {each.cure}" if each.cure else ""))
    if as_json:
        typer.echo(json.dumps({"diagnoses": found, "failed": failed}, indent=2))
    if failed:
        raise typer.Exit(DatabaseError.exit_code)
