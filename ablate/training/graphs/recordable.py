"""Which recipes have steps that can be recorded: those of which every step is the same work on other numbers."""

from __future__ import annotations

from ablate.recipe import CutMix, MixUp, Recipe, Scheduler, TimmModel, own_sections
from ablate.training.optim import FUSED

#: Schedules that also move the momentum, unless they are told not to; a recorded step has one momentum.
CYCLING = frozenset({"OneCycleLR", "CyclicLR"})


def why_eager(recipe: Recipe) -> str | None:
    """Why the steps of a recipe are taken one by one, as the end of a sentence; None where they can be recorded.

    What is asked of the recipe alone is answered here; an operation that cannot be recorded is met when it is tried.
    """
    training = recipe.training
    if any(own_sections(recipe)):
        return "code of your own may do something else in each step"
    if isinstance(recipe.model, TimmModel):
        return "networks of timm may do something else in each step"
    if training.devices > 1:
        return "several devices train together"
    if training.accumulate > 1:
        return "a step has several batches"
    if any(isinstance(one, MixUp | CutMix) for one in recipe.data.augment):
        return "each batch is mixed by numbers of its own"
    if training.precision == "float16":
        return "a step with scaled gradients may be left out"
    if training.step_losses or training.validate_every is not None:
        return "something is measured between steps"
    for phase in training.parts:
        name = (phase.optimizer or training.optimizer).name
        if name not in FUSED:
            return f"{name} reads its learning rate on the host"
        if _moves_momentum(phase.scheduler or training.scheduler):
            return "the schedule moves the momentum too"
    return None


def _moves_momentum(schedule: Scheduler) -> bool:
    return schedule.name in CYCLING and schedule.arguments.get("cycle_momentum", True) is not False
