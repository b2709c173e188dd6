"""The Recipe: every knob of one training run, resolved, without the seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from ablate.recipe.augment import Augmentation
from ablate.recipe.convnet import ConvNet
from ablate.recipe.data import AnyData, Data, FixedNormalization, FolderData, OwnData, SyntheticData
from ablate.recipe.key import Keyed
from ablate.recipe.layers import Stem
from ablate.recipe.mixing import CutMix, MixUp
from ablate.recipe.model import Model
from ablate.recipe.optim import Optimizer, Scheduler, Warmup
from ablate.recipe.own import OwnAugmentation, OwnLoss, OwnMetric, OwnModel, own_places, own_sections
from ablate.recipe.pretrained import PretrainedModel
from ablate.recipe.resnet import AlexNet, ResNet
from ablate.recipe.section import Section
from ablate.recipe.steps import Ema, ParameterGroup
from ablate.recipe.timm import TimmModel
from ablate.recipe.torchvision import TorchvisionModel
from ablate.recipe.trainer import CommandTrainer, OwnRecipe, OwnTrainer, OwnTraining
from ablate.recipe.training import EarlyStopping, Phase, Training

__all__ = [
    "AlexNet",
    "AnyData",
    "AnyRecipe",
    "Augmentation",
    "CommandTrainer",
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
    "OwnAugmentation",
    "OwnData",
    "OwnLoss",
    "OwnMetric",
    "OwnModel",
    "OwnRecipe",
    "OwnTrainer",
    "OwnTraining",
    "ParameterGroup",
    "Phase",
    "PretrainedModel",
    "Recipe",
    "ResNet",
    "Scheduler",
    "Section",
    "Stem",
    "SyntheticData",
    "TimmModel",
    "TorchvisionModel",
    "Training",
    "Warmup",
    "own_places",
    "own_sections",
    "read_recipe",
    "recipe_class",
]


class Recipe(Keyed):
    """Every knob of one training run of ablate's own loop, resolved, without the seed."""

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
    def _fusable(self) -> Recipe:
        if self.training.tier == "fused":
            from ablate.recipe.packing import why_alone  # which needs this class

            if (obstacle := why_alone(self)) is not None:
                raise ValueError(f'`training.tier = "fused"` has no form for {obstacle}: leave one of the two out')
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


#: A run that ablate trains, or one that a trainer of the user's own does.
AnyRecipe = Recipe | OwnRecipe


def recipe_class(document: object) -> type[Recipe] | type[OwnRecipe]:
    """Which kind of recipe a document means: one with a `training.trainer` is trained by the user's own code."""
    training = document.get("training") if isinstance(document, Mapping) else None
    return OwnRecipe if isinstance(training, Mapping) and "trainer" in training else Recipe


def read_recipe(document: object) -> AnyRecipe:
    """The recipe in a document, or in its canonical form.

    Raises:
        pydantic.ValidationError: It is none.
    """
    return recipe_class(document).model_validate(document)
