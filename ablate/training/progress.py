"""How far a run is: all that a checkpoint holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ablate.training.optim import Schedule


class Progress:
    """Network, optimizer and schedule of a run together with its best weights so far.

    There is no random state in it: every stream starts anew from (seed, epoch).

    Args:
        model: The network in training.
        optimizer: Its optimizer.
        schedule: Its learning-rate schedule.
        keep_best: Select the epoch with the best validation accuracy; else the last.
        started: When the run began, by `time.perf_counter`.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        *,
        keep_best: bool,
        started: float,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._schedule = schedule
        self._keep_best = keep_best
        self._best_weights: dict[str, Tensor] | None = None
        self._best_value = float("-inf")
        self._started = started
        #: Last completed epoch, counted from 1.
        self.epoch = 0
        #: Epoch whose weights are selected so far.
        self.selected_epoch = 0
        #: Loss of the very first batch before any step, nats; None before it.
        self.first_step_loss: float | None = None

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, earlier attempts included, seconds."""
        return time.perf_counter() - self._started

    def complete(self, epoch: int, val_accuracy: float | None) -> None:
        """Note a completed epoch; its weights are copied when they are the best so far (a tie keeps the earlier)."""
        self.epoch = epoch
        if not self._keep_best:
            self.selected_epoch = epoch
        elif val_accuracy is not None and val_accuracy > self._best_value:
            self.selected_epoch, self._best_value = epoch, val_accuracy
            self._best_weights = {name: value.detach().clone() for name, value in self._model.state_dict().items()}

    def select(self) -> None:
        """Put the selected weights into the network."""
        if self._best_weights is not None:
            self._model.load_state_dict(self._best_weights)

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint: copies on the CPU, tensors and plain values only."""
        state: dict[str, Any] = _copied(
            {
                "model": dict(self._model.state_dict()),
                "optimizer": self._optimizer.state_dict(),
                "scheduler": self._schedule.state_dict(),
                "best_weights": self._best_weights,
                "best_value": self._best_value,
                "selected_epoch": self.selected_epoch,
                "epoch": self.epoch,
                "first_step_loss": self.first_step_loss,
                "seconds": self.seconds,
            }
        )
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["scheduler"])
        self._best_weights = state["best_weights"]
        self._best_value = state["best_value"]
        self.selected_epoch = state["selected_epoch"]
        self.epoch = state["epoch"]
        self.first_step_loss = state["first_step_loss"]
        self._started -= state["seconds"]


def _copied(value: Any) -> Any:  # noqa: ANN401 - state dicts are trees of anything
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()} if type(value) is dict else value.copy()
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value
