"""The augmentations of a recipe, in their order, with each image's draws keyed by (seed, epoch, example)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ablate.recipe import Augmentation
from ablate.training.augment import geometry, policies
from ablate.training.streams import Stream, Words


class Operation(NamedTuple):
    """How one kind of augmentation is done."""

    #: Takes images uint8 (B, C, H, W), draws (B, words) and the recipe's section; returns images of the same shape.
    apply: Callable[[Tensor, Words, Any], Tensor]
    #: Random words for each image.
    words: int


OPERATIONS = {
    "horizontal_flip": Operation(geometry.horizontal_flip, 1),
    "random_crop": Operation(geometry.random_crop, 2),
    "rotation": Operation(geometry.rotation, 1),
    "cutout": Operation(geometry.cutout, 2),
    "auto_augment": Operation(policies.auto_augment, 2),
    "rand_augment": Operation(policies.rand_augment, 2),
    "augmix": Operation(policies.augmix, 2),
}


class Pipeline:
    """Augments images of one run.

    Each augmentation has a stream of its own, named by its kind (and its number where a kind comes twice): variants
    that share an augmentation share its draws, whatever else they do to the images.

    Args:
        augmentations: The recipe's list.
        seed: Seed index of the run.
        examples: Number of examples in the data set that indices point into.
    """

    def __init__(
        self, augmentations: Sequence[Augmentation], *, seed: int, examples: int, size: tuple[int, int] | None = None
    ) -> None:
        self._examples = examples
        self._steps: list[tuple[Augmentation, Operation, Stream]] = []
        names: list[str] = []
        for section in augmentations:
            name = f"augment/{section.name}/{names.count(section.name)}"
            names.append(section.name)
            self._steps.append((section, OPERATIONS[section.name], Stream(name, seed)))

    def epoch(self, epoch: int, order: npt.NDArray[np.int64]) -> Callable[[Tensor, slice], Tensor]:
        """Draw for a whole epoch at once.

        Args:
            epoch: Epoch, counted from 1.
            order: The data set's indices of the epoch's images in the order in which they are shown, (N,).

        Returns:
            A function of images uint8 (B, C, H, W) and of their places in `order` as a slice of length B, which
            returns the augmented images.
        """
        drawn = [stream.draws(epoch, self._examples, step.words)[order] for _, step, stream in self._steps]

        def augment(images: Tensor, places: slice) -> Tensor:
            for (section, step, _), draws in zip(self._steps, drawn, strict=True):
                images = step.apply(images, draws[places], section)
            return images

        return augment
