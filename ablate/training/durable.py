"""Files that are whole or not there, whatever happens meanwhile. Imports no PyTorch."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(target: Path, content: bytes | memoryview) -> None:
    """Write to a temporary name, fsync, rename, fsync the folder; what was there before is replaced.

    Folders above the file are made.

    Raises:
        OSError: The disk is full or cannot be written; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
