"""What a network makes of images that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ablate.metrics import Labelling, Predictions
from ablate.training.batches import Batch, EvaluationImages
from ablate.training.data import Unlabelled
from ablate.training.losses import Loss
from ablate.training.own_loss import CalledMetrics


class Measured(NamedTuple):
    """Loss and accuracy over some images."""

    #: Mean over the images, nats.
    loss: float
    #: Share classified right.
    accuracy: float


class Judged(NamedTuple):
    """What a network says of each image, in their order."""

    #: Sum of the losses, nats.
    loss: float
    #: Predicted class, int64 (N,).
    classes: Tensor
    #: Probability of that class, float32 (N,).
    confidence: Tensor
    #: True class, int64 (N,).
    truth: Tensor
    #: What the network gave, float32 (N, classes); None where nobody asked for it.
    outputs: Tensor | None


@torch.no_grad()
def judge(
    model: nn.Module, batches: Iterable[Batch], loss: Loss, check: Callable[[], None], *, keep: bool = False
) -> Judged:
    """Show images to a network in evaluation mode; results on the CPU.

    Args:
        model: The network; its mode is restored afterwards.
        batches: The images.
        loss: The loss of the recipe.
        check: Called before each batch; raises to stop.
        keep: Keep all outputs.
    """
    losses, predicted, confidence, truth, kept = [], [], [], [], []
    with _evaluating(model):
        for batch in batches:
            check()
            outputs = model(batch.images)
            losses.append(loss(outputs, batch.labels, reduction="sum").double())
            best = loss.probabilities(outputs).max(dim=1)
            predicted.append(best.indices)
            confidence.append(best.values)
            truth.append(batch.labels)
            if keep:
                kept.append(outputs.float())
    return Judged(
        loss=float(torch.stack(losses).sum()),
        classes=torch.cat(predicted).cpu(),
        confidence=torch.cat(confidence).float().cpu(),
        truth=torch.cat(truth).cpu(),
        outputs=torch.cat(kept).cpu() if keep else None,
    )


def evaluate(
    model: nn.Module,
    images: EvaluationImages,
    loss: Loss,
    check: Callable[[], None],
    metrics: CalledMetrics | None = None,
    prefix: str = "",
    classes: Sequence[str] = (),
) -> tuple[Measured, Predictions, Mapping[str, float]]:
    """Loss and accuracy as means over the images, whatever the batches, and each image's prediction.

    Args:
        model: The network; its mode is restored afterwards.
        images: The images.
        loss: The loss of the recipe.
        check: Called before each batch; raises to stop.
        metrics: Metrics of the user's own, which come third.
        prefix: Begins the names of these.
        classes: Names of the classes, which the predictions keep beside the true ones.
    """
    said = judge(model, images, loss, check, keep=bool(metrics))
    own: Mapping[str, float] = {}
    if metrics and said.outputs is not None:
        own = metrics.measure(said.outputs, loss.probabilities(said.outputs), said.truth, prefix)
    correct = (said.classes == said.truth).numpy()
    predictions = Predictions(
        correct=np.packbits(correct).tobytes(),
        predicted=said.classes.numpy().astype("<u2").tobytes(),
        confidence=said.confidence.numpy().astype("<f2").tobytes(),
        count=len(correct),
        labels=said.truth.numpy().astype("<u2").tobytes(),
        classes=tuple(classes),
    )
    measured = Measured(loss=said.loss / len(correct), accuracy=int(correct.sum()) / len(correct))
    return measured, predictions, own


def label(
    model: nn.Module,
    images: EvaluationImages,
    unlabelled: Unlabelled,
    classes: Sequence[str],
    loss: Loss,
    check: Callable[[], None],
) -> Labelling:
    """The class of each image that nobody has labelled.

    Args:
        model: The network with its selected weights.
        images: The unlabelled images, under labels that mean nothing.
        unlabelled: Their files.
        classes: Names of the classes.
        loss: The loss of the recipe.
        check: Called before each batch; raises to stop.
    """
    said = judge(model, images, loss, check)
    return Labelling(
        files=unlabelled.files,
        classes=tuple(classes[number] for number in said.classes.tolist()),
        confidence=tuple(said.confidence.tolist()),
    )


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode while this lasts; each module's own mode afterwards (frozen normalisations stay as they were)."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
