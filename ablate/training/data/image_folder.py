"""Images of the user's own, in a folder for each class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, NoReturn

from ablate.errors import DataMissingError
from ablate.recipe import Data, FolderData
from ablate.training.data.aside import Aside
from ablate.training.data.files import FileImages
from ablate.training.data.folders import class_files, labelled, listed, scanned, shown
from ablate.training.data.images import Contents, Part, PartName
from ablate.training.data.listing import File, Found, Owner
from ablate.training.data.progress import SILENT
from ablate.training.data.source import Outline, Source

#: Names of the folders of parts, in any case.
PARTS: dict[str, PartName] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
#: What a folder may look like, for messages.
LAYOUTS = """\
It may look like
    FOLDER/train/CLASS/*.jpg, FOLDER/val/CLASS/*.jpg, FOLDER/test/CLASS/*.jpg   (val and test may be missing)
    FOLDER/train/CLASS/*.jpg, FOLDER/test/*.jpg                                 (test images without labels)
    FOLDER/CLASS/*.jpg                                                          (the study holds images out)"""
#: Classes and size of a folder that is not there, to look at a recipe without it.
ABSENT_CLASSES, ABSENT_SIDE = 10, 224


class Layout(NamedTuple):
    """How a folder is arranged."""

    #: Names of the classes, sorted.
    classes: tuple[str, ...]
    #: Folder of each part, relative; "" is the folder itself.
    parts: dict[PartName, str]


class ImageFolder(Source):
    """`train`, `val` and `test` folders of class folders, or class folders alone."""

    def find(self, data: Data, root: Path) -> Found | None:
        """All images; class folders are read at any depth."""
        folder = folder_of(data, root)
        if not folder.is_dir():
            return None
        layout = _layout(folder)
        files: list[File] = []
        aside = Aside()
        owners: dict[str, Owner] = {}  # of all parts: what is trained on must not be tested on
        for part, below in layout.parts.items():
            if part == "unlabelled":
                one = scanned(folder, below, owners)
            else:
                one = class_files(folder, below, layout.classes, owners)
            files += one.files
            aside += one.aside
        return Found(folder=folder, files=tuple(files), aside=aside)

    def contents(self, data: Data, found: Found) -> Contents:
        """Parts as the folders say; colour as soon as one image has colour."""
        layout = _layout(found.folder)
        parts: dict[PartName, Part] = {}
        for part, below in layout.parts.items():
            files = [file for file in found.files if not below or file.name.startswith(f"{below}/")]
            if part == "unlabelled":
                names = tuple(file.name for file in files)
                images = FileImages(folder=found.folder, names=names, channels=None)
                below_it = tuple(name.removeprefix(f"{below}/") for name in names)
                parts[part] = Part(images=images, labels=None, files=below_it)
            else:
                parts[part] = labelled(found.folder, files, below, layout.classes, channels=None)
        return Contents(classes=layout.classes, parts=parts)

    def outline(self, data: Data, root: Path) -> Outline:
        """What the folder shows, by its first image; a guess where it is not there."""
        found = self.find(data, root)
        if found is None:
            return _guess(data)
        contents = self.contents(data, found)
        first = FileImages(folder=found.folder, names=(found.files[0].name,), channels=None).survey("", SILENT)
        (size,) = first.sizes
        return Outline(
            classes=contents.classes,
            shape=(first.channels, *size),
            parts=frozenset(contents.parts),
            images=len(found.files),
        )

    def missing(self, data: Data, root: Path) -> NoReturn:
        """Say where it was looked for, and how it may look."""
        folder = folder_of(data, root)
        written = data.folder if isinstance(data, FolderData) else ""
        raise DataMissingError(
            f"There is no folder {folder} (`data.folder = {written!r}`, looked for below the data root {root}).",
            cure=f"Put the images there, write an absolute path, or name another data root with --data-root.\n"
            f"{LAYOUTS}",
        )


def folder_of(data: Data, root: Path) -> Path:
    """The folder that a recipe means."""
    if not isinstance(data, FolderData):
        raise TypeError(f"{data.name!r} is no folder of images")
    return root / Path(data.folder).expanduser()


def _layout(folder: Path) -> Layout:
    """How the images in a folder are arranged.

    Raises:
        DataMissingError: It is arranged like none of `LAYOUTS`.
    """
    parts = _parts(folder)
    if not parts:
        return Layout(_classes(folder), {"train": ""})
    if "train" not in parts:
        raise DataMissingError(
            f"{folder} has {_and(parts.values())}, but no folder `train`.",
            cure=f"Put the training images into {folder / 'train'}, or all class folders directly into {folder}.\n"
            f"{LAYOUTS}",
        )
    classes = _classes(folder / parts["train"])
    if "test" in parts and not listed(folder / parts["test"]).folders:
        parts["unlabelled"] = parts.pop("test")
        if not listed(folder / parts["unlabelled"]).images:
            raise DataMissingError(f"{folder / parts['unlabelled']} holds no image.", cure="Fill it or take it away.")
    for part in ("validation", "test"):
        if part in parts:
            _refuse_other_classes(folder / parts[part], classes, folder / parts["train"])
    return Layout(classes, parts)


def _parts(folder: Path) -> dict[PartName, str]:
    """Folders named like parts, if they are parts: a class of trains may be called `train` too.

    They are parts when one of them holds class folders, or when there are no others.
    """
    folders = listed(folder).folders
    named_so = [name for name in folders if name.lower() in PARTS]
    if len(named_so) < len(folders) and not any(listed(folder / name).folders for name in named_so):
        return {}
    found: dict[PartName, str] = {}
    for name in named_so:
        part = PARTS[name.lower()]
        if part in found:
            raise DataMissingError(
                f"{folder} has two folders of {part} images, {found[part]!r} and {name!r}.",
                cure="Keep one, or put them together.",
            )
        found[part] = name
    return found


def _classes(folder: Path) -> tuple[str, ...]:
    inside = listed(folder)
    if len(inside.folders) < 2:
        has = f"holds one class folder, {inside.folders[0]!r}" if inside.folders else "holds no class folders"
        raise DataMissingError(f"{folder} {has}; a classifier needs two classes.", cure=LAYOUTS)
    _refuse_strays(folder, inside.images)
    return inside.folders


def _refuse_strays(folder: Path, images: tuple[str, ...]) -> None:
    if images:
        raise DataMissingError(
            f"{folder} holds images outside its class folders: {shown(images)}.",
            cure="Put them into the folders of their classes or take them away.",
        )


def _refuse_other_classes(folder: Path, classes: tuple[str, ...], train: Path) -> None:
    inside = listed(folder)
    _refuse_strays(folder, inside.images)
    lacking = [name for name in classes if name not in inside.folders]
    if lacking:
        raise DataMissingError(
            f"{folder} lacks the class folders {shown(lacking)} of {train}.",
            cure="All parts have the same classes: add the folders with their images, or take them out of the others.",
        )
    strange = [name for name in inside.folders if name not in classes]
    if strange:
        raise DataMissingError(
            f"{folder} has the class folders {shown(strange)}, which {train} lacks.",
            cure="All parts have the same classes; test images without labels lie directly in `test`, without folders.",
        )


def _guess(data: Data) -> Outline:
    own: set[PartName] = {"validation"} if data.validation == "own" else set()
    held_out: set[PartName] = {"test"} if data.test is None else set()
    return Outline(
        classes=tuple(f"class {number}" for number in range(ABSENT_CLASSES)),
        shape=(3, ABSENT_SIDE, ABSENT_SIDE),
        parts=frozenset({"train", *own, *held_out}),
    )


def _and(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


IMAGE_FOLDER = ImageFolder(name="image_folder", needs_recipe=True)
