"""Images in batches: gathered, augmented and normalised without a data loader, on their device where they fit there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ablate.recipe.data import DataSection
from ablate.training.augment import Pipeline, centre_crop
from ablate.training.data import Portion
from ablate.training.failures import RecipeError
from ablate.training.group import ALONE, Group
from ablate.training.normalize import Normalize
from ablate.training.streams import Stream

#: Bytes of normalised images that are prepared at a time: about a processor's second-level cache; on a GPU, where
#: launches are what costs, far more. Their size changes no result.
CHUNK_BYTES = {"cpu": 4 * 2**20, "cuda": 256 * 2**20}
#: Most images in a batch of an evaluation, and most bytes of it once normalised.
EVALUATION_BATCH = {"cpu": 256, "cuda": 2048}
EVALUATION_BYTES = {"cpu": 64 * 2**20, "cuda": 1024 * 2**20}
#: Share of a GPU's memory that images may take to lie there; larger sets stay with the processor. Several jobs share a
#: GPU, each with its own copy.
RESIDENT_SHARE = 1 / 8


class Batch(NamedTuple):
    """What one step sees on one device."""

    #: float32 (B, C, H, W), or (B, ...) of examples that are no images; int64 where these are whole numbers.
    images: Tensor
    #: int64 (B,).
    labels: Tensor
    #: Images of the step on all devices together; B where there is one device.
    whole: int
    #: Labels of the partners that the images are mixed with, int64 (B,); None where they are not mixed.
    others: Tensor | None = None
    #: Share of `labels` in mixed images; `others` have the rest.
    share: float = 1.0


class Chunk(NamedTuple):
    """Some batches of an epoch whose images are made ready together."""

    #: Augmented and not yet normalised, uint8 (N, C, H, W), or (N, ...) of examples that are no images.
    pixels: Tensor
    #: int64 (N,).
    labels: Tensor
    #: This process's images of each batch; their sum is N.
    sizes: list[int]
    #: Images of each batch on all devices together.
    wholes: list[int]


class Residence:
    """Puts the portions of a run on its device: labels always, images where they fit there.

    Portions that were held out of one set share its images, which are copied once.

    Args:
        device: Where the run will be.
        memory: Bytes of the device's memory.
    """

    def __init__(self, device: torch.device, memory: int) -> None:
        self._device = device
        self._memory = memory
        self._moved: dict[int, tuple[Tensor, Tensor]] = {}

    @classmethod
    def on(cls, device: torch.device) -> Residence:
        """For a processor or a GPU of this machine."""
        return cls(device, torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0)

    def take(self, portion: Portion) -> Portion:
        """The portion, there."""
        if self._device.type == "cpu":
            return portion
        fits = portion.images.nbytes <= RESIDENT_SHARE * self._memory
        return Portion(
            images=self._there(portion.images) if fits else portion.images,
            labels=self._there(portion.labels),
            index=portion.index,
        )

    def _there(self, values: Tensor) -> Tensor:
        if id(values) not in self._moved:
            self._moved[id(values)] = (values, values.to(self._device))  # the original lives on, and so its id
        return self._moved[id(values)][1]


class TrainingImages:
    """The training images of a run, in a new order each epoch.

    Args:
        portion: Which images; see `Residence`.
        device: Where batches are wanted.
        normalize: Applied after all augmentations.
        pipeline: The augmentations.
        batch_size: Images a step; the last batch of an epoch may be smaller.
        least: Leave out a last batch of fewer images than this (batch normalisation cannot train on one), unless it
            is the only one.
        seed: Seed index of the run.
        group: The processes over which each batch is spread.
    """

    def __init__(
        self,
        portion: Portion,
        *,
        device: torch.device,
        normalize: Normalize,
        pipeline: Pipeline,
        batch_size: int,
        least: int,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        self._images = portion.images
        self._labels = portion.labels
        self._index = portion.index.numpy()
        self._device = device
        self._normalize = normalize
        self._pipeline = pipeline
        self._batch_size = batch_size
        self._order = Stream("order", seed)
        self._group = group
        total, rest = len(self._index), len(self._index) % batch_size
        #: Images that an epoch shows.
        self.count = total - rest if total > batch_size and 0 < rest < min(least, batch_size) else total

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-self.count // self._batch_size)

    @property
    def steps_at_once(self) -> int:
        """Most batches of a chunk."""
        return max(1, _fitting(CHUNK_BYTES, self._images, self._device) // self._batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1."""
        for chunk in self.chunks(epoch):
            images = self._normalize(chunk.pixels)
            yield from itertools.starmap(
                Batch,
                zip(
                    torch.split(images, chunk.sizes),
                    torch.split(chunk.labels, chunk.sizes),
                    chunk.wholes,
                    strict=True,
                ),
            )

    def chunks(self, epoch: int) -> Iterator[Chunk]:
        """The same images some batches at a time, before they are normalised."""
        order = self._index[self._order.permutation(epoch, len(self._index))][: self.count]
        starts = range(0, self.count, self._batch_size)
        wholes = [min(self._batch_size, self.count - start) for start in starts]
        mine = [self._group.share(whole) for whole in wholes]
        if self._group.size > 1:
            order = order[self._group.places(starts, mine)]
        sizes = [part.stop - part.start for part in mine]
        augment = self._pipeline.epoch(epoch, order)
        places = torch.from_numpy(order)
        labels = self._labels[places.to(self._labels.device)]
        start = 0
        for first in range(0, len(sizes), self.steps_at_once):
            group = slice(first, first + self.steps_at_once)
            part = slice(start, start + sum(sizes[group]))
            start = part.stop
            pixels = self._images[places[part].to(self._images.device)].to(self._device)
            yield Chunk(augment(pixels, part), labels[part], sizes[group], wholes[group])


class EvaluationImages:
    """Images to be measured, in their order.

    Args:
        portion: Which images; see `Residence`.
        device: Where batches are wanted.
        normalize: Applied to the middle of each image.
        size: Height and width that the network sees, pixels; None for examples that are no images.
    """

    def __init__(
        self, portion: Portion, *, device: torch.device, normalize: Normalize, size: tuple[int, int] | None
    ) -> None:
        self._portion = portion
        self._device = device
        self._normalize = normalize
        self._size = size
        #: Number of images.
        self.count = portion.count

    def __iter__(self) -> Iterator[Batch]:
        portion = self._portion
        most = min(EVALUATION_BATCH[self._device.type], _fitting(EVALUATION_BYTES, portion.images, self._device))
        for index in torch.split(portion.index, max(1, most)):
            pixels = portion.images[index.to(portion.images.device)].to(self._device)
            labels = portion.labels[index.to(portion.labels.device)]
            seen = pixels if self._size is None else centre_crop(pixels, self._size)
            yield Batch(self._normalize(seen), labels, len(index))


def input_size(data: DataSection, image_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width that the network sees, pixels.

    Raises:
        RecipeError: The images are smaller: what is measured is the middle of each, whatever training makes of them.
    """
    if data.crop is None:
        return image_size
    if data.crop > min(image_size):
        raise RecipeError(
            f"`data.crop = {data.crop}`, but the images of {data.name!r} have {image_size[0]}x{image_size[1]} pixels",
            cure="Take a smaller one, or scale the images up by `data.resize`.",
        )
    return data.crop, data.crop


def _fitting(limits: dict[str, int], images: Tensor, device: torch.device) -> int:
    """How many images, as floats, make so many bytes."""
    return limits[device.type] // (4 * math.prod(images.shape[1:]))
