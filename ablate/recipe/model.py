"""The `model` table of a recipe: which network."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Tag

from ablate.recipe.convnet import ConvNet
from ablate.recipe.own import MODELS, OwnModel, is_own
from ablate.recipe.resnet import AlexNet, ResNet
from ablate.recipe.timm import TimmModel
from ablate.recipe.torchvision import TorchvisionModel


def _family(value: object) -> str:
    """Which class a table of a model means."""
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    if not isinstance(name, str):
        return "?"
    library = name.partition(":")[0]
    if library != name and library in LIBRARIES:
        return library
    if name in FAMILIES:
        return name
    return "own" if is_own(name, MODELS) else name


Model = Annotated[
    Annotated[ConvNet, Tag("convnet")]
    | Annotated[ResNet, Tag("resnet")]
    | Annotated[AlexNet, Tag("alexnet")]
    | Annotated[TorchvisionModel, Tag("torchvision")]
    | Annotated[TimmModel, Tag("timm")]
    | Annotated[OwnModel, Tag("own")],
    Discriminator(_family),
]
#: Libraries of which a network is named as `library:name`.
LIBRARIES = frozenset({"torchvision", "timm"})
#: Names of ablate's own families.
FAMILIES = frozenset({"convnet", "resnet", "alexnet"})
