"""What a step makes smaller: the recipe's loss, with all that acts in training only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ablate.recipe import Recipe
from ablate.training.batches import Batch
from ablate.training.data import Portion
from ablate.training.failures import RecipeError
from ablate.training.group import Group
from ablate.training.losses import Loss


class Objective:
    """The training loss of a recipe, with smoothed labels, weights of classes, and shares of mixed images.

    Args:
        recipe: Whose loss.
        weight: Weight of each class, float32 (classes,); None for equal ones.
        code_root: Folder of the user's own files; None where the recipe names none.
    """

    def __init__(self, recipe: Recipe, weight: Tensor | None, *, code_root: Path | None = None) -> None:
        self._loss = Loss(recipe, code_root, weight=weight, smoothing=recipe.training.label_smoothing)
        self._weight = weight
        #: Whether images count by the weights of their classes.
        self.weighted = weight is not None

    def __call__(self, outputs: Tensor, batch: Batch, reduction: Literal["mean", "sum"] = "mean") -> Tensor:
        """Mean or sum over a batch, nats, a scalar; a weighted mean where classes have weights.

        Args:
            outputs: float32 (B, classes).
            batch: What they are said of.
            reduction: What to make of the B losses.
        """
        loss = self._loss(outputs, batch.labels, reduction)
        if batch.others is None:
            return loss
        return batch.share * loss + (1 - batch.share) * self._loss(outputs, batch.others, reduction)

    def weight_of(self, batches: Sequence[Batch], group: Group) -> Tensor | int:
        """What the sums of losses of a step's batches are to be divided by to make their mean, on all devices together.

        Args:
            batches: This process's parts of them. Partners of mixed images are of the same part, so their weights are
                the same in sum.
            group: The processes that train together.
        """
        if self._weight is None:
            return sum(batch.whole for batch in batches)
        return group.total(torch.stack([self._weight[batch.labels].sum() for batch in batches]).sum())


def class_weights(recipe: Recipe, training: Portion, classes: int, device: torch.device) -> Tensor | None:
    """Weight of each class in the training loss, float32 (classes,); None where a recipe says nothing of it.

    `balanced` gives class k the weight N / (K n_k) for N images in K classes, n_k of them in the class; a class without
    training images gets 0.

    Args:
        recipe: What is trained.
        training: The training images.
        classes: Number of classes.
        device: Where the weights will be.

    Raises:
        RecipeError: Another number of weights is listed than there are classes.
    """
    asked = recipe.training.class_weights
    if asked is None:
        return None
    if asked == "balanced":
        counts = torch.bincount(training.labels[training.index].cpu(), minlength=classes).double()
        there = counts > 0
        weights = torch.where(there, counts.sum() / (there.sum() * counts.clamp(min=1)), 0.0)
        return weights.to(device, torch.float32)
    if len(asked) != classes:
        raise RecipeError(
            f"`training.class_weights` lists {len(asked)} weights, but {recipe.data.name!r} has {classes} classes",
            cure='List one for each class, or take `class_weights = "balanced"`.',
        )
    return torch.tensor(asked, dtype=torch.float32, device=device)
