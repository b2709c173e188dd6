"""Augmentations of the user's own: one image after the other, under generators seeded for each."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ablate.recipe import OwnAugmentation
from ablate.recipe.own import AUGMENTATIONS
from ablate.training.augment.crops import Size
from ablate.training.failures import RecipeError
from ablate.training.own_code import as_function, told
from ablate.training.streams import Stream, Words


class Own:
    """An augmentation of the user's own, with a stream of its own. Its code may draw from any global generator.

    Args:
        section: How the recipe names it.
        stream: Seeds the generators of Python, NumPy and PyTorch for each image.
        code_root: Folder of the user's own files.

    Raises:
        RecipeError: It cannot be found or made.
    """

    words = 1
    crops = False

    def __init__(self, section: OwnAugmentation, stream: Stream, code_root: Path | None) -> None:
        self._name = section.name
        self._stream = stream
        self._code_root = code_root
        self._function: Callable[[Tensor], Any] = as_function(
            section.name, AUGMENTATIONS, section.arguments, takes=1, code_root=code_root
        )

    def draw(self, epoch: int, examples: int) -> Words:
        """An epoch's random words of all examples, shape (examples, 1)."""
        return self._stream.draws(epoch, examples, self.words)

    def apply(self, images: Tensor, draws: Words, size: Size) -> Tensor:
        """Images (B, ...) by their draws (B, 1); the results may have another shape, the same for all.

        Raises:
            RecipeError: The user's code fails, or gives no image.
        """
        results = []
        before = random.getstate(), np.random.get_state()  # noqa: NPY002 - what foreign code draws from
        with torch.random.fork_rng(devices=[]):
            for image, word in zip(images, draws[:, 0] >> 1, strict=True):
                random.seed(int(word))
                np.random.seed(int(word) % 2**32)  # noqa: NPY002 - as above
                torch.default_generator.manual_seed(int(word))
                results.append(self._one(image))
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002 - as above
        if len({result.shape for result in results}) > 1:
            shapes = " and ".join(str(tuple(shape)) for shape in sorted({result.shape for result in results})[:2])
            raise RecipeError(f"{self._name} gives images of different shapes, as {shapes}.")
        return torch.stack(results)

    def _one(self, image: Tensor) -> Tensor:
        try:
            result = self._function(image.clone())
        except (Exception, SystemExit) as error:
            shape = tuple(image.shape)
            raise RecipeError(
                f"{self._name} fails on an image of shape {shape}: {told(error, self._code_root)}"
            ) from error
        if not isinstance(result, Tensor) or result.dtype != image.dtype:
            given = result.dtype if isinstance(result, Tensor) else f"a {type(result).__name__}"
            raise RecipeError(
                f"{self._name} gives {given} for a tensor of {image.dtype}.",
                cure="Images are bytes until they are normalised; give them back as they came.",
            )
        return result
