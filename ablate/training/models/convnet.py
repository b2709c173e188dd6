"""Builds `recipe.ConvNet`: stages of convolutions with optional blocks, then a fully connected head.

Every layer has a name that depends on its place alone (`stage2.conv1`, `stage1.block1.body.norm2`, `head.hidden1`), so
that switching a component on or off leaves the other layers' names, and with them their initial weights, as they were.
"""

from __future__ import annotations

from torch import Tensor, nn

from ablate.recipe import ConvNet
from ablate.recipe.layers import Norm
from ablate.training.models.dropout import Dropout, StochasticDepth, skipping
from ablate.training.models.layers import (
    ACTIVATIONS,
    Layers,
    Place,
    Size,
    add_conv,
    add_norm,
    add_pool,
    begin_head,
    build_stem,
)


class Block(nn.Module):
    """conv 3x3 -> norm -> activation -> conv 3x3 -> norm, plus the input where residual, then maybe an activation.

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of inputs and outputs.
        skipped: Probability of skipping all but the input in training.
    """

    def __init__(self, recipe: ConvNet, channels: int, skipped: float) -> None:
        super().__init__()
        norm = recipe.norm if recipe.block_norm is None else recipe.block_norm
        body = Layers()
        for number in (1, 2):
            body[f"conv{number}"] = nn.Conv2d(channels, channels, 3, padding=1)
            _add_norm(body, str(number), recipe, norm, channels)
            if number == 1:
                body["activation"] = ACTIVATIONS[recipe.activation]()
        if skipped > 0:
            body["skip"] = StochasticDepth(skipped)
        self.body = nn.Sequential(body)
        self.residual = recipe.residual
        self.activation = ACTIVATIONS[recipe.activation]() if recipe.post_activation else nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        outputs = self.body(inputs)
        result: Tensor = self.activation(outputs + inputs if self.residual else outputs)
        return result

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"residual={self.residual}"


def build_convnet(recipe: ConvNet, *, channels: int, image_size: Size, classes: int) -> nn.Module:
    """The network with PyTorch's own initial weights (see `initialise`).

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the images.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.

    Returns:
        A network from (N, channels, *image_size) to logits (N, classes).

    Raises:
        ModelError: The feature maps become smaller than a kernel or a pooling window.
    """
    network = Layers()
    size = image_size
    if recipe.stem is not None:
        network["stem"], size = build_stem(recipe.stem, channels, size, norm=recipe.norm, activation=recipe.activation)
        channels = recipe.stem.channels
    for stage in range(len(recipe.channels)):
        network[f"stage{stage + 1}"], size = _stage(recipe, stage, channels, size)
        channels = recipe.channels[stage]
    network["head"] = _head(recipe, channels, size, classes)
    return nn.Sequential(network)


def _stage(recipe: ConvNet, stage: int, channels: int, size: Size) -> tuple[nn.Module, Size]:
    layers = Layers()
    width = recipe.channels[stage]
    place = _place(recipe, stage)
    for number in range(1, recipe.per_stage("convs")[stage] + 1):
        size = add_conv(
            layers,
            str(number),
            (channels, width),
            size,
            place,
            kernel=recipe.per_stage("kernel_size")[stage],
            stride=recipe.per_stage("stride")[stage] if number == 1 else 1,
            padding=recipe.per_stage("padding")[stage],
        )
        channels = width
        if "conv" in recipe.dropout_places:
            layers[f"conv_dropout{number}"] = Dropout(recipe.dropout)
        if recipe.norm_place == "conv":
            _add_norm(layers, str(number), recipe, recipe.norm, width)
        layers[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        if recipe.norm_place == "activation":
            _add_norm(layers, str(number), recipe, recipe.norm, width)
    pool = recipe.per_stage("pool")[stage]
    size = add_pool(layers, "", pool, size, place, window=recipe.pool_size, stride=recipe.pool_stride)
    if recipe.norm_place == "pool":
        _add_norm(layers, "", recipe, recipe.norm, width)
    if "stages" in recipe.dropout_places:
        layers["dropout"] = Dropout(recipe.dropout, channels=True)
    skipped = skipping(recipe.stochastic_depth, recipe.per_stage("blocks"))[stage]
    for number, probability in enumerate(skipped, start=1):
        layers[f"block{number}"] = Block(recipe, width, probability)
    return nn.Sequential(layers), size


def _head(recipe: ConvNet, channels: int, size: Size, classes: int) -> nn.Module:
    layers, features = begin_head(recipe.head, channels, size)
    switch = recipe.hidden_norm
    normalised = switch if isinstance(switch, tuple) else (switch,) * len(recipe.hidden)
    for number, (width, norm) in enumerate(zip(recipe.hidden, normalised, strict=True), start=1):
        layers[f"hidden{number}"] = nn.Linear(features, width)
        layers[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        if norm:
            layers[f"norm{number}"] = nn.BatchNorm1d(width)
        if "head" in recipe.dropout_places or (norm and "norm" in recipe.dropout_places):
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
        features = width
    layers["classes"] = nn.Linear(features, classes)
    return nn.Sequential(layers)


def _add_norm(layers: Layers, label: str, recipe: ConvNet, norm: Norm, channels: int) -> None:
    """Add a normalisation, and the dropout after it where the recipe wants one there."""
    add_norm(layers, label, norm, channels)
    if norm != "none" and "norm" in recipe.dropout_places:
        layers[f"norm_dropout{label}"] = Dropout(recipe.dropout)


def _place(recipe: ConvNet, stage: int) -> Place:
    cures = ["fewer stages"]
    if set(recipe.per_stage("padding")) != {"same"}:
        cures.append('`padding = "same"`')
    if set(recipe.per_stage("pool")) != {"none"}:
        cures.append('`pool = "none"`')
    if max(recipe.per_stage("stride")) > 1:
        cures.append("a smaller `stride`")
    return Place(name=f"stage {stage + 1} of `model.channels`", cures=tuple(cures))
