"""One pass over the training images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ablate.metrics import StepMetrics
from ablate.training.batches import Batch
from ablate.training.evaluate import Measured, evaluate
from ablate.training.failures import RecipeError
from ablate.training.models import reseed_dropout, training_mode
from ablate.training.progress import Progress
from ablate.training.setup import Setup, Stage
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
    #: Variance of the losses of all steps, nats squared; None where they are not kept.
    variance: float | None


def train_one_epoch(run: Setup, stage: Stage, progress: Progress, epoch: int, check: Callable[[], None]) -> Trained:
    """Take the steps of an epoch.

    Sums stay on the device, so that a step waits for nothing; every `LOOK_EVERY` steps the loss is looked at, and an
    epoch whose loss is no longer finite ends there.

    Args:
        run: Network and images.
        stage: Optimizer and schedule.
        progress: Counts the steps.
        epoch: Epoch, counted from 1.
        check: Called before each batch; raises to stop.
    """
    training = run.recipe.training
    seed_global_generators(run.group.stream("global"), run.seed, epoch)
    reseed_dropout(run.model, run.seed, epoch, run.device, rank=run.group.rank)
    training_mode(run.model)
    lr = stage.schedule.lr
    loss_sum = torch.zeros((), dtype=torch.float64, device=run.device)
    correct = torch.zeros((), dtype=torch.int64, device=run.device)
    seen = 0
    losses: list[Tensor] = []
    kept: list[tuple[int, Tensor | None, Measured | None]] = []
    for step, batch in enumerate(run.training.epoch(epoch), start=1):
        check()
        outputs, batch_loss, summed = take_step(run, stage, batch)
        lr = stage.schedule.lr
        stage.schedule.after_step()
        progress.steps += 1
        loss_sum += summed
        correct += (outputs.argmax(dim=1) == batch.labels).sum()
        seen += batch.whole
        if progress.first_step_loss is None:
            progress.first_step_loss = float(run.group.total(batch_loss))
        measured = None
        if training.validate_every and progress.steps % training.validate_every == 0 and run.group.rank == 0:
            measured, _, _ = evaluate(run.model, run.validation, run.loss, check)
        if training.step_losses:
            losses.append(batch_loss)
        keeps = training.step_losses and progress.steps % training.step_losses == 0
        if keeps or measured is not None:
            kept.append((progress.steps, batch_loss if keeps else None, measured))
        if step % LOOK_EVERY == 0 and not run.group.finite(loss_sum):
            break
    sums = run.group.total(torch.stack([loss_sum, correct.double()]))
    return Trained(
        measured=Measured(loss=float(sums[0]) / seen, accuracy=int(sums[1]) / seen),
        lr=lr,
        steps=tuple(_told(run, kept)),
        variance=_variance(run, losses) if losses else None,
    )


def take_step(run: Setup, stage: Stage, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """One optimizer step.

    Returns:
        The outputs (B, classes); this process's part of the batch's mean loss before the step, a scalar, which is the
        mean loss itself where there is one process; and the sum of its images' losses, float64.
    """
    try:
        outputs = stage.forward(batch.images)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise RecipeError(
            f"The network cannot train on a batch of shape {tuple(batch.images.shape)}: {error}",
            cure="Take a larger `data.batch_size`, or no batch normalisation.",
        ) from error
    stage.optimizer.zero_grad()
    if run.group.size == 1:
        loss = run.loss(outputs, batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        part, summed = loss.detach(), loss.detach().double() * len(batch.labels)
    else:
        loss = run.loss(outputs, batch.labels, reduction="sum")
        run.group.scaled(loss, batch.whole).backward()  # type: ignore[no-untyped-call]
        part, summed = loss.detach() / batch.whole, loss.detach().double()
    stage.optimizer.step()
    return outputs.detach(), part, summed


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
