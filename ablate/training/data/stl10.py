"""STL-10 (Coates et al. 2011, https://cs.stanford.edu/~acoates/stl10/): the labelled images of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ablate.recipe import Data
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found, named
from ablate.training.data.source import Download, Outline, Source, damaged, first_of

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
FOLDER = "stl10_binary"
ARCHIVE = f"{FOLDER}.tar.gz"
#: Images and labels to train on and to test on.
FILES = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin")
#: Channels, width and height: pixels lie in the files column by column.
STORED = (3, 96, 96)


class Stl10(Source):
    """Colour images of 96x96 pixels, 5,000 to train on and 8,000 to test on; 100,000 without labels are left aside."""

    def find(self, data: Data, root: Path) -> Found | None:
        """The four files of the labelled images."""
        names = [f"{FOLDER}/{name}" for name in FILES]
        place = first_of(self.places(root), *names)
        return None if place is None else Found(folder=place, files=named(place, names))

    def contents(self, data: Data, found: Found) -> Contents:
        """Images are read a slice at a time; labels from 1 to 10 become 0 to 9."""
        paths = [found.folder / file.name for file in found.files]
        return Contents(
            classes=CLASSES,
            parts={
                "train": Part(images=ArrayImages.of(_images(paths[0])), labels=_labels(paths[1])),
                "test": Part(images=ArrayImages.of(_images(paths[2])), labels=_labels(paths[3])),
            },
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(classes=CLASSES, shape=(3, 96, 96), images=13_000)


def _images(path: Path) -> npt.NDArray[np.uint8]:
    """The images of a file, (N, 3, 96, 96), which stay on the disk."""
    size, each = path.stat().st_size, int(np.prod(STORED))
    if size == 0 or size % each:
        raise damaged(path, f"its {size:,} bytes are no images of {each:,} bytes each")
    return np.memmap(path, np.uint8, "r").reshape(-1, *STORED).transpose(0, 1, 3, 2)


def _labels(path: Path) -> npt.NDArray[np.int64]:
    return np.fromfile(path, np.uint8).astype(np.int64) - 1


STL10 = Stl10(
    name="stl10",
    folders=("stl10", ""),
    archives=(ARCHIVE,),
    unpacked=FOLDER,
    left_packed=("unlabeled_X.bin",),
    download=Download(
        url="http://ai.stanford.edu/~acoates/stl10/",
        files=(ARCHIVE,),
        md5={ARCHIVE: "91f7769df0f17e558f3565bffb0c7dfb"},
    ),
)
