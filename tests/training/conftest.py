"""Recipes and data sets that are small enough to train on in no time, in the formats in which real ones come."""

import gzip
import io
import pickle
import struct
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ablate.recipe import Recipe
from tests.pictures import picture
from tests.server import Server, serving

MakeRecipe = Callable[..., Recipe]
WriteImages = Callable[..., None]
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests for a GPU are left out where there is none."""
    if torch.cuda.is_available():
        return
    left_out = [item for item in items if item.get_closest_marker("cuda")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("cuda")]


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root that all tests of the session may fill."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _data_root(shared_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(shared_root))


@pytest.fixture
def make_recipe() -> MakeRecipe:
    """A recipe on digits; dotted paths change it: `make_recipe({"training.epochs": 3})`."""

    def make(changes: dict[str, Any] | None = None) -> Recipe:
        tables: dict[str, Any] = {
            "data": {"name": "digits", "batch_size": 32, "train_images": 250},
            "model": {"name": "convnet", "channels": [4, 8]},
            "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}},
        }
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            table = tables
            for parent in parents:
                table = table[parent]
            table[last] = value
        return Recipe.model_validate(tables)

    return make


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
def cifar() -> dict[str, tuple[np.ndarray, list[int]]]:
    """CIFAR-10's six batches with four images each: data (4, 3072) and labels."""
    random = np.random.default_rng(2)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    return {
        name: (random.integers(0, 256, (4, 3072), dtype=np.uint8), random.integers(0, 10, 4).tolist()) for name in names
    }


@pytest.fixture
def write_cifar(cifar: dict[str, tuple[np.ndarray, list[int]]]) -> Callable[..., None]:
    """Writes `cifar` into a root, as the unpacked folder or as the archive that is downloaded."""

    def write(root: Path, *, archive: bool) -> None:
        root.mkdir(parents=True, exist_ok=True)
        contents = {
            name: pickle.dumps(
                {"batch_label": name, "data": data, "labels": labels, "filenames": ["a.png"]}, protocol=2
            )
            for name, (data, labels) in cifar.items()
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
    """Writes Tiny ImageNet into a root: 200 classes of a training and a test image, all 64x64, every tenth grey."""

    def write(root: Path) -> Path:
        folder = root / "tiny_imagenet" / "tiny-imagenet-200"
        wnids = [f"n{10_000_000 + 37 * number}" for number in range(200)]
        lines = []
        for number, wnid in enumerate(wnids):
            images = folder / "train" / wnid / "images"
            images.mkdir(parents=True)
            mode = "L" if number % 10 == 0 else "RGB"
            picture((64, 64), mode, number).save(images / f"{wnid}_0.JPEG")
            (images.parent / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t0\t9\t9\n")
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
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are reached directly."""
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def no_network(no_proxy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download is refused at once: nothing listens at the proxy's port."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real web server that offers what lies in the folder `www`."""
    (tmp_path / "www").mkdir()
    with serving(tmp_path / "www") as running:
        yield running


@pytest.fixture(autouse=True)
def _denormals_afterwards() -> Iterator[None]:
    """A run flushes denormals for its whole process; the tests of other rooms share ours."""
    yield
    torch.set_flush_denormal(False)
