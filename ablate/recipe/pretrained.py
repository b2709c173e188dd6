"""What the `model` tables of classifiers from libraries have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ablate.recipe.layers import Width
from ablate.recipe.section import Section

#: `none`, a name of weights, or a file with a state dict.
Weights = Annotated[str, Field(pattern=r"^(none|[A-Za-z0-9_]+|.+\.(pth|pt|safetensors))$")]


class PretrainedModel(Section):
    """A classifier of a library, pretrained or not, with a new last layer for the data set's classes."""

    name: str
    """The library, a colon, and the library's name of it."""
    weights: Weights = "none"
    """`none`, a name of the library's weights, or a file with a state dict."""
    freeze: tuple[str, ...] = Field(default=(), strict=False)
    """Patterns (as in a shell) of the parameters that are not trained, `["*"]` for the whole backbone; the new last
    layer always is trained."""
    hidden: tuple[Width, ...] = Field(default=(), strict=False, max_length=8)
    """Widths of hidden layers (linear, ReLU, dropout) in front of the new last layer; they are new and trained too."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability of dropping an activation after each hidden layer."""
