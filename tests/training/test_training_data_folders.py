"""Images of one's own in folders: every layout that is understood, and what is said of the others."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.errors import DataMissingError
from ablate.recipe import FolderData
from ablate.training import RecipeError
from ablate.training.data import Dataset, load_dataset, stand_in
from ablate.training.data.prepare import prepare
from ablate.training.data.progress import Progress
from tests.pictures import picture

WriteImages = Callable[..., None]


def load(root: Path, folder: str = "pets", **changes: object) -> Dataset:
    return load_dataset(FolderData(name="image_folder", folder=folder, **changes), root)


def files(*names: str, size: tuple[int, int] = (6, 8)) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(names, size)


def fault(root: Path, **changes: object) -> str:
    with pytest.raises(DataMissingError) as caught:
        load(root, **changes)
    assert caught.value.cure
    return str(caught.value)


def test_one_folder_of_class_folders_is_read_at_any_depth(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("dog/b.png", "cat/young/x.PNG", "cat/a.png", "dog/z/y/a.png"))
    dataset = load(tmp_path)
    assert dataset.name == "pets"
    assert dataset.classes == ("cat", "dog")
    assert dataset.train.labels.tolist() == [0, 0, 1, 1]
    assert dataset.train.images.shape == (4, 3, 6, 8)
    expected = np.asarray(Image.open(tmp_path / "pets" / "cat" / "a.png")).transpose(2, 0, 1)
    assert np.array_equal(dataset.train.images[0].numpy(), expected)
    assert dataset.test is None
    assert dataset.validation is None
    assert dataset.unlabelled is None


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_train_validation_and_test_folders_are_parts(tmp_path: Path, write_images: WriteImages, val: str):
    names = [f"{part}/{name}/1.png" for part in ("train", val, "test") for name in ("cat", "dog")]
    write_images(tmp_path / "pets", files(*names, "train/dog/2.png"))
    dataset = load(tmp_path, validation="own")
    assert dataset.train.labels.tolist() == [0, 1, 1]
    assert dataset.validation is not None
    assert dataset.validation.labels.tolist() == [0, 1]
    assert dataset.test is not None
    assert dataset.test.labels.tolist() == [0, 1]


def test_a_test_folder_without_class_folders_is_unlabelled(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("train/cat/1.png", "train/dog/1.png", "test/b.png", "test/a.png"))
    dataset = load(tmp_path)
    assert dataset.test is None
    assert dataset.unlabelled is not None
    assert dataset.unlabelled.files == ("a.png", "b.png")
    expected = np.asarray(Image.open(tmp_path / "pets" / "test" / "a.png")).transpose(2, 0, 1)
    assert np.array_equal(dataset.unlabelled.images[0].numpy(), expected)


def test_classes_may_be_called_like_parts(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("train/1.png", "car/1.png", "plane/1.png"))
    assert load(tmp_path).classes == ("car", "plane", "train")


def test_an_absolute_folder_may_lie_anywhere(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "elsewhere", files("a/1.png", "b/1.png"))
    folder = str(tmp_path / "elsewhere")
    assert load(tmp_path / "root", folder).name == folder


def test_grey_folders_stay_grey_and_one_colour_makes_all_colour(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("cat/1.png", "dog/1.png"), mode="L")
    assert load(tmp_path).channels == 1
    assert load(tmp_path, channels=3).channels == 3
    grey = load(tmp_path).train.images[0, 0]
    write_images(tmp_path / "pets", files("dog/2.png"))
    mixed = load(tmp_path)
    assert mixed.channels == 3
    assert mixed.train.images[0].eq(grey).all()


def test_what_is_hidden_or_no_image_is_left_aside(
    tmp_path: Path, write_images: WriteImages, caplog: pytest.LogCaptureFixture
):
    write_images(tmp_path / "pets", files("cat/1.png", "dog/1.png", "cat/.hidden.png", "dog/.thumbs/1.png"))
    write_images(tmp_path / "pets", files("__MACOSX/cat/1.png", "cat/__MACOSX/2.png"))
    for name in ("cat/notes.txt", "dog/Thumbs.db", "cat/.DS_Store"):
        (tmp_path / "pets" / name).write_text("no image")
    (tmp_path / "pets" / ".cache").mkdir()
    with caplog.at_level("INFO"):
        dataset = load(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert len(dataset.train.labels) == 2
    assert "files left aside, hidden or no images: 4" in caplog.text


def test_pictures_that_are_not_read_are_counted_by_ending(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("train/cat/1.png", "train/dog/1.png", "test/1.png"))
    for name in ("train/cat/2.HEIC", "train/dog/2.heic", "test/3.gif", "train/cat/.4.heic", "train/cat/notes.txt"):
        (tmp_path / "pets" / name).write_text("no image that is read")
    said: list[str] = []
    prepared = prepare(FolderData(name="image_folder", folder="pets"), tmp_path, Progress(remark=said.append))
    assert said == ["pets: 1 .gif file and 2 .heic files left aside: convert them to .jpg or .png to use them"]
    assert prepared.aside.others == 2
    assert len(prepared.arrays.parts["train"].images) == 2


def test_a_class_that_has_only_pictures_that_are_not_read_says_so(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("cat/1.png"))
    (tmp_path / "pets" / "dog").mkdir()
    (tmp_path / "pets" / "dog" / "1.heic").write_text("no image that is read")
    text = fault(tmp_path)
    assert "The class folder 'dog'" in text
    assert "1 .heic file there cannot be read: convert them to .jpg or .png" in text


def test_a_pipe_that_is_called_like_an_image_is_named_and_not_waited_for(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("cat/1.png", "dog/1.png"))
    os.mkfifo(tmp_path / "pets" / "cat" / "notes.txt")  # no image by its name: nobody opens it
    (tmp_path / "pets" / "dog" / "2.png").symlink_to(tmp_path / "pets" / "cat" / "1.png")
    assert len(load(tmp_path).train.labels) == 3
    pipe = tmp_path / "pets" / "cat" / "x.png"
    os.mkfifo(pipe)
    assert f"{pipe} is no ordinary file but a pipe" in fault(tmp_path)
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    assert f"{pipe} is no ordinary file but a pipe" in fault(tmp_path)


@pytest.mark.parametrize(
    ("link", "target", "same"),
    [
        ("train/kitty", "train/cat", "train/cat"),
        ("train/dog/more", "train/cat/young", "train/cat/young"),
        ("val", "train", "train/cat"),
        ("test", "train/cat", "train/cat"),
    ],
)
def test_a_folder_that_a_link_would_use_twice_is_refused(
    tmp_path: Path, write_images: WriteImages, link: str, target: str, same: str
):
    folder = tmp_path / "pets"
    write_images(folder, files("train/cat/1.png", "train/cat/young/2.png", "train/dog/1.png"))
    if link == "test":  # a test folder without class folders holds images without labels
        (folder / target / "young" / "2.png").unlink()
        (folder / target / "young").rmdir()
    (folder / link).symlink_to(folder / target, target_is_directory=True)
    text = fault(tmp_path)
    assert f"{folder / same} are the same folder by a link" in text
    assert str(folder / link) in text


def test_a_link_that_leads_back_into_its_own_class_is_followed_once(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("cat/1.png", "dog/1.png"))
    (tmp_path / "pets" / "cat" / "again").symlink_to(tmp_path / "pets" / "cat", target_is_directory=True)
    assert load(tmp_path).train.labels.tolist() == [0, 1]


def test_images_of_many_sizes_need_a_size(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", {"cat/1.png": (6, 8), "cat/2.png": (6, 8), "dog/1.png": (9, 7)})
    with pytest.raises(RecipeError) as caught:
        load(tmp_path)
    text = str(caught.value)
    assert "8x6 (2), 7x9 (1) pixels" in text
    assert "`data.resize = 64`" in text
    assert load(tmp_path, resize=5).image_size == (5, 5)


def test_a_folder_that_is_not_there_tells_where_and_which_layouts(tmp_path: Path):
    text = fault(tmp_path)
    assert str(tmp_path / "pets") in text
    assert "`data.folder = 'pets'`" in text
    assert "FOLDER/train/CLASS/*.jpg" in text
    assert "--data-root" in text


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["val/cat/1.png", "val/dog/1.png", "test/cat/1.png"], "has `test` and `val`, but no folder `train`"),
        (["train/1.png", "test/2.png"], "train holds no class folders; a classifier needs two classes"),
        (["cat/1.png"], "holds one class folder, 'cat'; a classifier needs two classes"),
        (["train/cat/1.png"], "train holds one class folder, 'cat'"),
        (["cat/1.png", "dog/1.png", "3.png"], "holds images outside its class folders: '3.png'"),
        (["train/cat/1.png", "train/dog/1.png", "test/cat/1.png"], "test lacks the class folders 'dog' of"),
        (
            ["train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png", "val/cow/1.png"],
            "val has the class folders 'cow', which",
        ),
        (["train/cat/1.png", "train/dog/1.png", "val/1.png"], "val holds images outside its class folders"),
        (
            ["train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "valid/cat/1.png"],
            "two folders of validation images, 'val' and 'valid'",
        ),
    ],
)
def test_other_layouts_are_refused_with_the_reason(
    tmp_path: Path, write_images: WriteImages, names: list[str], told: str
):
    write_images(tmp_path / "pets", files(*names))
    text = fault(tmp_path)
    assert told in text
    assert str(tmp_path / "pets") in text


@pytest.mark.parametrize(("where", "named"), [("", "cat"), ("train/", "cat")])
def test_an_empty_class_folder_is_named(tmp_path: Path, write_images: WriteImages, where: str, named: str):
    write_images(tmp_path / "pets", files(f"{where}dog/1.png", f"{where}owl/1.png"))
    (tmp_path / "pets" / where / named).mkdir()
    text = fault(tmp_path)
    assert f"The class folder '{named}'" in text
    assert "holds no image" in text


def test_an_empty_test_folder_is_named(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("train/cat/1.png", "train/dog/1.png"))
    (tmp_path / "pets" / "test").mkdir()
    assert f"{tmp_path / 'pets' / 'test'} holds no image" in fault(tmp_path)


@pytest.mark.parametrize("resize", [None, 4])
def test_broken_images_are_counted_and_the_first_three_named(tmp_path: Path, write_images: WriteImages, resize: object):
    names = [f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(4)]
    write_images(tmp_path / "pets", files(*names, size=(40, 40)))
    for name in ("cat/1.jpg", "cat/3.jpg", "dog/2.jpg", "dog/3.jpg"):
        (tmp_path / "pets" / name).write_text("not an image at all")
    text = fault(tmp_path, resize=resize, channels=3)
    assert "4 image files" in text
    for name in ("cat/1.jpg", "cat/3.jpg", "dog/2.jpg"):
        assert f"{name}: it is no image" in text
    assert "dog/3.jpg" not in text
    assert "and 1 more" in text


def test_a_truncated_jpeg_is_named(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", size=(40, 40)))
    path = tmp_path / "pets" / "cat" / "2.jpg"
    path.write_bytes(path.read_bytes()[:-100])
    text = fault(tmp_path)
    assert "1 image file in" in text
    assert "cat/2.jpg: image file is truncated" in text
    assert "Replace what is damaged" in text


def test_an_image_whose_orientation_shows_only_when_it_is_decoded_is_named(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("cat/1.png", "dog/1.png"))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture((6, 8)).save(tmp_path / "pets" / "dog" / "2.jpg", exif=exif)
    with pytest.raises(RecipeError, match=r"8x6 \(2\), 6x8 \(1\)"):
        load(tmp_path)


def test_a_stand_in_looks_like_the_folder_or_like_a_guess(tmp_path: Path, write_images: WriteImages):
    write_images(tmp_path / "pets", files("train/cat/1.png", "train/dog/1.png", "test/9.png"))
    data = FolderData(name="image_folder", folder="pets")
    here = stand_in(data, 20, tmp_path)
    assert here.classes == ("cat", "dog")
    assert here.train.images.shape == (20, 3, 6, 8)
    assert here.test is None
    assert here.unlabelled is not None

    absent = FolderData(name="image_folder", folder="none", validation="own")
    guess = stand_in(absent, 20, tmp_path)
    assert len(guess.classes) == 10
    assert guess.train.images.shape == (20, 3, 224, 224)
    assert guess.validation is not None
    assert guess.test is not None
    held_out = FolderData(name="image_folder", folder="none", test=0.2, resize=(4, 5), channels=1)
    assert stand_in(held_out, 20, tmp_path).test is None
    assert stand_in(held_out, 20, tmp_path).train.images.shape == (20, 1, 4, 5)
