"""One place of a pack: the run that has it, and how its single row is stepped and saved."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import Recipe
from ablate.training.context import OnReport
from ablate.training.ending import ended
from ablate.training.epoch import mean_of_finite
from ablate.training.evaluate import Measured
from ablate.training.execution import execution
from ablate.training.failures import RecipeError
from ablate.training.fused.network import Network, Slot
from ablate.training.measure import peak_memory_bytes
from ablate.training.progress import FORMAT, Progress, resumed
from ablate.training.setup import Setup
from ablate.training.weights import Keeping


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One job of a pack."""

    #: How the caller knows it.
    number: int
    recipe: Recipe
    #: Seed index.
    seed: int
    #: Called after each epoch with its metrics and a function that makes a checkpoint, as by `train`.
    on_epoch: OnReport
    #: A checkpoint to go on from, of a lone run or of a member of a pack.
    resume: Mapping[str, Any] | None = None
    #: Which final weights are written, and where; None means none.
    keeping: Keeping | None = None


class Place:
    """A member that is being trained, in its place among the networks of its pack.

    Everything but the forward and the backward pass is that of a lone run. The optimizer is PyTorch's own, over the row
    of weights as one parameter: what it does to each number does not depend on how they are cut into parameters.

    Args:
        member: The job.
        run: Its network and images.
        network: All networks of the pack.
        number: Its place among them.
    """

    def __init__(self, member: Member, run: Setup, network: Network, number: int) -> None:
        self.member, self.run, self.number = member, run, number
        self._network, self._layout = network, network.layout
        network.place(number, run.model)
        self._row = nn.Parameter(network.rows[number])
        phase = run.recipe.training.parts[0]
        self._stage = run.stage(phase, [self._row])
        self._epochs = phase.epochs
        self.progress = Progress(
            run.model,
            average=run.average,
            select=run.recipe.select,
            stopping=run.recipe.training.early_stopping,
            started=time.perf_counter(),
        )
        if member.resume is not None and member.resume.get("format") == FORMAT:
            self.progress.load_state_dict(member.resume)
            resumed(self._stage, {**member.resume, "optimizer": _joined(member.resume["optimizer"], self._layout)})
        self._norms: list[Tensor] = []
        self._lr = self._stage.schedule.lr

    @property
    def computed(self) -> Mapping[str, Any]:
        """How it is computed, for its provenance."""
        return execution(self.run, tier="fused", k=self._network.size)

    @property
    def last_epoch(self) -> bool:
        """Whether no epoch follows the one that is trained now, as far as can be known."""
        return self.progress.phase_epoch + 1 >= self._epochs

    @property
    def over(self) -> bool:
        """Whether all epochs are done."""
        return self.progress.phase_epoch >= self._epochs or self.progress.exhausted

    def begin_epoch(self) -> None:
        """Start the random streams of the next epoch."""
        self._network.reseed(self.number, self.run.seed, self.progress.epoch + 1)
        self._norms = []

    def step(self, gradient: Tensor) -> None:
        """Move the weights by a gradient of the mean loss, (P,)."""
        stage = self._stage
        self._row.grad = gradient
        _, norm = stage.update.step()
        if norm is not None:
            self._norms.append(norm)
        if self.run.average is not None:
            self.run.average.update()
        self._lr = stage.schedule.lr
        stage.schedule.after_step()
        self.progress.steps += 1

    def complete(
        self,
        trained: Measured,
        validated: Measured | None,
        custom: Mapping[str, float],
        *,
        trained_seconds: float,
        seconds: float,
        share: float,
    ) -> EpochMetrics:
        """Note an epoch that is over, and report it.

        Args:
            trained: Of the training images.
            validated: Of the validation images; None where there are none, or the loss is no number.
            custom: Further values by name.
            trained_seconds: Wall time of the steps.
            seconds: Wall time of the epoch.
            share: Part of that time which counts for this member.
        """
        progress, run = self.progress, self.run
        if math.isfinite(trained.loss):
            self._stage.schedule.after_epoch(validated.loss if validated else None)
        progress.complete(validated)
        progress.leave_out(seconds * (1 - share))
        if self._norms:
            custom = {**custom, "grad_norm": mean_of_finite(torch.stack(self._norms))}
        metrics = EpochMetrics(
            epoch=progress.epoch,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            val_loss=validated.loss if validated else None,
            val_accuracy=validated.accuracy if validated else None,
            lr=self._lr,
            seconds=seconds * share,
            images_per_second=run.training.count / trained_seconds,
            peak_memory_bytes=peak_memory_bytes(run.device),
            custom=custom,
        )
        self.member.on_epoch(metrics, self._checkpoint)
        return metrics

    def end(self, check: Callable[[], None]) -> Outcome:
        """Test the selected weights, and keep what is to be kept."""
        self.progress.next_phase()
        return ended(self.run, self.progress, check, computed=self.computed, keeping=self.member.keeping)

    def _checkpoint(self) -> dict[str, Any]:
        """As that of a lone run, which can go on from it."""
        state = self.progress.state_dict(self._stage)
        return {**state, "optimizer": _cut(state["optimizer"], self._layout)}


def _cut(state: Mapping[str, Any], layout: tuple[Slot, ...]) -> dict[str, Any]:
    """An optimizer's state for one row as that for the parameters in it."""
    (row,) = state["state"].values() if state["state"] else ({},)
    parts = {
        number: {
            key: value[slot.start : slot.stop].reshape(slot.shape) if _is_row(value, layout) else copy.deepcopy(value)
            for key, value in row.items()  # copied: a counter that parameters shared would count each step many times
        }
        for number, slot in enumerate(layout)
    }
    (group,) = state["param_groups"]
    return {"state": parts if row else {}, "param_groups": [{**group, "params": list(range(len(layout)))}]}


def _joined(state: Mapping[str, Any], layout: tuple[Slot, ...]) -> dict[str, Any]:
    """An optimizer's state for the parameters as that for the row that they make.

    Raises:
        RecipeError: The state is not that of one group of these parameters.
    """
    if len(state["param_groups"]) != 1 or len(state["state"]) not in (0, len(layout)):
        raise RecipeError("the checkpoint is of an optimizer with other parameters")
    parts = [state["state"][number] for number in sorted(state["state"])]
    row = {
        key: torch.cat([part[key].reshape(-1) for part in parts]) if _is_part(value, layout[0]) else value
        for key, value in (parts[0] if parts else {}).items()
    }
    (group,) = state["param_groups"]
    return {"state": {0: row} if parts else {}, "param_groups": [{**group, "params": [0]}]}


def _is_row(value: object, layout: tuple[Slot, ...]) -> bool:
    """Whether it holds a number for each weight; counters of steps do not."""
    return isinstance(value, Tensor) and value.ndim == 1 and len(value) == layout[-1].stop


def _is_part(value: object, slot: Slot) -> bool:
    return isinstance(value, Tensor) and value.shape == slot.shape
