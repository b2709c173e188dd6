"""Data sets as they lie on disks, as they are downloaded, and as they are missed."""

import gzip
import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torchvision
from sklearn.datasets import load_digits

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data import Dataset, default_root, load_dataset
from ablate.training.data.registry import SOURCES
from tests.server import Server

Arrays = tuple[np.ndarray, ...]


@pytest.fixture
def no_system_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without Debian's package of Fashion-MNIST."""
    monkeypatch.setitem(SOURCES, "fashion_mnist", replace(SOURCES["fashion_mnist"], system_folders=()))


def assert_same(dataset: Dataset, images: Arrays) -> None:
    train_images, train_labels, test_images, test_labels = images
    assert dataset.train.images.shape == (50, 1, 28, 28)
    assert np.array_equal(dataset.train.images[:, 0].numpy(), train_images)
    assert dataset.train.labels.tolist() == train_labels.tolist()
    assert np.array_equal(dataset.test.images[:, 0].numpy(), test_images)
    assert dataset.test.labels.tolist() == test_labels.tolist()


def test_digits_are_scikit_learns_split_for_good(tmp_path: Path):
    dataset = load_dataset(Data(name="digits"), tmp_path)
    assert dataset.train.images.shape == (1437, 1, 8, 8)
    assert dataset.test.images.shape == (360, 1, 8, 8)
    counts = np.bincount(dataset.test.labels.numpy())
    assert counts.min() >= 34
    assert counts.max() <= 38
    source = load_digits()
    expected = sorted((np.rint(image * 255 / 16).astype(np.uint8).tobytes(), int(label))
                      for image, label in zip(source.images, source.target, strict=True))  # fmt: skip
    found = [
        (image.numpy().tobytes(), int(label))
        for images, labels in (
            (dataset.train.images, dataset.train.labels),
            (dataset.test.images, dataset.test.labels),
        )
        for image, label in zip(images, labels, strict=True)
    ]
    assert sorted(found) == expected
    pinned = hashlib.sha256(dataset.test.images.numpy().tobytes()).hexdigest()
    assert pinned == "2c2373b9bfdf587d01479af1d2cc58495ee9d15357c7aa11f072469159ff8299"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "mnist"),
        ("mnist", "MNIST/raw"),
        ("fashion_mnist", "fashion_mnist"),
        ("fashion_mnist", "FashionMNIST/raw"),
    ],
)
def test_idx_files_are_read_where_they_lie(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays, name: str, folder: str, zipped: bool
):
    write_idx(tmp_path / folder, zipped=zipped)
    dataset = load_dataset(Data(name=name), tmp_path)
    assert_same(dataset, images)
    assert len(dataset.classes) == 10


def test_fashion_mnist_is_found_in_the_systems_folder(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays, monkeypatch: pytest.MonkeyPatch
):
    system = tmp_path / "usr" / "share" / "datasets" / "fashion-mnist"
    write_idx(system)
    source = SOURCES["fashion_mnist"]
    assert source.system_folders == ("/usr/share/datasets/fashion-mnist",)
    monkeypatch.setitem(SOURCES, "fashion_mnist", replace(source, system_folders=(str(system),)))
    assert_same(load_dataset(Data(name="fashion_mnist"), tmp_path / "root"), images)


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("folder", ["", "cifar10"])
def test_cifar_batches_are_read_from_folder_and_archive(
    tmp_path: Path, write_cifar: Callable[..., None], cifar: dict, archive: bool, folder: str
):
    write_cifar(tmp_path / folder, archive=archive)
    dataset = load_dataset(Data(name="cifar10"), tmp_path)
    assert dataset.train.images.shape == (20, 3, 32, 32)
    data, labels = cifar["data_batch_2"]
    assert np.array_equal(dataset.train.images[4:8].numpy(), data.reshape(4, 3, 32, 32))
    assert dataset.train.labels[4:8].tolist() == labels
    assert np.array_equal(dataset.test.images.numpy().reshape(4, -1), cifar["test_batch"][0])
    assert dataset.test.labels.tolist() == cifar["test_batch"][1]


def test_the_default_root_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ABLATE_DATA", str(tmp_path / "here"))
    load_dataset(Data(name="digits"))
    assert any((tmp_path / "here" / ".cache").iterdir())
    monkeypatch.delenv("ABLATE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root().name == "data"
    assert default_root().parent.name == "ablate"


@pytest.mark.usefixtures("no_network")
def test_a_missing_data_set_says_what_to_fetch_where_to_put_it_and_how_to_go_on(tmp_path: Path):
    with pytest.raises(DataMissingError) as caught:
        load_dataset(Data(name="cifar10"), tmp_path)
    text = str(caught.value)
    assert "'cifar10' is not on this machine" in text
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz" in text
    assert str(tmp_path / "cifar10") in text
    assert "ablate run" in text
    assert caught.value.exit_code == 5
    assert [path.name for path in (tmp_path / "cifar10").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.usefixtures("no_network")
def test_what_the_message_asks_for_is_then_found(tmp_path: Path, write_cifar: Callable[..., None]):
    with pytest.raises(DataMissingError):
        load_dataset(Data(name="cifar10"), tmp_path)
    write_cifar(tmp_path / "cifar10", archive=True)
    assert len(load_dataset(Data(name="cifar10"), tmp_path).test.labels) == 4


@pytest.mark.usefixtures("no_system_folders", "no_proxy")
@pytest.mark.parametrize("intact", [True, False])
def test_fashion_mnist_is_downloaded_once_and_checked(
    tmp_path: Path,
    server: Server,
    write_idx: Callable[..., None],
    images: Arrays,
    monkeypatch: pytest.MonkeyPatch,
    intact: bool,
):
    write_idx(tmp_path / "www")
    files = sorted((tmp_path / "www").iterdir())
    sums = [hashlib.md5(path.read_bytes()).hexdigest() if intact else "0" * 32 for path in files]
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [server.url])
    monkeypatch.setattr(
        torchvision.datasets.FashionMNIST,
        "resources",
        [(path.name, value) for path, value in zip(files, sums, strict=True)],
    )
    root = tmp_path / "root"
    if not intact:
        with pytest.raises(DataMissingError, match="corrupted"):
            load_dataset(Data(name="fashion_mnist"), root)
        return
    assert_same(load_dataset(Data(name="fashion_mnist"), root), images)
    for path in files:
        path.unlink()
    assert_same(load_dataset(Data(name="fashion_mnist"), root), images)
    assert sorted(path.name for path in (root / "fashion_mnist").glob("*.gz")) == [path.name for path in files]
    assert list((root / "fashion_mnist").glob(".download-*")) == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[: len(content) // 2], "damaged"),
        (lambda _: b"no gzip at all", "damaged"),
        (lambda _: gzip.compress(b"\0\0\x08\x03" + b"\0" * 8), "does not begin like an IDX file"),
        (lambda _: gzip.compress(bytes((0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3))), "announces 2x2x2"),
    ],
)
def test_a_damaged_file_is_named(
    tmp_path: Path, write_idx: Callable[..., None], spoil: Callable[[bytes], bytes], reason: str
):
    write_idx(tmp_path / "mnist")
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataMissingError, match=reason) as caught:
        load_dataset(Data(name="mnist"), tmp_path)
    assert str(path) in str(caught.value)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path, write_idx: Callable[..., None]):
    write_idx(tmp_path / "mnist")
    label_file = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    label_file.write_bytes((tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(DataMissingError, match="20 images and 50 labels"):
        load_dataset(Data(name="mnist"), tmp_path)


class Mischief:
    def __reduce__(self):
        return os.mkdir, ("mischief",)


def test_a_cifar_batch_that_carries_code_is_refused_and_not_run(
    tmp_path: Path, write_cifar: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_cifar(tmp_path, archive=False)
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps({"data": Mischief()}))
    with pytest.raises(DataMissingError, match="mkdir"):
        load_dataset(Data(name="cifar10"), tmp_path)
    assert not (tmp_path / "mischief").exists()


@pytest.mark.usefixtures("no_network")
def test_a_file_that_may_not_be_read_is_named_with_the_cure(
    tmp_path: Path, write_idx: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    write_idx(tmp_path / "mnist")
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    real_open = Path.open

    def refuse(self: Path, *words: object, **more: object) -> object:
        if self == path:  # the superuser may read everything, so that a test cannot take the right away by `chmod`
            raise PermissionError(13, "Permission denied", str(self))
        return real_open(self, *words, **more)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataMissingError, match="Permission denied") as caught:
        load_dataset(Data(name="mnist"), tmp_path)
    assert str(path) in str(caught.value)
    assert "the right to read it" in caught.value.cure


def test_one_channel_becomes_three_by_copying_and_an_array_set_is_scaled_too(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays
):
    write_idx(tmp_path / "mnist")
    colour = load_dataset(Data(name="mnist", channels=3), tmp_path).train.images
    assert colour.shape == (50, 3, 28, 28)
    for channel in range(3):
        assert np.array_equal(colour[:, channel].numpy(), images[0])
    assert load_dataset(Data(name="mnist", resize=(10, 12)), tmp_path).test.images.shape == (20, 1, 10, 12)
