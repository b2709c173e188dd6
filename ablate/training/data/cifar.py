"""Reads CIFAR-10's Python batches (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html)."""

from __future__ import annotations

import io
import pickle
import tarfile
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ablate.recipe import Data
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found, named
from ablate.training.data.source import Download, Outline, Source, damaged

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
#: Folder in the archive, and of an unpacked one.
FOLDER = "cifar-10-batches-py"
#: The archive as it is downloaded.
ARCHIVE = "cifar-10-python.tar.gz"
#: Batches in their order, the test batch last.
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
#: All that the pickled batches need; anything else in such a file is refused, not run.
PICKLED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class Cifar(Source):
    """Colour images of 32x32 pixels, 50,000 to train on and 10,000 to test on."""

    def find(self, data: Data, root: Path) -> Found | None:
        """The six batches of the first unpacked folder, else the archive alone."""
        for folder in self.places(root):
            batches = [f"{FOLDER}/{name}" for name in BATCHES]
            if all((folder / name).is_file() for name in batches):
                return Found(folder=folder, files=named(folder, batches))
            if (folder / ARCHIVE).is_file():
                return Found(folder=folder, files=named(folder, [ARCHIVE]))
        return None

    def contents(self, data: Data, found: Found) -> Contents:
        """The training batches one after the other, and the test batch."""
        paths = [found.folder / file.name for file in found.files]
        if len(paths) == 1:
            batches = _from_archive(paths[0])
        else:
            batches = [_from_batch(path, path.read_bytes()) for path in paths]
        images, labels = zip(*batches, strict=True)
        return Contents(
            classes=CLASSES,
            parts={
                "train": Part(images=ArrayImages.of(np.concatenate(images[:-1])), labels=np.concatenate(labels[:-1])),
                "test": Part(images=ArrayImages.of(images[-1]), labels=labels[-1]),
            },
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(classes=CLASSES, shape=(3, 32, 32), images=60_000)


def _from_archive(path: Path) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    batches = []
    try:
        with tarfile.open(path) as archive:
            for name in BATCHES:
                member = archive.extractfile(f"{FOLDER}/{name}")
                if member is None:
                    raise damaged(path, f"{FOLDER}/{name} in it is no file")
                batches.append(_from_batch(path, member.read()))
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise damaged(path, str(error).strip("'\"")) from error
    return batches


def _from_batch(path: Path, content: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the files' Python 2 arrays make newer NumPys complain
            batch = _BatchUnpickler(io.BytesIO(content), encoding="latin1").load()
        images = np.asarray(batch["data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(batch["labels"], dtype=np.int64)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}") from error
    return images, labels


class _BatchUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}, which no batch of images needs")
        return super().find_class(module, name)


CIFAR10 = Cifar(
    name="cifar10",
    folders=("cifar10", ""),
    download=Download(
        url="https://www.cs.toronto.edu/~kriz/", files=(ARCHIVE,), torchvision="CIFAR10", arguments={"train": True}
    ),
)
