"""Losses and metrics of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ablate.recipe import OwnLoss, OwnMetric
from ablate.recipe.own import LOSSES, METRICS
from ablate.training.failures import RecipeError
from ablate.training.own_code import as_function, parameters_of

#: What a metric may ask for by the names of its parameters.
KNOWN = ("outputs", "probabilities", "predictions", "labels")


class CalledLoss:
    """A loss of the user's own, called with outputs (B, classes) and labels (B,).

    It gives the batch's mean, a scalar, or a loss for each example, (B,).

    Args:
        section: How the recipe names it.
        code_root: Folder of the user's own files.

    Raises:
        RecipeError: It cannot be found or made.
    """

    def __init__(self, section: OwnLoss, code_root: Path | None) -> None:
        self._name = section.name
        self._function = as_function(section.name, LOSSES, section.arguments, takes=2, code_root=code_root)

    def each(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Loss of each example, float (B,), where the user's code gives one for each; else the batch's mean for all.

        Raises:
            RecipeError: What it gives is neither.
        """
        if isinstance(self._function, nn.Module):
            self._function.to(outputs.device)
        value: Any = self._function(outputs, labels)
        if not isinstance(value, Tensor) or value.shape not in (torch.Size(()), labels.shape[:1]):
            what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise RecipeError(
                f"{self._name} gives {what} for {len(labels)} examples; a loss is the mean over them, a scalar, or one "
                f"number for each, of shape ({len(labels)},)."
            )
        if torch.is_grad_enabled() and outputs.requires_grad and not value.requires_grad:
            raise RecipeError(
                f"{self._name} gives a loss without a gradient: something in it leaves PyTorch, as `.item()`, "
                "`.detach()`, `argmax` or numpy do."
            )
        return value.expand(len(labels))


class CalledMetrics:
    """The metrics of the user's own that a recipe lists.

    Args:
        sections: How the recipe names them.
        code_root: Folder of the user's own files.

    Raises:
        RecipeError: One cannot be found or made, or asks for something that is not there.
    """

    def __init__(self, sections: tuple[OwnMetric, ...], code_root: Path | None) -> None:
        self._functions: dict[str, tuple[OwnMetric, Callable[..., Any], tuple[str, ...]]] = {}
        for section in sections:
            function = as_function(section.name, METRICS, section.arguments, code_root=code_root)
            called = function.forward if isinstance(function, nn.Module) else function
            takes = tuple(name for name in KNOWN if name in parameters_of(called))
            if not takes:
                raise RecipeError(
                    f"{section.name} has no parameter called {', '.join(KNOWN[:-1])} or {KNOWN[-1]}, so that nothing "
                    "could be passed to it.",
                    cure="Name its parameters after what they are to be given.",
                )
            self._functions[section.title] = (section, function, takes)

    def __bool__(self) -> bool:
        return bool(self._functions)

    def measure(self, outputs: Tensor, probabilities: Tensor, labels: Tensor, prefix: str) -> Mapping[str, float]:
        """Every metric of some examples, by its name after `prefix`.

        Args:
            outputs: What the network gave, float32 (N, classes), on the CPU.
            probabilities: The same as probabilities.
            labels: True classes, int64 (N,).
            prefix: `val_` or `test_`.

        Raises:
            RecipeError: One gives no number.
        """
        known = {
            "outputs": outputs,
            "probabilities": probabilities,
            "predictions": outputs.argmax(dim=1),
            "labels": labels,
        }
        return {
            f"{prefix}{title}": _number(section.name, function(**{name: known[name] for name in takes}))
            for title, (section, function, takes) in self._functions.items()
        }


def _number(name: str, value: Any) -> float:  # noqa: ANN401 - whatever the user's code gives
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise RecipeError(f"{name} gives {what}, and a metric is one number.") from None
