"""Folders of class folders: what `image_folder` and Caltech101 have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ablate.errors import DataMissingError
from ablate.training.data.files import FileImages
from ablate.training.data.images import Part
from ablate.training.data.listing import ENDINGS, File, Scan, scan
from ablate.training.data.source import unreadable

#: Names that a message lists.
SHOWN = 3


class Listed(NamedTuple):
    """What stands directly in a folder, hidden entries left aside."""

    #: Names of the folders, sorted.
    folders: tuple[str, ...]
    #: Names of the image files, sorted.
    images: tuple[str, ...]
    #: Number of other and hidden files.
    others: int


def listed(folder: Path) -> Listed:
    """A look into a folder.

    Raises:
        DataMissingError: It may not be read.
    """
    folders, images, others = [], [], 0
    try:
        for entry in folder.iterdir():
            hidden = entry.name.startswith(".")
            if entry.is_dir():
                folders += [] if hidden else [entry.name]
            elif entry.suffix.lower() in ENDINGS and not hidden:
                images.append(entry.name)
            else:
                others += 1
    except OSError as error:
        raise unreadable(folder, error) from error
    return Listed(tuple(sorted(folders)), tuple(sorted(images)), others)


def scanned(folder: Path, below: str) -> Scan:
    """All images in a folder, at any depth.

    Raises:
        DataMissingError: A folder may not be read.
    """
    try:
        return scan(folder, below)
    except OSError as error:
        raise unreadable(folder, error) from error


def class_files(folder: Path, below: str, classes: Sequence[str], where: str) -> tuple[list[File], int]:
    """The images of all class folders in `folder / below`, class by class.

    Returns:
        The files, named relative to `folder`, and how many others were left aside.

    Raises:
        DataMissingError: A class folder holds no image.
    """
    files: list[File] = []
    ignored = 0
    empty = []
    for name in classes:
        one = scanned(folder, f"{below}/{name}" if below else name)
        files.extend(one.files)
        ignored += one.ignored
        if not one.files:
            empty.append(name)
    if empty:
        many = "The class folder" if len(empty) == 1 else f"{len(empty)} class folders"
        raise DataMissingError(
            f"{many} {shown(empty)} of {where} {'holds' if len(empty) == 1 else 'hold'} no image "
            f"(files that end in {', '.join(ENDINGS)}).",
            cure="Put images into it or take the folder away, then type the same command again.",
        )
    return files, ignored


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
