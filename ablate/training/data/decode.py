"""Decodes the parts of a data set into arrays of one shape, wherever these arrays lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ablate.errors import DataMissingError
from ablate.training.data.images import Bytes, Contents, Labels, PartName
from ablate.training.data.progress import Progress
from ablate.training.data.scaling import Scaling
from ablate.training.failures import RecipeError

#: Sizes that a message lists.
SHOWN = 3

#: Makes room for the images of a part, uint8 (N, C, H, W).
Allocate = Callable[[PartName, tuple[int, int, int, int]], Bytes]


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedPart:
    """Images of one part, all of the same shape."""

    #: uint8 (N, C, H, W).
    images: Bytes
    #: Class of each image, int64 (N,); None where nobody has labelled them.
    labels: Labels | None
    #: Path of each image below its folder, where there are no labels.
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """A data set as arrays."""

    #: Names of the classes, in the order of the labels.
    classes: tuple[str, ...]
    parts: Mapping[PartName, DecodedPart]

    def fault(self) -> str | None:
        """What is wrong with shapes, types or labels; None when all fits together."""
        for name, part in self.parts.items():
            count = len(part.files) if part.labels is None else len(part.labels)
            if part.images.dtype != np.uint8 or part.images.ndim != 4:
                return f"the {name} part holds no images"
            if len(part.images) != count or count == 0:
                what = "names" if part.labels is None else "labels"
                return f"the {name} part holds {len(part.images)} images and {count} {what}"
            if part.labels is not None and (reason := _label_fault(part.labels, len(self.classes))):
                return f"the {name} {reason}"
        if len({part.images.shape[1:] for part in self.parts.values()}) != 1:
            return "the images of its parts differ in shape"
        return None


def image_shape(name: str, contents: Contents, scaling: Scaling, progress: Progress) -> tuple[int, int, int]:
    """Channels, height and width that all images of a data set will have.

    Files are looked into only where the recipe leaves the size or the channels to them.

    Raises:
        RecipeError: Images differ in size, and the recipe does not say to which one they are to be scaled.
        DataMissingError: Files are no images.
    """
    images = [part.images for part in contents.parts.values()]
    known = [one.channels for one in images if one.channels is not None]
    size = scaling.size
    if size is not None and (scaling.channels or len(known) == len(images)):
        return (scaling.channels or max(known), *size)
    surveys = [part.images.survey(f"looking at {name}, {which}", progress) for which, part in contents.parts.items()]
    channels = scaling.channels or max(survey.channels for survey in surveys)
    if size is None:
        sizes: Counter[tuple[int, int]] = sum((survey.sizes for survey in surveys), Counter())
        if len(sizes) > 1:
            raise _of_many_sizes(name, sizes)
        (size,) = sizes
    return (channels, *size)


def decoded(
    name: str, contents: Contents, shape: tuple[int, int, int], scaling: Scaling, make: Allocate, progress: Progress
) -> Decoded:
    """Decode all parts.

    Args:
        name: The data set, for people.
        contents: What was found.
        shape: Channels, height and width, from `image_shape`.
        scaling: How images get that shape.
        make: Gives an array for a part's images.
        progress: Hears how many are decoded.

    Raises:
        DataMissingError: Files are damaged, or do not belong together.
    """
    _refuse_unequal(name, contents)
    parts = {}
    for part, held in contents.parts.items():
        out = make(part, (held.images.count, *shape))
        held.images.decode(scaling, out, f"decoding {name}, {part}", progress)
        parts[part] = DecodedPart(images=out, labels=held.labels, files=held.files)
    return Decoded(classes=contents.classes, parts=parts)


def _refuse_unequal(name: str, contents: Contents) -> None:
    """Files that do not belong together are told before the work, not after it."""
    for part, held in contents.parts.items():
        if held.labels is None:
            continue
        count, labels = held.images.count, held.labels
        if count != len(labels) or count == 0:
            raise _apart(name, f"the {part} part holds {count} images and {len(labels)} labels")
        if reason := _label_fault(labels, len(contents.classes)):
            raise _apart(name, f"the {part} {reason}")


def _label_fault(labels: Labels, classes: int) -> str:
    if labels.dtype != np.int64 or labels.ndim != 1:
        return "part holds no labels"
    if labels.min() < 0 or labels.max() >= classes:
        return f"labels reach from {labels.min()} to {labels.max()}, not from 0 to {classes - 1}"
    return ""


def _apart(name: str, reason: str) -> DataMissingError:
    return DataMissingError(
        f"The files of data set {name!r} do not belong together: {reason}.",
        cure="Delete them and run the same command again; they are then fetched anew.",
    )


def _of_many_sizes(name: str, sizes: Counter[tuple[int, int]]) -> RecipeError:
    shown = ", ".join(f"{width}x{height} ({count:,})" for (height, width), count in sizes.most_common(SHOWN))
    rest = f" and {len(sizes) - SHOWN:,} more sizes" if len(sizes) > SHOWN else ""
    return RecipeError(
        f"The images of {name!r} differ in size: {shown}{rest} pixels, and a batch needs one size",
        cure="Say it in the study: `data.resize = 64` (the shorter side, then the middle square) or "
        "`data.resize = [64, 96]` (height and width).",
    )
