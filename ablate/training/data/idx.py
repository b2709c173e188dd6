"""Reads MNIST's IDX files (LeCun, http://yann.lecun.com/exdb/mnist/), plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ablate.training.data.arrays import Arrays, damaged

#: Names of the four files; each may end in `.gz`.
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
#: Type code for unsigned bytes.
UNSIGNED_BYTE = 0x08


def find_idx(folders: Sequence[Path]) -> tuple[Path, ...] | None:
    """The four files from the first folder that has them all, in the order of `IDX_FILES`."""
    for folder in folders:
        found = [
            next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
            for name in IDX_FILES
        ]
        if None not in found:
            return tuple(path for path in found if path is not None)
    return None


def decode_idx(files: Sequence[Path]) -> Arrays:
    """Images get one channel: (N, 28, 28) becomes (N, 1, 28, 28).

    Raises:
        DataMissingError: A file is damaged.
    """
    train_images, train_labels, test_images, test_labels = (
        _read(path, dimensions) for path, dimensions in zip(files, (3, 1, 3, 1), strict=True)
    )
    return Arrays(
        train_images[:, np.newaxis],
        train_labels.astype(np.int64),
        test_images[:, np.newaxis],
        test_labels.astype(np.int64),
    )


def _read(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, str(error)) from error
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise damaged(path, f"it does not begin like an IDX file of {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != int(np.prod(shape, dtype=np.int64)):
        raise damaged(path, f"it announces {'x'.join(map(str, shape))} bytes and holds {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()  # writable, as PyTorch wants it
