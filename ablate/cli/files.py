"""Where a command writes what it was asked for: standard output, or a file that is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer

from ablate.errors import UsageError


def output(out: Path | None, *, force: bool) -> Callable[[str | bytes], None]:
    """What writes text or bytes to a file, or to standard output where none is named.

    Args:
        out: The file. One that is there is refused now, before anything is computed; pipes and devices are written to.
        force: Replace a file.

    Raises:
        UsageError: The file exists; or, when it is written, it cannot be.
    """
    if out is None:
        return lambda content: typer.echo(content, nl=False)
    if out.is_file() and not force:
        raise UsageError(f"{out} exists.", cure="Name another file, or replace it by `--force`.")

    def write(content: str | bytes) -> None:
        try:
            _write(out, content.encode() if isinstance(content, str) else content)
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written: {error.strerror}.", cure="Name another file by --out."
            ) from error
        typer.echo(f"wrote {out}", err=True)

    return write


def _write(out: Path, content: bytes) -> None:
    if out.exists() and not out.is_file():
        out.write_bytes(content)
        return
    place = out.resolve()  # a link stays a link
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".ablate-export-") as folder:
        made = Path(folder) / "made"
        with made.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        made.replace(place)
