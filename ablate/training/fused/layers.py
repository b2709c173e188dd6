"""Layers of K networks as one layer of each kind.

Feature maps of K networks stand beside each other in the channels, (B, K * C, H, W), the network's number first, so
that activations, poolings and sums need no other form. Vectors have the networks in front, (K, B, F).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablate.training.models.dropout import Masked
from ablate.training.models.resnet import PaddedShortcut


def apart(inputs: Tensor, size: int) -> Tensor:
    """What K networks have in one dimension, (B, K * C, ...), in two: (B, K, C, ...)."""
    return inputs.reshape(inputs.shape[0], size, -1, *inputs.shape[2:])


class Tensors(nn.Module):
    """A layer whose weights are given to it, so that they may be parts of one large tensor.

    Args:
        size: Number of networks.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        #: By the name that a single network's layer has for it, (K, ...).
        self.tensors: dict[str, Tensor] = {}

    def vector(self, name: str) -> Tensor | None:
        """A tensor (K, C) as (K * C); None where the layers have none."""
        found = self.tensors.get(name)
        return None if found is None else found.reshape(-1)


class Convolution(Tensors):
    """K convolutions as one of K times the groups."""

    def __init__(self, layer: nn.Conv2d, size: int) -> None:
        super().__init__(size)
        self._channels_last = layer.weight.is_contiguous(memory_format=torch.channels_last)
        self._stride, self._padding, self._dilation = layer.stride, layer.padding, layer.dilation
        self._groups = layer.groups * size

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K * C, H, W) to (B, K * C', H', W')."""
        weight = self.tensors["weight"]
        if self._channels_last:  # in one copy to where the convolution wants it
            weight = weight.permute(0, 1, 3, 4, 2).flatten(0, 1).permute(0, 3, 1, 2)
        else:
            weight = weight.flatten(0, 1)
        bias = self.vector("bias")
        return F.conv2d(inputs, weight, bias, self._stride, self._padding, self._dilation, self._groups)


class Linear(Tensors):
    """K linear layers as a batched product of matrices."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(K, B, F) to (K, B, F')."""
        weight = self.tensors["weight"].transpose(1, 2)
        bias = self.tensors.get("bias")
        return torch.bmm(inputs, weight) if bias is None else torch.baddbmm(bias[:, None], inputs, weight)


class BatchNorm(Tensors):
    """K batch normalisations of feature maps or vectors as one of all channels."""

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d, size: int) -> None:
        super().__init__(size)
        self._momentum, self._eps = layer.momentum, layer.eps

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K * C, H, W) or (K, B, F), to the same shape."""
        if inputs.ndim == 3:
            flat = inputs.transpose(0, 1).flatten(1)
            return apart(self._normalised(flat), self.size).transpose(0, 1)
        return self._normalised(inputs)

    def _normalised(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.tensors["num_batches_tracked"] += 1
        return F.batch_norm(
            inputs,
            self.vector("running_mean"),
            self.vector("running_var"),
            self.vector("weight"),
            self.vector("bias"),
            training=self.training,
            momentum=self._momentum or 0.0,
            eps=self._eps,
        )


class GroupNorm(Tensors):
    """K group normalisations as one of K times the groups."""

    def __init__(self, layer: nn.GroupNorm, size: int) -> None:
        super().__init__(size)
        self._groups, self._eps = layer.num_groups * size, layer.eps

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K * C, H, W) to the same shape."""
        return F.group_norm(inputs, self._groups, self.vector("weight"), self.vector("bias"), self._eps)


class Masks(nn.Module):
    """K dropouts: each network's own layer draws its masks, as it would alone.

    Args:
        layers: The networks' own layers, in their order; changed where a network takes another's place.
    """

    def __init__(self, layers: list[Masked]) -> None:
        super().__init__()
        self.layers = layers  # a plain list: they belong to their own networks

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K * C, H, W) or (K, B, F), to the same shape."""
        if not self.training:
            return inputs
        size = len(self.layers)
        if inputs.ndim == 3:
            masks = [layer.mask(part) for layer, part in zip(self.layers, inputs.unbind(0), strict=True)]
            return inputs * torch.stack(masks)
        channels = inputs.shape[1] // size
        masks = [
            layer.mask(part) for layer, part in zip(self.layers, torch.split(inputs, channels, dim=1), strict=True)
        ]
        if masks[0].shape[1] == channels:
            return inputs * torch.cat(masks, dim=1)
        whole = torch.stack(masks, dim=1)  # (B, K, 1, 1, 1): whole images are dropped
        return (apart(inputs, size) * whole).flatten(1, 2)


class Flatten(nn.Module):
    """From feature maps to vectors."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K * C, H, W) to (K, B, C * H * W)."""
        return apart(inputs, self._size).transpose(0, 1).flatten(2)


class Shortcut(nn.Module):
    """K shortcuts that are thinned out and padded with zero channels, each after its own channels."""

    def __init__(self, layer: PaddedShortcut, size: int) -> None:
        super().__init__()
        self._stride, self._extra, self._size = layer.stride, layer.extra, size

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, K * C, H, W) to (B, K * (C + extra), ceil(H / stride), ceil(W / stride))."""
        thinned = apart(inputs[:, :, :: self._stride, :: self._stride], self._size)
        return F.pad(thinned, (0, 0, 0, 0, 0, self._extra)).flatten(1, 2)


#: Layers that do the same to every channel, so that K networks need no other form of them.
CHANNELWISE = (
    nn.AdaptiveAvgPool2d,
    nn.AvgPool2d,
    nn.ELU,
    nn.GELU,
    nn.Identity,
    nn.LeakyReLU,
    nn.MaxPool2d,
    nn.ReLU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.ZeroPad2d,
)


def stacked(layer: nn.Module, size: int) -> nn.Module | None:
    """A layer of one network as one of K networks, without its tensors; None where there is no such form."""
    if isinstance(layer, CHANNELWISE):
        return layer
    if isinstance(layer, nn.Conv2d):
        return Convolution(layer, size) if layer.padding_mode == "zeros" else None
    if isinstance(layer, nn.Linear):
        return Linear(size)
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        usual = layer.affine and layer.track_running_stats and layer.momentum is not None
        return BatchNorm(layer, size) if usual else None
    if isinstance(layer, nn.GroupNorm):
        return GroupNorm(layer, size) if layer.affine else None
    if isinstance(layer, Masked):
        return Masks([layer] * size)
    if isinstance(layer, nn.Flatten):
        return Flatten(size) if layer.start_dim == 1 else None
    return Shortcut(layer, size) if isinstance(layer, PaddedShortcut) else None
