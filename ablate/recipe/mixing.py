"""Augmentations that mix two images of a batch, and so their labels; `data.augment` may list them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ablate.recipe.section import Section

Concentration = Annotated[float, Field(gt=0, le=100)]
Probability = Annotated[float, Field(ge=0, le=1)]


class MixUp(Section):
    """Blend each image with another of its batch (Zhang et al. 2018); acts after all others."""

    name: Literal["mixup"] = "mixup"
    alpha: Concentration = 0.2
    """The share of the image itself is drawn from Beta(alpha, alpha), once for each batch."""
    p: Probability = 1.0
    """Probability for each batch."""


class CutMix(Section):
    """Put a rectangle of another image of the batch into each (Yun et al. 2019); acts after all others."""

    name: Literal["cutmix"] = "cutmix"
    alpha: Concentration = 1.0
    """The share of the area that stays is drawn from Beta(alpha, alpha), once for each batch."""
    p: Probability = 1.0
    """Probability for each batch."""
