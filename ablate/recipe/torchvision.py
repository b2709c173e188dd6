"""The `model` table of a recipe for a classifier of torchvision."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ablate.recipe.layers import Width
from ablate.recipe.section import Section


class TorchvisionModel(Section):
    """A classifier of torchvision with a new last layer for the data set's classes."""

    name: Annotated[str, Field(pattern=r"^torchvision:[a-z][a-z0-9_]*$")]
    """`torchvision:` and the builder's name, as in `torchvision:resnet18`."""
    weights: Annotated[str, Field(pattern=r"^(none|[A-Za-z0-9_]+|.+\.(pth|pt|safetensors))$")] = "none"
    """`none`, the name of torchvision's weights (`DEFAULT`, `IMAGENET1K_V1`), or a file with a state dict."""
    freeze: tuple[str, ...] = Field(default=(), strict=False)
    """Patterns (as in a shell) of the parameters that are not trained, `["*"]` for the whole backbone; the new last
    layer always is trained."""
    hidden: tuple[Width, ...] = Field(default=(), strict=False, max_length=8)
    """Widths of hidden layers (linear, ReLU, dropout) in front of the new last layer; they are new and trained too."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability of dropping an activation after each hidden layer."""
