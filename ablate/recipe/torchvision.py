"""The `model` table of a recipe for a classifier of torchvision."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ablate.recipe.pretrained import PretrainedModel, Weights


class TorchvisionModel(PretrainedModel):
    """A classifier of torchvision with a new last layer for the data set's classes."""

    name: Annotated[str, Field(pattern=r"^torchvision:[a-z][a-z0-9_]*$")]
    """`torchvision:` and the builder's name, as in `torchvision:resnet18`."""
    weights: Weights = "none"
    """`none`, the name of torchvision's weights (`DEFAULT`, `IMAGENET1K_V1`), or a file with a state dict."""
