"""The `data` table of a recipe: which images, how they are split, batched, augmented and normalised."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from ablate.recipe.section import Section

Probability = Annotated[float, Field(ge=0, le=1)]


class HorizontalFlip(Section):
    """Mirror an image left to right."""

    name: Literal["horizontal_flip"] = "horizontal_flip"
    p: Probability = 0.5
    """Probability for each image."""


class RandomCrop(Section):
    """Pad with black, then cut out a window of the original size at a random place."""

    name: Literal["random_crop"] = "random_crop"
    padding: Annotated[int, Field(ge=1, le=64)] = 4
    """Pixels added on each side."""


class Rotation(Section):
    """Rotate about the centre by a uniform random angle; uncovered corners are black; bilinear."""

    name: Literal["rotation"] = "rotation"
    degrees: Annotated[float, Field(gt=0, le=180)] = 15.0
    """Largest angle in either direction, degrees."""


class Cutout(Section):
    """Blacken one square at a random place; it may reach over the border (DeVries & Taylor 2017)."""

    name: Literal["cutout"] = "cutout"
    size: Annotated[int, Field(ge=1, le=512)] = 8
    """Side of the square, pixels."""


class AutoAugment(Section):
    """AutoAugment's learned policy (Cubuk et al. 2019), as in torchvision, drawn for each image by itself."""

    name: Literal["auto_augment"] = "auto_augment"
    policy: Literal["cifar10", "imagenet", "svhn"] = "cifar10"
    """Which data set's policy."""
    p: Probability = 1.0
    """Probability for each image."""


class RandAugment(Section):
    """RandAugment (Cubuk et al. 2020), as in torchvision, drawn for each image by itself."""

    name: Literal["rand_augment"] = "rand_augment"
    operations: Annotated[int, Field(ge=1, le=16)] = 2
    """Operations in a row."""
    magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    """Strength of each, 0 to 30."""
    p: Probability = 1.0
    """Probability for each image."""


class AugMix(Section):
    """AugMix (Hendrycks et al. 2020), as in torchvision, drawn for each image by itself."""

    name: Literal["augmix"] = "augmix"
    severity: Annotated[int, Field(ge=1, le=10)] = 3
    """Strength of the operations, 1 to 10."""
    width: Annotated[int, Field(ge=1, le=16)] = 3
    """Augmentation chains that are mixed."""
    p: Probability = 1.0
    """Probability for each image."""


def _by_name(value: object) -> object:
    """`"horizontal_flip"` is short for `{ name = "horizontal_flip" }`."""
    return {"name": value} if isinstance(value, str) else value


def _tag(value: object) -> object:
    return value.get("name") if isinstance(value, dict) else getattr(value, "name", None)


Augmentation = Annotated[
    Annotated[HorizontalFlip, Tag("horizontal_flip")]
    | Annotated[RandomCrop, Tag("random_crop")]
    | Annotated[Rotation, Tag("rotation")]
    | Annotated[Cutout, Tag("cutout")]
    | Annotated[AutoAugment, Tag("auto_augment")]
    | Annotated[RandAugment, Tag("rand_augment")]
    | Annotated[AugMix, Tag("augmix")],
    Discriminator(_tag),
    BeforeValidator(_by_name, json_schema_input_type=str | dict[str, Any]),
]


class FixedNormalization(Section):
    """Subtract a fixed mean and divide by a fixed standard deviation; images are in [0, 1]."""

    mean: tuple[float, ...] = Field(min_length=1, max_length=4, strict=False)
    """Mean of each channel, or one for all."""
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, max_length=4, strict=False)
    """Standard deviation of each channel, or one for all."""


class Data(Section):
    """Which images a run sees and how."""

    name: Literal["digits", "mnist", "fashion_mnist", "cifar10"]
    """Data set."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Images a step."""
    validation: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of the training images held out for validation, stratified by class; 0 means none."""
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the split, the same for every variant and seed of the study."""
    train_images: Annotated[int, Field(ge=1)] | None = None
    """Train on only this many of the training images (a seeded draw); None means all."""
    augment: tuple[Augmentation, ...] = Field(default=(), strict=False)
    """Augmentations of the training images, in this order."""
    normalize: Literal["train", "none"] | FixedNormalization = "train"
    """`train`: mean and standard deviation of each channel over the training images; `none`: [0, 1] as it is."""
