"""Builds `recipe.ResNet`: residual networks of basic or bottleneck blocks, and the plain networks beside them.

He et al. 2015 ("Deep residual learning for image recognition") for the blocks and shortcuts, He et al. 2016 ("Identity
mappings in deep residual networks") for pre-activation. Convolutions add no constant where the network normalises, as
there. Layers are named by their place (`stage2.block1.body.conv2`), as in the other families.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ablate.recipe import ResNet, Stem
from ablate.training.failures import ModelError
from ablate.training.models.dropout import Dropout, StochasticDepth, skipping
from ablate.training.models.layers import ACTIVATIONS, Layers, Size, add_norm, begin_head, build_stem

#: Channels that a bottleneck block puts out for each of its inner ones.
EXPANSION = {"basic": 1, "bottleneck": 4}


class PaddedShortcut(nn.Module):
    """The input at every `stride`-th pixel, zero channels after its own: option A of He et al. 2015."""

    def __init__(self, stride: int, extra: int) -> None:
        super().__init__()
        self.stride = stride
        self.extra = extra

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + extra, ceil(H / stride), ceil(W / stride))."""
        return F.pad(inputs[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"stride={self.stride}, extra={self.extra}"


class Block(nn.Module):
    """A basic or bottleneck block: its convolutions, plus its input through the shortcut where residual.

    With pre-activation the block normalises and activates in front of each convolution. A projection then starts from
    the first of these, so it needs no normalisation of its own; other shortcuts take the input as it came.

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the inputs.
        width: Channels of the stage.
        stride: Of the first 3x3 convolution (a bottleneck's 1x1 would skip three pixels of four).
        activated: Whether the inputs are normalised and activated already.
        skipped: Probability of skipping the convolutions in training.
    """

    def __init__(
        self, recipe: ResNet, channels: int, width: int, stride: int, *, activated: bool, skipped: float
    ) -> None:
        super().__init__()
        self.entrance = nn.Identity() if activated else _normalised(recipe, 1, channels)
        self.body = _body(recipe, channels, width, stride, skipped)
        self.residual = recipe.residual
        if recipe.residual:
            self.shortcut = _shortcut(recipe, channels, EXPANSION[recipe.block] * width, stride)
        ends_active = recipe.post_activation and recipe.norm_place == "after"
        self.activation = ACTIVATIONS[recipe.activation]() if ends_active else nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) to (N, expansion * width, ceil(H / stride), ceil(W / stride))."""
        entered = self.entrance(inputs)
        outputs = self.body(entered)
        if self.residual:
            projects = isinstance(self.shortcut, nn.Sequential)
            outputs = outputs + self.shortcut(entered if projects else inputs)
        result: Tensor = self.activation(outputs)
        return result

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"residual={self.residual}"


def build_resnet(recipe: ResNet, *, channels: int, image_size: Size, classes: int) -> nn.Module:
    """The network with PyTorch's own initial weights (see `initialise`).

    With pre-activation the stem's normalisation and activation are those of the first block, and a last normalisation
    and activation stand in front of the head (He et al. 2016, appendix).

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the images.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.

    Returns:
        A network from (N, channels, *image_size) to logits (N, classes).

    Raises:
        ModelError: The images are smaller than the stem's kernel or window, or a shortcut cannot be padded.
    """
    network = Layers()
    stem = Stem(channels=recipe.channels[0]) if recipe.stem is None else recipe.stem
    network["stem"], size = build_stem(
        stem, channels, image_size, norm=recipe.norm, activation=recipe.activation, bias=False
    )
    channels = stem.channels
    before = recipe.norm_place == "before"
    skipped = skipping(recipe.stochastic_depth, recipe.blocks_per_stage)
    for stage, (width, probabilities) in enumerate(zip(recipe.channels, skipped, strict=True), start=1):
        layers = Layers()
        for number, probability in enumerate(probabilities, start=1):
            halves = stage > 1 and number == 1
            layers[f"block{number}"] = Block(
                recipe,
                channels,
                width,
                2 if halves else 1,
                activated=not before or (stage == 1 and number == 1),
                skipped=probability,
            )
            channels = EXPANSION[recipe.block] * width
            size = (-(-size[0] // 2), -(-size[1] // 2)) if halves else size
        network[f"stage{stage}"] = nn.Sequential(layers)
    if before:
        network["exit"] = _normalised(recipe, "", channels)
    network["head"] = _head(recipe, channels, size, classes)
    return nn.Sequential(network)


def _normalised(recipe: ResNet, label: int | str, channels: int) -> nn.Module:
    """A normalisation and an activation."""
    layers = Layers()
    add_norm(layers, str(label), recipe.norm, channels)
    layers[f"activation{label}"] = ACTIVATIONS[recipe.activation]()
    return nn.Sequential(layers)


def _body(recipe: ResNet, channels: int, width: int, stride: int, skipped: float) -> nn.Module:
    """The convolutions of a block with all that stands between them, and after the last where it is normalised."""
    kernels = [(3, width, stride), (3, width, 1)]
    if recipe.block == "bottleneck":
        kernels = [(1, width, 1), (3, width, stride), (1, EXPANSION["bottleneck"] * width, 1)]
    after = recipe.norm_place == "after"
    layers = Layers()
    for number, (kernel, out, step) in enumerate(kernels, start=1):
        layers[f"conv{number}"] = nn.Conv2d(
            channels, out, kernel, stride=step, padding=kernel // 2, bias=recipe.norm == "none"
        )
        last = number == len(kernels)
        if after or not last:
            # a normalisation is numbered by the convolution to which it belongs
            label = str(number if after else number + 1)
            add_norm(layers, label, recipe.norm, out)
            if not last:
                layers[f"activation{label}"] = ACTIVATIONS[recipe.activation]()
        if not last and recipe.dropout > 0 and recipe.dropout_place in ("blocks", "both"):
            layers[f"dropout{number}"] = Dropout(recipe.dropout)
        channels = out
    if skipped > 0:
        layers["skip"] = StochasticDepth(skipped)
    return nn.Sequential(layers)


def _shortcut(recipe: ResNet, channels: int, out: int, stride: int) -> nn.Module:
    """From a block's input to the shape of its output."""
    if stride == 1 and channels == out:
        return nn.Identity()
    if recipe.shortcut == "projection":
        layers = Layers(conv=nn.Conv2d(channels, out, 1, stride=stride, bias=recipe.norm == "none"))
        if recipe.norm_place == "after":
            add_norm(layers, "", recipe.norm, out)
        return nn.Sequential(layers)
    if out < channels:
        raise ModelError(
            f"A shortcut that is padded cannot go from {channels} to {out} channels.",
            cure='Use `shortcut = "projection"`, or let `channels` never fall.',
        )
    return PaddedShortcut(stride, out - channels)


def _head(recipe: ResNet, channels: int, size: Size, classes: int) -> nn.Module:
    layers, features = begin_head(recipe.head, channels, size)
    for number, width in enumerate(recipe.hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(features, width)
        layers[f"activation{number}"] = ACTIVATIONS[recipe.activation]()
        features = width
    if recipe.dropout > 0 and recipe.dropout_place in ("head", "both"):
        layers["dropout"] = Dropout(recipe.dropout)
    layers["classes"] = nn.Linear(features, classes)
    return nn.Sequential(layers)
