"""Dropout and stochastic depth, whose masks belong to (seed, epoch, place in the network)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ablate.training.streams import Stream


class Masked(nn.Module, ABC):
    """Zeroes parts of its inputs with probability p in training and scales the others by 1 / (1 - p).

    It has a generator of its own, so that its masks depend neither on other code that draws random numbers nor on what
    the epochs before have drawn.

    Args:
        p: Probability of zeroing, in [0, 1).
    """

    #: What the stream of its masks is called.
    stream: ClassVar[str]

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._generator: torch.Generator | None = None

    def reseed(self, seed: int, epoch: int, place: str, device: torch.device) -> None:
        """Start the masks of an epoch. `place` is the module's name in its network.

        The generator stays the same object on a device, since recorded steps draw from it.
        """
        place_of_draws = None if self._generator is None else self._generator.device
        if self._generator is None or place_of_draws not in (device, torch.device(device.type, device.index or 0)):
            self._generator = torch.Generator(device)
        self._generator.manual_seed(Stream(f"{self.stream}/{place}", seed).integer(epoch))

    @property
    def generator(self) -> torch.Generator | None:
        """What masks are drawn from; None before the first epoch."""
        return self._generator

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of a shape that the kind of mask knows, to the same shape."""
        if not self.training or self.p == 0:
            return inputs
        return inputs * self.mask(inputs)

    def mask(self, inputs: Tensor) -> Tensor:
        """The next mask: 0 for a part that is dropped, 1 / (1 - p) for the others, in the shape of `parts`."""
        mask = torch.empty_like(self.parts(inputs)).bernoulli_(1 - self.p, generator=self._generator)
        return mask.div_(1 - self.p)

    @abstractmethod
    def parts(self, inputs: Tensor) -> Tensor:
        """Some of the inputs, in the shape of their mask: one number for each part that is zeroed whole."""

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"p={self.p:g}"


class Dropout(Masked):
    """Zeroes activations (Srivastava et al. 2014). Like `nn.Dropout`, but with a generator of its own.

    Args:
        p: Probability of zeroing, in [0, 1).
        channels: Zero whole channels of (N, C, H, W) instead of single activations (Tompson et al. 2015).
    """

    stream = "dropout"

    def __init__(self, p: float, *, channels: bool = False) -> None:
        super().__init__(p)
        self.channels = channels

    def parts(self, inputs: Tensor) -> Tensor:
        """Any shape; (N, C, H, W) where whole channels are dropped."""
        return inputs[:, :, :1, :1] if self.channels else inputs

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"{super().extra_repr()}, channels={self.channels}"


class StochasticDepth(Masked):
    """Zeroes all that a block adds to its input, for each image by itself (Huang et al. 2016).

    The paper skips a block for a whole batch and scales in evaluation; per image and scaled in training, as here, is
    what torchvision calls the mode "row".
    """

    stream = "stochastic_depth"

    def parts(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 1, 1, 1)."""
        return inputs[:, :1, :1, :1]


def skipping(largest: float, blocks: Sequence[int]) -> list[list[float]]:
    """Probability of skipping each block of each stage: block l of L has `largest` * l / L (Huang et al. 2016).

    Args:
        largest: That of the last block.
        blocks: Blocks of each stage.
    """
    total = sum(blocks)
    before = [sum(blocks[:stage]) for stage in range(len(blocks))]
    return [
        [largest * (done + number) / total for number in range(1, count + 1)]
        for done, count in zip(before, blocks, strict=True)
    ]


def dropout_generators(model: nn.Module) -> list[torch.Generator]:
    """What the masks of a network are drawn from, once its first epoch has begun."""
    masked = [module for module in model.modules() if isinstance(module, Masked)]
    return [module.generator for module in masked if module.generator is not None]


def reseed_dropout(model: nn.Module, seed: int, epoch: int, device: torch.device, *, rank: int = 0) -> None:
    """Start an epoch's masks everywhere in a network; processes of other ranks draw other masks."""
    for place, module in model.named_modules():
        if isinstance(module, Masked):
            module.reseed(seed, epoch, f"{place}/rank{rank}" if rank else place, device)
