"""One pass over the training images by recorded steps; the sister of `train_one_epoch`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch

from ablate.training.epoch import LOOK_EVERY, Trained, begin_epoch, mean_of_finite, train_one_epoch
from ablate.training.evaluate import Measured
from ablate.training.graphs import recorder as recorders
from ablate.training.graphs.recordable import why_eager
from ablate.training.graphs.step import RecordedStep
from ablate.training.progress import Progress
from ablate.training.setup import Setup, Stage

log = logging.getLogger(__name__)


class TrainEpoch(Protocol):
    """Takes the steps of an epoch of a phase."""

    def __call__(self, progress: Progress, epoch: int, check: Callable[[], None]) -> Trained:
        """See `train_one_epoch`."""
        ...


def epochs_of(run: Setup, stage: Stage) -> TrainEpoch:
    """How the epochs of a phase are trained: by recorded steps where the recipe asks for that and it can be."""
    if run.recipe.training.graphs:
        reason = why_eager(run.recipe)
        if reason is None and (recorder := recorders.recorder_for(run.device)) is not None:
            return partial(train_recorded_epoch, RecordedStep(run, stage, recorder))
        log.info("steps are taken one by one: %s", reason or "they are recorded on a GPU only")
    return partial(train_one_epoch, run, stage)


def train_recorded_epoch(recorded: RecordedStep, progress: Progress, epoch: int, check: Callable[[], None]) -> Trained:
    """Take the steps of an epoch, with the results of `train_one_epoch`.

    Args:
        recorded: The steps of the phase.
        progress: Counts them.
        epoch: Epoch, counted from 1.
        check: Called before each step; raises to stop.
    """
    begin_epoch(recorded.run, epoch)
    seen = steps = 0
    for size in recorded.batches(epoch):
        check()
        recorded.take(size)
        progress.steps += 1
        steps += 1
        seen += size
        if progress.first_step_loss is None:
            progress.first_step_loss = float(recorded.loss)
        if steps % LOOK_EVERY == 0 and not bool(torch.isfinite(recorded.loss_sum)):
            break
    keeps_norms = recorded.run.recipe.training.keeps_grad_norm
    return Trained(
        measured=Measured(loss=float(recorded.loss_sum) / seen, accuracy=int(recorded.correct) / seen),
        lr=recorded.rates[steps - 1],
        steps=(),
        custom={"grad_norm": mean_of_finite(recorded.norms[:steps])} if keeps_norms else {},
    )
