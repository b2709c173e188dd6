"""`ablate data` as a user types it, and what `ablate run` does about data before its workers start."""

import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.command import TINY_STUDY, Ablate

PETS = TINY_STUDY.replace('name = "digits"', 'name = "image_folder"\nfolder = "pets"\nresize = 8').replace(
    "train_images = 256\n", ""
)


@pytest.fixture
def root(folder: Path) -> Path:
    """A data root with a folder of pets of many sizes."""
    for number in range(12):
        path = folder / "data" / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + number, 16), (20 * number, 90, 200)).save(path)
    (folder / "data" / "pets" / "cat" / "notes.txt").write_text("no image")
    (folder / "pets.toml").write_text(PETS, encoding="utf-8")
    return folder / "data"


def test_data_sets_are_listed_fetched_and_verified(root: Path, ablate: Ablate) -> None:
    fetched = ablate("data", "fetch", "digits", "pets.toml", "--data-root", "data")
    assert fetched.returncode == 0, fetched.stderr
    assert "digits: 1,437 train, 360 test images of 8x8x1, 10 classes" in fetched.stdout
    assert "pets: 12 train images of 8x8x3, 2 classes" in fetched.stdout
    assert "files left aside, hidden or no images: 1" in fetched.stdout

    listed = json.loads(ablate("data", "list", "--json", "--data-root", "data").stdout)
    by_name = {entry["name"]: entry for entry in listed}
    assert by_name["digits"]["folder"] is not None
    assert by_name["cifar10"]["folder"] is None
    (cached,) = by_name["image_folder"]["caches"]
    assert cached["asked"] == {"name": "image_folder", "folder": "pets", "resize": 8, "channels": None}
    shown = ablate("data", "list", "--data-root", "data").stdout
    assert re.search(r"(?m)^cifar10 .* not here *$", shown)
    assert "`ablate data fetch NAME` fetches what is not here." in shown
    assert "resize=8" in shown

    whole = ablate("data", "verify", "--data-root", "data")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.count("is what the files decode to") == 2
    images = Path(root.parent / cached["folder"]) / "train_images.npy"
    images.write_bytes(images.read_bytes()[:-1] + b"\7")
    damaged = ablate("data", "verify", "pets.toml", "--data-root", "data")
    assert damaged.returncode == 5
    assert "was damaged and is made anew" in damaged.stdout
    assert ablate("data", "verify", "pets.toml", "--data-root", "data").returncode == 0


def test_names_that_mean_no_data_set_are_told(root: Path, ablate: Ablate) -> None:
    unclear = ablate("data", "fetch", "image_folder")
    assert unclear.returncode == 2
    assert "a study says which images are meant" in unclear.stderr
    undecoded = ablate("data", "verify", "--data-root", "empty")
    assert undecoded.returncode == 0, undecoded.stderr
    assert "digits: its files in" in undecoded.stdout
    absent = ablate("data", "verify", "cifar10", "--data-root", "data")
    assert absent.returncode == 5
    assert "ablate data fetch cifar10" in absent.stdout


def test_a_word_that_means_nothing_gets_a_suggestion(root: Path, ablate: Ablate) -> None:
    for command in ("fetch", "verify"):
        told = ablate("data", command, "mnits", "--data-root", "data")
        assert told.returncode == 2
        assert "there is no data set or study 'mnits'; did you mean 'mnist'?" in told.stderr
    assert not (root.parent / "results.db").exists()
    assert ablate("submit", "pets.toml").returncode == 0
    misspelt = ablate("data", "fetch", "tinny", "--data-root", "data")
    assert misspelt.returncode == 2
    assert "did you mean 'tiny'?" in misspelt.stderr
    assert ablate("data", "fetch", "tiny", "--data-root", "data").returncode == 0


def test_a_data_root_that_is_no_folder_is_told(root: Path, ablate: Ablate) -> None:
    for words in (("list",), ("fetch", "digits"), ("verify",)):
        refused = ablate("data", *words, "--data-root", "pets.toml")
        assert refused.returncode == 5
        assert "pets.toml is a file, not a folder" in refused.stderr
        assert "--data-root" in refused.stderr
    listed = ablate("data", "list", "--data-root", "absent", "--json")
    assert listed.returncode == 0
    assert "there is no folder absent" in listed.stderr
    assert json.loads(listed.stdout)
    assert not (root.parent / "absent").exists()


def test_pictures_that_are_not_read_are_told_once(root: Path, ablate: Ablate) -> None:
    for number in range(12):
        (root / "pets" / "cat" / f"{number}.HEIC").write_text("no image that is read")
    advice = "pets: 12 .heic files left aside: convert them to .jpg or .png to use them"
    (root.parent / "pets.toml").write_text(
        PETS.replace('path = "model.dropout"\nlevels = [0.25]', 'path = "data.resize"\nlevels = [9]')
    )
    for words in (("check", "pets.toml"), ("data", "fetch", "pets.toml"), ("run", "pets.toml", "--workers", "1")):
        told = ablate(*words, "--data-root", "data")
        assert told.returncode == 0, told.stderr
        assert told.stderr.count(advice) == 1


def test_a_pipe_among_the_images_is_refused(root: Path, ablate: Ablate) -> None:
    os.mkfifo(root / "pets" / "cat" / "x.png")
    for words in (("run", "pets.toml"), ("data", "fetch", "pets.toml"), ("check", "pets.toml")):
        told = ablate(*words, "--data-root", "data")
        assert told.returncode == 5, told.stderr
        assert f"{root / 'pets' / 'cat' / 'x.png'} is no ordinary file" in told.stderr


def test_a_run_tells_what_its_data_lack_before_any_worker_starts(root: Path, ablate: Ablate) -> None:
    (root / "pets" / "cat" / "1.png").write_text("no image")
    told = ablate("run", "pets.toml", "--data-root", "data", "--plain")
    assert told.returncode == 5
    assert "cat/1.png: it is no image" in told.stderr
    assert not list((root.parent).rglob("worker*.log"))

    (root.parent / "pets.toml").write_text(PETS.replace("resize = 8\n", ""), encoding="utf-8")
    (root / "pets" / "cat" / "1.png").unlink()
    unsized = ablate("run", "pets.toml", "--data-root", "data")
    assert unsized.returncode == 3
    assert "`data.resize = 64`" in unsized.stderr
