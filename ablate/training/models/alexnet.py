"""Builds `recipe.AlexNet`: Krizhevsky's network in the one-tower form of 2014 ("One weird trick")."""

from __future__ import annotations

from torch import nn

from ablate.recipe import AlexNet
from ablate.training.models.dropout import Dropout
from ablate.training.models.layers import ACTIVATIONS, Layers, Place, Size, add_conv, add_norm, add_pool

#: Side of the kernel and zero padding of the five convolutions, pixels.
KERNELS = ((11, 2), (5, 2), (3, 1), (3, 1), (3, 1))
#: Convolutions after which a 3x3 window takes the maximum at every second pixel.
POOLED = (1, 2, 5)


def build_alexnet(recipe: AlexNet, *, channels: int, image_size: Size, classes: int) -> nn.Module:
    """The network with PyTorch's own initial weights (see `initialise`).

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the images.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.

    Returns:
        A network from (N, channels, *image_size) to logits (N, classes).

    Raises:
        ModelError: The images are too small for the first kernel or a pooling window.
    """
    features = Layers()
    size = image_size
    for number, (width, (kernel, padding)) in enumerate(zip(recipe.channels, KERNELS, strict=True), start=1):
        label, place = str(number), _place(recipe, number)
        stride = recipe.stride if number == 1 else 1
        size = add_conv(features, label, (channels, width), size, place, kernel=kernel, stride=stride, padding=padding)
        add_norm(features, label, recipe.norm, width)
        features[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        if number in POOLED:
            size = add_pool(features, label, "max", size, place, window=3, stride=2)
        channels = width
    return nn.Sequential(Layers(features=nn.Sequential(features), head=_head(recipe, channels, classes)))


def _head(recipe: AlexNet, channels: int, classes: int) -> nn.Module:
    """Average pooling, then dropout, linear layer and activation for each hidden layer, then the classes."""
    layers = Layers(average=nn.AdaptiveAvgPool2d(recipe.average), flatten=nn.Flatten())
    inputs = channels * recipe.average**2
    for number, width in enumerate(recipe.hidden, start=1):
        if recipe.dropout > 0:
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
        layers[f"hidden{number}"] = nn.Linear(inputs, width)
        layers[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        inputs = width
    layers["classes"] = nn.Linear(inputs, classes)
    return nn.Sequential(layers)


def _place(recipe: AlexNet, number: int) -> Place:
    cures = ["larger images (`data.resize`)"]
    if recipe.stride > 1:
        cures.append("a smaller `stride`")
    return Place(name=f"convolution {number} of the `alexnet`", cures=(*cures, "a `convnet`"))
