"""A folder that is there whole or not at all, and replaces nothing but an earlier one of its kind."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ablate.errors import UsageError

#: Says in a folder that an export wrote it: what lies there may be written anew.
MARK = "ablate-export.json"


@contextmanager
def whole_folder(folder: Path, *, mark: dict[str, str], force: bool) -> Iterator[Path]:
    """A temporary folder beside `folder`, which takes its place when all is written; on any error it is gone.

    Args:
        folder: Where all will be.
        mark: What is written, for whoever finds the folder.
        force: Replace an earlier export. Other folders are never replaced.

    Raises:
        UsageError: There is something already, or the place cannot be written.
    """
    _refuse(folder, force=force)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".ablate-export-") as name:
            made = Path(name) / "made"
            made.mkdir()
            yield made
            (made / MARK).write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8", newline="\n")
            _put(made, folder, Path(name) / "before")
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror or error}.", cure="Name another folder."
        ) from error


def _refuse(folder: Path, *, force: bool) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir() or not (folder / MARK).is_file():
        raise UsageError(f"{folder} exists and is no earlier export.", cure="Name a folder that is not there yet.")
    if not force:
        raise UsageError(f"{folder} exists.", cure="Name another folder, or replace this export by `--force`.")


def _put(made: Path, folder: Path, before: Path) -> None:
    """Let the new folder take the place of the old one, which comes back should that fail."""
    if not folder.exists():
        made.rename(folder)
        return
    place = folder.resolve()
    place.rename(before)
    try:
        made.rename(place)
    except OSError:
        before.rename(place)
        raise
    shutil.rmtree(before, ignore_errors=True)
