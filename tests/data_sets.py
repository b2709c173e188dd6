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
from scipy.io import savemat

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


@pytest.fixture
def write_published() -> Callable[..., Path]:
    """Writes one of `PUBLISHED` into a root and returns its folder; `equal` images all have one size."""

    def write(name: str, root: Path, *, equal: bool = False) -> Path:
        return PUBLISHED[name](root, equal)

    return write


def _cifar100(root: Path, _equal: bool) -> Path:
    """200 training and 100 test images."""
    folder = root / "cifar100" / "cifar-100-python"
    folder.mkdir(parents=True)
    for seed, (name, count) in enumerate({"train": 200, "test": 100}.items()):
        data = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
        fine = [7 * number % 100 for number in range(count)]
        batch = {"data": data, "fine_labels": fine, "coarse_labels": [0] * count, "filenames": [], "batch_label": name}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {"fine_label_names": [f"big_thing_{number}" for number in range(100)], "coarse_label_names": ["things"] * 20}
    (folder / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    return folder


def _svhn(root: Path, _equal: bool) -> Path:
    """40 training and 20 test images; the digit 0 has the label 10."""
    folder = root / "svhn"
    folder.mkdir(parents=True)
    for seed, (name, count) in enumerate({"train": 40, "test": 20}.items()):
        images = np.random.default_rng(seed).integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        labels = (3 * np.arange(count) % 10 + 1).astype(np.uint8)[:, np.newaxis]
        savemat(folder / f"{name}_32x32.mat", {"X": images, "y": labels}, do_compression=True)
    return folder


def _stl10(root: Path, _equal: bool) -> Path:
    """20 training and 10 test images, stored column by column, and 5 without labels."""
    folder = root / "stl10" / "stl10_binary"
    folder.mkdir(parents=True)
    for seed, (name, count) in enumerate({"train": 20, "test": 10, "unlabeled": 5}.items()):
        images = np.random.default_rng(seed).integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        (folder / f"{name}_X.bin").write_bytes(images.tobytes())
        if name != "unlabeled":
            (folder / f"{name}_y.bin").write_bytes((3 * np.arange(count) % 10 + 1).astype(np.uint8).tobytes())
    names = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
    (folder / "class_names.txt").write_text("".join(f"{name}\n" for name in names))
    return folder


def _flowers102(root: Path, equal: bool) -> Path:
    """An image of each class in each part, scattered."""
    folder = root / "flowers102"
    (folder / "jpg").mkdir(parents=True)
    order = np.random.default_rng(0).permutation(3 * 102)
    for number in range(1, len(order) + 1):
        size = (20, 24) if equal else (20 + number % 3, 24)
        picture(size, "RGB", number).save(folder / "jpg" / f"image_{number:05}.jpg")
    savemat(folder / "imagelabels.mat", {"labels": (order % 102 + 1).astype(np.uint8)[np.newaxis]})
    parts = {name: (np.flatnonzero(order // 102 == place) + 1)[np.newaxis].astype(np.uint16)
             for place, name in enumerate(("trnid", "valid", "tstid"))}  # fmt: skip
    savemat(folder / "setid.mat", parts)
    return folder


def _imagenette(root: Path, equal: bool, name: str = "imagenette", side: int = 320) -> Path:
    """Three training images and a test image of each class, some of them grey."""
    folder = root / name / f"imagenette2-{side}"
    wnids = ("n01440764", "n02102040", "n02979186", "n03000684", "n03028079",
             "n03394916", "n03417042", "n03425413", "n03445777", "n03888257")  # fmt: skip
    for place, wnid in enumerate(wnids):
        for number in range(4):
            path = folder / ("train" if number else "val") / wnid / f"{wnid}_{10 * number}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            size = (20, 24) if equal else (20, 20 + number + place % 3)
            picture(size, "L" if place == 4 else "RGB", 10 * place + number).save(path)
    (folder / "noisy_imagenette.csv").write_text("path,noisy_labels_0\n")
    return folder


def _imagenette_160(root: Path, equal: bool) -> Path:
    return _imagenette(root, equal, "imagenette_160", 160)


def _eurosat(root: Path, _equal: bool) -> Path:
    """Four images of each class, and no test set."""
    folder = root / "eurosat" / "2750"
    names = ("AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
             "Pasture", "PermanentCrop", "Residential", "River", "SeaLake")  # fmt: skip
    for place, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(1, 5):
            picture((64, 64), "RGB", 10 * place + number).save(folder / name / f"{name}_{number}.jpg")
    return folder


#: What writes each of the published sets in their real formats, but small.
PUBLISHED = {
    "cifar100": _cifar100,
    "svhn": _svhn,
    "stl10": _stl10,
    "eurosat": _eurosat,
    "imagenette_160": _imagenette_160,
    "imagenette": _imagenette,
    "flowers102": _flowers102,
}
