"""Data sets that are small enough to train on in no time, in the formats in which real ones come."""

import gzip
import io
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.pictures import picture

WriteImages = Callable[..., None]
#: Pixels (N, 3072) and labels of each batch of CIFAR-10, by its name.
Batches = dict[str, tuple[np.ndarray, list[int]]]


@pytest.fixture
def images() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images (50, 28, 28) and labels, test images (20, 28, 28) and labels, all classes in both."""
    random = np.random.default_rng(1)
    return (
        random.integers(0, 256, (50, 28, 28), dtype=np.uint8),
        np.arange(50, dtype=np.uint8) % 10,
        random.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        np.arange(20, dtype=np.uint8)[::-1] % 10,
    )


@pytest.fixture
def write_idx(images: tuple[np.ndarray, ...]) -> Callable[..., None]:
    """Writes `images` as the four IDX files of MNIST into a folder."""

    def write(folder: Path, *, zipped: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = (
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
        )
        for name, array in zip(names, images, strict=True):
            head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
            content = head + array.tobytes()
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)

    return write


@pytest.fixture
def cifar() -> Batches:
    """CIFAR-10's six batches with four images each."""
    return batches(4)


def batches(images: int) -> Batches:
    """CIFAR-10's six batches: data (images, 3072) and labels of each."""
    random = np.random.default_rng(2)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    return {
        name: (random.integers(0, 256, (images, 3072), dtype=np.uint8), random.integers(0, 10, images).tolist())
        for name in names
    }


@pytest.fixture
def write_cifar(cifar: Batches) -> Callable[..., None]:
    """Writes six batches, `cifar` where no others are given, into a root: unpacked, or as the archive to download."""

    def write(root: Path, *, archive: bool, filled: Batches = cifar) -> None:
        root.mkdir(parents=True, exist_ok=True)
        contents = {
            name: pickle.dumps(
                {"batch_label": name, "data": data, "labels": labels, "filenames": ["a.png"]}, protocol=2
            )
            for name, (data, labels) in filled.items()
        }
        if archive:
            with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as packed:
                for name, content in contents.items():
                    member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                    member.size = len(content)
                    packed.addfile(member, io.BytesIO(content))
            return
        folder = root / "cifar-10-batches-py"
        folder.mkdir()
        for name, content in contents.items():
            (folder / name).write_bytes(content)

    return write


@pytest.fixture
def write_images() -> WriteImages:
    """Writes pictures: `write_images(folder, {"train/cat/a.png": (6, 8)})`, each of its own content."""

    def write(folder: Path, files: dict[str, tuple[int, int]], mode: str = "RGB") -> None:
        for seed, (name, size) in enumerate(files.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(size, mode, seed).save(path)

    return write


@pytest.fixture
def write_caltech() -> Callable[..., Path]:
    """Writes Caltech101 into a root: 101 classes of images of many sizes, a third of them grey, and the background."""

    def write(root: Path, *, classes: int = 101, images: int = 2) -> Path:
        folder = root / "caltech101" / "101_ObjectCategories"
        names = [f"thing_{number:03}" for number in range(classes)]
        for number, name in enumerate([*names, "BACKGROUND_Google"]):
            (folder / name).mkdir(parents=True)
            for image in range(1, images + 1):
                size = (20 + image, 30 + number % 7)
                picture(size, "L" if number % 3 == 0 else "RGB", 1000 * number + image).save(
                    folder / name / f"image_{image:04}.jpg"
                )
        return folder

    return write


@pytest.fixture
def write_tiny_imagenet() -> Callable[..., Path]:
    """Writes Tiny ImageNet into a root: 200 classes of a training and a test image, all 64x64, every tenth grey.

    With `tested` only the first so many classes have a test image.
    """

    def write(root: Path, *, tested: int = 200) -> Path:
        folder = root / "tiny_imagenet" / "tiny-imagenet-200"
        wnids = [f"n{10_000_000 + 37 * number}" for number in range(200)]
        lines = []
        for number, wnid in enumerate(wnids):
            images = folder / "train" / wnid / "images"
            images.mkdir(parents=True)
            mode = "L" if number % 10 == 0 else "RGB"
            picture((64, 64), mode, number).save(images / f"{wnid}_0.JPEG")
            (images.parent / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t0\t9\t9\n")
            if number >= tested:
                continue
            test = folder / "val" / "images" / f"val_{199 - number}.JPEG"
            test.parent.mkdir(parents=True, exist_ok=True)
            picture((64, 64), mode, 500 + number).save(test)
            lines.append(f"{test.name}\t{wnid}\t0\t32\t44\t62\n")
        unlabelled = folder / "test" / "images"
        unlabelled.mkdir(parents=True)
        picture((64, 64)).save(unlabelled / "test_0.JPEG")
        (folder / "val" / "val_annotations.txt").write_text("".join(lines))
        (folder / "wnids.txt").write_text("\n".join(reversed(wnids)))
        words = [f"{wnid}\tthing {number // 2 if number < 2 else number}, kind" for number, wnid in enumerate(wnids)]
        (folder / "words.txt").write_text("\n".join(["n00001740\tentity", *words]))
        return folder

    return write
