"""MNIST and its kin: IDX files (LeCun, http://yann.lecun.com/exdb/mnist/), plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ablate.recipe import Data
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found, named
from ablate.training.data.source import Download, Outline, Source, damaged

#: Names of the four files; each may end in `.gz`.
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
ZIPPED = tuple(f"{name}.gz" for name in FILES)
#: Type code for unsigned bytes.
UNSIGNED_BYTE = 0x08


@dataclass(frozen=True, kw_only=True)
class Idx(Source):
    """Grey images of 28x28 pixels, 60,000 to train on and 10,000 to test on."""

    #: Names of the classes, in the order of the labels.
    classes: tuple[str, ...]

    def find(self, data: Data, root: Path) -> Found | None:
        """The four files from the first folder that has them all, in the order of `FILES`."""
        for folder in self.places(root):
            chosen = [
                next((name for name in (plain, f"{plain}.gz") if (folder / name).is_file()), "") for plain in FILES
            ]
            if all(chosen):
                return Found(folder=folder, files=named(folder, chosen))
        return None

    def contents(self, data: Data, found: Found) -> Contents:
        """Images get one channel: (N, 28, 28) becomes (N, 1, 28, 28)."""
        train_images, train_labels, test_images, test_labels = (
            _read(found.folder / file.name, dimensions)
            for file, dimensions in zip(found.files, (3, 1, 3, 1), strict=True)
        )
        return Contents(
            classes=self.classes,
            parts={"train": _part(train_images, train_labels), "test": _part(test_images, test_labels)},
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(classes=self.classes, shape=(1, 28, 28), images=70_000)


def _part(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Part:
    return Part(images=ArrayImages.of(images[:, np.newaxis]), labels=labels.astype(np.int64))


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
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


MNIST = Idx(
    name="mnist",
    classes=tuple("0123456789"),
    folders=("mnist", "MNIST/raw"),
    download=Download(
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        files=ZIPPED,
        torchvision="MNIST",
        arguments={"train": True},
    ),
)
FASHION_MNIST = Idx(
    name="fashion_mnist",
    classes=("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
    folders=("fashion_mnist", "FashionMNIST/raw"),
    system_folders=("/usr/share/datasets/fashion-mnist",),  # Debian's package dataset-fashion-mnist
    download=Download(
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files=ZIPPED,
        torchvision="FashionMNIST",
        arguments={"train": True},
    ),
)
