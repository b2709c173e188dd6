"""Images that wait to be decoded, from arrays or from files, and the parts that they make up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ablate.training.data.progress import Progress, in_slices
from ablate.training.data.scaling import Scaling, scaled_array

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
PartName = Literal["train", "validation", "test", "unlabelled"]

#: Images of an array that a thread takes at once, and the bytes that they have at most.
SLICE, SLICE_BYTES = 256, 16 << 20


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What sizes and channels some images have, before they are scaled."""

    #: How many images there are of each (height, width), pixels.
    sizes: Counter[tuple[int, int]]
    #: Largest number of channels, 1 or 3.
    channels: int


class Images(Protocol):
    """Images of one part of a data set, still to be decoded."""

    @property
    def count(self) -> int:
        """Number of images."""

    @property
    def channels(self) -> int | None:
        """Channels that all have, 1 or 3; None where a survey must tell."""

    def survey(self, task: str, progress: Progress) -> Survey:
        """Look at the sizes and channels of all of them."""

    def decode(self, scaling: Scaling, out: Bytes, task: str, progress: Progress) -> None:
        """Scale all of them into `out`, (count, C, H, W)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One part of a data set: what is trained on, validated on, tested on, or to be labelled."""

    images: Images
    #: Class of each image, int64 (N,); None where nobody has labelled them.
    labels: Labels | None
    #: Path of each image below its folder, where there are no labels.
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """A data set that was found, still to be decoded."""

    #: Names of the classes, in the order of the labels.
    classes: tuple[str, ...]
    parts: Mapping[PartName, Part] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayImages:
    """Images of equal size that are in memory, or are made a slice at a time."""

    count: int
    #: Channels, height and width.
    shape: tuple[int, int, int]
    #: Images from `start` to `stop`, uint8 (stop - start, C, H, W).
    read: Callable[[int, int], Bytes]

    @classmethod
    def of(cls, images: Bytes) -> ArrayImages:
        """Images that are in memory, (N, C, H, W)."""
        count, channels, height, width = images.shape
        return cls(count=count, shape=(channels, height, width), read=lambda start, stop: images[start:stop])

    @property
    def channels(self) -> int:
        """Channels of all images."""
        return self.shape[0]

    def survey(self, task: str, progress: Progress) -> Survey:
        """All are alike."""
        return Survey(sizes=Counter({self.shape[1:]: self.count}), channels=self.channels)

    def decode(self, scaling: Scaling, out: Bytes, task: str, progress: Progress) -> None:
        """Copy what has the right shape as it is, scale the rest one by one."""

        def work(start: int, stop: int) -> None:
            images = self.read(start, stop)
            if images.shape[1:] == out.shape[1:]:
                out[start:stop] = images
                return
            for place, image in enumerate(images, start):
                out[place] = scaled_array(image, scaling, out.shape[1])

        size = max(1, min(SLICE, SLICE_BYTES // math.prod(self.shape)))
        in_slices(self.count, size, work, task, progress)
