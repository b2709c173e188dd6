"""Tiny ImageNet (Le & Yang 2015, http://cs231n.stanford.edu/reports/2015/pdfs/yle_project.pdf): 200 classes, 64x64."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.files import FileImages
from ablate.training.data.folders import class_files, scanned, shown
from ablate.training.data.images import Contents, Part
from ablate.training.data.listing import File, Found, named
from ablate.training.data.source import Download, Outline, Source, anew, first_of

FOLDER = "tiny-imagenet-200"
ARCHIVE = f"{FOLDER}.zip"
CLASSES = 200
#: A line for each class: its WordNet number.
WNIDS = f"{FOLDER}/wnids.txt"
#: A line for each word of WordNet: its number, a tabulator, synonyms with commas between.
WORDS = f"{FOLDER}/words.txt"
TRAIN, VAL = f"{FOLDER}/train", f"{FOLDER}/val"
#: The images that are tested on.
IMAGES = f"{VAL}/images"
#: A line for each image in `val/images`: its name, its class's number, a box; tabulators between.
ANNOTATIONS = f"{VAL}/val_annotations.txt"


class TinyImageNet(Source):
    """100,000 images to train on; the 10,000 of `val` are the test set, since nobody has the labels of `test`."""

    def find(self, data: Data, root: Path) -> Found | None:
        """The images of `train` and `val` and the three lists. `test` is not looked at."""
        place = first_of(self.places(root), FOLDER)
        if place is None:
            return None
        wnids = _wnids(place / WNIDS)
        _refuse_gaps(place, wnids)
        train = class_files(place, TRAIN, wnids, cure=_anew(place / TRAIN))
        _refuse_unequal(place, train.files)
        val = scanned(place, IMAGES)
        lists = [name for name in (WNIDS, WORDS, ANNOTATIONS) if (place / name).is_file()]
        everything = (*train.files, *val.files, *named(place, lists))
        # the boxes, a text file in each class folder, are no surprise
        aside = replace(train.aside, others=max(0, train.aside.others - CLASSES))
        return Found(folder=place, files=everything, aside=aside)

    def contents(self, data: Data, found: Found) -> Contents:
        """Classes in the order of their WordNet numbers; grey images become colour by copying."""
        wnids = _wnids(found.folder / WNIDS)
        number = {wnid: place for place, wnid in enumerate(wnids)}
        names = [file.name for file in found.files]
        train = [name for name in names if name.startswith(f"{TRAIN}/")]
        test = [name for name in names if name.startswith(f"{IMAGES}/")]
        shown_in = _annotations(found.folder / ANNOTATIONS, number)
        _refuse_strangers(found.folder / ANNOTATIONS, test, shown_in)
        return Contents(
            classes=_class_names(found.folder / WORDS, wnids),
            parts={
                "train": _part(found.folder, train, [number[name.split("/")[2]] for name in train]),
                "test": _part(found.folder, test, [number[shown_in[name.rsplit("/", 1)[1]]] for name in test]),
            },
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say, with numbers for the names."""
        return Outline(classes=tuple(f"class {number}" for number in range(CLASSES)), shape=(3, 64, 64), images=110_000)


def _part(folder: Path, names: Sequence[str], labels: Sequence[int]) -> Part:
    images = FileImages(folder=folder, names=tuple(names), channels=3)
    return Part(images=images, labels=np.array(labels, np.int64))


def _wnids(path: Path) -> list[str]:
    if not path.is_file():
        raise _incomplete(path, "is not there, so that nothing says which classes there are")
    wnids = sorted(set(_text(path).split()))
    if len(wnids) != CLASSES:
        raise _incomplete(path, f"lists {len(wnids)} classes, but Tiny ImageNet has {CLASSES}")
    return wnids


def _refuse_gaps(place: Path, wnids: Sequence[str]) -> None:
    """Every class has its folder, and the test images lie there with their list."""
    if not (place / ANNOTATIONS).is_file():
        raise _incomplete(place / ANNOTATIONS, "is not there, so that nothing says what the test images show")
    if not (place / IMAGES).is_dir():
        raise _incomplete(place / IMAGES, "is not there, the folder of the test images")
    absent = [wnid for wnid in wnids if not (place / TRAIN / wnid).is_dir()]
    if absent:
        raise _incomplete(place / TRAIN, f"lacks the class folders {shown(absent)}, which wnids.txt lists")


def _refuse_unequal(place: Path, train: Sequence[File]) -> None:
    """All classes have as many images, as published; one with fewer was not unpacked to its end."""
    counts = Counter(file.name.split("/")[2] for file in train)
    most = max(counts.values())
    short = sorted(wnid for wnid, count in counts.items() if count < most)
    if short:
        rest = f" (classes that are short: {len(short)})" if len(short) > 1 else ""
        raise _incomplete(place / TRAIN / short[0], f"holds {counts[short[0]]:,} of {most:,} images{rest}")


def _annotations(path: Path, known: Mapping[str, int]) -> dict[str, str]:
    """WordNet number of each test image, by its name."""
    shown_in = {}
    for line, text in enumerate(_text(path).splitlines(), 1):
        name, _, rest = text.partition("\t")
        wnid = rest.split("\t")[0].strip()
        if wnid not in known:
            raise _incomplete(path, f"says in line {line} that {name} shows {wnid!r}, a class that wnids.txt lacks")
        shown_in[name] = wnid
    return shown_in


def _refuse_strangers(path: Path, images: Sequence[str], annotated: Mapping[str, str]) -> None:
    """Test images and lines of the list must be the same."""
    there = {name.rsplit("/", 1)[1] for name in images}
    if lacking := sorted(there - annotated.keys()):
        raise _incomplete(path, f"has no line for {shown(lacking)} in {IMAGES}")
    if absent := sorted(annotated.keys() - there):
        raise _incomplete(path, f"has lines for {shown(absent)}, which {IMAGES} lacks")


def _class_names(path: Path, wnids: Sequence[str]) -> tuple[str, ...]:
    """The first synonym of each class, with its number where two classes share it; numbers where there is no list."""
    if not path.is_file():
        return tuple(wnids)
    words = dict(line.split("\t", 1) for line in _text(path).splitlines() if "\t" in line)
    names = [words.get(wnid, wnid).split(",")[0].strip() for wnid in wnids]
    often = Counter(names)
    return tuple(name if often[name] == 1 else f"{name} ({wnid})" for name, wnid in zip(names, wnids, strict=True))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise _incomplete(path, f"cannot be read: {error.strerror or error}") from error


def _incomplete(path: Path, reason: str) -> DataMissingError:
    return DataMissingError(f"{path} {reason}.", cure=_anew(path))


def _anew(path: Path) -> str:
    """What to do where something in the data set's folder is not as published."""
    return anew(next(parent for parent in (path, *path.parents) if parent.name == FOLDER))


TINY_IMAGENET = TinyImageNet(
    name="tiny_imagenet",
    folders=("tiny_imagenet", ""),
    archives=(ARCHIVE,),
    unpacked=FOLDER,
    download=Download(
        url="http://cs231n.stanford.edu/",
        files=(ARCHIVE,),
        md5={ARCHIVE: "90528d7ca1a48142e341f4ef8d21d0de"},
    ),
)
