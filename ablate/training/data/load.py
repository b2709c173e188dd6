"""A data set as tensors: the real one, or random images in its shape."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ablate.recipe import AnyData, OwnData
from ablate.training.data.dataset import Dataset, Labelled, Unlabelled
from ablate.training.data.decode import DecodedPart
from ablate.training.data.listing import file_hash
from ablate.training.data.own import load_own
from ablate.training.data.prepare import asked_of, data_root, prepare, title_of
from ablate.training.data.registry import SOURCES
from ablate.training.data.scaling import Scaling
from ablate.training.data.source import Outline
from ablate.training.failures import RecipeError

#: Most of a process's time that looks at the files of its data set may take.
LOOK_SHARE = 0.05
#: Longest time for which a look holds, seconds: the first one may have decoded the data set as well.
HOLDS_SECONDS = 30.0


class LatelyLoaded:
    """Keeps the data set that was loaded last, for the next job of a process that trains many.

    A look at a hundred thousand files takes half a second, as long as a short job. What it found holds for twenty times
    as long; then the files are looked at again. A job that begins meanwhile sees the files as they were at that look,
    and its digest says so.
    """

    def __init__(self) -> None:
        self._kept: tuple[str, Dataset] | None = None
        self._until = 0.0

    def load(self, data: AnyData, root: Path | None = None, code_root: Path | None = None) -> Dataset:
        """As `load_dataset`."""
        code = code_hash(code_root) if isinstance(data, OwnData) else ""  # no other data set depends on it
        asked = json.dumps([asked_of(data), str(data_root(root)), code])
        begun = time.monotonic()
        if self._kept is not None and self._kept[0] == asked and begun < self._until:
            return self._kept[1]
        self._kept = None  # it may hold as much memory as the next one
        dataset = load_dataset(data, root, code_root)
        ended = time.monotonic()
        holds = (ended - begun) / LOOK_SHARE
        if not isinstance(data, OwnData):  # which is read anew each time, not only the first
            holds = min(HOLDS_SECONDS, holds)
        self._kept, self._until = (asked, dataset), ended + holds
        return dataset


#: The images that this process used last.
LATEST = LatelyLoaded()


def code_hash(code_root: Path | None) -> str:
    """Hash of the user's own files; empty where there are none."""
    if code_root is None:
        return ""
    found = hashlib.sha256()
    for path in sorted(code_root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(repr((path.relative_to(code_root).as_posix(), file_hash(path))).encode())
    return found.hexdigest()


def load_dataset(data: AnyData, root: Path | None = None, code_root: Path | None = None) -> Dataset:
    """The data set that a recipe names, found on this machine or downloaded, scaled as the recipe says.

    Args:
        data: The `data` table of a recipe.
        root: Folder in which data sets are looked for, downloaded and cached; None means `default_root()`.
        code_root: Folder of the user's own files; None where the recipe names none.

    Raises:
        DataMissingError: It is not on this machine and cannot be downloaded, a file of it is damaged, or the disk is
            full.
        RecipeError: Its images differ in size, and the recipe names none; or code of the user's own gives no data set.
    """
    if isinstance(data, OwnData):
        return load_own(data, data_root(root), code_root)
    prepared = prepare(data, root)
    parts = prepared.arrays.parts
    labelled = {
        name: Labelled(images=_tensor(part.images), labels=_tensor(part.labels))
        for name, part in parts.items()
        if part.labels is not None
    }
    return Dataset(
        name=prepared.title,
        classes=prepared.arrays.classes,
        train=labelled["train"],
        test=labelled.get("test"),
        validation=labelled.get("validation"),
        unlabelled=_unlabelled(parts["unlabelled"]) if "unlabelled" in parts else None,
        digest=prepared.digest,
    )


def stand_in(data: AnyData, images: int, root: Path | None = None) -> Dataset:
    """Random images in the shape of a data set, for a look at a recipe where the data set need not be there.

    Args:
        data: The `data` table whose images' place they take.
        images: How many to train on; a tenth of them in each other part.
        root: Folder in which an `image_folder` is looked for; None means `default_root()`. Where it is not there, it
            is taken to have 10 classes and images of 224x224 pixels.

    Raises:
        RecipeError: The data set is the user's own, and only its code knows its shape.
    """
    if isinstance(data, OwnData):
        raise RecipeError(
            f"only {data.name} itself knows how its examples look", cure="Check the study without `--no-data`."
        )
    outline = SOURCES[data.name].outline(data, data_root(root))
    shape = _scaled_shape(outline, Scaling.of(data))
    generator = torch.Generator().manual_seed(0)
    classes = len(outline.classes)
    few = max(classes, images // 10)

    def draw(count: int) -> Labelled:
        pixels = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
        return Labelled(images=pixels, labels=torch.arange(count) % classes)

    def unlabelled() -> Unlabelled:
        return Unlabelled(images=draw(few).images, files=tuple(f"{number}.png" for number in range(few)))

    return Dataset(
        name=title_of(data),
        classes=outline.classes,
        train=draw(images),
        test=draw(few) if "test" in outline.parts else None,
        validation=draw(few) if "validation" in outline.parts else None,
        unlabelled=unlabelled() if "unlabelled" in outline.parts else None,
    )


def _unlabelled(part: DecodedPart) -> Unlabelled:
    return Unlabelled(images=_tensor(part.images), files=part.files)


def _tensor(array: npt.NDArray[np.uint8] | npt.NDArray[np.int64]) -> Tensor:
    """A tensor over the same memory."""
    with warnings.catch_warnings():  # of images larger than the memory; no run writes to its images
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def _scaled_shape(outline: Outline, scaling: Scaling) -> tuple[int, int, int]:
    """Channels, height and width after scaling."""
    channels, *size = outline.shape
    height, width = scaling.size or size
    return scaling.channels or channels, height, width
