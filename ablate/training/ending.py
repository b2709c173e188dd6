"""What remains of a run that is over: its test, its files, or why it diverged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from torch import Tensor

from ablate.metrics import EpochMetrics, Outcome, Weights
from ablate.training.evaluate import evaluate, label
from ablate.training.fingerprints import fingerprints
from ablate.training.measure import count_parameters
from ablate.training.progress import Progress
from ablate.training.setup import Setup
from ablate.training.weights import Keeping, save_weights, weights_of


def ended(
    run: Setup,
    progress: Progress,
    check: Callable[[], None],
    *,
    computed: Mapping[str, Any],
    keeping: Keeping | None,
) -> Outcome:
    """All that comes after the last epoch: the selected weights meet the test images, and are kept.

    Args:
        run: The run.
        progress: How far it is.
        check: Called before each batch; raises to stop.
        computed: How it was computed, see `execution`.
        keeping: Which final weights are written, and where; None means none.
    """
    last = weights_of(run.model) if keeping is not None and keeping.wants_last else None
    progress.select()
    outcome = _tested(run, progress, check, computed)
    return outcome if keeping is None else replace(outcome, weights=_kept(run, progress, keeping, last))


def _tested(run: Setup, progress: Progress, check: Callable[[], None], computed: Mapping[str, Any]) -> Outcome:
    """The selected weights meet the test images, once, and label what nobody has labelled."""
    dataset = run.dataset
    measured, predictions, own = evaluate(run.tested, run.test, run.loss, check, run.metrics, "test_", dataset.classes)
    labelling = None
    if dataset.unlabelled is not None and run.unlabelled is not None:
        labelling = label(run.tested, run.unlabelled, dataset.unlabelled, dataset.classes, run.loss, check)
    return Outcome(
        selected_epoch=progress.selected_epoch,
        test_loss=measured.loss,
        test_accuracy=measured.accuracy,
        parameters=count_parameters(run.model),
        trainable_parameters=run.trainable_parameters,
        flops=run.flops,
        seconds=progress.seconds,
        fingerprints=fingerprints(run, progress.first_step_loss),
        predictions=predictions,
        labelling=labelling,
        metrics=own,
        execution=computed,
    )


def _kept(run: Setup, progress: Progress, keeping: Keeping, last: Mapping[str, Tensor] | None) -> tuple[Weights, ...]:
    """The files of a run that is over: its selected weights, and those after its last epoch where they are given."""

    def write(tensors: Mapping[str, Tensor], which: Literal["best", "last"], epoch: int) -> Weights:
        classes = run.dataset.classes
        return save_weights(tensors, keeping, which, recipe=run.recipe, classes=classes, epoch=epoch, seed=run.seed)

    best = write(weights_of(run.model), "best", progress.selected_epoch)
    return (best,) if last is None else (best, write(last, "last", progress.epoch))


def divergence(metrics: EpochMetrics) -> str:
    """Which loss is no longer a number, in words."""
    of_training = metrics.train_loss is not None and not math.isfinite(metrics.train_loss)
    which, value = ("training", metrics.train_loss) if of_training else ("validation", metrics.val_loss)
    return f"the {which} loss became {value} in epoch {metrics.epoch}"
