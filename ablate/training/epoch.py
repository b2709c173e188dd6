"""One pass over the training images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ablate.metrics import StepMetrics
from ablate.training.evaluate import Measured, evaluate
from ablate.training.models import reseed_dropout, training_mode
from ablate.training.progress import Progress
from ablate.training.setup import Setup, Stage
from ablate.training.stepping import take_step
from ablate.training.streams import seed_global_generators

#: Steps between two looks at whether the loss is still a number; each look waits for the device.
LOOK_EVERY = 50


class Trained(NamedTuple):
    """What an epoch's steps measured."""

    #: Of the images as they were trained on, each before its step.
    measured: Measured
    #: Learning rate of the last step.
    lr: float
    #: Steps whose loss is kept, or after which the validation images were measured.
    steps: tuple[StepMetrics, ...]
    #: Further values by name, see `EpochMetrics.custom`.
    custom: dict[str, float]


def begin_epoch(run: Setup, epoch: int) -> None:
    """Put all random generators where an epoch begins, counted from 1, and the network into training mode."""
    seed_global_generators(run.group.stream("global"), run.seed, epoch)
    reseed_dropout(run.model, run.seed, epoch, run.device, rank=run.group.rank)
    training_mode(run.model)


def train_one_epoch(run: Setup, stage: Stage, progress: Progress, epoch: int, check: Callable[[], None]) -> Trained:
    """Take the steps of an epoch.

    Sums stay on the device, so that a step waits for nothing; every `LOOK_EVERY` steps the loss is looked at, and an
    epoch whose loss is no longer finite ends there.

    Args:
        run: Network and images.
        stage: Optimizer and schedule.
        progress: Counts the steps.
        epoch: Epoch, counted from 1.
        check: Called before each step; raises to stop.
    """
    training = run.recipe.training
    begin_epoch(run, epoch)
    lr = stage.schedule.lr
    loss_sum = torch.zeros((), dtype=torch.float64, device=run.device)
    correct = torch.zeros((), dtype=torch.int64, device=run.device)
    seen = 0
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    kept: list[tuple[int, Tensor | None, Measured | None]] = []
    for step, batches in enumerate(run.steps(epoch), start=1):
        check()
        taken = take_step(run, stage, batches)
        lr = stage.schedule.lr
        if taken.moved:
            stage.schedule.after_step()
        progress.steps += 1
        loss_sum += taken.summed
        correct += taken.correct
        seen += taken.images
        if progress.first_step_loss is None:
            progress.first_step_loss = float(run.group.total(taken.loss))
        measured = None
        if training.validate_every and progress.steps % training.validate_every == 0 and run.group.rank == 0:
            measured, _, _ = evaluate(run.judged, run.validation, run.loss, check)
        if training.step_losses:
            losses.append(taken.loss)
        if taken.norm is not None:
            norms.append(taken.norm)
        keeps = training.step_losses and progress.steps % training.step_losses == 0
        if keeps or measured is not None:
            kept.append((progress.steps, taken.loss if keeps else None, measured))
        if step % LOOK_EVERY == 0 and not run.group.finite(loss_sum):
            break
    sums = run.group.total(torch.stack([loss_sum, correct.double()]))
    custom = {"train_loss_variance": _variance(run, losses)} if losses else {}
    if norms:
        custom["grad_norm"] = mean_of_finite(torch.stack(norms))
    return Trained(
        measured=Measured(loss=float(sums[0]) / seen, accuracy=int(sums[1]) / seen),
        lr=lr,
        steps=tuple(_told(run, kept)),
        custom=custom,
    )


def _told(run: Setup, kept: list[tuple[int, Tensor | None, Measured | None]]) -> list[StepMetrics]:
    """What is kept of single steps, the losses fetched from the device at once."""
    there = [loss for _, loss, _ in kept if loss is not None]
    values = iter(run.group.total(torch.stack(there)).tolist() if there else [])
    return [
        StepMetrics(
            step=step,
            loss=next(values) if loss is not None else None,
            val_loss=measured.loss if measured else None,
            val_accuracy=measured.accuracy if measured else None,
        )
        for step, loss, measured in kept
    ]


def _variance(run: Setup, losses: list[Tensor]) -> float:
    """Variance (n - 1) of the steps' losses; 0 for a single step."""
    values = run.group.total(torch.stack(losses)).double()
    variance = float(values.var()) if len(values) > 1 else 0.0
    return variance if math.isfinite(variance) else math.inf


def mean_of_finite(norms: Tensor) -> float:
    """Mean norm of the steps' gradients (steps,), without those that became infinite."""
    values = norms.double()
    finite = values[torch.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.inf
