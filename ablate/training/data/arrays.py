"""The four arrays that every decoder returns and that the cache keeps."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ablate.errors import DataMissingError


class Arrays(NamedTuple):
    """Images and labels as NumPy arrays."""

    #: uint8 (N, C, H, W).
    train_images: npt.NDArray[np.uint8]
    #: int64 (N,).
    train_labels: npt.NDArray[np.int64]
    #: uint8 (M, C, H, W).
    test_images: npt.NDArray[np.uint8]
    #: int64 (M,).
    test_labels: npt.NDArray[np.int64]

    def fault(self, classes: int) -> str | None:
        """What is wrong with shapes, types or labels; None when all fits together."""
        for part, images, labels in (
            ("training", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if images.dtype != np.uint8 or images.ndim != 4 or labels.dtype != np.int64 or labels.ndim != 1:
                return f"the {part} part does not hold images and labels"
            if len(images) != len(labels) or len(images) == 0:
                return f"the {part} part holds {len(images)} images and {len(labels)} labels"
            if labels.min() < 0 or labels.max() >= classes:
                return f"the {part} labels reach from {labels.min()} to {labels.max()}, not from 0 to {classes - 1}"
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            return "training and test images differ in shape"
        return None


def damaged(path: Path, reason: str) -> DataMissingError:
    """The error for a file that is there but cannot be used."""
    return DataMissingError(
        f"{path} is damaged: {reason}.", cure="Delete it and run the same command again; it is then fetched anew."
    )
