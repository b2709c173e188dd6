"""Which runs may be trained together as one stacked network, and how many: a fixed rule, known before anything runs.

Most of a small network's step is not arithmetic but the cost of asking for it, so K networks as one take far less than
K times as long. The numbers depend on K in their last bits, so K must not depend on what a machine measures.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ablate.recipe import AnyRecipe, ConvNet, OwnRecipe, Recipe, ResNet, SyntheticData
from ablate.recipe.data import DataSection
from ablate.recipe.key import KEY_LENGTH
from ablate.recipe.own import own_sections

#: Raised when what fits together changes, so that packs of other versions are never mixed.
FORMAT = 1
#: Channels and side of the images of data sets whose images have one size, pixels; a test asks the data sets.
SHAPES = {
    "cifar10": (3, 32),
    "cifar100": (3, 32),
    "digits": (1, 8),
    "eurosat": (3, 64),
    "fashion_mnist": (1, 28),
    "mnist": (1, 28),
    "stl10": (3, 96),
    "svhn": (3, 32),
    "tiny_imagenet": (3, 64),
}
#: Networks in a pack by the work of a step of one of them: most numbers that its layers put out, most products of a
#: forward pass, and K; above the last none. `python benchmarks/packs.py` measures what each gives.
SIZES = ((120_000, 30_000_000, 8), (500_000, 45_000_000, 4))
#: Least size where a recipe asks for the fused tier itself.
LEAST = 2
#: Optimizers that treat each weight by itself.
ELEMENTWISE = frozenset(
    {"ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD"}
)


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Runs that may be trained together as one stacked network."""

    #: Equal for recipes that fit together.
    key: str
    #: Places of the stacked network, K.
    size: int


def pack_of(recipe: AnyRecipe) -> Pack | None:
    """The pack of a recipe; None where its runs are trained alone.

    Recipes of a pack may differ in optimizer, schedule, number of epochs, augmentation, initial weights, probabilities
    of dropout, weights of classes and selection; data, batch size and architecture are the same.
    """
    if isinstance(recipe, OwnRecipe) or recipe.training.tier == "exact" or why_alone(recipe) is not None:
        return None
    size = _size(recipe)
    if size is None and recipe.training.tier != "fused":
        return None
    data, model = recipe.data.canonical(), recipe.model.canonical()
    data.pop("augment", None)
    model.pop("init", None)
    for probability in ("dropout", "stochastic_depth"):
        if probability in model:
            model[probability] = model[probability] > 0
    same = [FORMAT, data, model, recipe.training.memory_format]
    text = json.dumps(same, sort_keys=True, separators=(",", ":"))
    return Pack(key=hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH], size=size or LEAST)


def packs_of(recipes: Mapping[str, AnyRecipe], runs: Mapping[str, int]) -> dict[str, Pack]:
    """The packs of a study's variants, with as many places as its runs fill; those trained alone are left out.

    Ten runs of which eight would fit are two packs of five, not one of eight and one that is nearly empty.

    Args:
        recipes: Recipe of each variant, by its key.
        runs: How many runs of each are asked for, by the same.
    """
    packs = {key: pack for key, recipe in recipes.items() if (pack := pack_of(recipe)) is not None}
    together: Counter[str] = Counter()
    for key, pack in packs.items():
        together[pack.key] += runs.get(key, 0)
    return {key: replace(pack, size=_filled(pack.size, together[pack.key])) for key, pack in packs.items()}


def _filled(most: int, runs: int) -> int:
    """Places of the fewest packs of at most `most` that have room for so many runs; two at least."""
    return max(LEAST, -(-runs // -(-runs // most))) if runs else most


def why_alone(recipe: Recipe) -> str | None:
    """What in a recipe has no stacked form, in words; None where everything has."""
    return next(_obstacles(recipe), None)


def reason_alone(recipe: AnyRecipe) -> str | None:
    """Why `pack_of` has no pack for a recipe, in words; None where it has one."""
    if pack_of(recipe) is not None:
        return None
    if isinstance(recipe, OwnRecipe):
        return "a trainer of your own"
    if recipe.training.tier == "exact":
        return '`training.tier = "exact"`'
    if (obstacle := why_alone(recipe)) is not None:
        return f"{obstacle} has no stacked form"
    if image_shape(recipe.data) is None:
        return "how large the images are is not known beforehand"
    return "the steps are too large to gain by it"


def _obstacles(recipe: Recipe) -> Iterator[str]:
    training = recipe.training
    if any(own_sections(recipe)):
        yield "code of your own"
    if not isinstance(recipe.model, ConvNet | ResNet):
        yield f"the network {recipe.model.name!r}"
    if training.phases:
        yield "`training.phases`"
    if training.optimizer.name not in ELEMENTWISE:
        yield f"the optimizer {training.optimizer.name}"
    usual = {"devices": 1, "accumulate": 1, "precision": "float32", "step_losses": 0, "parameter_groups": ()}
    usual |= {"validate_every": None, "no_weight_decay": None, "deterministic": False, "tf32": False}
    usual |= {"test_time_augmentation": "none", "graphs": False}
    for key, value in usual.items():
        if getattr(training, key) != value:
            yield f"`training.{key}`"


def _size(recipe: Recipe) -> int | None:
    shape = image_shape(recipe.data)
    if shape is None or not isinstance(recipe.model, ConvNet | ResNet):
        return None
    layers = list(layers_of(recipe.model, shape))
    outputs = recipe.data.batch_size * sum(layer.outputs for layer in layers)
    products = recipe.data.batch_size * sum(layer.outputs * layer.inputs for layer in layers)
    return next((size for most, hardest, size in SIZES if outputs <= most and products <= hardest), None)


def image_shape(data: DataSection) -> tuple[int, int, int] | None:
    """Channels, height and width of what the network sees; None where only the images tell."""
    if isinstance(data, SyntheticData):
        channels, sides = 3, (data.size, data.size)
    elif data.name in SHAPES:
        channels, side = SHAPES[data.name]
        sides = (side, side)
    else:
        return None
    if data.resize is not None:
        sides = (data.resize, data.resize) if isinstance(data.resize, int) else data.resize
    if data.crop is not None:
        sides = (data.crop, data.crop)
    return data.channels or channels, *sides


class Layer(NamedTuple):
    """A convolution or a linear layer, or several of a kind."""

    #: Numbers that it puts out for one image.
    outputs: int
    #: Numbers that each of these is made of.
    inputs: int


def layers_of(model: ConvNet | ResNet, shape: tuple[int, int, int]) -> Iterator[Layer]:
    """What a network does for one image, without its last layer and its shortcuts.

    Args:
        model: The `model` table of a recipe.
        shape: Channels, height and width of an image.
    """
    return _of_convnet(model, shape) if isinstance(model, ConvNet) else _of_resnet(model, shape)


def _of_convnet(model: ConvNet, shape: tuple[int, int, int]) -> Iterator[Layer]:
    channels, height, width = shape
    if model.stem is not None:
        stem = model.stem
        height, width = (_after(side, stem.kernel_size, stem.padding, stem.stride) for side in (height, width))
        yield Layer(stem.channels * height * width, channels * stem.kernel_size**2)
        channels = stem.channels
        if stem.pool != "none":
            step = stem.pool_stride or stem.pool_size
            height, width = (_after(side, stem.pool_size, stem.pool_padding, step) for side in (height, width))
    stages = zip(
        model.channels,
        model.per_stage("kernel_size"),
        model.per_stage("padding"),
        model.per_stage("stride"),
        model.per_stage("convs"),
        model.per_stage("pool"),
        model.per_stage("blocks"),
        strict=True,
    )
    for wide, kernel, padding, stride, convs, pool, blocks in stages:
        for number in range(convs):
            step = stride if number == 0 else 1
            height, width = (_after(side, kernel, padding, step) for side in (height, width))
            yield Layer(wide * height * width, channels * kernel**2)
            channels = wide
        if pool != "none":
            step = model.pool_stride or model.pool_size
            height, width = (_after(side, model.pool_size, 0, step) for side in (height, width))
        yield Layer(2 * blocks * wide * height * width, 9 * wide)
    features = channels if model.head == "global_average" else channels * height * width
    for hidden in model.hidden:
        yield Layer(hidden, features)
        features = hidden


def _of_resnet(model: ResNet, shape: tuple[int, int, int]) -> Iterator[Layer]:
    channels, height, width = shape
    stem = model.stem.channels if model.stem else model.channels[0]
    kernel = model.stem.kernel_size if model.stem else 3
    yield Layer(stem * height * width, channels * kernel**2)
    for stage, (wide, blocks) in enumerate(zip(model.channels, model.blocks_per_stage, strict=True)):
        if stage:
            height, width = -(-height // 2), -(-width // 2)
        pixels = blocks * height * width
        if model.block == "basic":
            yield Layer(2 * pixels * wide, 9 * wide)
        else:
            yield Layer(pixels * wide, 4 * wide)
            yield Layer(pixels * wide, 9 * wide)
            yield Layer(4 * pixels * wide, wide)
        channels = wide if model.block == "basic" else 4 * wide
    features = channels if model.head == "global_average" else channels * height * width
    for hidden in model.hidden:
        yield Layer(hidden, features)
        features = hidden


def _after(side: int, kernel: int, padding: int | str, stride: int) -> int:
    """Side of the feature maps behind a window; 1 where it does not fit, which is told when the network is built."""
    around = kernel - 1 if padding == "same" else 2 * int(padding)
    return max(1, (side + around - kernel) // stride + 1)
