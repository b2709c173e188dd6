"""Dropout whose masks belong to (seed, epoch, place in the network)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ablate.training.streams import Stream


class Dropout(nn.Module):
    """Zeroes activations with probability p in training and scales the others by 1 / (1 - p) (Srivastava et al. 2014).

    Like `nn.Dropout`, but with a generator of its own, so that its masks depend neither on other code that draws
    random numbers nor on what the epochs before have drawn.

    Args:
        p: Probability of zeroing, in [0, 1).
        channels: Zero whole channels of (N, C, H, W) instead of single activations (Tompson et al. 2015).
    """

    def __init__(self, p: float, *, channels: bool = False) -> None:
        super().__init__()
        self.p = p
        self.channels = channels
        self._generator: torch.Generator | None = None

    def reseed(self, seed: int, epoch: int, place: str, device: torch.device) -> None:
        """Start the masks of an epoch. `place` is the module's name in its network."""
        self._generator = Stream(f"dropout/{place}", seed).generator(epoch, device)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of any shape; (N, C, H, W) where whole channels are dropped."""
        if not self.training or self.p == 0:
            return inputs
        shape = inputs[:, :, :1, :1] if self.channels else inputs
        mask = torch.empty_like(shape).bernoulli_(1 - self.p, generator=self._generator)
        return inputs * mask.div_(1 - self.p)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"p={self.p:g}, channels={self.channels}"


def reseed_dropout(model: nn.Module, seed: int, epoch: int, device: torch.device, *, rank: int = 0) -> None:
    """Start an epoch's masks in every `Dropout` of a network; processes of other ranks draw other masks."""
    for place, module in model.named_modules():
        if isinstance(module, Dropout):
            module.reseed(seed, epoch, f"{place}/rank{rank}" if rank else place, device)
