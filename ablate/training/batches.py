"""Images on their device: gathered, augmented and normalised in batches, without a data loader."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ablate.recipe import FixedNormalization
from ablate.recipe.data import Data
from ablate.training.augment import Pipeline
from ablate.training.failures import RecipeError
from ablate.training.streams import Stream

#: Bytes of normalised images that are prepared at a time: about a processor's second-level cache; on a GPU, where
#: launches are what costs, far more. Their size changes no result.
CHUNK_BYTES = {"cpu": 4 * 2**20, "cuda": 256 * 2**20}
#: Images in a batch of an evaluation.
EVALUATION_BATCH = {"cpu": 256, "cuda": 2048}

Batch = tuple[Tensor, Tensor]


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
        floats = images.to(torch.float32, memory_format=self._format)
        return floats.mul_(self._scale).add_(self._shift)


def build_normalizer(data: Data, images: Tensor, index: Tensor, memory_format: torch.memory_format) -> Normalizer:
    """The normalisation of a recipe.

    Args:
        data: The `data` table of the recipe.
        images: uint8 (N, C, H, W).
        index: Which of them are the training images, (n,).
        memory_format: Order of the floats in memory.

    Raises:
        RecipeError: A fixed mean or std is given for another number of channels.
    """
    channels = images.shape[1]
    if isinstance(data.normalize, FixedNormalization):
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in (data.normalize.mean, data.normalize.std))
        for name, values in (("mean", mean), ("std", std)):
            if len(values) not in (1, channels):
                raise RecipeError(
                    f"`data.normalize.{name}` lists {len(values)} values, but the images of {data.name!r} have "
                    f"{channels} channel{'s' if channels > 1 else ''}"
                )
        return Normalizer(mean.expand(channels), std.expand(channels), memory_format)
    if data.normalize == "none":
        return Normalizer(torch.zeros(channels), torch.ones(channels), memory_format)
    mean, std = channel_statistics(images, index)
    return Normalizer(mean, std, memory_format)


def channel_statistics(images: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Exact mean and standard deviation of each channel of the chosen images, in [0, 1].

    A channel that is the same everywhere gets the standard deviation 1.
    """
    total = torch.zeros(images.shape[1], dtype=torch.float64)
    squares = torch.zeros(images.shape[1], dtype=torch.float64)
    for part in torch.split(index, 512):  # whole numbers below 2^53 add up without rounding
        values = images[part].to(torch.float32)
        by_image = values.sum(dim=(2, 3), dtype=torch.float64)
        total += by_image.sum(dim=0)
        squares += values.square_().sum(dim=(0, 2, 3), dtype=torch.float64)
    count = len(index) * math.prod(images.shape[2:])
    mean = total / count
    variance = squares / count - mean.square()
    std = torch.where(variance > 0, variance, 255.0**2).sqrt()
    return mean / 255, std / 255


class TrainingImages:
    """The training images of a run, in a new order each epoch.

    Args:
        images: uint8 (N, C, H, W) on the run's device.
        labels: int64 (N,) on the run's device.
        index: Which of them are trained on, int64 (n,), on the CPU.
        normalize: Applied after all augmentations.
        pipeline: The augmentations.
        batch_size: Images a step; the last batch of an epoch may be smaller.
        skip_single: Leave out a last batch of one image (batch normalisation cannot train on one).
        seed: Seed index of the run.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        index: Tensor,
        *,
        normalize: Normalizer,
        pipeline: Pipeline,
        batch_size: int,
        skip_single: bool,
        seed: int,
    ) -> None:
        self._images = images
        self._labels = labels
        self._index = index.numpy()
        self._normalize = normalize
        self._pipeline = pipeline
        self._batch_size = batch_size
        self._order = Stream("order", seed)
        single = skip_single and batch_size > 1 and len(index) > batch_size and len(index) % batch_size == 1
        #: Images that an epoch shows.
        self.count = len(index) - single

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-self.count // self._batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1: images float32 (B, C, H, W) and labels int64 (B,)."""
        order = self._index[self._order.permutation(epoch, len(self._index))][: self.count]
        augment = self._pipeline.epoch(epoch, order)
        device = self._images.device
        places = torch.from_numpy(order).to(device)
        labels = self._labels[places]
        chunk = self._batch_size * max(1, _chunk_images(self._images) // self._batch_size)
        for start in range(0, self.count, chunk):
            part = slice(start, min(start + chunk, self.count))
            images = self._normalize(augment(self._images[places[part]], part))
            yield from zip(
                torch.split(images, self._batch_size), torch.split(labels[part], self._batch_size), strict=True
            )


def evaluation_batches(images: Tensor, labels: Tensor, normalize: Normalizer) -> Iterator[Batch]:
    """All images in their order: float32 (B, C, H, W) and labels int64 (B,)."""
    size = EVALUATION_BATCH[images.device.type]
    for start in range(0, len(images), size):
        yield normalize(images[start : start + size]), labels[start : start + size]


def _chunk_images(images: Tensor) -> int:
    return CHUNK_BYTES[images.device.type] // (4 * int(np.prod(images.shape[1:])))
