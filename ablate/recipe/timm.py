"""The `model` table of a recipe for a classifier of timm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, model_validator

from ablate.recipe.pretrained import PretrainedModel, Weights
from ablate.recipe.section import OpenSection

#: Arguments of `timm.create_model` that a study says otherwise, and how.
_SAID_OTHERWISE: Mapping[str, str] = MappingProxyType(
    {
        "num_classes": "the number of classes follows from the data",
        "in_chans": "the channels follow from `data.channels`",
        "pretrained": 'write `weights = "default"`, or the tag of other weights',
        "pretrained_cfg": "write the tag as `weights`",
        "pretrained_cfg_overlay": "write the tag, or a file, as `weights`",
        "checkpoint_path": "write the file as `weights`",
        "cache_dir": "set HF_HOME in the environment",
        "features_only": "the network must be a classifier",
        "scriptable": "it changes nothing of what is trained",
        "exportable": "it changes nothing of what is trained",
    }
)


class TimmModel(PretrainedModel, OpenSection):
    """A classifier of timm (Wightman 2019) with a new last layer; other keys are arguments of `timm.create_model`.

    Such are `drop_rate`, `drop_path_rate` and `img_size`. timm is an extra: `pip install 'ablate-lab[timm]'`.
    """

    name: Annotated[str, Field(pattern=r"^timm:[a-z][a-z0-9_]*$")]
    """`timm:` and the model's name without the tag of its weights, as in `timm:resnet18`."""
    weights: Weights = "none"
    """`none`, `default`, the tag of weights on the Hugging Face hub (`a1_in1k`), or a file with a state dict."""

    @model_validator(mode="after")
    def _only_arguments_of_the_network(self) -> TimmModel:
        for key, instead in _SAID_OTHERWISE.items():
            if key in self.arguments:
                raise ValueError(f"`{key}` is no argument for a study to set: {instead}")
        for key, value in self.arguments.items():
            if key.endswith("_rate") and not (_is_number(value) and 0 <= value < 1):
                raise ValueError(f"`{key}` is a probability, at least 0 and less than 1, not {value!r}")
        return self


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
