"""From the `model` table of a recipe to a network with its initial weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ablate.recipe import AlexNet, ConvNet, Model, OwnModel, ResNet, TimmModel
from ablate.training.failures import ModelError
from ablate.training.models.alexnet import build_alexnet
from ablate.training.models.convnet import build_convnet
from ablate.training.models.init import initialise
from ablate.training.models.own import build_own
from ablate.training.models.resnet import build_resnet
from ablate.training.models.timm import build_timm
from ablate.training.models.torchvision import build_torchvision


def build_model(
    model: Model,
    *,
    channels: int,
    image_size: tuple[int, ...],
    classes: int,
    seed: int,
    code_root: Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """The network on the CPU, in training mode; equal arguments give equal weights.

    Args:
        model: The `model` table of a recipe.
        channels: Channels of the images.
        image_size: Height and width of the images, pixels; of other examples the rest of their shape.
        classes: Number of classes.
        seed: Seed index of the run.
        code_root: Folder of the user's own files; None where the recipe names none.
        dtype: Type of what the network sees: int64 for tokens.

    Returns:
        A network from (N, channels, *image_size) to logits (N, classes).

    Raises:
        ModelError: The network cannot be built, or does not fit the images.
        DataMissingError: Its pretrained weights cannot be downloaded.
    """
    if isinstance(model, OwnModel):
        example = torch.zeros(1, channels, *image_size, dtype=dtype)
        return build_own(model, example=example, classes=classes, seed=seed, code_root=code_root)
    if len(image_size) != 2 or dtype != torch.float32:
        raise ModelError(
            f"{model.name!r} is a network for images, and the examples have the shape {(channels, *image_size)}",
            cure='Take a network of your own, as `name = "my_models.py:Net"`.',
        )
    height, width = image_size
    image_size = (height, width)
    if isinstance(model, ConvNet):
        network = build_convnet(model, channels=channels, image_size=image_size, classes=classes)
    elif isinstance(model, ResNet):
        network = build_resnet(model, channels=channels, image_size=image_size, classes=classes)
    elif isinstance(model, AlexNet):
        network = build_alexnet(model, channels=channels, image_size=image_size, classes=classes)
    elif isinstance(model, TimmModel):
        return build_timm(model, channels=channels, image_size=image_size, classes=classes, seed=seed)
    else:
        return build_torchvision(model, channels=channels, image_size=image_size, classes=classes, seed=seed)
    initialise(network, model.init, seed)
    return network
