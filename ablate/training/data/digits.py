"""scikit-learn's handwritten digits (Alpaydin & Kaynak 1998): 1,797 grey images of 8x8 pixels, no download."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ablate.training.data.arrays import Arrays
from ablate.training.data.split import stratified_order
from ablate.training.streams import Stream

#: Images held out as the test set, for good: the split is part of the data set, not of a study.
TEST_IMAGES = 360
#: Brightest value of scikit-learn's images.
BRIGHTEST = 16


def find_digits(_folders: Sequence[Path]) -> tuple[Path, ...] | None:
    """The file inside the installed scikit-learn, located without importing that."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        return None
    return (Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz",)


def decode_digits(_files: Sequence[Path]) -> Arrays:
    """The images scaled from 0..16 to 0..255, split 1,437 / 360, stratified by class."""
    from sklearn.datasets import load_digits  # a second of import, needed once for each machine

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / BRIGHTEST)).astype(np.uint8)[:, np.newaxis]
    labels = bunch.target.astype(np.int64)
    order = stratified_order(labels, Stream("digits-test", 0))
    test, train = np.sort(order[:TEST_IMAGES]), np.sort(order[TEST_IMAGES:])
    return Arrays(images[train], labels[train], images[test], labels[test])
