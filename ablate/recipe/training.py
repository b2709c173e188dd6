"""The `training` table of a recipe: how long, in which phases, by which loss, optimizer and learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from ablate.recipe.execution import Execution
from ablate.recipe.optim import Optimizer, Scheduler, Warmup
from ablate.recipe.own import LOSSES, OwnLoss, OwnMetric, by_name, is_own
from ablate.recipe.section import Section
from ablate.recipe.steps import Pattern, Steps

Epochs = Annotated[int, Field(ge=1, le=100_000)]


def _own_loss(value: object) -> object:
    """The name of a loss of the user's own is short for a table with that name."""
    return by_name(value) if is_own(value, LOSSES) else value


Loss = Annotated[
    Annotated[Literal["cross_entropy", "nll"], Tag("known")] | Annotated[OwnLoss, Tag("own")],
    Discriminator(lambda value: "own" if isinstance(value, dict | OwnLoss) else "known"),
    BeforeValidator(_own_loss, json_schema_input_type=str | dict[str, Any]),
]
Metric = Annotated[OwnMetric, BeforeValidator(by_name, json_schema_input_type=str | dict[str, Any])]


class EarlyStopping(Section):
    """End a phase (the run, where there are no phases) that no longer gets better on the validation images."""

    patience: Annotated[int, Field(ge=1, le=100_000)]
    """Epochs without an improvement after which it ends."""
    metric: Literal["val_loss", "val_accuracy"] = "val_loss"
    """What must get better: the loss smaller, the accuracy larger."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Least change that counts, in the metric's unit."""


class Phase(Section):
    """A part of a run with its own optimizer and schedule, which start afresh, and its own frozen parameters."""

    epochs: Epochs
    """Passes over the training images."""
    freeze: tuple[Pattern, ...] = Field(default=(), strict=False, max_length=100)
    """Patterns (as in a shell) of the parameters that are not trained, beside those of `model.freeze`. Frozen batch
    normalisations keep their statistics too."""
    unfreeze: tuple[Pattern, ...] = Field(default=(), strict=False, max_length=100)
    """Patterns of parameters that are trained, whatever else freezes them."""
    optimizer: Optimizer | None = None
    """Optimizer and its arguments; None means as `training.optimizer` says."""
    scheduler: Scheduler | None = None
    """Learning-rate schedule and its arguments; None means as `training.scheduler` says."""
    warmup: Warmup | None = None
    """A rising learning rate before the schedule begins."""

    @model_validator(mode="after")
    def _room_for_the_warmup(self) -> Phase:
        _refuse_long_warmup(self.warmup, self.epochs)
        return self


class Training(Steps, Execution):
    """How a network is trained."""

    epochs: Epochs
    """Passes over the training images; where there are phases, the sum of theirs."""
    loss: Loss = "cross_entropy"
    """`cross_entropy` of logits, or `nll`, the negative log-likelihood: a network of your own then ends in
    log-softmax, to others it is added. For these both are the same. Or a loss of your own, as
    `"my_losses.py:FocalLoss"` or `{ name = "my_losses.py:FocalLoss", gamma = 2.0 }`."""
    metrics: tuple[Metric, ...] = Field(default=(), strict=False, max_length=50)
    """Metrics of your own, as `["my_metrics.py:macro_f1"]`: of the validation images after each epoch (`val_macro_f1`)
    and of the test images at the end (`test_macro_f1`)."""
    optimizer: Optimizer
    """Optimizer and its arguments."""
    scheduler: Scheduler = Scheduler()
    """Learning-rate schedule and its arguments."""
    warmup: Warmup | None = None
    """A rising learning rate before the schedule begins, as `{ epochs = 5 }`."""
    phases: tuple[Phase, ...] = Field(default=(), strict=False, max_length=100)
    """Parts of the run, one after the other; none means one with the keys above."""
    early_stopping: EarlyStopping | None = None
    """When a phase or the run ends early, as `{ patience = 10 }`; None means never."""
    oracle_curve: bool = False
    """Also measure the test set after each epoch, as a curve labelled "oracle" that is never used to choose or rank."""
    step_losses: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Keep the loss of every so-many-th step, and the variance of all steps' losses within each epoch; 0 keeps none."""
    validate_every: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Also measure the validation images every so many steps; the epoch that is selected does not depend on it."""
    devices: Annotated[int, Field(ge=1, le=64)] = 1
    """Devices over which each batch is spread (DistributedDataParallel); batch size and learning rate stay the same."""

    @model_validator(mode="before")
    @classmethod
    def _sum_of_phases(cls, data: Any) -> Any:  # noqa: ANN401 - what pydantic hands over
        """`epochs` may be left out where there are phases."""
        if not isinstance(data, Mapping) or "epochs" in data or not isinstance(data.get("phases"), list | tuple):
            return data
        lengths = [phase.get("epochs") if isinstance(phase, Mapping) else None for phase in data["phases"]]
        if not lengths or not all(isinstance(length, int) for length in lengths):
            return data
        return {**data, "epochs": sum(lengths)}

    @model_validator(mode="after")
    def _apart(self) -> Training:
        titles = [metric.title for metric in self.metrics]
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"`metrics` lists two that are called `{title}`: rename one of the functions")
        return self

    @model_validator(mode="after")
    def _resolve(self) -> Training:
        """Optimizers and schedules of the phases, and lengths of the schedules, as they will be."""
        if not self.phases:
            _refuse_long_warmup(self.warmup, self.epochs)
            object.__setattr__(self, "scheduler", _resolved(self.scheduler, self.epochs, self.warmup))
            return self
        total = sum(phase.epochs for phase in self.phases)
        if total != self.epochs:
            raise ValueError(f"`epochs = {self.epochs}`, but the phases have {total} together: leave `epochs` out")
        if self.warmup is not None:
            raise ValueError("where there are phases, `warmup` stands in those that begin with one")
        resolved = tuple(
            phase.model_copy(
                update={
                    "optimizer": phase.optimizer or self.optimizer,
                    "scheduler": _resolved(phase.scheduler or self.scheduler, phase.epochs, phase.warmup),
                }
            )
            for phase in self.phases
        )
        object.__setattr__(self, "phases", resolved)
        return self

    @model_validator(mode="after")
    def _fitting_steps(self) -> Training:
        """Runs after `_resolve`, when phases know their optimizers."""
        if self.class_weights is not None and not isinstance(self.loss, str):
            raise ValueError(
                "`class_weights` are for ablate's own losses: give yours an argument for them, or leave them out"
            )
        if self.label_smoothing and self.loss != "cross_entropy":
            raise ValueError('`label_smoothing` is of `loss = "cross_entropy"`: take that loss, or leave it out')
        self.refuse_unfit_groups({(phase.optimizer or self.optimizer).name for phase in self.parts})
        return self

    @property
    def parts(self) -> tuple[Phase, ...]:
        """The phases of the run; one that is the whole run where none are listed."""
        if self.phases:
            return self.phases
        return (Phase(epochs=self.epochs, optimizer=self.optimizer, scheduler=self.scheduler, warmup=self.warmup),)

    @property
    def schedules(self) -> tuple[Scheduler, ...]:
        """The schedules of all parts."""
        return tuple(phase.scheduler or self.scheduler for phase in self.parts)


def _refuse_long_warmup(warmup: Warmup | None, epochs: int) -> None:
    if warmup is not None and warmup.epochs >= epochs:
        raise ValueError(f"a warm-up of {warmup.epochs:g} epochs leaves nothing of {epochs}: make it shorter")


def _resolved(schedule: Scheduler, epochs: int, warmup: Warmup | None) -> Scheduler:
    """The schedule for what a warm-up leaves of the epochs."""
    return schedule.resolved(epochs - math.floor(warmup.epochs if warmup else 0))
