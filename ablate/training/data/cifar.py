"""Reads the Python batches of CIFAR-10 and CIFAR-100 (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html)."""

from __future__ import annotations

import contextlib
import io
import pickle
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.recipe import Data
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found, named
from ablate.training.data.source import Download, Outline, Source, damaged

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


@dataclass(frozen=True, kw_only=True)
class Cifar(Source):
    """Colour images of 32x32 pixels, 50,000 to train on and 10,000 to test on."""

    #: Folder in the archive, and of an unpacked one.
    folder: str
    #: The archive as it is downloaded.
    archive: str
    #: Batches in their order, the test batch last.
    batches: tuple[str, ...]
    #: Under which key a batch keeps the classes of its images.
    labels: str
    #: Names of the classes; of a set that has a file of them, a stand-in for each.
    classes: tuple[str, ...]
    #: File that holds the names of the classes, and the key under which it does; empty where there is none.
    meta: tuple[str, str] | tuple[()] = ()

    def find(self, data: Data, root: Path) -> Found | None:
        """The files of the first unpacked folder, else the archive alone."""
        for place in self.places(root):
            names = [f"{self.folder}/{name}" for name in self._names()]
            if all((place / name).is_file() for name in names):
                return Found(folder=place, files=named(place, names))
            if (place / self.archive).is_file():
                return Found(folder=place, files=named(place, [self.archive]))
        return None

    def contents(self, data: Data, found: Found) -> Contents:
        """The training batches one after the other, and the test batch."""
        paths = [found.folder / file.name for file in found.files]
        if len(paths) == 1:
            files = [(paths[0], content) for content in self._unpacked(paths[0])]
        else:
            files = [(path, path.read_bytes()) for path in paths]
        batches = [_batch(path, content, self.labels) for path, content in files[: len(self.batches)]]
        images, labels = zip(*batches, strict=True)
        return Contents(
            classes=_class_names(*files[-1], self.meta[1]) if self.meta else self.classes,
            parts={
                "train": Part(images=ArrayImages.of(np.concatenate(images[:-1])), labels=np.concatenate(labels[:-1])),
                "test": Part(images=ArrayImages.of(images[-1]), labels=labels[-1]),
            },
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(classes=self.classes, shape=(3, 32, 32), images=60_000)

    def _names(self) -> tuple[str, ...]:
        """The files that are read, the one of the classes last."""
        return (*self.batches, *self.meta[:1])

    def _unpacked(self, path: Path) -> list[bytes]:
        """What the archive holds of these files."""
        contents = []
        try:
            with tarfile.open(path) as archive:
                for name in self._names():
                    member = archive.extractfile(f"{self.folder}/{name}")
                    if member is None:
                        raise damaged(path, f"{self.folder}/{name} in it is no file")
                    contents.append(member.read())
        except (OSError, EOFError, KeyError, tarfile.TarError) as error:
            raise damaged(path, str(error).strip("'\"")) from error
        return contents


def _batch(path: Path, content: bytes, key: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images (N, 3, 32, 32) and labels (N,) of a batch."""
    with _told(path):
        batch = _unpickled(content)
        images = np.asarray(batch["data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        return images, np.asarray(batch[key], dtype=np.int64)


def _class_names(path: Path, content: bytes, key: str) -> tuple[str, ...]:
    """Names as people write them: `aquarium fish` for `aquarium_fish`."""
    with _told(path):
        return tuple(str(name).replace("_", " ") for name in _unpickled(content)[key])


def _unpickled(content: bytes) -> Any:  # noqa: ANN401 - any mapping of a file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the files' Python 2 arrays make newer NumPys complain
        return _BatchUnpickler(io.BytesIO(content), encoding="latin1").load()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn whatever a broken file raises into one error that names it."""
    try:
        yield
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}") from error


class _BatchUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}, which no batch of images needs")
        return super().find_class(module, name)


CIFAR10 = Cifar(
    name="cifar10",
    folders=("cifar10", ""),
    folder="cifar-10-batches-py",
    archive="cifar-10-python.tar.gz",
    batches=("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"),
    labels="labels",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    download=Download(
        url="https://www.cs.toronto.edu/~kriz/",
        files=("cifar-10-python.tar.gz",),
        torchvision="CIFAR10",
        arguments={"train": True},
    ),
)
CIFAR100 = Cifar(
    name="cifar100",
    folders=("cifar100", ""),
    folder="cifar-100-python",
    archive="cifar-100-python.tar.gz",
    batches=("train", "test"),
    labels="fine_labels",
    classes=tuple(f"class {number}" for number in range(100)),
    meta=("meta", "fine_label_names"),
    download=Download(
        url="https://www.cs.toronto.edu/~kriz/",
        files=("cifar-100-python.tar.gz",),
        torchvision="CIFAR100",
        arguments={"train": True},
    ),
)
