"""What ablate's own families are made of: layers with names, put together while the image size is followed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from torch import nn

from ablate.recipe import Stem
from ablate.recipe.layers import Activation, Norm, Padding, Pool
from ablate.training.failures import ModelError

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
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

#: Layers by their names, in their order.
Layers = OrderedDict[str, nn.Module]
#: Height and width of feature maps, pixels.
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a layer stands, for the message when the feature maps are too small there."""

    #: As the recipe calls it.
    name: str
    #: What would make the network fit.
    cures: tuple[str, ...]

    def too_small(self, what: str) -> ModelError:
        """The error of a layer here that would have to do `what`."""
        choice = " or ".join([", ".join(self.cures[:-1]), self.cures[-1]] if len(self.cures) > 1 else self.cures)
        return ModelError(
            f"The network does not fit the images: {self.name} would {what}.", cure=f"Use {choice}." if choice else ""
        )


def add_conv(
    layers: Layers,
    label: str,
    channels: tuple[int, int],
    size: Size,
    place: Place,
    *,
    kernel: int,
    stride: int = 1,
    padding: Padding = "same",
    bias: bool = True,
) -> Size:
    """Add the layer `conv<label>`, and `pad<label>` in front where the padding is not the same on all sides.

    Args:
        layers: Where to add it.
        label: Ends its name.
        channels: Channels in and out.
        size: Height and width of its inputs.
        place: Where it stands.
        kernel: Side of the kernel.
        stride: Step of the kernel.
        padding: `same` gives ceil(size / stride), as (kernel - 1) / 2 on each side does for any odd kernel.
        bias: Whether it adds a constant to each channel.

    Returns:
        Height and width of its outputs.

    Raises:
        ModelError: The inputs with their padding are smaller than the kernel.
    """
    before, after = ((kernel - 1) // 2, kernel // 2) if padding == "same" else (padding, padding)
    if min(size) + before + after < kernel:
        raise place.too_small(f"convolve {_by(size)} feature maps with a {kernel}x{kernel} kernel")
    if before != after:
        layers[f"pad{label}"] = nn.ZeroPad2d((before, after, before, after))
    layers[f"conv{label}"] = nn.Conv2d(
        *channels, kernel, stride=stride, padding=before if before == after else 0, bias=bias
    )
    return _shrunk(size, before + after, kernel, stride)


def add_pool(
    layers: Layers,
    label: str,
    kind: Pool,
    size: Size,
    place: Place,
    *,
    window: int,
    stride: int | None = None,
    padding: int = 0,
) -> Size:
    """Add the layer `pool<label>`, unless `kind` is `none`; returns height and width of its outputs.

    A maximum goes in front of a ReLU that would be right before it: the largest of what ReLU leaves is what ReLU leaves
    of the largest, to the bit and in the gradients, too, and there is less of it, a quarter of 2x2 windows.

    Raises:
        ModelError: The inputs are smaller than the window, or the window less than twice its padding.
    """
    if kind == "none":
        return size
    if 2 * padding > window:
        raise ModelError(f"{place.name}: a padding of {padding} is more than half of a {window}x{window} window")
    if min(size) + 2 * padding < window:
        raise place.too_small(f"pool {_by(size)} feature maps with a {window}x{window} window")
    pool = nn.MaxPool2d if kind == "max" else nn.AvgPool2d
    before = next(reversed(layers), None)
    layers[f"pool{label}"] = pool(window, stride, padding)
    if kind == "max" and before is not None and isinstance(layers[before], nn.ReLU):
        layers.move_to_end(before)
    return _shrunk(size, 2 * padding, window, stride or window)


def add_norm(layers: Layers, label: str, norm: Norm, channels: int) -> None:
    """Add the layer `norm<label>` for (N, channels, H, W), unless `norm` is `none`."""
    if norm == "batch":
        layers[f"norm{label}"] = nn.BatchNorm2d(channels)
    elif norm != "none":
        groups = 1 if norm == "layer" else max(g for g in range(1, MAX_GROUPS + 1) if channels % g == 0)
        layers[f"norm{label}"] = nn.GroupNorm(groups, channels)


def begin_head(kind: Literal["flatten", "global_average"], channels: int, size: Size) -> tuple[Layers, int]:
    """The layers that make the last feature maps a vector, and its length."""
    layers = Layers()
    if kind == "global_average":
        layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    return layers, channels if kind == "global_average" else channels * size[0] * size[1]


def build_stem(
    stem: Stem, channels: int, size: Size, *, norm: Norm, activation: Activation, bias: bool = True
) -> tuple[nn.Module, Size]:
    """The convolution in front of the stages: conv, norm, activation, pool.

    Args:
        stem: The recipe's table of it.
        channels: Channels of the images.
        size: Height and width of the images.
        norm: Normalisation of a stem that names none.
        activation: The network's activation.
        bias: Whether a convolution before a normalisation adds a constant, too.

    Returns:
        The layers, and height and width of their outputs.

    Raises:
        ModelError: The images are smaller than the kernel or the pooling window.
    """
    layers = Layers()
    norm = norm if stem.norm is None else stem.norm
    place = Place(name="`model.stem`", cures=("a smaller `kernel_size`, `stride` or `pool_size` in it",))
    size = add_conv(
        layers,
        "",
        (channels, stem.channels),
        size,
        place,
        kernel=stem.kernel_size,
        stride=stem.stride,
        padding=stem.padding,
        bias=bias or norm == "none",
    )
    add_norm(layers, "", norm, stem.channels)
    layers["activation"] = ACTIVATIONS[activation]()
    size = add_pool(
        layers, "", stem.pool, size, place, window=stem.pool_size, stride=stem.pool_stride, padding=stem.pool_padding
    )
    return nn.Sequential(layers), size


def _shrunk(size: Size, padding: int, window: int, stride: int) -> Size:
    return (size[0] + padding - window) // stride + 1, (size[1] + padding - window) // stride + 1


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
