"""From bytes to the floats that a network sees."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from ablate.recipe import FixedNormalization
from ablate.recipe.data import DataSection
from ablate.training.data import Portion
from ablate.training.failures import RecipeError

#: Mean and standard deviation of ImageNet's channels, as torchvision's pretrained networks expect them.
IMAGENET = FixedNormalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
#: Bytes of images, as floats, whose sums are taken at a time.
SUMMED_BYTES = 16 * 2**20


class Normalize(Protocol):
    """Turns examples into what a network sees."""

    #: Mean of each channel or feature, (C,).
    mean: Tensor
    #: Standard deviation of each channel or feature, (C,).
    std: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Examples (N, ...) to a tensor of the same shape."""
        ...


class Normalizer:
    """Turns bytes (N, C, H, W) into floats: x / 255, minus the mean, divided by the standard deviation, by channel.

    Args:
        mean: Mean of each channel, images in [0, 1], (C,).
        std: Standard deviation of each channel, (C,).
        memory_format: Order of the floats in memory.
    """

    def __init__(self, mean: Tensor, std: Tensor, memory_format: torch.memory_format) -> None:
        self.mean = mean
        self.std = std
        self._scale = (1 / (255 * std)).to(torch.float32).reshape(1, -1, 1, 1)
        self._shift = (-mean / std).to(torch.float32).reshape(1, -1, 1, 1)
        self._format = memory_format

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to float32 of the same shape."""
        if self._scale.device != images.device:
            self._scale, self._shift = self._scale.to(images.device), self._shift.to(images.device)
        floats = images.to(torch.float32).mul_(self._scale).add_(self._shift)
        return floats.contiguous(memory_format=self._format)  # last: by channel, vectors are as long as an image


class Standardizer:
    """Brings features (N, C, ...) to mean 0 and standard deviation 1, by channel; whole numbers stay as they are.

    Args:
        mean: Mean of each channel, (C,).
        std: Standard deviation of each channel, (C,).
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        self.mean = mean
        self.std = std
        self._there = (mean, std)

    def __call__(self, images: Tensor) -> Tensor:
        """float32 (N, C, ...) to float32, int64 to int64, of the same shape."""
        if not images.is_floating_point():
            return images
        if self._there[0].device != images.device or self._there[0].dtype != torch.float32:
            self._there = (self.mean.to(images.device, torch.float32), self.std.to(images.device, torch.float32))
        shape = (1, -1, *(1,) * (images.ndim - 2))
        mean, std = (value.reshape(shape) for value in self._there)
        return (images - mean) / std


def build_standardizer(data: DataSection, portion: Portion) -> Standardizer:
    """The normalisation of examples that are no images.

    Args:
        data: The `data` table of a recipe.
        portion: The training examples, (N, C, ...).

    Raises:
        RecipeError: The recipe names a normalisation of images, or a mean or std for another number of channels.
    """
    channels = portion.images.shape[1]
    if data.normalize == "imagenet":
        raise RecipeError('`data.normalize = "imagenet"` is for images, and the examples are none.')
    if data.normalize == "none" or not portion.images.is_floating_point():
        return Standardizer(torch.zeros(channels), torch.ones(channels))
    if isinstance(data.normalize, FixedNormalization):
        values = [torch.tensor(one, dtype=torch.float64) for one in (data.normalize.mean, data.normalize.std)]
        if any(len(one) not in (1, channels) for one in values):
            raise RecipeError(f"`data.normalize` lists one mean and std, or {channels}, the examples' first size.")
        return Standardizer(*(one.expand(channels) for one in values))
    examples = portion.images[portion.index]
    axes = (0, *range(2, examples.ndim))
    mean = examples.mean(dim=axes, dtype=torch.float64)
    variance = (examples.double() - mean.reshape(1, -1, *(1,) * (examples.ndim - 2))).square().mean(dim=axes)
    return Standardizer(mean, torch.where(variance > 0, variance, 1.0).sqrt())


def build_normalizer(data: DataSection, portion: Portion, memory_format: torch.memory_format) -> Normalizer:
    """The normalisation of a recipe.

    Args:
        data: The `data` table of the recipe.
        portion: The training images.
        memory_format: Order of the floats in memory.

    Raises:
        RecipeError: A mean or std is given for another number of channels.
    """
    channels = portion.images.shape[1]
    if data.normalize == "none":
        return Normalizer(torch.zeros(channels), torch.ones(channels), memory_format)
    if data.normalize == "train":
        return Normalizer(*channel_statistics(portion.images, portion.index), memory_format)
    fixed = IMAGENET if data.normalize == "imagenet" else data.normalize
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (fixed.mean, fixed.std))
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            what = f"`data.normalize.{name}`" if fixed is data.normalize else f'`data.normalize = "{data.normalize}"`'
            raise RecipeError(
                f"{what} lists {len(values)} values, but the images of {data.name!r} have "
                f"{channels} channel{'s' if channels > 1 else ''}",
                cure="List one for each channel"
                + (f", or turn the images by `data.channels = {len(values)}`." if len(values) in (1, 3) else "."),
            )
    return Normalizer(mean.expand(channels), std.expand(channels), memory_format)


def channel_statistics(images: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Exact mean and standard deviation of each channel of the chosen images, in [0, 1].

    A channel that is the same everywhere gets the standard deviation 1.
    """
    total = torch.zeros(images.shape[1], dtype=torch.float64)
    squares = torch.zeros(images.shape[1], dtype=torch.float64)
    pixels = math.prod(images.shape[2:])
    at_once = max(1, SUMMED_BYTES // (4 * images.shape[1] * pixels))
    for part in torch.split(index, at_once):  # whole numbers below 2^53 add up without rounding
        values = images[part].to(torch.float32)
        total += values.sum(dim=(2, 3), dtype=torch.float64).sum(dim=0)
        squares += values.square_().sum(dim=(0, 2, 3), dtype=torch.float64)
    count = len(index) * pixels
    mean = total / count
    variance = squares / count - mean.square()
    std = torch.where(variance > 0, variance, 255.0**2).sqrt()
    return mean / 255, std / 255
