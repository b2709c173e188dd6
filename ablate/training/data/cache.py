"""Decoded data sets as plain files that all workers of a machine map into memory, so that they share its pages."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from ablate.training.data.arrays import Arrays

#: Raised when what a decoder returns changes, so that older caches are not read.
FORMAT = 1


def cached(
    root: Path, name: str, classes: int, files: Sequence[Path], decode: Callable[[Sequence[Path]], Arrays]
) -> Arrays:
    """The decoded files, mapped from the cache under `root`; decoded and cached first where needed.

    The cache is keyed by the files' names, sizes and times. One that cannot be read is made anew. Where nothing can
    be written (a read-only folder, a full disk), the decoded arrays are returned as they are.
    """
    folder = root / ".cache" / f"{name}-{_key(files)}"
    found = _open(folder, classes)
    if found is not None:
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.parent / f"{name}.lock")
        lock.acquire()
    except OSError:
        return decode(files)
    try:
        found = _open(folder, classes)  # another worker may have written it while this one waited
        if found is not None:
            return found
        arrays = decode(files)
        try:
            _write(folder, arrays)
        except OSError:
            return arrays
        return _open(folder, classes) or arrays
    finally:
        lock.release()


def _key(files: Sequence[Path]) -> str:
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps([FORMAT, facts]).encode()).hexdigest()[:16]


def _open(folder: Path, classes: int) -> Arrays | None:
    try:
        # "c" (copy on write) shares pages like "r", and spares PyTorch's warning about arrays it must not write to.
        arrays = Arrays(*(np.load(folder / f"{part}.npy", mmap_mode="c") for part in Arrays._fields))
    except (OSError, EOFError, ValueError):
        return None
    return arrays if arrays.fault(classes) is None else None


def _write(folder: Path, arrays: Arrays) -> None:
    """Written beside and renamed, so that no other process ever sees a part of it."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for part, array in arrays._asdict().items():
            np.save(temporary / f"{part}.npy", np.ascontiguousarray(array))
        temporary.chmod(0o755)  # readable by all users of a shared data root
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
