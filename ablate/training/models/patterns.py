"""Patterns of parameters' names, as a shell has them for files."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn

from ablate.recipe.signatures import did_you_mean
from ablate.training.failures import ModelError
from ablate.training.models.grey import GreyAsColour


def inner(model: nn.Module) -> nn.Module:
    """The network whose names patterns mean: of one that is shown grey images as colour, the network inside."""
    return model.network if isinstance(model, GreyAsColour) else model


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits a name: `*` stands for anything, dots too."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def refuse_what_matches_nothing(network: nn.Module, patterns: Iterable[str], also: Iterable[str] = ()) -> None:
    """Look whether each pattern has a parameter.

    Args:
        network: Whose parameters.
        patterns: As in a shell.
        also: Further names that patterns may mean.

    Raises:
        ModelError: A pattern matches nothing.
    """
    names = [*(name for name, _ in network.named_parameters()), *also]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            parts = [
                f"{name}.*" for name, part in network.named_modules() if name and any(True for _ in part.parameters())
            ]
            hint = did_you_mean(pattern, parts + names)
            largest = [part for part in parts if part.count(".") == 1]
            raise ModelError(
                f"No parameter of the network matches {pattern!r}{hint or did_you_mean(pattern, largest)}",
                cure="`*` stands for anything, as in `layer1.*`; `print(model)` shows the names.",
            )
