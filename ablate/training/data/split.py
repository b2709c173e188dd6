"""Which training images a run trains on, and which it holds out for validation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ablate.recipe import Data
from ablate.training.data.dataset import Dataset
from ablate.training.failures import RecipeError
from ablate.training.streams import Stream


def split(dataset: Dataset, data: Data) -> tuple[Tensor, Tensor]:
    """Indices of the training and of the validation images, each ascending, int64; they never overlap.

    Both are stratified by class and depend on the data set, `data.split_seed`, `data.validation` and
    `data.train_images` only, never on a run's seed. A smaller `train_images` takes a part of what a larger one takes.

    Raises:
        RecipeError: The data set has too few images for the recipe.
    """
    total = len(dataset.train_labels)
    held_out = round(data.validation * total)
    if data.validation > 0 and held_out == 0:
        raise RecipeError(
            f"`data.validation = {data.validation:g}` of the {total:,} training images of {data.name!r} is no image",
            cure="Hold more out, or none: `validation = 0`.",
        )
    left = total - held_out
    wanted = left if data.train_images is None else data.train_images
    if not 0 < wanted <= left:
        raise RecipeError(
            f"`data.train_images = {wanted:,}`, but {data.name!r} has {left:,} training images beside the {held_out:,} "
            "held out for validation",
            cure="Take fewer `train_images`, or a smaller `validation`.",
        )
    order = stratified_order(dataset.train_labels.numpy(), Stream("split", data.split_seed))
    return _ascending(order[held_out : held_out + wanted]), _ascending(order[:held_out])


def stratified_order(labels: npt.NDArray[np.int64], stream: Stream) -> npt.NDArray[np.int64]:
    """A random order of all examples in which every consecutive part holds the classes in their proportions.

    The r-th example (in random order) of a class with m examples is placed at (r + 1/2) / m; equal places are
    ordered at random. So the number of a class in any beginning is within about one of its share.

    Args:
        labels: Class of each example, (N,).
        stream: Where the randomness comes from.

    Returns:
        Indices of the examples, (N,).
    """
    random = stream.raw(0, len(labels))
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shuffled = members[np.argsort(random[members], kind="stable")]
        places[shuffled] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((random, places)).astype(np.int64)


def _ascending(indices: npt.NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.sort(indices))
