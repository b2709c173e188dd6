"""Optimizers and learning-rate schedules of PyTorch, by class name, from the recipe's `training` table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ablate.recipe import Optimizer, Phase, Scheduler
from ablate.training.failures import RecipeError

#: Optimizers that update all parameters in one kernel on CPU and GPU: measured 5-10 % of a small network's step.
#: A fixed list, because the kernel changes the last bits of the results.
FUSED = frozenset({"SGD", "Adam", "AdamW"})
#: The argument in which a schedule takes the run's length.
LENGTHS = {"CosineAnnealingLR": "T_max", "OneCycleLR": "total_steps"}
#: Arguments in which a schedule takes rates in place of the optimizer's.
RATES = {"OneCycleLR": ("max_lr",), "CyclicLR": ("base_lr", "max_lr")}


def build_optimizer(
    recipe: Optimizer, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]
) -> torch.optim.Optimizer:
    """The optimizer over the parameters that take a gradient.

    Args:
        recipe: Its class and arguments.
        parameters: Parameters, those without a gradient among them; or groups of those with one, see `grouped`.

    Raises:
        RecipeError: PyTorch refuses an argument, or no parameter is to be trained.
    """
    trained = [
        _arguments(one) if isinstance(one, dict) else one
        for one in parameters
        if isinstance(one, dict) or one.requires_grad
    ]
    if not trained:
        raise RecipeError("Every parameter of the network is frozen", cure="Leave one out of `freeze`.")
    arguments = _arguments(recipe.arguments)
    if recipe.name in FUSED:
        arguments["fused"] = True
    made = getattr(torch.optim, recipe.name)
    try:
        for one in trained:
            if isinstance(one, dict):  # PyTorch looks at what holds for all of them only
                made(**(arguments | one))
        optimizer: torch.optim.Optimizer = made(trained, **arguments)
    except (ValueError, TypeError, RuntimeError) as error:
        raise RecipeError(f"PyTorch refuses `training.optimizer`: {recipe.name}: {error}") from error
    return optimizer


class Schedule:
    """Moves the learning rate, after each epoch or after each step as the recipe says, once the warm-up is over.

    Of parameter groups each moves from its own rate; rates that a schedule names are meant for the optimizer's own and
    hold for the others in proportion.

    Args:
        phase: Scheduler, warm-up and length, in epochs.
        optimizer: Whose learning rate it moves.
        steps_per_epoch: Optimizer steps of an epoch; a schedule that moves after each step and knows no length of
            its own gets all steps after the warm-up.

    Raises:
        RecipeError: PyTorch refuses an argument.
    """

    def __init__(self, phase: Phase, optimizer: torch.optim.Optimizer, *, steps_per_epoch: int) -> None:
        recipe = phase.scheduler or Scheduler()
        self._name = recipe.name
        self._by_step = recipe.interval == "step"
        self._optimizer = optimizer
        self._scheduler: LRScheduler | None = None
        self._steps_per_epoch = steps_per_epoch
        self._steps = 0
        warmup = phase.warmup
        self._warmup_steps = 0 if warmup is None else round(warmup.epochs * steps_per_epoch)
        self._start = 1.0 if warmup is None else warmup.start
        if recipe.name != "none":
            arguments = _arguments(recipe.arguments)
            length = LENGTHS.get(recipe.name)
            if self._by_step and length is not None and length not in arguments and "epochs" not in arguments:
                arguments[length] = phase.epochs * steps_per_epoch - self._warmup_steps
            if len(optimizer.param_groups) > 1:
                arguments |= _by_group(arguments, RATES.get(recipe.name, ()), optimizer)
            try:
                self._scheduler = getattr(torch.optim.lr_scheduler, recipe.name)(optimizer, **arguments)
            except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
                raise self._refused(error) from error
        #: What each group has when the warm-up is over.
        self._full = [float(group["lr"]) for group in optimizer.param_groups]
        self._warm()

    @property
    def lr(self) -> float:
        """Learning rate of the first parameter group."""
        return float(self._optimizer.param_groups[0]["lr"])

    def after_step(self) -> None:
        """Move on after an optimizer step, where the recipe wants that."""
        self._steps += 1
        if self._steps <= self._warmup_steps:
            self._warm()
        elif self._by_step:
            self._move()

    def after_epoch(self, val_loss: float | None) -> None:
        """Move on after an epoch, where the recipe wants that; only ReduceLROnPlateau looks at the loss."""
        if self._steps <= self._warmup_steps:
            return
        if isinstance(self._scheduler, ReduceLROnPlateau):
            self._scheduler.step(float("nan") if val_loss is None else val_loss)
        elif not self._by_step:
            self._move()

    def state_dict(self) -> dict[str, Any]:
        """Plain values from which `load_state_dict` goes on."""
        inner = {} if self._scheduler is None else self._scheduler.state_dict()
        return {"steps": self._steps, "scheduler": inner}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; the optimizer's own state holds the learning rate."""
        self._steps = state["steps"]
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state["scheduler"])

    def _warm(self) -> None:
        """The rate of the next step: of W steps of the warm-up the k-th has the share start + (1 - start) k / W."""
        if not self._warmup_steps:
            return
        done = min(1.0, (self._steps + 1) / self._warmup_steps)
        for group, full in zip(self._optimizer.param_groups, self._full, strict=True):
            group["lr"] = full * (self._start + (1 - self._start) * done)

    def _move(self) -> None:
        if self._scheduler is not None:
            try:
                self._scheduler.step()
            except (ValueError, ZeroDivisionError, OverflowError) as error:  # OneCycleLR past its last step
                raise self._refused(error) from error

    def _refused(self, error: Exception) -> RecipeError:
        return RecipeError(f"PyTorch refuses `training.scheduler`: {self._name}: {error}")


def _by_group(arguments: dict[str, Any], keys: Iterable[str], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Rates that are named for the optimizer, for each of its groups in proportion to the group's own rate."""
    shares = [group["lr"] / optimizer.defaults["lr"] for group in optimizer.param_groups]
    return {
        key: [arguments[key] * share for share in shares] for key in keys if isinstance(arguments.get(key), int | float)
    }


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    """TOML has lists where some of PyTorch's classes insist on tuples."""
    return {
        key: tuple(value) if isinstance(value, list) and key != "milestones" else value for key, value in given.items()
    }
