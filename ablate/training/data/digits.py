"""scikit-learn's handwritten digits (Alpaydin & Kaynak 1998): 1,797 grey images of 8x8 pixels, no download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NoReturn

import numpy as np

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found, named
from ablate.training.data.order import stratified_order
from ablate.training.data.source import Outline, Source
from ablate.training.words import WordStream

CLASSES = tuple("0123456789")
#: Images held out as the test set, for good: the split is part of the data set, not of a study.
TEST_IMAGES = 360
#: Brightest value of scikit-learn's images.
BRIGHTEST = 16
#: Where it lies inside scikit-learn.
FILE = "datasets/data/digits.csv.gz"


class Digits(Source):
    """Scaled from 0..16 to 0..255, split 1,437 / 360, stratified by class."""

    def find(self, data: Data, root: Path) -> Found | None:
        """The file inside the installed scikit-learn, located without importing that."""
        spec = importlib.util.find_spec("sklearn")
        if spec is None or spec.origin is None:
            return None
        folder = Path(spec.origin).parent
        return Found(folder=folder, files=named(folder, [FILE]))

    def contents(self, data: Data, found: Found) -> Contents:
        """All images, in scikit-learn's order."""
        from sklearn.datasets import load_digits  # a second of import, needed once for each machine

        bunch = load_digits()
        images = np.rint(bunch.images * (255 / BRIGHTEST)).astype(np.uint8)[:, np.newaxis]
        labels = bunch.target.astype(np.int64)
        order = stratified_order(labels, WordStream("digits-test", 0))
        test, train = np.sort(order[:TEST_IMAGES]), np.sort(order[TEST_IMAGES:])
        return Contents(
            classes=CLASSES,
            parts={
                "train": Part(images=ArrayImages.of(images[train]), labels=labels[train]),
                "test": Part(images=ArrayImages.of(images[test]), labels=labels[test]),
            },
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """Ten digits."""
        return Outline(classes=CLASSES, shape=(1, 8, 8), images=1797)

    def missing(self, data: Data, root: Path) -> NoReturn:
        """It comes with a dependency."""
        raise DataMissingError(
            f"Data set {self.name!r}: it comes with a package that is not installed.",
            cure="Type `pip install scikit-learn`.",
        )


DIGITS = Digits(name="digits")
