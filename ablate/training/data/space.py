"""Whether a disk has room for what is about to be written."""

from __future__ import annotations

import shutil
from pathlib import Path

from ablate.errors import DataMissingError

UNITS = ("B", "kB", "MB", "GB", "TB")


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        folder: Where it would be written; it is there.
        needed: Bytes.
        purpose: What for, as `decoding cifar10`.

    Raises:
        DataMissingError: There is less.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise no_space(folder, needed, free, purpose)


def no_space(folder: Path, needed: int, free: int, purpose: str) -> DataMissingError:
    """The error for a full disk."""
    return DataMissingError(
        f"{purpose} needs {size_text(needed)} in {folder}, and {size_text(free)} are free.",
        cure="Make room there, or name a data root on another disk with --data-root (or ABLATE_DATA).",
    )


def size_text(size: int) -> str:
    """Bytes for people, in powers of 1,000: `169 MB`."""
    amount = float(size)
    for unit in UNITS[:-1]:
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} {UNITS[-1]}"
