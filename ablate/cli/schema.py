"""`ablate schema`: the JSON schema of study files, for editors and other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)


def schema(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: standard output.", show_default=False)
    ] = None,
) -> None:
    """Write the JSON schema of study files.

    `#:schema ./ablate.schema.json` in the first line of a study points editors to it.
    """
    from ablate.study import schema as study_schema

    text = json.dumps(study_schema(), indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out}")
