"""The losses that a recipe can name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablate.recipe import OwnModel, Recipe
from ablate.training.failures import ModelError
from ablate.training.own_loss import CalledLoss

#: How far from 1 the probabilities of an image may sum up.
TOLERANCE = 1e-2


class Loss:
    """The loss of a recipe, from what its network puts out.

    Networks give logits. Under `nll` a network of the user's own gives log-probabilities instead; to the logits of all
    others log-softmax is applied here, which makes `nll` the same as `cross_entropy` for them.

    Args:
        recipe: Whose loss.
        code_root: Folder of the user's own files; None where the recipe names none.
        weight: Weight of each class, float32 (classes,); means are weighted then. None for equal ones.
        smoothing: Share of each label that is spread evenly over all classes; of cross-entropy only.

    Raises:
        RecipeError: A loss of the user's own cannot be found or made.
    """

    def __init__(
        self, recipe: Recipe, code_root: Path | None = None, *, weight: Tensor | None = None, smoothing: float = 0.0
    ) -> None:
        own = recipe.training.loss
        self._own = None if isinstance(own, str) else CalledLoss(own, code_root)
        self._weight = weight
        self._smoothing = smoothing
        self._likelihood = recipe.training.loss == "nll"
        #: The network's outputs are log-probabilities.
        self.normalised = self._likelihood and isinstance(recipe.model, OwnModel)

    def __call__(self, outputs: Tensor, labels: Tensor, reduction: Literal["mean", "sum"] = "mean") -> Tensor:
        """Mean or sum over a batch, nats, a scalar.

        Args:
            outputs: float32 (B, classes).
            labels: int64 (B,).
            reduction: What to make of the B losses.
        """
        if self._own is not None:
            each = self._own.each(outputs, labels)
            return each.mean() if reduction == "mean" else each.sum()
        if self._likelihood:
            return F.nll_loss(self.log_probabilities(outputs), labels, self._weight, reduction=reduction)
        return F.cross_entropy(outputs, labels, self._weight, reduction=reduction, label_smoothing=self._smoothing)

    def refuse_unnormalised(self, model: nn.Module, example: Tensor) -> None:
        """Look at what a network of the user's own gives for a black image.

        Args:
            model: A network on the CPU.
            example: An example of zeros, (1, C, H, W).

        Raises:
            ModelError: It should give log-probabilities, and their exponentials do not sum up to 1.
        """
        if not self.normalised:
            return
        training = model.training
        with torch.no_grad():
            total = float(model.eval()(example).exp().sum())
        model.train(training)
        if not abs(total - 1) < TOLERANCE:
            raise ModelError(
                '`training.loss = "nll"` takes log-probabilities from a network of your own, and the exponentials of '
                f"this one's outputs sum up to {total:.4g}, not to 1",
                cure='End it with log-softmax, or take `loss = "cross_entropy"` for logits.',
            )

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """Outputs (B, classes) as log-probabilities of the same shape."""
        return outputs if self.normalised else F.log_softmax(outputs, dim=1)

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Outputs (B, classes) as probabilities of the same shape."""
        return outputs.exp() if self.normalised else F.softmax(outputs, dim=1)
