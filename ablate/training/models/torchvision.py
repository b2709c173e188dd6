"""Classifiers of torchvision with a last layer for the data set's classes."""

from __future__ import annotations

import http.client
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ablate.errors import DataMissingError
from ablate.recipe import TorchvisionModel
from ablate.recipe.signatures import did_you_mean
from ablate.training.failures import ModelError
from ablate.training.models.dropout import Dropout
from ablate.training.models.freezing import always_train, freeze
from ablate.training.models.grey import GreyAsColour
from ablate.training.models.layers import Layers
from ablate.training.streams import seed_global_generators

#: Children of a torchvision classifier that may hold its last layer.
HEADS = ("fc", "classifier", "heads", "head")
#: File endings of `weights` that name a file.
WEIGHT_FILES = (".pth", ".pt", ".safetensors")
#: Networks with classifiers at half their depth, which ablate leaves out.
WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


def build_torchvision(
    recipe: TorchvisionModel, *, channels: int, image_size: tuple[int, int], classes: int, seed: int
) -> nn.Module:
    """The network; its new weights are drawn under global generators seeded from the `init` stream.

    The new head is trained whatever `recipe.freeze` says, and `freeze` is applied (see there).

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the images, 1 or 3.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.
        seed: Seed index of the run.

    Raises:
        ModelError: There is no such network, its weights do not fit, or the images are too small for it.
        DataMissingError: torchvision's weights cannot be downloaded.
    """
    name = recipe.name.removeprefix("torchvision:")
    with torch.random.fork_rng(devices=[]):
        seed_global_generators("init", seed)
        network = _network(recipe, name, classes)
    freeze(network, recipe.freeze)
    model = GreyAsColour(network) if channels == 1 else network
    _try_out(model, name, (1, channels, *image_size))
    return model


def _network(recipe: TorchvisionModel, name: str, classes: int) -> nn.Module:
    """The network with its weights and its new head."""
    weights = recipe.weights
    models = importlib.import_module("torchvision.models")
    known = models.list_models(module=models)
    if name not in known:
        raise ModelError(f"torchvision has no classifier {name!r}{did_you_mean(name, known)}")
    if weights == "none" or weights.endswith(WEIGHT_FILES):
        extra = {"aux_logits": False, "init_weights": True} if name in WITH_AUXILIARY_HEADS else {}
        network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **extra)
        if weights != "none":
            _load(network, name, Path(weights))
        if recipe.hidden:
            _put_head(network, name, recipe, classes)
        else:
            always_train(network.get_submodule(_last_layer(network, name)))
        return network
    try:
        entry = models.get_model_weights(name)[weights]
    except KeyError as error:
        names = [*models.get_model_weights(name).__members__, "DEFAULT"]
        raise ModelError(f"torchvision's {name} has no weights {weights!r}{did_you_mean(weights, names)}") from error
    try:
        network = models.get_model(name, weights=entry)
    except (OSError, http.client.HTTPException) as error:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise DataMissingError(
            f"The weights {weights} of torchvision's {name} are not here and could not be downloaded: {error}.",
            cure=f"Fetch by hand\n    {entry.url}\nand put it into\n    {folder}\nThen type the same command again.",
        ) from error
    if name in WITH_AUXILIARY_HEADS:  # their extra outputs in training are another loss
        network.aux_logits, network.AuxLogits = False, None  # type: ignore[assignment]
    _put_head(network, name, recipe, classes)
    return network


def _last_layer(network: nn.Module, name: str) -> str:
    """Name of the layer that makes the logits: the last linear layer or convolution of the head."""
    for head in HEADS:
        if hasattr(network, head):
            fitting = [
                f"{head}.{inner}".rstrip(".")
                for inner, module in getattr(network, head).named_modules()
                if isinstance(module, nn.Linear | nn.Conv2d)
            ]
            if fitting:
                return fitting[-1]
    raise ModelError(f"The last layer of torchvision's {name} was not found among {', '.join(HEADS)}")


def _put_head(network: nn.Module, name: str, recipe: TorchvisionModel, classes: int) -> None:
    """Put new layers into the place of the last one: the hidden ones, then the one to the classes."""
    place = _last_layer(network, name)
    old = network.get_submodule(place)
    layers = Layers()
    inputs = old.in_channels if isinstance(old, nn.Conv2d) else old.in_features
    assert isinstance(inputs, int)  # noqa: S101 - _last_layer returns convolutions and linear layers only
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


def _load(network: nn.Module, name: str, file: Path) -> None:
    """Load a state dict; a last layer for another number of classes is left out."""
    state = dict(_read(file))
    last = _last_layer(network, name)
    own = network.state_dict()
    for key in (f"{last}.weight", f"{last}.bias"):
        if key in state and state[key].shape != own[key].shape:
            del state[key]
    missing = [key for key in own if key not in state and not key.startswith(f"{last}.")]
    foreign = [key for key, value in state.items() if key not in own or value.shape != own[key].shape]
    if missing or foreign:
        first = (missing + foreign)[0]
        raise ModelError(f"The weights in {file} do not belong to torchvision's {name}: see {first!r}")
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


def _try_out(model: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    """One black image through the network, so that a misfit is told in words and before any training."""
    model.eval()
    try:
        with torch.no_grad():
            model(torch.zeros(shape))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"torchvision's {name} does not fit images of {shape[2]}x{shape[3]} pixels with {shape[1]} channels: "
            f"{reason}",
            cure="Choose a network for small images, as `torchvision:resnet18`, or the `convnet`.",
        ) from error
    model.train()
