"""The Recipe: every knob of one training run, resolved, without the seed."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from ablate.recipe.augment import Augmentation
from ablate.recipe.convnet import ConvNet
from ablate.recipe.data import AnyData, Data, FixedNormalization, FolderData, SyntheticData
from ablate.recipe.layers import Stem
from ablate.recipe.mixing import CutMix, MixUp
from ablate.recipe.model import Model
from ablate.recipe.optim import Optimizer, Scheduler, Warmup
from ablate.recipe.own import OwnModel, own_file
from ablate.recipe.resnet import AlexNet, ResNet
from ablate.recipe.section import Section
from ablate.recipe.steps import Ema, ParameterGroup
from ablate.recipe.torchvision import TorchvisionModel
from ablate.recipe.training import EarlyStopping, Phase, Training

__all__ = [
    "AlexNet",
    "Augmentation",
    "ConvNet",
    "CutMix",
    "Data",
    "EarlyStopping",
    "Ema",
    "FixedNormalization",
    "FolderData",
    "MixUp",
    "Model",
    "Optimizer",
    "OwnModel",
    "ParameterGroup",
    "Phase",
    "Recipe",
    "ResNet",
    "Scheduler",
    "Section",
    "Stem",
    "SyntheticData",
    "TorchvisionModel",
    "Training",
    "Warmup",
    "own_file",
]

#: Hexadecimal digits of a variant key: 64 bits of SHA-256.
KEY_LENGTH = 16


class Recipe(Section):
    """Every knob of one training run, resolved, without the seed."""

    data: AnyData
    """Which images, how they are split, batched, augmented and normalised."""
    model: Model = Field(default_factory=ConvNet)
    """Which network."""
    training: Training
    """How long, by which optimizer, on which schedule."""
    select: Literal["best_val", "best_val_loss", "last"] = "best_val"
    """Which epoch's weights meet the test set: the one with the best accuracy or the smallest loss on the validation
    images (ties: the earliest), or the last."""

    @model_validator(mode="after")
    def _spreadable(self) -> Recipe:
        if self.data.batch_size < self.training.devices:
            raise ValueError(
                f"a batch of {self.data.batch_size} cannot be spread over {self.training.devices} devices: "
                "take a larger `data.batch_size`, or fewer `training.devices`"
            )
        return self

    @model_validator(mode="after")
    def _selectable(self) -> Recipe:
        if self.data.validation != 0:
            return self
        if self.select != "last":
            raise ValueError(
                "without validation images (`data.validation = 0`) no best epoch can be chosen: "
                'write `select = "last"`, or hold some images out'
            )
        if any(schedule.name == "ReduceLROnPlateau" for schedule in self.training.schedules):
            raise ValueError(
                "ReduceLROnPlateau watches the validation loss: set `data.validation`, or take another schedule"
            )
        for key in ("early_stopping", "validate_every"):
            if getattr(self.training, key) is not None:
                raise ValueError(f"`training.{key}` needs validation images: set `data.validation`, or leave it out")
        return self

    def canonical(self) -> dict[str, Any]:
        """The recipe as plain JSON values, defaults left out, the model's and the optimizer's name always kept."""
        return {"model": self.model.canonical(), **super().canonical()}

    @cached_property
    def key(self) -> str:
        """Hash of the canonical form: equal recipes have equal keys, whatever wrote them and in which order."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
