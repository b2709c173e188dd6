"""Street View House Numbers, cropped digits (Netzer et al. 2011, http://ufldl.stanford.edu/housenumbers/)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ablate.recipe import Data
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found, named
from ablate.training.data.matlab import read_matlab
from ablate.training.data.source import Download, Outline, Source, damaged, first_of

CLASSES = tuple("0123456789")
#: Images that are trained on and tested on; the 531,131 easier ones of `extra_32x32.mat` are left aside.
FILES = ("train_32x32.mat", "test_32x32.mat")
#: The files' label of the digit 0.
ZERO = 10


class Svhn(Source):
    """Colour images of 32x32 pixels, 73,257 to train on and 26,032 to test on."""

    def find(self, data: Data, root: Path) -> Found | None:
        """The two files."""
        place = first_of(self.places(root), *FILES)
        return None if place is None else Found(folder=place, files=named(place, FILES))

    def contents(self, data: Data, found: Found) -> Contents:
        """Both files; the digit 0 gets the label 0."""
        train, test = (_part(found.folder / name) for name in FILES)
        return Contents(classes=CLASSES, parts={"train": train, "test": test})

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(classes=CLASSES, shape=(3, 32, 32), images=99_289)


def _part(path: Path) -> Part:
    """Images lie in the file as (32, 32, 3, N), labels from 1 to 10."""
    images, labels = read_matlab(path, "X", "y")
    if images.ndim != 4 or images.shape[:3] != (32, 32, 3) or images.dtype != np.uint8:
        raise damaged(path, f"its images have the shape {images.shape} and the type {images.dtype}")
    numbers = labels.ravel().astype(np.int64)
    return Part(images=ArrayImages.of(images.transpose(3, 2, 0, 1)), labels=np.where(numbers == ZERO, 0, numbers))


SVHN = Svhn(
    name="svhn",
    folders=("svhn", ""),
    download=Download(
        url="http://ufldl.stanford.edu/housenumbers/",
        files=FILES,
        md5={
            "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
            "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
        },
    ),
)
