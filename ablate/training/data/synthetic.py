"""Made-up images that a network can learn: a smooth pattern for each class, with noise, from a fixed seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ablate.recipe import Data, SyntheticData
from ablate.training.data.images import ArrayImages, Contents, Part
from ablate.training.data.listing import Found
from ablate.training.data.source import Outline, Source
from ablate.training.words import WordStream

#: Raised when the images change, so that older caches are not read.
VERSION = 1
CHANNELS = 3
#: Side of the grid of random numbers that a pattern is interpolated from, so that it is smooth.
GRID = 4
#: Levels of grey to a standard deviation; three of them fit on either side of the middle.
LEVELS = 42.0
MIDDLE = 127.5

Floats = npt.NDArray[np.float64]


class Synthetic(Source):
    """Any number of images of any size; image i shows class i modulo the number of classes."""

    def find(self, data: Data, root: Path) -> Found | None:
        """No files: the recipe says it all."""
        asked = _asked(data)
        facts = asked.model_dump(include={"images", "test_images", "classes", "size", "noise"})
        return Found(folder=root, files=(), facts={"synthetic": VERSION, **facts})

    def contents(self, data: Data, found: Found) -> Contents:
        """Images are made in slices while they are written, so that a set may be larger than the memory."""
        asked = _asked(data)
        coarse = _normal("synthetic/patterns", 0, asked.classes * CHANNELS * GRID * GRID)
        coarse = coarse.reshape(asked.classes, CHANNELS, GRID, GRID)

        def part(name: str, count: int) -> Part:
            read = partial(_draw, coarse, asked.size, asked.noise, f"synthetic/{name}")
            images = ArrayImages(count=count, shape=(CHANNELS, asked.size, asked.size), read=read)
            return Part(images=images, labels=np.arange(count, dtype=np.int64) % asked.classes)

        return Contents(
            classes=_names(asked), parts={"train": part("train", asked.images), "test": part("test", asked.test_images)}
        )

    def outline(self, data: Data, root: Path) -> Outline:
        """As the recipe says."""
        asked = _asked(data)
        shape = (CHANNELS, asked.size, asked.size)
        return Outline(classes=_names(asked), shape=shape, images=asked.images + asked.test_images)


def _asked(data: Data) -> SyntheticData:
    if not isinstance(data, SyntheticData):
        raise TypeError(f"{data.name!r} is not made up")
    return data


def _names(data: SyntheticData) -> tuple[str, ...]:
    return tuple(str(number) for number in range(data.classes))


def _draw(coarse: Floats, size: int, noise: float, stream: str, start: int, stop: int) -> npt.NDArray[np.uint8]:
    """Images `start` to `stop`, (n, 3, size, size); each has its own random numbers."""
    weights = _interpolation(size)
    images = np.empty((stop - start, CHANNELS, size, size), np.uint8)
    for place in range(start, stop):
        shown = _pattern(coarse[place % len(coarse)], weights)
        grain = _normal(stream, place, shown.size).reshape(shown.shape)
        pixels = MIDDLE + LEVELS / np.sqrt(1 + noise**2) * (shown + noise * grain)
        images[place - start] = np.rint(np.clip(pixels, 0, 255))
    return images


def _pattern(coarse: Floats, weights: Floats) -> Floats:
    """A smooth picture, mean 0 and standard deviation 1, (3, size, size)."""
    smooth = weights @ coarse @ weights.T
    result: Floats = (smooth - smooth.mean()) / smooth.std()
    return result


def _interpolation(size: int) -> Floats:
    """Cosine weights of the grid's points at each pixel, (size, GRID)."""
    distance = np.abs(np.linspace(0, GRID - 1, size)[:, np.newaxis] - np.arange(GRID))
    weights: Floats = np.where(distance < 1, (1 + np.cos(np.pi * distance)) / 2, 0)
    return weights


def _normal(stream: str, epoch: int, count: int) -> Floats:
    """Nearly normal numbers, mean 0 and standard deviation 1, each the sum of four uniform ones (Irwin-Hall).

    Made of the quarters of random words by sums alone, so that they are the same with every NumPy.
    """
    words = WordStream(stream, 0).raw(epoch, count)
    quarters = words.view(np.uint16).reshape(count, 4)
    total = quarters.sum(axis=1, dtype=np.int64) - 2 * 0xFFFF
    numbers: Floats = total * (np.sqrt(3) / 0x10000)
    return numbers


SYNTHETIC = Synthetic(name="synthetic", needs_recipe=True)
