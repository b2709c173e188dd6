"""The Recipe: every knob of one training run, resolved, without the seed."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from ablate.recipe.data import Augmentation, Data, FixedNormalization
from ablate.recipe.model import ConvNet, Model, OwnModel, TorchvisionModel, own_file
from ablate.recipe.section import Section
from ablate.recipe.training import Optimizer, Scheduler, Training

__all__ = [
    "Augmentation",
    "ConvNet",
    "Data",
    "FixedNormalization",
    "Model",
    "Optimizer",
    "OwnModel",
    "Recipe",
    "Scheduler",
    "Section",
    "TorchvisionModel",
    "Training",
    "own_file",
]

#: Hexadecimal digits of a variant key: 64 bits of SHA-256.
KEY_LENGTH = 16


class Recipe(Section):
    """Every knob of one training run, resolved, without the seed."""

    data: Data
    """Which images, how they are split, batched, augmented and normalised."""
    model: Model = Field(default_factory=ConvNet)
    """Which network."""
    training: Training
    """How long, by which optimizer, on which schedule."""
    select: Literal["best_val", "last"] = "best_val"
    """Which epoch's weights meet the test set: the best on the validation images (ties: the earliest), or the last."""

    @model_validator(mode="after")
    def _selectable(self) -> Recipe:
        if self.data.validation == 0 and self.select == "best_val":
            raise ValueError(
                "without validation images (`data.validation = 0`) no best epoch can be chosen: "
                'write `select = "last"`, or hold some images out'
            )
        if self.data.validation == 0 and self.training.scheduler.name == "ReduceLROnPlateau":
            raise ValueError(
                "ReduceLROnPlateau watches the validation loss: set `data.validation`, or take another schedule"
            )
        return self

    def canonical(self) -> dict[str, Any]:
        """The recipe as plain JSON values, defaults left out, the model's and the optimizer's name always kept."""
        return {"model": self.model.canonical(), **super().canonical()}

    @cached_property
    def key(self) -> str:
        """Hash of the canonical form: equal recipes have equal keys, whatever wrote them and in which order."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
