"""Builds `recipe.ConvNet`: stages of convolutions with optional blocks, then a fully connected head.

Every layer has a name that depends on its place alone (`stage2.conv1`, `stage1.block1.body.norm2`, `head.hidden1`), so
that switching a component on or off leaves the other layers' names, and with them their initial weights, as they were.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from ablate.recipe import ConvNet
from ablate.recipe.layers import Norm
from ablate.training.failures import ModelError
from ablate.training.models.dropout import Dropout

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
#: Most groups of a group normalisation (Wu & He 2018).
MAX_GROUPS = 32

Layers = OrderedDict[str, nn.Module]


class Block(nn.Module):
    """conv 3x3 -> norm -> activation -> conv 3x3 -> norm, plus the input where residual, then maybe an activation."""

    def __init__(self, recipe: ConvNet, channels: int) -> None:
        super().__init__()
        norm = recipe.norm if recipe.block_norm is None else recipe.block_norm
        body = Layers()
        for number in (1, 2):
            body[f"conv{number}"] = nn.Conv2d(channels, channels, 3, padding=1)
            _add_norm(body, str(number), recipe, norm, channels)
            if number == 1:
                body["activation"] = ACTIVATIONS[recipe.activation]()
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


def build_convnet(recipe: ConvNet, *, channels: int, image_size: tuple[int, int], classes: int) -> nn.Module:
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
    for stage in range(len(recipe.channels)):
        network[f"stage{stage + 1}"], size = _stage(recipe, stage, channels, size)
        channels = recipe.channels[stage]
    network["head"] = _head(recipe, channels, size, classes)
    return nn.Sequential(network)


def _stage(recipe: ConvNet, stage: int, channels: int, size: tuple[int, int]) -> tuple[nn.Module, tuple[int, int]]:
    layers = Layers()
    width = recipe.channels[stage]
    for number in range(1, recipe.per_stage("convs")[stage] + 1):
        size = _add_conv(layers, str(number), recipe, stage, channels, size, stride=recipe.stride if number == 1 else 1)
        channels = width
        if recipe.norm_place == "conv":
            _add_norm(layers, str(number), recipe, recipe.norm, width)
        layers[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        if recipe.norm_place == "activation":
            _add_norm(layers, str(number), recipe, recipe.norm, width)
    if recipe.pool != "none":
        window = recipe.pool_size
        if min(size) < window:
            raise _too_small(recipe, stage, size, f"pool {_by(size)} feature maps with a {window}x{window} window")
        layers["pool"] = nn.MaxPool2d(window) if recipe.pool == "max" else nn.AvgPool2d(window)
        size = (size[0] // window, size[1] // window)
    if recipe.norm_place == "pool":
        _add_norm(layers, "", recipe, recipe.norm, width)
    if recipe.dropout > 0 and recipe.dropout_place in ("stages", "both"):
        layers["dropout"] = Dropout(recipe.dropout, channels=True)
    for number in range(1, recipe.per_stage("blocks")[stage] + 1):
        layers[f"block{number}"] = Block(recipe, width)
    return nn.Sequential(layers), size


def _head(recipe: ConvNet, channels: int, size: tuple[int, int], classes: int) -> nn.Module:
    layers = Layers()
    features = channels * size[0] * size[1]
    if recipe.head == "global_average":
        layers["average"] = nn.AdaptiveAvgPool2d(1)
        features = channels
    layers["flatten"] = nn.Flatten()
    switch = recipe.hidden_norm
    normalised = switch if isinstance(switch, tuple) else (switch,) * len(recipe.hidden)
    for number, (width, norm) in enumerate(zip(recipe.hidden, normalised, strict=True), start=1):
        layers[f"hidden{number}"] = nn.Linear(features, width)
        layers[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        if norm:
            layers[f"norm{number}"] = nn.BatchNorm1d(width)
        everywhere = recipe.dropout_place in ("head", "both")
        if recipe.dropout > 0 and (everywhere or (norm and recipe.dropout_place == "norm")):
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
        features = width
    layers["classes"] = nn.Linear(features, classes)
    return nn.Sequential(layers)


def _add_conv(
    layers: Layers, label: str, recipe: ConvNet, stage: int, channels: int, size: tuple[int, int], *, stride: int
) -> tuple[int, int]:
    """Add a convolution (and its padding where that is not the same on all sides); returns the new image size."""
    kernel = recipe.per_stage("kernel_size")[stage]
    if recipe.padding == "same":  # ceil(size / stride), as for any odd kernel with (kernel - 1) / 2 on each side
        before, after = (kernel - 1) // 2, kernel // 2
    else:
        before = after = recipe.padding
    if before != after:
        layers[f"pad{label}"] = nn.ZeroPad2d((before, after, before, after))
    layers[f"conv{label}"] = nn.Conv2d(
        channels, recipe.channels[stage], kernel, stride=stride, padding=before if before == after else 0
    )
    if min(size) + before + after < kernel:
        raise _too_small(recipe, stage, size, f"convolve {_by(size)} feature maps with a {kernel}x{kernel} kernel")
    return (size[0] + before + after - kernel) // stride + 1, (size[1] + before + after - kernel) // stride + 1


def _add_norm(layers: Layers, label: str, recipe: ConvNet, norm: Norm, channels: int) -> None:
    if norm == "none":
        return
    if norm == "batch":
        layers[f"norm{label}"] = nn.BatchNorm2d(channels)
    else:
        groups = 1 if norm == "layer" else max(g for g in range(1, MAX_GROUPS + 1) if channels % g == 0)
        layers[f"norm{label}"] = nn.GroupNorm(groups, channels)
    if recipe.dropout > 0 and recipe.dropout_place == "norm":
        layers[f"norm_dropout{label}"] = Dropout(recipe.dropout)


def _too_small(recipe: ConvNet, stage: int, size: tuple[int, int], what: str) -> ModelError:
    cures = ["fewer stages"]
    if recipe.padding != "same":
        cures.append('`padding = "same"`')
    if recipe.pool != "none":
        cures.append('`pool = "none"`')
    if recipe.stride > 1:
        cures.append("a smaller `stride`")
    choice = f"{', '.join(cures[:-1])} or {cures[-1]}" if len(cures) > 1 else cures[0]
    return ModelError(
        f"The network does not fit the images: stage {stage + 1} of `model.channels` would {what}.",
        cure=f"Use {choice}.",
    )


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
