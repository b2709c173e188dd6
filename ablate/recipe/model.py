"""The `model` table of a recipe: which network, and every switch of it."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from ablate.recipe.section import Section, canonical_value, refuse_unbounded

Width = Annotated[int, Field(ge=1, le=8192)]
Kernel = Annotated[int, Field(ge=1, le=31)]
Convs = Annotated[int, Field(ge=1, le=64)]
Blocks = Annotated[int, Field(ge=0, le=64)]
Norm = Literal["none", "batch", "group", "layer"]


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
    kernel_size: Kernel | Annotated[tuple[Kernel, ...], Field(strict=False)] = 3
    """Side of the square kernels of a stage's convolutions, pixels; one for all stages or one for each."""
    padding: Literal["same"] | Annotated[int, Field(ge=0, le=15)] = "same"
    """Zero padding of the stages' convolutions: `same` keeps the image size, 0 adds none; pixels."""
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    """Stride of the first convolution of each stage."""
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
    pool: Literal["max", "average", "none"] = "max"
    """Pooling at the end of each stage."""
    pool_size: Annotated[int, Field(ge=2, le=8)] = 2
    """Side and stride of the pooling window, pixels."""
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"] = "relu"
    """Activation function, everywhere."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability of dropping an activation."""
    dropout_place: Literal["head", "stages", "both", "norm"] = "head"
    """Where: after each hidden layer of the head, after each stage's pooling (whole channels), both, or after every
    normalisation of stages and head (single activations)."""
    hidden: tuple[Width, ...] = Field(default=(), strict=False, max_length=8)
    """Widths of the hidden layers of the head."""
    hidden_norm: bool | Annotated[tuple[bool, ...], Field(strict=False)] = False
    """Batch normalisation after the activation of the hidden layers: of all, or one switch for each."""
    head: Literal["flatten", "global_average"] = "flatten"
    """How the last feature maps become a vector."""
    init: Literal["default", "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "orthogonal"] = (
        "default"
    )
    """Initial weights of convolutions and linear layers: PyTorch's own, He et al. 2015 (fan in, gain for ReLU),
    Glorot & Bengio 2010, or Saxe et al. 2013. Biases stay as PyTorch initialises them."""

    @model_validator(mode="after")
    def _one_for_each(self) -> ConvNet:
        for field, wanted, of in (
            ("kernel_size", len(self.channels), "stage of `channels`"),
            ("convs", len(self.channels), "stage of `channels`"),
            ("blocks", len(self.channels), "stage of `channels`"),
            ("hidden_norm", len(self.hidden), "layer of `hidden`"),
        ):
            value = getattr(self, field)
            if isinstance(value, tuple) and len(value) != wanted:
                raise ValueError(f"`{field}` lists {len(value)} values, but needs one for each {of} ({wanted})")
        return self

    def per_stage(self, field: Literal["kernel_size", "convs", "blocks"]) -> tuple[int, ...]:
        """The values of a field that may be given once for all stages, one for each stage."""
        value: int | tuple[int, ...] = getattr(self, field)
        return value if isinstance(value, tuple) else (value,) * len(self.channels)


class TorchvisionModel(Section):
    """A classifier of torchvision with a new last layer for the data set's classes."""

    name: Annotated[str, Field(pattern=r"^torchvision:[a-z][a-z0-9_]*$")]
    """`torchvision:` and the builder's name, as in `torchvision:resnet18`."""
    weights: Annotated[str, Field(pattern=r"^(none|[A-Za-z0-9_]+|.+\.(pth|pt|safetensors))$")] = "none"
    """`none`, the name of torchvision's weights (`DEFAULT`, `IMAGENET1K_V1`), or a file with a state dict."""
    freeze: tuple[str, ...] = Field(default=(), strict=False)
    """Patterns (as in a shell) of the parameters that are not trained, `["*"]` for the whole backbone; the new last
    layer always is trained."""


#: Longest path of a file of the user's own, characters.
_MAX_PATH = 500
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
#: The same for editors, which cannot know what is a path.
_SCHEMA_PATTERN = r"^(?!torchvision:)[^:]+:[^:.\s]+$"


def _checked_name(name: str) -> str:
    """A name from the user's own code, its path in the shortest form.

    Raises:
        ValueError: It is no `file.py:Name` inside the study's folder and no `package.module:Name`.
    """
    where, _, what = name.partition(":")
    if not what.isidentifier():
        example = f"{where}:Net" if where.endswith(".py") else "my_models.py:Net"
        raise ValueError(f'after the colon stands the name of a class or function, as in "{example}"')
    if not where.endswith(".py"):
        if not _MODULE.fullmatch(where):
            raise ValueError(
                'before the colon stands a file, as in "my_models.py:Net", or a module, "package.module:Net"'
            )
        return name
    path = posixpath.normpath(where)
    if "\\" in path or not path.isprintable() or len(path) > _MAX_PATH:
        raise ValueError(f"a file's path has at most {_MAX_PATH} characters, and slashes between its folders")
    if path.startswith(("/", "../")):
        raise ValueError(
            f'"{where}" lies outside the study\'s folder: put it beside the study file, with which it is stored'
        )
    return f"{path}:{what}"


def own_file(name: str) -> str | None:
    """The file behind the name of a model, relative to the study file with slashes; None where it names none."""
    where, colon, _ = name.partition(":")
    return where if colon and where.endswith(".py") else None


class OwnModel(Section):
    """A network of your own: a class or function by its file or module; every other key is an argument of it.

    `channels`, `image_size` and `classes` of the data set are passed where the signature has parameters of these names.
    """

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, AfterValidator(_checked_name), Field(json_schema_extra={"pattern": _SCHEMA_PATTERN})]
    """`my_models.py:Net`, relative to the study file, or `package.module:Net` of an installed package."""

    @model_validator(mode="after")
    def _finite(self) -> OwnModel:
        refuse_unbounded(self.arguments)
        return self

    @property
    def file(self) -> str | None:
        """The file, relative to the study file with slashes; None for a module."""
        return own_file(self.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments that the recipe gives."""
        return dict(self.model_extra or {})

    def canonical(self) -> dict[str, Any]:
        """Name and every argument that is given; which ones are defaults only the code knows."""
        return {"name": self.name, **{key: canonical_value(value) for key, value in self.arguments.items()}}


def _family(value: object) -> str:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    if isinstance(name, str):
        if name.startswith("torchvision:"):
            return "torchvision"
        return "own" if ":" in name or name.endswith(".py") else name
    return "?"


Model = Annotated[
    Annotated[ConvNet, Tag("convnet")]
    | Annotated[TorchvisionModel, Tag("torchvision")]
    | Annotated[OwnModel, Tag("own")],
    Discriminator(_family),
]
