"""Caltech101 (Fei-Fei et al. 2004, https://data.caltech.edu/records/20086): photographs of 101 kinds of things."""

from __future__ import annotations

from pathlib import Path

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.folders import class_files, labelled, listed
from ablate.training.data.images import Contents
from ablate.training.data.listing import Found
from ablate.training.data.source import Download, Outline, Source, anew, first_of

#: Folder of the class folders.
FOLDER = "101_ObjectCategories"
#: Pictures of anything, which are no class.
BACKGROUND = "BACKGROUND_Google"
CLASSES = 101
#: The archive as it is downloaded today, and the one inside it, which was downloaded in earlier years.
ARCHIVES = ("caltech-101.zip", f"{FOLDER}.tar.gz")


class Caltech101(Source):
    """About 9,000 images of about 300x200 pixels, some of them grey; there is no test set, so a study holds one out."""

    def find(self, data: Data, root: Path) -> Found | None:
        """All images of the class folders."""
        place = first_of(self.places(root), FOLDER)
        if place is None:
            return None
        names = _class_names(place / FOLDER)
        if len(names) != CLASSES:
            raise DataMissingError(
                f"{place / FOLDER} holds {len(names)} class folders beside {BACKGROUND}, but Caltech101 has {CLASSES}.",
                cure=_anew(place),
            )
        files, aside = class_files(place, FOLDER, names, cure=_anew(place))
        return Found(folder=place, files=files, aside=aside)

    def contents(self, data: Data, found: Found) -> Contents:
        """All in colour; grey images become colour by copying."""
        names = sorted({file.name.split("/")[1] for file in found.files})
        return Contents(
            classes=tuple(names), parts={"train": labelled(found.folder, found.files, FOLDER, names, channels=3)}
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say, with numbers for the names."""
        names = tuple(f"class {number}" for number in range(CLASSES))
        return Outline(classes=names, shape=(3, 200, 300), parts=frozenset({"train"}), images=8_677)


def _anew(place: Path) -> str:
    return f'{anew(place / FOLDER)} Or use these images as `name = "image_folder"`.'


def _class_names(folder: Path) -> list[str]:
    return [name for name in listed(folder).folders if name != BACKGROUND]


CALTECH101 = Caltech101(
    name="caltech101",
    folders=("caltech101", ""),
    archives=ARCHIVES,
    unpacked=FOLDER,
    download=Download(
        url="https://data.caltech.edu/records/mzrjq-6wc02/files/",
        files=("caltech-101.zip",),
        kept=(FOLDER,),
        torchvision="Caltech101",
        md5={"caltech-101.zip": "3138e1922a9193bfa496528edbbc45d0"},
    ),
)
