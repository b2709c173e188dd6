"""What the tables of ablate's own network families have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ablate.recipe.section import Section

Width = Annotated[int, Field(ge=1, le=8192)]
Kernel = Annotated[int, Field(ge=1, le=31)]
Stride = Annotated[int, Field(ge=1, le=8)]
Padding = Literal["same"] | Annotated[int, Field(ge=0, le=15)]
Norm = Literal["none", "batch", "group", "layer"]
Pool = Literal["max", "average", "none"]
PoolSize = Annotated[int, Field(ge=2, le=8)]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
Init = Literal["default", "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "orthogonal"]
Dropped = Annotated[float, Field(ge=0, lt=1)]


def refuse_skipping(probability: float, blocks: int, *, residual: bool) -> None:
    """Raise ValueError where blocks are to be skipped that do not exist, or without which nothing would be left."""
    if probability == 0:
        return
    if blocks == 0:
        raise ValueError(f"`stochastic_depth = {probability:g}` skips blocks, and there are none: set `blocks`")
    if not residual:
        raise ValueError(
            f"`stochastic_depth = {probability:g}` skips blocks, of which nothing is left where they are plain: "
            "set `residual = true`, or leave `stochastic_depth` out"
        )


class Stem(Section):
    """The convolution in front of the stages: conv -> norm -> activation, and a pooling where asked for."""

    channels: Width
    """Channels of the convolution."""
    kernel_size: Kernel = 3
    """Side of the square kernel, pixels."""
    stride: Stride = 1
    """Stride of the convolution."""
    padding: Padding = "same"
    """Zero padding: `same` keeps the image size (divided by the stride), 0 adds none; pixels."""
    norm: Norm | None = None
    """Normalisation after the convolution; None means as the network's `norm` says."""
    pool: Pool = "none"
    """Pooling after the activation."""
    pool_size: PoolSize = 2
    """Side of the pooling window, pixels."""
    pool_stride: Stride | None = None
    """Stride of the pooling; None means the side of its window."""
    pool_padding: Annotated[int, Field(ge=0, le=4)] = 0
    """Padding of the pooling on each side, pixels; at most half the window."""
