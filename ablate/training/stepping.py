"""One optimizer step: forward, backward, update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ablate.training.batches import Batch
from ablate.training.failures import RecipeError
from ablate.training.setup import Setup, Stage


class Taken(NamedTuple):
    """What a step measured; tensors stay on the device."""

    #: Of the step's last batch, (B, classes).
    outputs: Tensor
    #: This process's part of the mean loss before the step, nats, a scalar; the mean itself where it is alone.
    loss: Tensor
    #: This process's part of the sum of the images' losses, float64, a scalar.
    summed: Tensor
    #: This process's images that were classified right, int64, a scalar.
    correct: Tensor
    #: Images of the step, on all devices together.
    images: int
    #: Whether the weights moved.
    moved: bool
    #: L2 norm of the gradient before it was clipped, a scalar; None where it is not kept.
    norm: Tensor | None


def take_step(run: Setup, stage: Stage, batches: Sequence[Batch]) -> Taken:
    """One optimizer step on the mean loss of some batches; most steps have one.

    Raises:
        RecipeError: Batch normalisation cannot train on so few images, or an operation is not deterministic.
    """
    stage.optimizer.zero_grad()
    try:
        if run.group.size == 1 and len(batches) == 1:
            outputs, loss, summed, correct = _whole(run, stage, batches[0])
        else:
            outputs, loss, summed, correct = _in_parts(run, stage, batches)
    except (ValueError, RuntimeError) as error:
        told = _in_words(error, batches)
        if told is None:
            raise
        raise told from error
    moved, norm = stage.update.step()
    if run.average is not None and moved:
        run.average.update()
    return Taken(outputs, loss, summed, correct, sum(batch.whole for batch in batches), moved, norm)


def _whole(run: Setup, stage: Stage, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of the mean loss of a batch that is here as a whole."""
    outputs = stage.forward(batch.images)
    loss = run.objective(outputs, batch)
    stage.update.backward(loss)
    mean = loss.detach()
    return outputs.detach(), mean, mean.double() * len(batch.labels), _correct(outputs, batch)


def _in_parts(run: Setup, stage: Stage, batches: Sequence[Batch]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of the mean loss of batches of which this process may have a part; they add up from batch to batch."""
    images = sum(batch.whole for batch in batches)
    weight = run.objective.weight_of(batches, run.group)
    losses, correct = [], []
    for number, batch in enumerate(batches, start=1):
        with run.group.averaging(stage.forward, number == len(batches)):
            outputs = stage.forward(batch.images)
            loss = run.objective(outputs, batch, reduction="sum")
            stage.update.backward(run.group.scaled(loss, weight))
        losses.append(loss.detach())
        correct.append(_correct(outputs, batch))
    total = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
    part = total / weight
    summed = part.double() * images if run.objective.weighted else total.double()
    return outputs.detach(), part, summed, torch.stack(correct).sum()


def _correct(outputs: Tensor, batch: Batch) -> Tensor:
    return (outputs.detach().argmax(dim=1) == batch.labels).sum()


def _in_words(error: Exception, batches: Sequence[Batch]) -> RecipeError | None:
    """What PyTorch's message means for a recipe; None where it is nothing that is known."""
    message = str(error)
    if "more than 1 value per channel" in message:
        return RecipeError(
            f"The network cannot train on a batch of shape {tuple(batches[-1].images.shape)}: {error}",
            cure="Take a larger `data.batch_size`, or no batch normalisation.",
        )
    if "does not have a deterministic implementation" in message:
        return RecipeError(
            f"`training.deterministic` does not allow an operation of this network: {message.partition(',')[0]}",
            cure="Replace that layer, or leave `deterministic` out.",
        )
    return None
