"""Caltech101 and Tiny ImageNet in the exact format of the real sets: read, unpacked, fetched, and found wanting."""

import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torchvision
from PIL import Image

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training import RecipeError
from ablate.training.data import load_dataset, split, stand_in
from ablate.training.data.prepare import prepare
from ablate.training.data.registry import SOURCES
from tests.server import Server

Write = Callable[..., Path]
CALTECH = Data(name="caltech101", resize=16)
TINY = Data(name="tiny_imagenet")


def fault(data: Data, root: Path) -> str:
    with pytest.raises(DataMissingError) as caught:
        load_dataset(data, root)
    assert caught.value.cure
    return str(caught.value)


def pack(archive: Path, folder: Path, inside: str = "") -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, f"{inside}{folder.name}/{path.relative_to(folder).as_posix()}")


def test_caltech_has_101_classes_in_colour_and_no_test_set(tmp_path: Path, write_caltech: Write):
    write_caltech(tmp_path)
    dataset = load_dataset(CALTECH, tmp_path)
    assert len(dataset.classes) == 101
    assert "BACKGROUND_Google" not in dataset.classes
    assert dataset.train.images.shape == (202, 3, 16, 16)
    assert dataset.train.labels.tolist() == sorted([*range(101), *range(101)])
    assert dataset.test is None
    grey, colour = dataset.train.images[0], dataset.train.images[2]
    assert grey[0].equal(grey[1])
    assert not colour[0].equal(colour[1])
    parts = split(dataset, CALTECH)
    assert (parts.train.count, parts.validation.count, parts.test.count) == (162, 20, 20)


def test_caltech_needs_a_size(tmp_path: Path, write_caltech: Write):
    write_caltech(tmp_path)
    with pytest.raises(RecipeError, match=r"'caltech101' differ in size: .* more sizes pixels"):
        load_dataset(Data(name="caltech101"), tmp_path)


def test_caltech_with_a_class_too_few_is_refused(tmp_path: Path, write_caltech: Write):
    folder = write_caltech(tmp_path, classes=100, images=1)
    text = fault(CALTECH, tmp_path)
    assert f"{folder} holds 100 class folders beside BACKGROUND_Google" in text
    assert f"Delete the folder {folder} and type the same command again" in text


def test_caltech_with_an_empty_class_is_to_be_unpacked_anew(tmp_path: Path, write_caltech: Write):
    folder = write_caltech(tmp_path, images=1)
    (folder / "thing_007" / "image_0001.jpg").unlink()
    text = fault(CALTECH, tmp_path)
    assert f"The class folder 'thing_007' of {folder} holds no image" in text
    assert f"Delete the folder {folder} and type the same command again" in text


def test_tiny_imagenet_has_200_classes_and_tests_on_its_val_folder(tmp_path: Path, write_tiny_imagenet: Write):
    folder = write_tiny_imagenet(tmp_path)
    dataset = load_dataset(TINY, tmp_path)
    assert dataset.train.images.shape == (200, 3, 64, 64)
    assert dataset.train.labels.tolist() == list(range(200))
    assert dataset.test is not None
    # val_0 shows the last class, val_199 the first; the files come in the order of their names
    names = sorted(path.name for path in (folder / "val" / "images").iterdir())
    assert dataset.test.labels.tolist() == [199 - int(name[4:-5]) for name in names]
    expected = np.asarray(Image.open(folder / "val" / "images" / "val_198.JPEG").convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(dataset.test.images[names.index("val_198.JPEG")].numpy(), expected)
    assert dataset.unlabelled is None
    assert dataset.classes[:3] == ("thing 0 (n10000000)", "thing 0 (n10000037)", "thing 2")


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("val/val_annotations.txt", lambda text: text.split("\n", 1)[1], "has no line for 'val_199.JPEG'"),
        (
            "val/val_annotations.txt",
            lambda text: text.replace("n10000037", "n0"),
            "that val_198.JPEG shows 'n0'",
        ),
        ("val/val_annotations.txt", lambda text: text + "x.JPEG\tn10000000\n", "has lines for 'x.JPEG', which"),
        ("wnids.txt", lambda text: text.split("\n", 1)[1], "lists 199 classes, but Tiny ImageNet has 200"),
        ("wnids.txt", lambda text: text.replace("n10000037", "n0"), "lacks the class folders 'n0'"),
    ],
)
def test_lists_that_do_not_fit_the_folders_are_named(
    tmp_path: Path, write_tiny_imagenet: Write, file: str, change: Callable[[str], str], told: str
):
    path = write_tiny_imagenet(tmp_path) / file
    path.write_text(change(path.read_text()))
    text = fault(TINY, tmp_path)
    assert told in text
    assert str(path.parent) in text


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("wnids.txt", "{} is not there, so that nothing says which classes"),
        ("val/val_annotations.txt", "{} is not there, so that nothing says what the test images show"),
        ("val/images", "{} is not there, the folder of the test images"),
        ("train/n10000000", "train lacks the class folders 'n10000000', which wnids.txt lists"),
        ("train/n10000000/images/n10000000_0.JPEG", "The class folder 'n10000000'"),
        ("train/n10000037/images/n10000037_0.JPEG", "The class folder 'n10000037'"),
    ],
)
def test_what_tiny_imagenet_lacks_is_named_with_the_cure(
    tmp_path: Path, write_tiny_imagenet: Write, missing: str, told: str
):
    folder = write_tiny_imagenet(tmp_path)
    path = folder / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    text = fault(TINY, tmp_path)
    assert told.format(path) in text
    assert f"Delete the folder {folder} and type the same command again" in text


def test_a_class_of_tiny_imagenet_that_is_short_of_images_is_named(tmp_path: Path, write_tiny_imagenet: Write):
    train = write_tiny_imagenet(tmp_path) / "train"
    for folder in sorted(train.iterdir())[2:]:
        shutil.copy(folder / "images" / f"{folder.name}_0.JPEG", folder / "images" / f"{folder.name}_1.JPEG")
    text = fault(TINY, tmp_path)
    assert f"{train / 'n10000000'} holds 1 of 2 images (classes that are short: 2)" in text


@pytest.mark.usefixtures("no_network")
def test_an_archive_that_lies_there_is_unpacked(tmp_path: Path, write_tiny_imagenet: Write):
    folder = write_tiny_imagenet(tmp_path)
    digest = load_dataset(TINY, tmp_path).digest
    pack(folder.parent / "tiny-imagenet-200.zip", folder)
    shutil.rmtree(folder)
    assert load_dataset(TINY, tmp_path).digest == digest
    assert (folder / "wnids.txt").is_file()
    assert not list(folder.parent.glob(".unpack-*"))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("zipped", [True, False])
def test_caltechs_archive_in_an_archive_is_unpacked(tmp_path: Path, write_caltech: Write, zipped: bool):
    folder = write_caltech(tmp_path, images=1)
    inner = tmp_path / "101_ObjectCategories.tar.gz"
    with tarfile.open(inner, "w:gz") as packed:
        packed.add(folder, folder.name)
    shutil.rmtree(folder)
    if zipped:
        with zipfile.ZipFile(folder.parent / "caltech-101.zip", "w") as outer:
            outer.write(inner, "caltech-101/101_ObjectCategories.tar.gz")
            outer.writestr("__MACOSX/._caltech-101", b"")
        inner.unlink()
    else:
        inner.rename(folder.parent / inner.name)
    assert len(load_dataset(CALTECH, tmp_path).train.labels) == 101


def hostile_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("tiny-imagenet-200/../../../escaped.txt", b"mischief")


def hostile_tar(path: Path) -> None:
    with tarfile.open(path, "w") as packed:
        member = tarfile.TarInfo("/escaped.txt")
        packed.addfile(member, io.BytesIO())


def linked_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        link = zipfile.ZipInfo("tiny-imagenet-200/out")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("write", "told"),
    [
        (hostile_zip, "outside its folder"),
        (hostile_tar, "outside its folder"),
        (linked_zip, "it holds a link"),
        (lambda path: path.write_bytes(b"PK no archive"), "is damaged"),
        (lambda path: zipfile.ZipFile(path, "w").close(), "it holds no folder 'tiny-imagenet-200'"),
    ],
)
def test_a_hostile_or_broken_archive_writes_nothing(tmp_path: Path, write: Callable[[Path], None], told: str):
    place = tmp_path / "deep" / "root" / "tiny_imagenet"
    place.mkdir(parents=True)
    write(place / "tiny-imagenet-200.zip")
    text = fault(TINY, tmp_path / "deep" / "root")
    assert told in text
    assert str(place / "tiny-imagenet-200.zip") in text
    assert not list(tmp_path.rglob("escaped.txt"))
    assert {path.name for path in place.iterdir()} <= {"tiny-imagenet-200.zip", ".download.lock"}


@pytest.mark.usefixtures("no_proxy")
@pytest.mark.parametrize("intact", [True, False])
def test_tiny_imagenet_is_downloaded_and_checked(
    tmp_path: Path, server: Server, write_tiny_imagenet: Write, monkeypatch: pytest.MonkeyPatch, intact: bool
):
    archive = tmp_path / "www" / "tiny-imagenet-200.zip"
    pack(archive, write_tiny_imagenet(tmp_path / "made"))
    source = SOURCES["tiny_imagenet"]
    assert source.download is not None
    checksum = {archive.name: hashlib.md5(archive.read_bytes()).hexdigest() if intact else "0" * 32}
    monkeypatch.setitem(
        SOURCES, "tiny_imagenet", replace(source, download=replace(source.download, url=server.url, md5=checksum))
    )
    root = tmp_path / "root"
    if not intact:
        assert "corrupted" in fault(TINY, root)
        return
    assert len(load_dataset(TINY, root).train.labels) == 200


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("data", "link"),
    [
        (CALTECH, "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"),
        (TINY, "http://cs231n.stanford.edu/tiny-imagenet-200.zip"),
    ],
)
def test_without_a_network_the_message_says_what_to_put_where(tmp_path: Path, data: Data, link: str):
    text = fault(data, tmp_path)
    assert "could not be downloaded" in text
    assert link in text
    assert str(tmp_path / data.name) in text


@pytest.mark.parametrize(
    ("data", "classes", "shape", "tested"),
    [
        (CALTECH, 101, (3, 16, 16), False),
        (Data(name="tiny_imagenet", channels=1), 200, (1, 64, 64), True),
        (Data(name="mnist", resize=32, channels=3), 10, (3, 32, 32), True),
    ],
)
def test_a_stand_in_has_the_shape_of_the_scaled_set(data: Data, classes: int, shape: tuple[int, ...], tested: bool):
    dataset = stand_in(data, 500)
    assert len(dataset.classes) == classes
    assert dataset.train.images.shape == (500, *shape)
    assert (dataset.test is not None) == tested
    split(dataset, data)


@pytest.mark.usefixtures("no_proxy")
def test_caltech_is_downloaded_through_torchvision(
    tmp_path: Path, server: Server, write_caltech: Write, monkeypatch: pytest.MonkeyPatch
):
    folder = write_caltech(tmp_path / "made", images=1)
    inner = tmp_path / "101_ObjectCategories.tar.gz"
    with tarfile.open(inner, "w:gz") as packed:
        packed.add(folder, folder.name)
    with zipfile.ZipFile(tmp_path / "www" / "caltech-101.zip", "w") as outer:
        outer.write(inner, f"caltech-101/{inner.name}")
    real = torchvision.datasets.utils.download_url
    asked = []

    def from_here(url: str, root: str, filename: str, md5: str) -> None:
        asked.append((url, md5))
        real(f"{server.url}{filename}", root, filename)

    monkeypatch.setattr(torchvision.datasets.utils, "download_url", from_here)
    assert len(load_dataset(CALTECH, tmp_path / "root").train.labels) == 101
    how = SOURCES["caltech101"].download
    assert how is not None
    # what we tell people to fetch by hand, and check, is what torchvision fetches and checks
    assert asked == [(f"{how.url}{how.files[0]}", how.md5[how.files[0]])]
    left = {path.name for path in (tmp_path / "root" / "caltech101").iterdir()}
    assert left <= {"101_ObjectCategories", ".download.lock"}


@pytest.mark.usefixtures("no_proxy")
def test_one_of_several_that_miss_a_data_set_downloads_it(
    tmp_path: Path, server: Server, write_tiny_imagenet: Write, monkeypatch: pytest.MonkeyPatch
):
    pack(tmp_path / "www" / "tiny-imagenet-200.zip", write_tiny_imagenet(tmp_path / "made"))
    source = SOURCES["tiny_imagenet"]
    assert source.download is not None
    download = replace(source.download, url=server.url, md5={})
    monkeypatch.setitem(SOURCES, "tiny_imagenet", replace(source, download=download))
    prepare(TINY, tmp_path / "alone")
    alone = len(server.fetched)  # torchvision asks for redirections first
    with ThreadPoolExecutor(4) as pool:
        prepared = list(pool.map(lambda _worker: prepare(TINY, tmp_path / "root"), range(4)))
    assert len(server.fetched) == 2 * alone
    assert len({one.digest for one in prepared}) == 1
    assert len(list((tmp_path / "root" / ".cache").glob("*/cache.json"))) == 1
