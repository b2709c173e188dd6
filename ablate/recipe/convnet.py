"""The `model` table of a recipe for a `convnet`: every switch of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ablate.recipe.layers import (
    Activation,
    Dropped,
    Init,
    Kernel,
    Norm,
    Padding,
    Pool,
    PoolSize,
    Stem,
    Stride,
    Width,
    refuse_skipping,
)
from ablate.recipe.section import Section

Convs = Annotated[int, Field(ge=1, le=64)]
Blocks = Annotated[int, Field(ge=0, le=64)]
DropoutPlace = Literal["head", "stages", "norm", "conv"]
#: Fields that may list a value for each stage.
PerStage = Literal["kernel_size", "padding", "stride", "pool", "convs", "blocks"]


class ConvNet(Section):
    """Stages of convolutions, each ended by a pooling, optional blocks, then a fully connected head.

    A stage is `convs` x [conv -> norm -> activation], pool, `blocks` x [conv 3x3 -> norm -> activation -> conv 3x3 ->
    norm, plus the block's input where `residual`]. The head is [linear -> activation -> dropout] for each of
    `hidden`, then a linear layer to the classes. Stages of 6 and 16 channels with 5x5 kernels and no
    padding are LeNet's.
    """

    name: Literal["convnet"] = "convnet"
    channels: tuple[Width, ...] = Field(default=(32, 64), strict=False, min_length=1, max_length=16)
    """Channels of each stage; their number is the number of stages."""
    stem: Stem | None = None
    """A convolution in front of the stages; None means none."""
    kernel_size: Kernel | Annotated[tuple[Kernel, ...], Field(strict=False)] = 3
    """Side of the square kernels of a stage's convolutions, pixels; one for all stages or one for each."""
    padding: Padding | Annotated[tuple[Padding, ...], Field(strict=False)] = "same"
    """Zero padding of the stages' convolutions: `same` keeps the image size, 0 adds none; pixels. One for all stages
    or one for each."""
    stride: Stride | Annotated[tuple[Stride, ...], Field(strict=False)] = 1
    """Stride of the first convolution of a stage; one for all stages or one for each."""
    convs: Convs | Annotated[tuple[Convs, ...], Field(strict=False)] = 1
    """Convolutions of a stage before its pooling; one number for all stages or one for each."""
    blocks: Blocks | Annotated[tuple[Blocks, ...], Field(strict=False)] = 0
    """Blocks of two 3x3 convolutions after a stage's pooling; one number for all stages or one for each."""
    residual: bool = True
    """Blocks add their input to their output (He et al. 2015); without, they are plain."""
    post_activation: bool = True
    """Blocks end with an activation, after the addition."""
    norm: Norm = "none"
    """Normalisation after convolutions: `batch` (Ioffe & Szegedy 2015), `group` (Wu & He 2018, at most 32 groups),
    `layer` (one group), or none."""
    norm_place: Literal["conv", "activation", "pool"] = "conv"
    """Where a stage normalises: after each convolution, after each activation, or once after the pooling."""
    block_norm: Norm | None = None
    """Normalisation in the blocks; None means as `norm` says."""
    pool: Pool | Annotated[tuple[Pool, ...], Field(strict=False)] = "max"
    """Pooling at the end of a stage; one for all stages or one for each."""
    pool_size: PoolSize = 2
    """Side of the pooling window, pixels."""
    pool_stride: Stride | None = None
    """Stride of the pooling; None means the side of its window."""
    activation: Activation = "relu"
    """Activation function, everywhere."""
    dropout: Dropped = 0.0
    """Probability of dropping an activation."""
    dropout_place: Literal["both"] | DropoutPlace | Annotated[tuple[DropoutPlace, ...], Field(strict=False)] = "head"
    """Where: `head`, after each hidden layer; `stages`, after each stage's pooling (whole channels); `both` of these;
    `norm`, after every normalisation of stages and head; `conv`, after every convolution of the stages (single
    activations); or a list of places."""
    stochastic_depth: Dropped = 0.0
    """Largest probability of skipping a residual block in training, for each image by itself (Huang et al. 2016): it
    rises with the depth, block by block, and is reached in the last one."""
    hidden: tuple[Width, ...] = Field(default=(), strict=False, max_length=8)
    """Widths of the hidden layers of the head."""
    hidden_norm: bool | Annotated[tuple[bool, ...], Field(strict=False)] = False
    """Batch normalisation after the activation of the hidden layers: of all, or one switch for each."""
    head: Literal["flatten", "global_average"] = "flatten"
    """How the last feature maps become a vector."""
    init: Init = "default"
    """Initial weights of convolutions and linear layers: PyTorch's own, He et al. 2015 (fan in, gain for ReLU),
    Glorot & Bengio 2010, or Saxe et al. 2013. Biases stay as PyTorch initialises them."""

    @model_validator(mode="before")
    @classmethod
    def _one_name_for_places(cls, data: Any) -> Any:  # noqa: ANN401 - what pydantic hands over
        """The same places have the same name, so that the same network has the same key."""
        places = data.get("dropout_place") if isinstance(data, dict) else None
        if not isinstance(places, list | tuple) or not all(isinstance(place, str) for place in places):
            return data
        unique = sorted(set(places))
        short = {("head", "stages"): "both"}.get(tuple(unique), unique[0] if len(unique) == 1 else tuple(unique))
        return {**data, "dropout_place": short}

    @model_validator(mode="after")
    def _one_for_each(self) -> ConvNet:
        for field, wanted, of in (
            ("kernel_size", len(self.channels), "stage of `channels`"),
            ("padding", len(self.channels), "stage of `channels`"),
            ("stride", len(self.channels), "stage of `channels`"),
            ("pool", len(self.channels), "stage of `channels`"),
            ("convs", len(self.channels), "stage of `channels`"),
            ("blocks", len(self.channels), "stage of `channels`"),
            ("hidden_norm", len(self.hidden), "layer of `hidden`"),
        ):
            value = getattr(self, field)
            if isinstance(value, tuple) and len(value) != wanted:
                raise ValueError(f"`{field}` lists {len(value)} values, but needs one for each {of} ({wanted})")
        return self

    @model_validator(mode="after")
    def _residual_where_skipped(self) -> ConvNet:
        refuse_skipping(self.stochastic_depth, sum(self.per_stage("blocks")), residual=self.residual)
        return self

    @property
    def dropout_places(self) -> frozenset[str]:
        """The places at which activations are dropped; empty where none are."""
        if self.dropout == 0:
            return frozenset()
        place = self.dropout_place
        return frozenset(("head", "stages") if place == "both" else (place,) if isinstance(place, str) else place)

    def per_stage(self, field: PerStage) -> tuple[Any, ...]:
        """The values of a field that may be given once for all stages, one for each stage."""
        value = getattr(self, field)
        return value if isinstance(value, tuple) else (value,) * len(self.channels)
