"""How far a run is: all that a checkpoint holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ablate.recipe import EarlyStopping
from ablate.training.average import Average
from ablate.training.evaluate import Measured
from ablate.training.setup import Stage

#: Raised when what a checkpoint holds changes, so that older ones are not read.
FORMAT = 2

Select = Literal["best_val", "best_val_loss", "last"]


class Progress:
    """Network, optimizer and schedule of a run together with its best weights so far.

    There is no random state in it: every stream starts anew from (seed, epoch).

    Args:
        model: The network in training.
        average: Follows its weights; then the averaged ones are selected. None where there is no average.
        select: Which epoch's weights to keep.
        stopping: When a phase ends early; None means never.
        started: When the run began, by `time.perf_counter`.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        average: Average | None = None,
        select: Select,
        stopping: EarlyStopping | None,
        started: float,
    ) -> None:
        self._model = model
        self._average = average
        #: The network whose weights are selected.
        self._judged = model if average is None else average.network
        self._select = select
        self._stopping = stopping
        self._best_weights: dict[str, Tensor] | None = None
        self._best_value = float("-inf")
        self._started = started
        #: What early stopping has seen in this phase: the best value (more is better), and the epochs since.
        self._hoped = float("-inf")
        self._waited = 0
        #: Number of the phase, counted from 0.
        self.phase = 0
        #: Completed epochs of the phase.
        self.phase_epoch = 0
        #: Last completed epoch, counted from 1.
        self.epoch = 0
        #: Completed optimizer steps.
        self.steps = 0
        #: Epoch whose weights are selected so far.
        self.selected_epoch = 0
        #: Loss of the very first batch before any step, nats; None before it.
        self.first_step_loss: float | None = None

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, earlier attempts included, seconds."""
        return time.perf_counter() - self._started

    def leave_out(self, seconds: float) -> None:
        """Do not count some of the time that has passed: other runs had it."""
        self._started += seconds

    @property
    def exhausted(self) -> bool:
        """Whether the phase has waited for an improvement as long as early stopping allows."""
        return self._stopping is not None and self._waited >= self._stopping.patience

    def complete(self, validated: Measured | None) -> None:
        """Note a completed epoch; its weights are copied when they are the best so far (a tie keeps the earlier)."""
        self.epoch += 1
        self.phase_epoch += 1
        if self._select == "last":
            self.selected_epoch = self.epoch
        elif validated is not None:
            value = validated.accuracy if self._select == "best_val" else -validated.loss
            if value > self._best_value:
                self.selected_epoch, self._best_value = self.epoch, value
                self._best_weights = {name: value.detach().clone() for name, value in self._judged.state_dict().items()}
        if self._stopping is not None and validated is not None:
            value = validated.accuracy if self._stopping.metric == "val_accuracy" else -validated.loss
            improved = value > self._hoped + self._stopping.min_delta
            self._hoped, self._waited = (value, 0) if improved else (self._hoped, self._waited + 1)

    def next_phase(self) -> None:
        """Begin the next phase; early stopping forgets what it has seen."""
        self.phase += 1
        self.phase_epoch = 0
        self._hoped, self._waited = float("-inf"), 0

    def select(self) -> None:
        """Put the selected weights into the network."""
        if self._best_weights is not None:
            self._judged.load_state_dict(self._best_weights)

    def state_dict(self, stage: Stage) -> dict[str, Any]:
        """A checkpoint: copies on the CPU, tensors and plain values only.

        Args:
            stage: The phase that is being trained.
        """
        state: dict[str, Any] = _copied(
            {
                "format": FORMAT,
                "model": dict(self._model.state_dict()),
                "optimizer": stage.optimizer.state_dict(),
                "scheduler": stage.schedule.state_dict(),
                "update": stage.update.state_dict(),
                "average": None if self._average is None else self._average.state_dict(),
                "best_weights": self._best_weights,
                "best_value": self._best_value,
                "hoped": self._hoped,
                "waited": self._waited,
                "phase": self.phase,
                "phase_epoch": self.phase_epoch,
                "epoch": self.epoch,
                "steps": self.steps,
                "selected_epoch": self.selected_epoch,
                "first_step_loss": self.first_step_loss,
                "seconds": self.seconds,
            }
        )
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; the phase's own part is loaded by `resumed`."""
        self._model.load_state_dict(state["model"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self._best_weights = state["best_weights"]
        self._best_value = state["best_value"]
        self._hoped = state["hoped"]
        self._waited = state["waited"]
        self.phase = state["phase"]
        self.phase_epoch = state["phase_epoch"]
        self.epoch = state["epoch"]
        self.steps = state["steps"]
        self.selected_epoch = state["selected_epoch"]
        self.first_step_loss = state["first_step_loss"]
        self._started -= state["seconds"]


def resumed(stage: Stage, state: Mapping[str, Any]) -> None:
    """Put the optimizer and the schedule of a phase where a checkpoint was taken."""
    stage.optimizer.load_state_dict(state["optimizer"])
    for (
        parameter,
        values,
    ) in stage.optimizer.state.items():  # updates of all numbers at once go by their order in memory
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                values[key] = torch.empty_like(parameter).copy_(value)
    stage.schedule.load_state_dict(state["scheduler"])
    stage.update.load_state_dict(state.get("update", {}))  # older checkpoints have none, and need none


def _copied(value: Any) -> Any:  # noqa: ANN401 - state dicts are trees of anything
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()} if type(value) is dict else value.copy()
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value
