"""Initial weights of ablate's own network families, keyed by (seed, parameter name)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ablate.training.streams import Stream


def _default(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)  # what Conv2d and Linear do by themselves


def _kaiming_uniform(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(weight, nonlinearity="relu", generator=generator)


def _kaiming_normal(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


def _xavier_uniform(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.xavier_uniform_(weight, generator=generator)


def _xavier_normal(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.xavier_normal_(weight, generator=generator)


def _orthogonal(weight: Tensor, generator: torch.Generator) -> None:
    nn.init.orthogonal_(weight, generator=generator)


SCHEMES: dict[str, Callable[[Tensor, torch.Generator], None]] = {
    "default": _default,
    "kaiming_uniform": _kaiming_uniform,
    "kaiming_normal": _kaiming_normal,
    "xavier_uniform": _xavier_uniform,
    "xavier_normal": _xavier_normal,
    "orthogonal": _orthogonal,
}


@torch.no_grad()
def initialise(model: nn.Module, scheme: str, seed: int) -> None:
    """Draw the weights of all convolutions and linear layers by a scheme, their biases as PyTorch does.

    Each parameter has a stream of its own, so networks that share a layer (by name and shape) share its draw.
    Normalisations keep their ones and zeros.

    Args:
        model: A network on the CPU.
        scheme: A name in `SCHEMES`.
        seed: Seed index of the run.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            SCHEMES[scheme](module.weight, Stream(f"init/{name}.weight", seed).generator())
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight[0].numel())
                module.bias.uniform_(-bound, bound, generator=Stream(f"init/{name}.bias", seed).generator())
