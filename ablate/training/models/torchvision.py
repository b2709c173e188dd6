"""Classifiers of torchvision with a last layer for the data set's classes."""

from __future__ import annotations

import http.client
import importlib
from pathlib import Path

import torch
from torch import nn

from ablate.errors import DataMissingError
from ablate.recipe import TorchvisionModel
from ablate.recipe.signatures import did_you_mean
from ablate.training.failures import ModelError
from ablate.training.models.freezing import always_train, freeze
from ablate.training.models.grey import GreyAsColour
from ablate.training.models.pretrained import WEIGHT_FILES, load_weights, put_head, try_out
from ablate.training.streams import seed_global_generators

#: Children of a torchvision classifier that may hold its last layer.
HEADS = ("fc", "classifier", "heads", "head")
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
    try_out(
        model,
        f"torchvision's {name}",
        (1, channels, *image_size),
        "Choose a network for small images, as `torchvision:resnet18`, or the `convnet`.",
    )
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
            load_weights(network, f"torchvision's {name}", [_last_layer(network, name)], Path(weights))
        if recipe.hidden:
            put_head(network, _last_layer(network, name), recipe, classes)
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
    put_head(network, _last_layer(network, name), recipe, classes)
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
