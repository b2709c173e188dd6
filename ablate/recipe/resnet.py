"""The `model` tables of a recipe for a `resnet` and an `alexnet`: every switch of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.recipe.layers import Activation, Dropped, Init, Norm, Stem, Stride, Width, refuse_skipping
from ablate.recipe.section import Section

Depth = Annotated[int, Field(ge=1, le=200)]


class ResNet(Section):
    """A residual network (He et al. 2015): a stem, stages of blocks, a head. Stages after the first halve the image.

    The defaults are ResNet-20 for CIFAR-10; `blocks` of 5, 7, 9 and 18 make ResNet-32, 44, 56 and 110.
    """

    name: Literal["resnet"] = "resnet"
    channels: tuple[Width, ...] = Field(default=(16, 32, 64), strict=False, min_length=1, max_length=16)
    """Channels of each stage; their number is the number of stages."""
    blocks: Depth | Annotated[tuple[Depth, ...], Field(strict=False)] = 3
    """Blocks of a stage; one number for all stages or one for each."""
    block: Literal["basic", "bottleneck"] = "basic"
    """`basic`: two 3x3 convolutions; `bottleneck`: 1x1, 3x3 and 1x1, the last to four times the channels."""
    stem: Stem | None = None
    """The first convolution; None means 3x3 to the channels of the first stage."""
    residual: bool = True
    """Blocks add their input to their output; without, the network is plain."""
    shortcut: Literal["pad", "projection"] = "pad"
    """Where a block changes size or channels its input is thinned out and padded with zero channels (He's option A), or
    goes through a 1x1 convolution and a normalisation (option B)."""
    norm: Norm = "batch"
    """Normalisation: `batch` (Ioffe & Szegedy 2015), `group` (Wu & He 2018, at most 32 groups), `layer` (one group), or
    none."""
    norm_place: Literal["after", "before"] = "after"
    """Normalise after each convolution, or normalise and activate before it (pre-activation, He et al. 2016)."""
    post_activation: bool = True
    """Blocks end with an activation, after the addition; pre-activation blocks never do."""
    activation: Activation = "relu"
    """Activation function, everywhere."""
    dropout: Dropped = 0.0
    """Probability of dropping an activation."""
    dropout_place: Literal["blocks", "head", "both"] = "blocks"
    """Where: between the convolutions of each block (Zagoruyko & Komodakis 2016), before the last layer, or both."""
    stochastic_depth: Dropped = 0.0
    """Largest probability of skipping a block in training, for each image by itself (Huang et al. 2016): it rises with
    the depth, block by block, and is reached in the last one."""
    hidden: tuple[Width, ...] = Field(default=(), strict=False, max_length=8)
    """Widths of the hidden layers of the head."""
    head: Literal["global_average", "flatten"] = "global_average"
    """How the last feature maps become a vector."""
    init: Init = "kaiming_normal"
    """Initial weights of convolutions and linear layers: PyTorch's own, He et al. 2015 (fan in, gain for ReLU),
    Glorot & Bengio 2010, or Saxe et al. 2013. Biases stay as PyTorch initialises them."""

    @model_validator(mode="after")
    def _one_for_each(self) -> ResNet:
        if isinstance(self.blocks, tuple) and len(self.blocks) != len(self.channels):
            raise ValueError(
                f"`blocks` lists {len(self.blocks)} values, but needs one for each stage of `channels` "
                f"({len(self.channels)})"
            )
        return self

    @model_validator(mode="after")
    def _residual_where_skipped(self) -> ResNet:
        refuse_skipping(self.stochastic_depth, sum(self.blocks_per_stage), residual=self.residual)
        return self

    @property
    def blocks_per_stage(self) -> tuple[int, ...]:
        """Blocks of each stage."""
        return self.blocks if isinstance(self.blocks, tuple) else (self.blocks,) * len(self.channels)


class AlexNet(Section):
    """AlexNet in the one-tower form of Krizhevsky 2014: five convolutions, three poolings, an average to 6x6, a head.

    The defaults have stride 2 in the first convolution, for 4 it is torchvision's network.
    """

    name: Literal["alexnet"] = "alexnet"
    channels: tuple[Width, Width, Width, Width, Width] = Field(default=(64, 192, 384, 256, 256), strict=False)
    """Channels of the five convolutions."""
    stride: Stride = 2
    """Stride of the first convolution."""
    average: Annotated[int, Field(ge=1, le=64)] = 6
    """Side of the feature maps that the head gets, by adaptive average pooling."""
    hidden: tuple[Width, ...] = Field(default=(4096, 4096), strict=False, max_length=8)
    """Widths of the hidden layers of the head."""
    dropout: Dropped = 0.5
    """Probability of dropping an activation in front of each hidden layer."""
    norm: Norm = "none"
    """Normalisation after each convolution: `batch`, `group` (at most 32 groups), `layer` (one group), or none."""
    activation: Activation = "relu"
    """Activation function, everywhere."""
    init: Init = "default"
    """Initial weights of convolutions and linear layers: PyTorch's own, He et al. 2015 (fan in, gain for ReLU),
    Glorot & Bengio 2010, or Saxe et al. 2013. Biases stay as PyTorch initialises them."""
