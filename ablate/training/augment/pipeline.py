"""The augmentations of a recipe, in their order, with each image's draws keyed by (seed, epoch, example)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ablate.recipe import Augmentation, OwnAugmentation
from ablate.recipe.augment import RandomApply
from ablate.training.augment import crops, erasing, geometry, policies
from ablate.training.augment.crops import Size, centre_crop
from ablate.training.augment.own import Own
from ablate.training.streams import Stream, Words, uniform


class Operation(NamedTuple):
    """How one kind of augmentation is done, the images keeping their size."""

    #: Takes images uint8 (B, C, H, W), draws (B, words) and the recipe's section; returns images of the same shape.
    apply: Callable[[Tensor, Words, Any], Tensor]
    #: Random words for each image.
    words: int


class Crop(NamedTuple):
    """How one kind of augmentation is done that yields images of a size."""

    #: Takes images, draws and section as above, and the height and width that the result has.
    apply: Callable[[Tensor, Words, Any, Size], Tensor]
    #: Random words for each image.
    words: int


OPERATIONS: dict[str, Operation | Crop] = {
    "horizontal_flip": Operation(geometry.horizontal_flip, 1),
    "random_crop": Crop(crops.random_crop, 2),
    "random_resized_crop": Crop(crops.random_resized_crop, crops.RESIZED_CROP_WORDS),
    "rotation": Operation(geometry.rotation, 1),
    "cutout": Operation(geometry.cutout, 2),
    "random_erasing": Operation(erasing.random_erasing, erasing.ERASING_WORDS),
    "color_jitter": Operation(policies.color_jitter, 1),
    "auto_augment": Operation(policies.auto_augment, 2),
    "rand_augment": Operation(policies.rand_augment, 2),
    "trivial_augment": Operation(policies.trivial_augment, 2),
    "augmix": Operation(policies.augmix, 2),
}


class Step(Protocol):
    """One augmentation of one run."""

    #: Random words for each image.
    words: int
    #: Whether the result has the size that the network sees, whatever the images had.
    crops: bool

    def draw(self, epoch: int, examples: int) -> Words:
        """An epoch's random words of all examples, shape (examples, words)."""
        ...

    def apply(self, images: Tensor, draws: Words, size: Size) -> Tensor:
        """Images uint8 (B, C, H, W) by their draws (B, words); `size` is what the network sees."""
        ...


class Single:
    """An augmentation with a stream of its own."""

    def __init__(self, section: Augmentation, stream: Stream) -> None:
        self._section = section
        self._operation = OPERATIONS[section.name]
        self._stream = stream
        self.words = self._operation.words
        self.crops = isinstance(self._operation, Crop)

    def draw(self, epoch: int, examples: int) -> Words:
        """An epoch's random words of all examples, shape (examples, words)."""
        return self._stream.draws(epoch, examples, self.words)

    def apply(self, images: Tensor, draws: Words, size: Size) -> Tensor:
        """Images (B, C, H, W) by their draws (B, words)."""
        if isinstance(self._operation, Crop):
            return self._operation.apply(images, draws, self._section, size)
        return self._operation.apply(images, draws, self._section)


class Sometimes:
    """A list of augmentations for some of the images; the first word chooses, the others are those of the list."""

    def __init__(self, section: RandomApply, stream: Stream, code_root: Path | None) -> None:
        self._p = section.p
        self._stream = stream
        self._steps = _steps(section.augment, stream.name, stream.seed, code_root)
        self.words = 1 + sum(step.words for step in self._steps)
        self.crops = any(step.crops for step in self._steps)

    def draw(self, epoch: int, examples: int) -> Words:
        """An epoch's random words of all examples, shape (examples, words)."""
        inner = [step.draw(epoch, examples) for step in self._steps]
        return np.concatenate([self._stream.draws(epoch, examples, 1), *inner], axis=1)

    def apply(self, images: Tensor, draws: Words, size: Size) -> Tensor:
        """Images (B, C, H, W) by their draws (B, words); the others are cut to the size where the list cuts, too."""
        chosen = (uniform(draws[:, 0]) < self._p).nonzero()[0]
        result = (centre_crop(images, size) if self.crops else images).clone()
        if not len(chosen):
            return result
        places = torch.from_numpy(chosen).to(images.device)
        changed, first = images[places], 1
        for step in self._steps:
            changed = step.apply(changed, draws[chosen, first : first + step.words], size)
            first += step.words
        result[places] = changed
        return result


class Pipeline:
    """Augments images of one run.

    Each augmentation has a stream of its own, named by its kind (and its number where a kind comes twice): variants
    that share an augmentation share its draws, whatever else they do to the images.

    Args:
        augmentations: The recipe's list.
        seed: Seed index of the run.
        examples: Number of examples in the data set that indices point into.
        size: Height and width that the network sees; what is larger in the end is cut to its middle. None means that
            of the images.
        code_root: Folder of the user's own files; None where the recipe names none.

    Raises:
        RecipeError: An augmentation of the user's own cannot be found or made.
    """

    def __init__(
        self,
        augmentations: Sequence[Augmentation],
        *,
        seed: int,
        examples: int,
        size: Size | None = None,
        code_root: Path | None = None,
    ) -> None:
        self._examples = examples
        self._size = size
        self._steps = _steps(augmentations, "augment", seed, code_root)

    def epoch(self, epoch: int, order: npt.NDArray[np.int64]) -> Callable[[Tensor, slice], Tensor]:
        """Draw for a whole epoch at once.

        Args:
            epoch: Epoch, counted from 1.
            order: The data set's indices of the epoch's images in the order in which they are shown, (N,).

        Returns:
            A function of images uint8 (B, C, H, W) and of their places in `order` as a slice of length B, which
            returns the augmented images. It raises RecipeError for images that are too small for the size.
        """
        drawn = [step.draw(epoch, self._examples)[order] for step in self._steps]

        def augment(images: Tensor, places: slice) -> Tensor:
            are_images = images.ndim == 4  # else examples of the user's own, which nothing cuts
            size = self._size or ((images.shape[2], images.shape[3]) if are_images else (0, 0))
            for step, draws in zip(self._steps, drawn, strict=True):
                images = step.apply(images, draws[places], size)
            return centre_crop(images, size) if are_images else images

        return augment


def _steps(augmentations: Sequence[Augmentation], prefix: str, seed: int, code_root: Path | None) -> list[Step]:
    steps: list[Step] = []
    names: list[str] = []
    for section in augmentations:
        stream = Stream(f"{prefix}/{section.name}/{names.count(section.name)}", seed)
        names.append(section.name)
        if isinstance(section, OwnAugmentation):
            steps.append(Own(section, stream, code_root))
        elif isinstance(section, RandomApply):
            steps.append(Sometimes(section, stream, code_root))
        else:
            steps.append(Single(section, stream))
    return steps
