"""Published data sets in their real formats, held against torchvision's readers of them; fetched, and found wanting."""

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision
from scipy.io import savemat
from torchvision.datasets import CIFAR100, STL10, SVHN, EuroSAT, Flowers102, Imagenette

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training import RecipeError
from ablate.training.data import Labelled, load_dataset, split, stand_in
from ablate.training.data.registry import SOURCES
from tests.data_sets import PUBLISHED
from tests.server import Server

Write = Callable[..., Path]
#: How torchvision reads each part; the folder is the data root.
READERS: dict[str, dict[str, Callable[[Path], Any]]] = {
    "cifar100": {
        "train": lambda root: CIFAR100(root / "cifar100", train=True),
        "test": lambda root: CIFAR100(root / "cifar100", train=False),
    },
    "svhn": {part: lambda root, part=part: SVHN(root / "svhn", split=part) for part in ("train", "test")},
    "stl10": {part: lambda root, part=part: STL10(root / "stl10", split=part) for part in ("train", "test")},
    "eurosat": {"train": EuroSAT},
    "imagenette_160": {
        "train": lambda root: Imagenette(root / "imagenette_160", "train", "160px"),
        "test": lambda root: Imagenette(root / "imagenette_160", "val", "160px"),
    },
    "imagenette": {
        "train": lambda root: Imagenette(root / "imagenette", "train", "320px"),
        "test": lambda root: Imagenette(root / "imagenette", "val", "320px"),
    },
    "flowers102": {
        "train": lambda root: Flowers102(root, "train"),
        "validation": lambda root: Flowers102(root, "val"),
        "test": lambda root: Flowers102(root, "test"),
    },
}
#: Address and checksum of every file that torchvision fetches.
FETCHED: dict[str, dict[str, str]] = {
    "cifar100": {CIFAR100.url: CIFAR100.tgz_md5},
    "svhn": {SVHN.split_list[part][0]: SVHN.split_list[part][2] for part in ("train", "test")},
    "stl10": {STL10.url: STL10.tgz_md5},
    "imagenette_160": dict([Imagenette._ARCHIVES["160px"]]),
    "imagenette": dict([Imagenette._ARCHIVES["320px"]]),
    "flowers102": {f"{Flowers102._download_url_prefix}{name}": md5 for name, md5 in Flowers102._file_dict.values()},
}


def fault(data: Data, root: Path) -> str:
    with pytest.raises(DataMissingError) as caught:
        load_dataset(data, root)
    assert caught.value.cure
    return str(caught.value)


def assert_as_torchvision(ours: Labelled | None, theirs: Any) -> None:
    assert ours is not None
    assert ours.labels.tolist() == [label for _, label in theirs]
    for image, (other, _) in zip(ours.images, theirs, strict=True):
        assert np.array_equal(image.numpy(), np.asarray(other.convert("RGB")).transpose(2, 0, 1))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_image_and_label_is_what_torchvision_reads(
    tmp_path: Path, write_published: Write, monkeypatch: pytest.MonkeyPatch, name: str
):
    write_published(name, tmp_path, equal=True)
    if name == "flowers102":  # torchvision's name for the folder, which is looked for too
        (tmp_path / name).rename(tmp_path / "flowers-102")
    for module in ("cifar", "svhn", "stl10", "flowers102"):  # ours are not the published files
        monkeypatch.setattr(getattr(torchvision.datasets, module), "check_integrity", lambda *_: True)
    dataset = load_dataset(Data(name=name), tmp_path)
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    assert {part for part, held in parts.items() if held is not None} == set(READERS[name])
    for part, read in READERS[name].items():
        assert_as_torchvision(parts[part], read(tmp_path))
    outline = SOURCES[name].outline(Data(name=name), tmp_path)
    assert outline.parts == set(READERS[name])
    assert len(outline.classes) == len(dataset.classes) == len(set(dataset.classes))
    assert dataset.train.labels.unique().tolist() == list(range(len(dataset.classes)))


def test_classes_have_the_names_that_torchvision_gives_them(tmp_path: Path, write_published: Write):
    for name in ("cifar100", "imagenette"):
        write_published(name, tmp_path)
    assert SOURCES["flowers102"].outline(Data(name="flowers102"), tmp_path).classes == tuple(Flowers102.classes)
    things = Imagenette(tmp_path / "imagenette", "train", "320px").classes
    assert load_dataset(Data(name="imagenette", resize=8), tmp_path).classes == tuple(names[0] for names in things)
    assert load_dataset(Data(name="cifar100"), tmp_path).classes[:2] == ("big thing 0", "big thing 1")


@pytest.mark.parametrize("name", FETCHED)
def test_what_is_fetched_and_checked_is_what_torchvision_fetches_and_checks(name: str):
    how = SOURCES[name].download
    assert how is not None
    assert {f"{how.url}{file}" for file in how.files} == set(FETCHED[name])
    if not how.torchvision:
        assert {f"{how.url}{file}": md5 for file, md5 in how.md5.items()} == FETCHED[name]


def test_eurosat_is_fetched_from_where_torchvision_fetches_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    asked = []
    monkeypatch.setattr(
        torchvision.datasets.eurosat,
        "download_and_extract_archive",
        lambda url, download_root, md5: asked.append((url, md5)),
    )
    with pytest.raises(RuntimeError):
        EuroSAT(tmp_path, download=True)
    how = SOURCES["eurosat"].download
    assert how is not None
    assert asked == [(f"{how.url}{file}", how.md5[file]) for file in how.files]


@pytest.mark.parametrize("name", ["imagenette_160", "imagenette", "flowers102"])
def test_photographs_of_many_sizes_need_one(tmp_path: Path, write_published: Write, name: str):
    write_published(name, tmp_path)
    with pytest.raises(RecipeError, match="differ in size"):
        load_dataset(Data(name=name), tmp_path)
    assert load_dataset(Data(name=name, resize=8), tmp_path).train.images.shape[1:] == (3, 8, 8)


def test_eurosat_holds_a_test_set_out(tmp_path: Path, write_published: Write):
    write_published("eurosat", tmp_path)
    parts = split(load_dataset(Data(name="eurosat"), tmp_path), Data(name="eurosat", validation=0.25, test=0.25))
    assert (parts.train.count, parts.validation.count, parts.test.count) == (20, 10, 10)


def test_flowers_are_validated_on_their_own_images(tmp_path: Path, write_published: Write):
    write_published("flowers102", tmp_path)
    dataset = load_dataset(Data(name="flowers102", resize=8), tmp_path)
    with pytest.raises(RecipeError, match="has validation images of its own") as caught:
        split(dataset, Data(name="flowers102"))
    assert 'validation = "own"' in caught.value.cure
    assert split(dataset, Data(name="flowers102", validation="own")).validation.count == 102


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_stand_in_has_the_parts_of_the_real_set(tmp_path: Path, name: str):
    data = Data(name=name, resize=16, validation="own" if name == "flowers102" else 0.1)
    dataset = stand_in(data, 1100, tmp_path)
    assert dataset.train.images.shape == (1100, 3, 16, 16)
    assert split(dataset, data).test.count > 0


def _tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder, folder.name)


def _zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")


@pytest.mark.usefixtures("no_proxy")
@pytest.mark.parametrize(
    ("name", "folder", "kept"),
    [
        ("svhn", "", {"train_32x32.mat", "test_32x32.mat"}),
        ("stl10", "", {"stl10_binary", "stl10_binary.tar.gz"}),
        ("eurosat", "", {"2750", "EuroSAT.zip"}),
        ("imagenette_160", "", {"imagenette2-160", "imagenette2-160.tgz"}),
        ("flowers102", "jpg", {"jpg", "102flowers.tgz", "imagelabels.mat", "setid.mat"}),
    ],
)
def test_a_set_is_downloaded_checked_and_unpacked(
    tmp_path: Path,
    server: Server,
    write_published: Write,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    folder: str,
    kept: set[str],
):
    made = write_published(name, tmp_path / "made")
    source, how = SOURCES[name], SOURCES[name].download
    assert how is not None
    for file in how.files:
        archive = tmp_path / "www" / file
        if file.endswith(".mat"):
            shutil.copy(made / file, archive)
        else:
            (_zip if file.endswith(".zip") else _tar)(archive, made / folder if folder else made)
    sums = {file: hashlib.md5((tmp_path / "www" / file).read_bytes()).hexdigest() for file in how.files}
    there = replace(source, download=replace(how, url=server.url, md5=sums))
    monkeypatch.setitem(SOURCES, name, there)
    data = Data(name=name, resize=8)
    assert len(load_dataset(data, tmp_path / "root").train.labels) > 0
    assert {path.name for path in (tmp_path / "root" / name).iterdir()} - {".download.lock"} == kept
    if name == "stl10":
        assert not (tmp_path / "root" / name / "stl10_binary" / "unlabeled_X.bin").exists()

    wrong = replace(there, download=replace(how, url=server.url, md5=dict.fromkeys(sums, "0" * 32)))
    monkeypatch.setitem(SOURCES, name, wrong)
    text = fault(data, tmp_path / "again")
    assert "could not be downloaded" in text
    assert f"{server.url}{how.files[-1]}" in text


def test_images_without_their_lists_are_fetched_not_unpacked_over(
    tmp_path: Path, write_published: Write, no_network: None
):
    folder = write_published("flowers102", tmp_path)
    _tar(folder / "102flowers.tgz", folder / "jpg")
    (folder / "setid.mat").unlink()
    text = fault(Data(name="flowers102", resize=8), tmp_path)
    assert "could not be downloaded" in text
    assert "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/setid.mat" in text


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _write_labels(path: Path) -> None:
    path.write_bytes(bytes([11]) * 20)


@pytest.mark.parametrize(
    ("name", "file", "spoil", "told"),
    [
        ("cifar100", "meta", _shorten, "cifar-100-python/meta is damaged"),
        ("svhn", "train_32x32.mat", _shorten, "train_32x32.mat is damaged"),
        ("svhn", "train_32x32.mat", lambda path: savemat(path, {"X": np.zeros(3)}), "it holds no 'y'"),
        ("svhn", "test_32x32.mat", lambda path: savemat(path, {"X": np.zeros((4, 4, 3, 2)), "y": [1, 2]}), "the shape"),
        ("stl10", "test_X.bin", _shorten, "are no images of 27,648 bytes each"),
        ("stl10", "train_y.bin", _shorten, "20 images and 13 labels"),
        ("stl10", "train_y.bin", _write_labels, "labels reach from 10 to 10, not from 0 to 9"),
        ("flowers102", "jpg/image_00003.jpg", Path.unlink, "it lacks 'jpg/image_00003.jpg'"),
        (
            "flowers102",
            "imagelabels.mat",
            lambda path: savemat(path, {"labels": [[1, 2]]}),
            "lists images beside the 2",
        ),
        ("eurosat", "Forest", shutil.rmtree, "lacks the class folders 'Forest', so it is not eurosat as published"),
        ("imagenette", "val", shutil.rmtree, "lacks the class folders 'n01440764'"),
        ("imagenette", "train/n1", Path.mkdir, "has besides the class folders 'n1'"),
        ("imagenette", "val/n01440764/n01440764_0.JPEG", Path.unlink, "The class folder 'n01440764'"),
    ],
)
def test_what_is_wrong_with_a_set_is_named(
    tmp_path: Path, write_published: Write, name: str, file: str, spoil: Callable[[Path], Any], told: str
):
    folder = write_published(name, tmp_path)
    spoil(folder / file)
    text = fault(Data(name=name, resize=8), tmp_path)
    assert told in text
    assert "Delete" in text
