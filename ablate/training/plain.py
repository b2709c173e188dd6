"""States of a trainer of the user's own as tensors and plain values, which `torch.load(weights_only=True)` reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ablate.training.failures import RecipeError

#: Marks an array among tensors.
_ARRAY = "ablate:array"
_TUPLE = "ablate:tuple"


def packed(value: Any, place: str = "state") -> Any:  # noqa: ANN401 - a tree of anything
    """Copies on the CPU: tensors, and plain values.

    Args:
        value: Tensors, NumPy arrays, numbers, texts, bytes, None, and lists, tuples and dictionaries of them.
        place: How the value is reached, for messages.

    Raises:
        RecipeError: It holds something else.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return {_ARRAY: torch.from_numpy(np.ascontiguousarray(value).copy())}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str | int | float | bool | None):
                raise RecipeError(
                    f"`ctx.save`: {place} has a key of type {type(key).__name__}; keys are texts or numbers."
                )
        return {key: packed(item, f"{place}[{key!r}]") for key, item in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [packed(item, f"{place}[{number}]") for number, item in enumerate(value)]}
    if isinstance(value, list):
        return [packed(item, f"{place}[{number}]") for number, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise RecipeError(
        f"`ctx.save` takes tensors, NumPy arrays and plain values, and {place} is a {type(value).__name__}.",
        cure="Save `model.state_dict()` instead of a model, and put it back with `load_state_dict`.",
    )


def unpacked(value: Any) -> Any:  # noqa: ANN401 - a tree of anything
    """What was packed."""
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return value[_ARRAY].numpy()
        if set(value) == {_TUPLE}:
            return tuple(unpacked(item) for item in value[_TUPLE])
        return {key: unpacked(item) for key, item in value.items()}
    return [unpacked(item) for item in value] if isinstance(value, list) else value
