"""Folders of class folders: what `image_folder` and Caltech101 have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ablate.errors import DataMissingError
from ablate.training.data.aside import ENDINGS, Aside, is_hidden
from ablate.training.data.files import FileImages
from ablate.training.data.images import Part
from ablate.training.data.listing import File, Owner, Scan, scan
from ablate.training.data.source import unreadable

#: Names that a message lists.
SHOWN = 3
#: What to do about an empty class folder of one's own.
FILL = "Put images into it or take the folder away, then type the same command again."


class Listed(NamedTuple):
    """What stands directly in a folder, hidden entries left aside."""

    #: Names of the folders, sorted.
    folders: tuple[str, ...]
    #: Names of the image files, sorted.
    images: tuple[str, ...]


def listed(folder: Path) -> Listed:
    """A look into a folder.

    Raises:
        DataMissingError: It may not be read.
    """
    folders, images = [], []
    try:
        for entry in folder.iterdir():
            if is_hidden(entry.name):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.suffix.lower() in ENDINGS:
                images.append(entry.name)
    except OSError as error:
        raise unreadable(folder, error) from error
    return Listed(tuple(sorted(folders)), tuple(sorted(images)))


def scanned(folder: Path, below: str, owners: dict[str, Owner] | None = None) -> Scan:
    """All images in a folder, at any depth; see `scan`.

    Raises:
        DataMissingError: A folder may not be read, is read twice by a link, or holds a pipe or a device as an image.
    """
    try:
        return scan(folder, below, owners)
    except OSError as error:
        raise unreadable(folder, error) from error


def class_files(
    folder: Path, below: str, classes: Sequence[str], owners: dict[str, Owner] | None = None, cure: str = FILL
) -> Scan:
    """The images of all class folders in `folder / below`, class by class.

    Args:
        folder: What the names of the files are relative to.
        below: The folder of the class folders; "" is `folder` itself.
        classes: Names of the class folders.
        owners: Folders that were read before, of which none may be read again; see `scan`.
        cure: What to do where a class has no image.

    Raises:
        DataMissingError: A class folder holds no image, may not be read, or is another one by a link.
    """
    files: list[File] = []
    aside = Aside()
    owners = {} if owners is None else owners
    scans = {name: scanned(folder, f"{below}/{name}" if below else name, owners) for name in classes}
    for one in scans.values():
        files += one.files
        aside += one.aside
    empty = {name: one.aside for name, one in scans.items() if not one.files}
    if empty:
        raise _empty(folder / below, empty, cure)
    return Scan(tuple(files), aside)


def _empty(where: Path, classes: Mapping[str, Aside], cure: str) -> DataMissingError:
    one = len(classes) == 1
    aside = sum(classes.values(), Aside())
    unread = f"; {aside.told()} there cannot be read: convert them to .jpg or .png" if aside.pictures else ""
    return DataMissingError(
        f"{'The class folder' if one else f'{len(classes)} class folders'} {shown(list(classes))} of {where} "
        f"{'holds' if one else 'hold'} no image (files that end in {', '.join(ENDINGS)}){unread}.",
        cure=cure,
    )


def labelled(folder: Path, files: Sequence[File], below: str, classes: Sequence[str], channels: int | None) -> Part:
    """Files in class folders of `folder / below`, with the class that each one's folder says."""
    number = {name: place for place, name in enumerate(classes)}
    depth = len(below.split("/")) if below else 0
    labels = np.array([number[file.name.split("/")[depth]] for file in files], np.int64)
    names = tuple(file.name for file in files)
    return Part(images=FileImages(folder=folder, names=names, channels=channels), labels=labels)


def shown(names: Sequence[str]) -> str:
    """Names for a message: `'cat'`, `'cat', 'dog', 'owl' and 4 more`."""
    rest = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + rest
