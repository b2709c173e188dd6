"""A network as it is called: in half precision, or on an image and its mirror image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ablate.training.losses import Loss

#: What `training.precision` means to autocast.
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Cast(nn.Module):
    """Calls a network under autocast; its outputs are float32, so that losses are.

    Args:
        network: The network.
        dtype: Of the operations for which PyTorch finds it enough.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self._dtype = dtype

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to outputs (N, classes)."""
        with torch.autocast(images.device.type, dtype=self._dtype):
            outputs: Tensor = self.network(images)
        return outputs.float()


class Mirrored(nn.Module):
    """Gives the mean of a network's outputs for an image and its mirror image.

    Of log-probabilities the mean is normalised, so that it is the same as that of logits.

    Args:
        network: The network.
        loss: The loss of the recipe.
    """

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network = network
        self._loss = loss

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to outputs (N, classes)."""
        mean: Tensor = (self.network(images) + self.network(images.flip(3))) / 2
        return mean.log_softmax(dim=1) if self._loss.normalised else mean


def cast(network: nn.Module, precision: str) -> nn.Module:
    """The network as a recipe's `precision` calls it: itself, where that is float32."""
    return Cast(network, DTYPES[precision]) if precision in DTYPES else network
