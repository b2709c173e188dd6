"""Random erasing (Zhong et al. 2020): a pure function on a batch of bytes, each image by its own draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ablate.recipe.augment import RandomErasing
from ablate.training.augment.crops import TRIES, Windows, tried_sides
from ablate.training.augment.geometry import covered
from ablate.training.streams import Words, below_each, uniform

#: Whether at all; area and proportions of each try; row and column of the one that is taken; key of the noise.
ERASING_WORDS = 1 + 2 * TRIES + 3


def random_erasing(images: Tensor, draws: Words, erasing: RandomErasing) -> Tensor:
    """Fill a rectangle of some images with a grey level or with noise; 24 words.

    Args:
        images: Bytes (B, C, H, W) on any device.
        draws: Random words (B, 24) on the CPU.
        erasing: The recipe's section.

    Returns:
        A new batch of the same shape.
    """
    height, width = images.shape[2:]
    erased = erased_windows(draws, erasing, height, width)
    rows = covered(erased.top, erased.height, height)
    columns = covered(erased.left, erased.width, width)
    inside = torch.from_numpy(rows[:, :, np.newaxis] & columns[:, np.newaxis, :]).to(images.device)[:, None]
    if erasing.value != "random":
        return images.masked_fill(inside, erasing.value)
    noise = np.zeros(tuple(images.shape), np.uint8)
    for place in np.flatnonzero(erased.height):
        noise[place] = _noise(draws[place, -1], noise.shape[1:])
    return torch.where(inside, torch.from_numpy(noise).to(images.device), images)


def erased_windows(draws: Words, erasing: RandomErasing, height: int, width: int) -> Windows:
    """The part of each image that is filled, as torchvision's v2.RandomErasing draws it; of no rows where none is.

    Of ten rectangles the first is taken that is smaller than the image both ways; where none is, nothing is filled.
    """
    heights, widths = tried_sides(draws[:, 1:], erasing.scale, erasing.ratio, height * width)
    fits = (heights < height) & (widths < width)
    first = np.arange(len(draws)), fits.argmax(axis=1)
    chosen = fits.any(axis=1) & (uniform(draws[:, 0]) < erasing.p)
    rows, columns = np.where(chosen, heights[first], 0), np.where(chosen, widths[first], 0)
    return Windows(
        top=below_each(draws[:, -3], height - rows + 1),
        left=below_each(draws[:, -2], width - columns + 1),
        height=rows,
        width=columns,
    )


def _noise(word: np.uint64, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Uniform bytes that a word decides, the same on every machine."""
    count = int(np.prod(shape))
    words = np.random.Philox(key=int(word)).random_raw(-(-count // 8)).astype("<u8")
    return words.view(np.uint8)[:count].reshape(shape)
