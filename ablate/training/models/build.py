"""From the `model` table of a recipe to a network with its initial weights."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ablate.recipe import AlexNet, ConvNet, Model, OwnModel, ResNet
from ablate.training.models.alexnet import build_alexnet
from ablate.training.models.convnet import build_convnet
from ablate.training.models.init import initialise
from ablate.training.models.own import build_own
from ablate.training.models.resnet import build_resnet
from ablate.training.models.torchvision import build_torchvision


def build_model(
    model: Model,
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    seed: int,
    code_root: Path | None = None,
) -> nn.Module:
    """The network on the CPU, in training mode; equal arguments give equal weights.

    Args:
        model: The `model` table of a recipe.
        channels: Channels of the images.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.
        seed: Seed index of the run.
        code_root: Folder of the user's own files; None where the recipe names none.

    Returns:
        A network from (N, channels, *image_size) to logits (N, classes).

    Raises:
        ModelError: The network cannot be built, or does not fit the images.
        DataMissingError: Its pretrained weights cannot be downloaded.
    """
    if isinstance(model, OwnModel):
        return build_own(
            model, channels=channels, image_size=image_size, classes=classes, seed=seed, code_root=code_root
        )
    if isinstance(model, ConvNet):
        network = build_convnet(model, channels=channels, image_size=image_size, classes=classes)
    elif isinstance(model, ResNet):
        network = build_resnet(model, channels=channels, image_size=image_size, classes=classes)
    elif isinstance(model, AlexNet):
        network = build_alexnet(model, channels=channels, image_size=image_size, classes=classes)
    else:
        return build_torchvision(model, channels=channels, image_size=image_size, classes=classes, seed=seed)
    initialise(network, model.init, seed)
    return network
