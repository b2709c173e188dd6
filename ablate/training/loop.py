"""The training loop: one recipe, one seed, one device in; a row after each epoch and one outcome out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablate.metrics import EpochMetrics, Outcome, Predictions
from ablate.recipe import Recipe
from ablate.training.batches import Batch, evaluation_batches
from ablate.training.data import Dataset, load_dataset
from ablate.training.device import prepare_process
from ablate.training.failures import Diverged, RecipeError, Stopped
from ablate.training.measure import count_parameters, fingerprints, peak_memory_bytes
from ablate.training.models import own_code, reseed_dropout
from ablate.training.optim import Schedule
from ablate.training.progress import Progress
from ablate.training.setup import Setup, set_up
from ablate.training.streams import seed_global_generators

#: Steps between two looks at whether the loss is still a number; each look waits for the device.
LOOK_EVERY = 50

OnEpoch = Callable[[EpochMetrics, Callable[[], dict[str, Any]]], None]


class Measured(NamedTuple):
    """Loss and accuracy over some images."""

    #: Mean over the images, nats.
    loss: float
    #: Share classified right.
    accuracy: float


def never() -> bool:
    """No, do not stop."""
    return False


def train(
    recipe: Recipe,
    *,
    seed: int,
    device: str = "cpu",
    data_root: Path | None = None,
    on_epoch: OnEpoch | None = None,
    should_stop: Callable[[], bool] = never,
    resume: Mapping[str, Any] | None = None,
    threads: int = 1,
    code_root: Path | None = None,
) -> Outcome:
    """Train one recipe with one seed and test the selected weights once.

    On the CPU the same recipe, seed, number of threads and PyTorch give the same bits, also after a resume.
    PyTorch's thread count, its treatment of denormals and all global random generators are set for the process.

    Args:
        recipe: What to train.
        seed: Seed index; equal indices are common random numbers across recipes.
        device: `cpu` or `cuda:0`.
        data_root: Folder of the data sets; None means the default one.
        on_epoch: Called after each epoch with its metrics and a function that makes a checkpoint of that moment:
            tensors and plain values, fit for `torch.save` and `torch.load(weights_only=True)`.
        should_stop: Asked before each batch, of evaluations too.
        resume: A checkpoint to go on from; its epochs are not run again.
        threads: Threads of PyTorch on the CPU; part of what the bits depend on.
        code_root: Folder from which a file in the model's name is meant; its code is imported anew and forgotten.

    Raises:
        Diverged: The loss is no longer finite; `on_epoch` has got that epoch's metrics.
        Stopped: `should_stop` said so.
        DataMissingError: The data set is nowhere.
        RecipeError: The recipe does not fit the data set, or PyTorch refuses a part of it.
    """
    begun = time.perf_counter()
    target = torch.device(device)
    prepare_process(target, threads)
    dataset = load_dataset(recipe.data.name, data_root)
    with own_code(code_root):
        run = set_up(recipe, dataset, seed=seed, device=target, code_root=code_root)
        return _trained(recipe, run, dataset, seed, target, begun, on_epoch, should_stop, resume)


def _trained(
    recipe: Recipe,
    run: Setup,
    dataset: Dataset,
    seed: int,
    target: torch.device,
    begun: float,
    on_epoch: OnEpoch | None,
    should_stop: Callable[[], bool],
    resume: Mapping[str, Any] | None,
) -> Outcome:
    """All epochs of a run that is set up, and the test of the selected weights."""
    model, optimizer, schedule, images = run.model, run.optimizer, run.schedule, run.training
    epochs = recipe.training.epochs
    progress = Progress(model, optimizer, schedule, keep_best=recipe.select == "best_val", started=begun)
    if resume is not None:
        progress.load_state_dict(resume)

    def check() -> None:
        if should_stop():
            raise Stopped(progress.epoch)

    def test() -> tuple[Measured, Predictions]:
        test_images, test_labels = dataset.test_images.to(target), dataset.test_labels.to(target)
        return evaluate(model, evaluation_batches(test_images, test_labels, run.normalize), check)

    for epoch in range(progress.epoch + 1, epochs + 1):
        started = time.perf_counter()
        seed_global_generators("global", seed, epoch)
        reseed_dropout(model, seed, epoch, target)
        trained, lr = train_one_epoch(model, images.epoch(epoch), optimizer, schedule, progress, check)
        trained_seconds = time.perf_counter() - started
        validated, oracle = None, {}
        if math.isfinite(trained.loss):
            if len(run.validation[0]) > 0:
                validated, _ = evaluate(model, evaluation_batches(*run.validation, run.normalize), check)
            schedule.after_epoch(validated.loss if validated else None)
            if recipe.training.oracle_curve:
                seen, _ = test()
                oracle = {"oracle_test_accuracy": seen.accuracy, "oracle_test_loss": seen.loss}
        progress.complete(epoch, validated.accuracy if validated else None)
        metrics = EpochMetrics(
            epoch=epoch,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            val_loss=validated.loss if validated else None,
            val_accuracy=validated.accuracy if validated else None,
            lr=lr,
            seconds=time.perf_counter() - started,
            images_per_second=images.count / trained_seconds,
            peak_memory_bytes=peak_memory_bytes(target),
            custom=oracle,
        )
        if on_epoch is not None:
            on_epoch(metrics, progress.state_dict)
        if not metrics.finite:
            raise Diverged(epoch, _divergence(metrics))

    progress.select()
    tested, predictions = test()
    return Outcome(
        selected_epoch=progress.selected_epoch,
        test_loss=tested.loss,
        test_accuracy=tested.accuracy,
        parameters=count_parameters(model),
        trainable_parameters=count_parameters(model, trainable=True),
        flops=run.flops,
        seconds=progress.seconds,
        fingerprints=fingerprints(recipe, model, run.normalize, progress.first_step_loss),
        predictions=predictions,
    )


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    progress: Progress,
    check: Callable[[], None],
) -> tuple[Measured, float]:
    """One pass over the training images.

    Sums stay on the device, so that a step waits for nothing; every `LOOK_EVERY` steps the loss is looked at, and an
    epoch whose loss is no longer finite ends there.

    Returns:
        Mean loss and accuracy of the images as they were trained on, each before its step; the last step's learning
        rate.
    """
    model.train()
    lr = schedule.lr
    loss_sum: Tensor | float = 0.0
    correct: Tensor | int = 0
    seen = 0
    for step, (images, labels) in enumerate(batches, start=1):
        check()
        try:
            logits = model(images)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise RecipeError(
                f"The network cannot train on a batch of shape {tuple(images.shape)}: {error}",
                cure="Take a larger `data.batch_size`, or no batch normalisation.",
            ) from error
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        lr = schedule.lr
        schedule.after_step()
        loss_sum = loss_sum + loss.detach().double() * len(labels)
        correct = correct + (logits.detach().argmax(dim=1) == labels).sum()
        seen += len(labels)
        if progress.first_step_loss is None:
            progress.first_step_loss = loss.item()
        if step % LOOK_EVERY == 0 and not math.isfinite(float(loss_sum)):
            break
    return Measured(loss=float(loss_sum) / seen, accuracy=int(correct) / seen), lr


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Batch], check: Callable[[], None]) -> tuple[Measured, Predictions]:
    """Loss and accuracy as means over the images, whatever the batches, and each image's prediction."""
    model.eval()
    losses, predicted, confidence, truth = [], [], [], []
    for images, labels in batches:
        check()
        logits = model(images)
        losses.append(F.cross_entropy(logits, labels, reduction="sum").double())
        best = F.softmax(logits, dim=1).max(dim=1)
        predicted.append(best.indices)
        confidence.append(best.values)
        truth.append(labels)
    classes = torch.cat(predicted).cpu().numpy()
    correct = classes == torch.cat(truth).cpu().numpy()
    predictions = Predictions(
        correct=np.packbits(correct).tobytes(),
        predicted=classes.astype("<u2").tobytes(),
        confidence=torch.cat(confidence).float().cpu().numpy().astype("<f2").tobytes(),
        count=len(classes),
    )
    loss = float(torch.stack(losses).sum()) / len(classes)
    return Measured(loss=loss, accuracy=int(correct.sum()) / len(classes)), predictions


def _divergence(metrics: EpochMetrics) -> str:
    which, value = (
        ("training", metrics.train_loss) if not math.isfinite(metrics.train_loss) else ("validation", metrics.val_loss)
    )
    return f"the {which} loss became {value} in epoch {metrics.epoch}"
