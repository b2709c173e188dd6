"""The losses that a recipe can name."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from ablate.recipe import OwnModel, Recipe


class Loss:
    """The loss of a recipe, from what its network puts out.

    Networks give logits. Under `nll` a network of the user's own gives log-probabilities instead; to the logits of all
    others log-softmax is applied here, which makes `nll` the same as `cross_entropy` for them.

    Args:
        recipe: Whose loss.
    """

    def __init__(self, recipe: Recipe) -> None:
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
        if self._likelihood:
            return F.nll_loss(self.log_probabilities(outputs), labels, reduction=reduction)
        return F.cross_entropy(outputs, labels, reduction=reduction)

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """Outputs (B, classes) as log-probabilities of the same shape."""
        return outputs if self.normalised else F.log_softmax(outputs, dim=1)

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Outputs (B, classes) as probabilities of the same shape."""
        return outputs.exp() if self.normalised else F.softmax(outputs, dim=1)
