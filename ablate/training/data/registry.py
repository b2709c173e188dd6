"""The data sets that ablate knows, where each is looked for, and what to say when it is nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.arrays import Arrays
from ablate.training.data.cache import cached
from ablate.training.data.cifar import ARCHIVE, decode_cifar, find_cifar
from ablate.training.data.dataset import Dataset, Labelled
from ablate.training.data.digits import decode_digits, find_digits
from ablate.training.data.download import DownloadError, download
from ablate.training.data.idx import IDX_FILES, decode_idx, find_idx


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a data set comes from."""

    #: Names of the classes, in the order of the labels.
    classes: tuple[str, ...]
    #: Channels, height and width of its images.
    shape: tuple[int, int, int]
    #: Picks the data set's files from the folders given.
    find: Callable[[Sequence[Path]], tuple[Path, ...] | None]
    #: Turns these files into arrays.
    decode: Callable[[Sequence[Path]], Arrays]
    #: Folders below the data root in which it is looked for; downloads go into the first.
    folders: tuple[str, ...] = ()
    #: Folders of the system in which it is looked for.
    system_folders: tuple[str, ...] = ()
    #: Class of `torchvision.datasets` that downloads it.
    downloader: str = ""
    #: Files to keep of the download, and to name when it must be done by hand.
    files: tuple[str, ...] = ()
    #: Page or file to fetch by hand.
    url: str = ""


DIGITS = tuple("0123456789")
SOURCES = {
    "digits": Source(classes=DIGITS, shape=(1, 8, 8), find=find_digits, decode=decode_digits),
    "mnist": Source(
        classes=DIGITS,
        shape=(1, 28, 28),
        find=find_idx,
        decode=decode_idx,
        folders=("mnist", "MNIST/raw"),
        downloader="MNIST",
        files=tuple(f"{name}.gz" for name in IDX_FILES),
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    "fashion_mnist": Source(
        classes=("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
        shape=(1, 28, 28),
        find=find_idx,
        decode=decode_idx,
        folders=("fashion_mnist", "FashionMNIST/raw"),
        system_folders=("/usr/share/datasets/fashion-mnist",),  # Debian's package dataset-fashion-mnist
        downloader="FashionMNIST",
        files=tuple(f"{name}.gz" for name in IDX_FILES),
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    "cifar10": Source(
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        shape=(3, 32, 32),
        find=find_cifar,
        decode=decode_cifar,
        folders=("cifar10", ""),
        downloader="CIFAR10",
        files=(ARCHIVE,),
        url="https://www.cs.toronto.edu/~kriz/",
    ),
}


def default_root() -> Path:
    """The folder for data sets: `$ABLATE_DATA`, else `ablate/data` in the user's cache folder."""
    given = os.environ.get("ABLATE_DATA")
    return Path(given) if given else Path(platformdirs.user_cache_dir("ablate")) / "data"


def load_dataset(data: Data, root: Path | None = None) -> Dataset:
    """A data set by name, found on this machine or downloaded.

    Args:
        data: The `data` table of a recipe.
        root: Folder in which data sets are looked for, downloaded and cached; None means `default_root()`.

    Raises:
        DataMissingError: It is not on this machine and cannot be downloaded, or a file of it is damaged.
    """
    name = data.name
    source = SOURCES[name]
    root = (root or default_root()).expanduser().absolute()
    files = _find(source, root) or _fetch(name, source, root)
    arrays = cached(root, name, len(source.classes), files, source.decode)
    fault = arrays.fault(len(source.classes))
    if fault is not None:
        raise DataMissingError(
            f"The files of data set {name!r} in {files[0].parent} do not belong together: {fault}.",
            cure="Delete them and run the same command again; they are then fetched anew.",
        )
    train_images, train_labels, test_images, test_labels = map(torch.from_numpy, arrays)
    return Dataset(
        name=name,
        classes=source.classes,
        train=Labelled(images=train_images, labels=train_labels),
        test=Labelled(images=test_images, labels=test_labels),
    )


def stand_in(data: Data, images: int) -> Dataset:
    """Random images in the shape of a data set, for a look at a recipe where the data set need not be there.

    Args:
        data: The `data` table whose images' place they take.
        images: How many to train on; a tenth of them to test on.
    """
    source = SOURCES[data.name]
    generator = torch.Generator().manual_seed(0)
    classes = len(source.classes)

    def draw(count: int) -> Labelled:
        pixels = torch.randint(0, 256, (count, *source.shape), dtype=torch.uint8, generator=generator)
        return Labelled(images=pixels, labels=torch.arange(count) % classes)

    return Dataset(name=data.name, classes=source.classes, train=draw(images), test=draw(max(classes, images // 10)))


def _find(source: Source, root: Path) -> tuple[Path, ...] | None:
    return source.find([*(root / folder for folder in source.folders), *map(Path, source.system_folders)])


def _fetch(name: str, source: Source, root: Path) -> tuple[Path, ...]:
    """Download once, also when several workers miss the data set at the same time."""
    try:
        if not source.downloader:
            raise DownloadError("it comes with a package that is not installed")
        target = root / source.folders[0]
        target.mkdir(parents=True, exist_ok=True)
        with FileLock(target / ".download.lock"):
            files = _find(source, root)
            if files is None:
                download(source.downloader, target, source.files)
                files = _find(source, root)
        if files is None:
            raise DownloadError("the download did not bring the files that were expected")
    except (DownloadError, OSError) as error:
        raise _missing(name, source, root, str(error)) from error
    return files


def _missing(name: str, source: Source, root: Path, reason: str) -> DataMissingError:
    if not source.downloader:
        return DataMissingError(f"Data set {name!r}: {reason}.", cure="Type `pip install scikit-learn`.")
    links = "\n".join(f"    {source.url}{file}" for file in source.files)
    return DataMissingError(
        f"Data set {name!r} is not on this machine and could not be downloaded: {reason}.",
        cure=f"Fetch by hand\n{links}\nand put it into\n    {root / source.folders[0]}\n"
        "(or name a folder that has it with --data-root or ABLATE_DATA). "
        "Then type the same `ablate run` command again: what is done stays done.",
    )
