"""Examples and labels from the user's code, of whatever kind, as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ablate.recipe import OwnData
from ablate.training.data.scaling import Scaling, scaled
from ablate.training.failures import RecipeError

Array = npt.NDArray[Any]


def as_example(value: Any, data: OwnData, number: int) -> Tensor:  # noqa: ANN401 - an item of any kind
    """One item of a map-style data set: a picture as bytes (C, H, W), or a tensor as it is.

    Raises:
        RecipeError: It is nothing that a network can be shown.
    """
    if hasattr(value, "convert") and hasattr(value, "size"):  # Pillow's, without importing it
        grey = value.mode in ("1", "L", "LA", "I;16")
        return torch.from_numpy(scaled(value, Scaling.of(data), data.channels or (1 if grey else 3)).copy())
    if isinstance(value, Tensor) or hasattr(value, "__array__") or isinstance(value, int | float | list | tuple):
        return as_examples(value if isinstance(value, Tensor) else np.asarray(value)[np.newaxis], data.name, number)[0]
    raise RecipeError(f"Item {number} of {data.name} is a {type(value).__name__}, not a tensor, an array or a picture.")


def as_examples(value: Any, name: str, number: int | None = None) -> Tensor:  # noqa: ANN401 - tensors, arrays, lists
    """Examples as a tensor of bytes, float32 or int64, (N, ...).

    Args:
        value: What the user's code gave.
        name: How the recipe names that code.
        number: Which item of a map-style data set it is; None for all examples of a part together.

    Raises:
        RecipeError: It is nothing that a network can be shown.
    """
    of_tensor = isinstance(value, Tensor)
    if number is not None and of_tensor:
        value = value[None]
    tensor = value.detach().cpu() if of_tensor else _tensor(np.asarray(value), name)
    if tensor.ndim == 0 or (tensor.ndim == 1 and number is None):
        tensor = tensor.reshape(-1, 1)
    if tensor.dtype == torch.uint8:
        return _bytes(tensor, name, may_end_in_channels=not of_tensor)
    if tensor.is_floating_point():
        tensor = tensor.to(torch.float32)
        if not bool(torch.isfinite(tensor).all()):
            raise RecipeError(f"{name} gives examples that hold infinite values or values that are no numbers.")
        return tensor
    if tensor.is_complex():
        raise RecipeError(f"{name} gives complex numbers; split them into real and imaginary parts.")
    return tensor.to(torch.float32 if tensor.dtype == torch.bool else torch.int64)


def _tensor(array: Array, name: str) -> Tensor:
    if array.dtype.kind not in "biuf":
        raise RecipeError(
            f"{name} gives examples of type {array.dtype}, and a network needs numbers.",
            cure="Turn texts into numbers first, each word or letter into its place in a list.",
        )
    if array.dtype.byteorder == ">" or array.dtype in (np.uint16, np.uint32, np.uint64):
        array = array.astype(np.int64 if array.dtype.kind == "u" else array.dtype.newbyteorder("="))
    return torch.from_numpy(np.ascontiguousarray(array) if not array.flags.writeable else array)


def _bytes(tensor: Tensor, name: str, *, may_end_in_channels: bool) -> Tensor:
    """Images (N, C, H, W)."""
    if tensor.ndim == 3:
        return tensor[:, None]
    if tensor.ndim != 4:
        return tensor.to(torch.float32)
    if may_end_in_channels and tensor.shape[3] in (1, 3):
        return tensor.permute(0, 3, 1, 2).contiguous()
    if tensor.shape[1] > 4 and tensor.shape[3] in (1, 3):
        raise RecipeError(
            f"Images from {name} are a tensor of shape {tuple(tensor.shape)}, and channels come second: (N, C, H, W).",
            cure="Write `.permute(0, 3, 1, 2)`, or give an array.",
        )
    return tensor


def as_labels(value: Any, name: str) -> Array:  # noqa: ANN401 - tensors, arrays, lists
    """Labels as an array of whole numbers or texts, (N,).

    Raises:
        RecipeError: They are anything else.
    """
    array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "biuUO":
        raise RecipeError(
            f"{name} gives labels of type {array.dtype} and shape {array.shape}; they are one whole number or one name "
            "for each example.",
            cure="A training function of your own (`training.trainer`) can learn anything else.",
        )
    return array
