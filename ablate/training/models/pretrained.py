"""What classifiers of libraries have in common: weights from files, a new head, a try-out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ablate.recipe import PretrainedModel
from ablate.training.failures import ModelError
from ablate.training.models.dropout import Dropout
from ablate.training.models.freezing import always_train
from ablate.training.models.layers import Layers

#: File endings of `weights` that name a file.
WEIGHT_FILES = (".pth", ".pt", ".safetensors")


def put_head(network: nn.Module, place: str, recipe: PretrainedModel, classes: int) -> None:
    """Put new layers into the place of the last one: the hidden ones, then the one to the classes.

    Args:
        network: Is changed.
        place: Name of its last layer, a linear one or a convolution.
        recipe: Says which hidden layers.
        classes: Number of classes.
    """
    old = network.get_submodule(place)
    layers = Layers()
    inputs = old.in_channels if isinstance(old, nn.Conv2d) else old.in_features
    assert isinstance(inputs, int)  # noqa: S101 - the last layer is a convolution or a linear layer
    for number, width in enumerate(recipe.hidden, start=1):
        layers[f"hidden{number}"] = _layer(old, inputs, width)
        layers[f"activation{number}"] = nn.ReLU()
        if recipe.dropout > 0:
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
        inputs = width
    layers["classes"] = _layer(old, inputs, classes)
    new = nn.Sequential(layers) if recipe.hidden else layers["classes"]
    parent, _, child = place.rpartition(".")
    setattr(network.get_submodule(parent), child, new)
    always_train(new)


def _layer(old: nn.Module, inputs: int, outputs: int) -> nn.Module:
    """A linear layer; the same at every pixel where the old last layer was a convolution."""
    return nn.Conv2d(inputs, outputs, kernel_size=1) if isinstance(old, nn.Conv2d) else nn.Linear(inputs, outputs)


def load_weights(network: nn.Module, title: str, lasts: Sequence[str], file: Path) -> None:
    """Load a state dict; last layers for another number of classes are left out.

    Args:
        network: Gets the weights.
        title: What it is called in messages, as `torchvision's resnet18`.
        lasts: Names of its last layers.
        file: What `torch.save` or safetensors wrote.

    Raises:
        ModelError: It cannot be read, or its weights are another network's.
    """
    state = dict(_read(file))
    own = network.state_dict()
    foreign_heads = tuple(f"{last}." for last in lasts)
    for key in [key for key in state if key.startswith(foreign_heads)]:
        if key in own and state[key].shape != own[key].shape:
            del state[key]
    missing = [key for key in own if key not in state and not key.startswith(foreign_heads)]
    foreign = [key for key, value in state.items() if key not in own or value.shape != own[key].shape]
    if missing or foreign:
        raise ModelError(f"The weights in {file} do not belong to {title}: see {(missing + foreign)[0]!r}")
    network.load_state_dict(state, strict=False)


def _read(file: Path) -> Mapping[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            loaded: Any = importlib.import_module("safetensors.torch").load_file(file)
        else:
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except ModuleNotFoundError as error:
        raise ModelError(f"Reading {file} needs a package", cure="Type `pip install safetensors`.") from error
    except FileNotFoundError as error:
        raise ModelError(f"There is no weights file {file.absolute()}") from error
    except Exception as error:  # whatever a broken file makes the readers raise
        raise ModelError(f"{file} is no file of weights: {error}") from error
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ModelError(f"{file} holds no state dict (a mapping from names to tensors)")
    return loaded


def try_out(model: nn.Module, title: str, shape: tuple[int, ...], cure: str) -> None:
    """One black image through the network, so that a misfit is told in words and before any training.

    Args:
        model: Takes images of `shape`; is in training mode afterwards.
        title: What it is called in messages, as `torchvision's resnet18`.
        shape: (1, C, H, W).
        cure: What to do where the image does not fit.

    Raises:
        ModelError: It does not.
    """
    model.eval()
    try:
        with torch.no_grad():
            model(torch.zeros(shape))
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"{title} does not fit images of {shape[2]}x{shape[3]} pixels with {shape[1]} channels: {reason}",
            cure=cure,
        ) from error
    model.train()
