"""The augmentations that `data.augment` may list."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from ablate.recipe.mixing import CutMix, MixUp
from ablate.recipe.own import AUGMENTATIONS, OwnAugmentation, by_name, is_own
from ablate.recipe.section import Section

Probability = Annotated[float, Field(ge=0, le=1)]
Area = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(gt=0, le=100)]
Strength = Annotated[float, Field(ge=0, le=10)]


class HorizontalFlip(Section):
    """Mirror an image left to right."""

    name: Literal["horizontal_flip"] = "horizontal_flip"
    p: Probability = 0.5
    """Probability for each image."""


class RandomCrop(Section):
    """Pad with black, then cut out a window of the size that the network sees at a random place."""

    name: Literal["random_crop"] = "random_crop"
    padding: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels added on each side; 0 is for images larger than `data.crop`."""


class Rotation(Section):
    """Rotate about the centre by a uniform random angle; uncovered corners are black; bilinear."""

    name: Literal["rotation"] = "rotation"
    degrees: Annotated[float, Field(gt=0, le=180)] = 15.0
    """Largest angle in either direction, degrees."""


class RandomResizedCrop(Section):
    """Cut out a random part and scale it to the size that the network sees (Szegedy et al. 2015), as in torchvision."""

    name: Literal["random_resized_crop"] = "random_resized_crop"
    scale: tuple[Area, Area] = Field(default=(0.08, 1.0), strict=False)
    """Least and largest share of the image's area."""
    ratio: tuple[Ratio, Ratio] = Field(default=(0.75, 4 / 3), strict=False)
    """Least and largest width over height of the part."""

    @model_validator(mode="after")
    def _rising(self) -> RandomResizedCrop:
        _refuse_falling(scale=self.scale, ratio=self.ratio)
        return self


class ColorJitter(Section):
    """Change brightness, contrast, saturation and hue at random, in a random order, as in torchvision."""

    name: Literal["color_jitter"] = "color_jitter"
    brightness: Strength = 0.0
    """The factor is uniform in [max(0, 1 - brightness), 1 + brightness]."""
    contrast: Strength = 0.0
    """The same for the contrast."""
    saturation: Strength = 0.0
    """The same for the saturation; grey images have none."""
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """The hue is turned by a uniform share in [-hue, hue] of the circle."""


class Cutout(Section):
    """Blacken one square at a random place; it may reach over the border (DeVries & Taylor 2017)."""

    name: Literal["cutout"] = "cutout"
    size: Annotated[int, Field(ge=1, le=512)] = 8
    """Side of the square, pixels."""


class RandomErasing(Section):
    """Fill one random rectangle with grey or with noise (Zhong et al. 2020); its place is drawn as in torchvision."""

    name: Literal["random_erasing"] = "random_erasing"
    p: Probability = 0.5
    """Probability for each image."""
    scale: tuple[Area, Area] = Field(default=(0.02, 0.33), strict=False)
    """Least and largest share of the image's area."""
    ratio: tuple[Ratio, Ratio] = Field(default=(0.3, 3.3), strict=False)
    """Least and largest height over width of the rectangle."""
    value: Literal["random"] | Annotated[int, Field(ge=0, le=255)] = 0
    """Grey level, 0 (black) to 255; `random`: a level of its own for each pixel and channel, all equally likely."""

    @model_validator(mode="after")
    def _rising(self) -> RandomErasing:
        _refuse_falling(scale=self.scale, ratio=self.ratio)
        return self


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


class TrivialAugment(Section):
    """TrivialAugment (Müller & Hutter 2021), the wide space as in torchvision, drawn for each image by itself."""

    name: Literal["trivial_augment"] = "trivial_augment"
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


class RandomApply(Section):
    """Apply a list of augmentations to an image, all or none of them."""

    name: Literal["random_apply"] = "random_apply"
    augment: tuple[Augmentation, ...] = Field(strict=False, min_length=1)
    """Augmentations, in this order."""
    p: Probability = 0.5
    """Probability for each image."""

    @model_validator(mode="after")
    def _of_single_images(self) -> RandomApply:
        for one in self.augment:
            if isinstance(one, MixUp | CutMix):
                raise ValueError(f"`{one.name}` mixes whole batches: list it beside `random_apply`, with its own `p`")
        return self


def _refuse_falling(**ranges: tuple[float, float]) -> None:
    """Raise ValueError for a range that ends below its beginning."""
    for field, (low, high) in ranges.items():
        if low > high:
            raise ValueError(f"`{field}` is the least and the largest value, in this order: [{high:g}, {low:g}]")


def _tag(value: object) -> object:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return "own" if is_own(name, AUGMENTATIONS) else name


Augmentation = Annotated[
    Annotated[HorizontalFlip, Tag("horizontal_flip")]
    | Annotated[RandomCrop, Tag("random_crop")]
    | Annotated[Rotation, Tag("rotation")]
    | Annotated[Cutout, Tag("cutout")]
    | Annotated[RandomErasing, Tag("random_erasing")]
    | Annotated[AutoAugment, Tag("auto_augment")]
    | Annotated[RandAugment, Tag("rand_augment")]
    | Annotated[TrivialAugment, Tag("trivial_augment")]
    | Annotated[AugMix, Tag("augmix")]
    | Annotated[RandomResizedCrop, Tag("random_resized_crop")]
    | Annotated[ColorJitter, Tag("color_jitter")]
    | Annotated[RandomApply, Tag("random_apply")]
    | Annotated[MixUp, Tag("mixup")]
    | Annotated[CutMix, Tag("cutmix")]
    | Annotated[OwnAugmentation, Tag("own")],
    Discriminator(_tag),
    BeforeValidator(by_name, json_schema_input_type=str | dict[str, Any]),
]
