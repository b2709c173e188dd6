"""Which images a run trains on, validates on and tests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ablate.recipe.data import DataSection
from ablate.training.data.dataset import Dataset, Portion
from ablate.training.data.order import stratified_order
from ablate.training.failures import RecipeError
from ablate.training.streams import Stream

#: Share that is held out as the test set where a data set has none and the recipe says nothing.
TEST_SHARE = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """The portions of a run; no image is in two of them."""

    train: Portion
    #: May be empty.
    validation: Portion
    test: Portion


def split(dataset: Dataset, data: DataSection) -> Split:
    """Divide a data set as a recipe says.

    What is held out is stratified by class and depends on the data set, `data.split_seed` and the shares only, never on
    a run's seed. Shares count the images that are divided. Validation images come from the beginning of one random
    order, test images (of a data set without its own) from its end, so that neither share changes the other's images.
    A smaller `train_images` takes a part of what a larger one takes.

    Raises:
        RecipeError: The data set has too few images for the recipe, or lacks a part that the recipe names.
    """
    total = len(dataset.train.labels)
    order = stratified_order(dataset.train.labels.numpy(), Stream("split", data.split_seed))
    validated = _held_out(dataset, data)
    tested = _tested(dataset, data)
    left = total - validated - tested
    if left <= 0:
        raise RecipeError(
            f"`data.validation` and `data.test` hold out all {total:,} images of {dataset.name!r}",
            cure="Hold less out.",
        )
    wanted = left if data.train_images is None else data.train_images
    if not 0 < wanted <= left:
        raise RecipeError(
            f"`data.train_images = {wanted:,}`, but {dataset.name!r} has {left:,} training images beside the "
            f"{validated + tested:,} held out for validation{' and test' if tested else ''}",
            cure="Take fewer `train_images`, or hold less out.",
        )

    def portion(part: npt.NDArray[np.int64]) -> Portion:
        return Portion(images=dataset.train.images, labels=dataset.train.labels, index=_ascending(part))

    own = dataset.validation if data.validation == "own" else None
    return Split(
        train=portion(order[validated : validated + wanted]),
        validation=portion(order[:validated]) if own is None else Portion.whole(own),
        test=portion(order[total - tested :]) if dataset.test is None else Portion.whole(dataset.test),
    )


def _held_out(dataset: Dataset, data: DataSection) -> int:
    """Images that go from the training part to validation."""
    if data.validation == "own":
        if dataset.validation is None:
            raise RecipeError(
                f'`data.validation = "own"`, but {dataset.name!r} has no validation images of its own',
                cure="Hold a share of its images out, as `validation = 0.1`.",
            )
        return 0
    if dataset.validation is not None and data.validation > 0:
        raise RecipeError(
            f"{dataset.name!r} has validation images of its own ({len(dataset.validation.labels):,}), and "
            f"`data.validation = {data.validation:g}` would hold others out",
            cure='Write `validation = "own"`.',
        )
    total = len(dataset.train.labels)
    count = round(data.validation * total)
    if data.validation > 0 and count == 0:
        raise RecipeError(
            f"`data.validation = {data.validation:g}` of the {total:,} images of {dataset.name!r} is no image",
            cure="Hold more out, or none: `validation = 0`.",
        )
    return count


def _tested(dataset: Dataset, data: DataSection) -> int:
    """Images that go from the training part to the test set."""
    if dataset.test is not None:
        if data.test is not None:
            raise RecipeError(
                f"{dataset.name!r} has test images of its own ({len(dataset.test.labels):,}), so that "
                f"`data.test = {data.test:g}` has nothing to say",
                cure="Leave `test` out.",
            )
        return 0
    total = len(dataset.train.labels)
    share = TEST_SHARE if data.test is None else data.test
    count = round(share * total)
    if count == 0:
        raise RecipeError(
            f"{dataset.name!r} has no test images of its own, and `data.test = {share:g}` of its {total:,} is no image",
            cure="Hold more out.",
        )
    return count


def _ascending(indices: npt.NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.sort(indices))
