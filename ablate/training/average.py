"""An exponential moving average of a network's weights (Polyak & Juditsky 1992, as used by Szegedy et al. 2016)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ablate.recipe import Ema
from ablate.training.failures import ModelError


class Average:
    """A second network whose weights follow those of the first.

    After n updates an update keeps the share `decay` of the average, with a warm-up at most (1 + n) / (10 + n). Buffers
    of floats, such as the statistics of batch normalisations, are averaged as the weights are; others are copied.

    Args:
        recipe: How much is kept.
        model: The network that is trained, with its initial weights.

    Raises:
        ModelError: The network is one of the user's own that cannot be copied.
    """

    def __init__(self, recipe: Ema, model: nn.Module) -> None:
        self._recipe = recipe
        #: The network with the averaged weights.
        self.network = _copied(model).requires_grad_(False)
        self._updates = 0
        pairs = list(zip(_tensors(self.network), _tensors(model), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._others = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take the network's weights after a step into account."""
        decay = self._recipe.decay
        if self._recipe.warmup:
            decay = min(decay, (1 + self._updates) / (10 + self._updates))
        self._updates += 1
        averages, values = ([pair[place] for pair in self._floats] for place in (0, 1))
        torch._foreach_lerp_(averages, values, 1 - decay)
        for ours, theirs in self._others:
            ours.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        """Weights and number of updates."""
        return {"network": dict(self.network.state_dict()), "updates": self._updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.network.load_state_dict(state["network"])
        self._updates = state["updates"]


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:
        raise ModelError(
            f"`training.ema` needs a copy of the network, and it cannot be copied: {type(error).__name__}: {error}",
            cure="Keep in it what `copy.deepcopy` can copy: layers, tensors and plain values.",
        ) from error


def _tensors(model: nn.Module) -> list[Tensor]:
    """Parameters and buffers, each once, also where several layers share it."""
    return [*model.parameters(), *model.buffers()]
