"""From gradients to weights: scaling for half precision, clipping, the optimizer's step."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm

from ablate.recipe import Training


class Updated(NamedTuple):
    """What became of a step's gradients."""

    #: Whether the weights moved: not where gradients scaled for half precision became infinite.
    moved: bool
    #: L2 norm of the gradient of all parameters together before it was clipped, a scalar; None where it is not kept.
    norm: Tensor | None


def single_precision(value: float) -> float:
    """The nearest number of single precision; beyond its range infinity."""
    return ctypes.c_float(value).value


class Update:
    """The updates of a phase.

    Args:
        optimizer: Of the phase.
        training: The `training` table of the recipe.
        device: Where the run is.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, training: Training, device: torch.device) -> None:
        self._optimizer = optimizer
        self._largest_norm = training.clip_grad_norm
        self._largest_value = training.clip_grad_value
        self._keeps_norm = training.keeps_grad_norm
        self._rounds = device.type == "cuda"
        self._scaler = GradScaler(device.type) if training.precision == "float16" else None

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradients to those that are there."""
        scaled = loss if self._scaler is None else self._scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def step(self) -> Updated:
        """Move the weights by the gradients; nothing waits for the device, unless gradients are scaled."""
        if self._scaler is None:
            norm = self._clipped()
            with self._rounded_rates():
                self._optimizer.step()
            return Updated(moved=True, norm=norm)
        self._scaler.unscale_(self._optimizer)
        norm = self._clipped()
        scale = self._scaler.get_scale()
        with self._rounded_rates():
            self._scaler.step(self._optimizer)
        self._scaler.update()
        return Updated(moved=self._scaler.get_scale() >= scale, norm=norm)

    def state_dict(self) -> dict[str, Any]:
        """The scale of the gradients, as plain values; empty where they are not scaled."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        if self._scaler is not None:
            self._scaler.load_state_dict(state)

    @contextmanager
    def _rounded_rates(self) -> Iterator[None]:
        """Let a GPU step at learning rates of single precision, schedules go on with what they have.

        A recorded step reads its rate from the device, where kernels take one of single precision; a step that is not
        recorded must give the same bits.
        """
        groups = self._optimizer.param_groups if self._rounds else ()
        rates = [group["lr"] for group in groups]
        for group, rate in zip(groups, rates, strict=True):
            if not isinstance(rate, Tensor):
                group["lr"] = single_precision(rate)
        try:
            yield
        finally:
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate

    def _clipped(self) -> Tensor | None:
        """Clip the gradients as the recipe says, first their norm; the norm that they had where it is kept."""
        if not self._keeps_norm and self._largest_value is None:
            return None
        parameters = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        norm = None
        if self._largest_norm is not None:
            norm = clip_grad_norm_(parameters, self._largest_norm)
        elif self._keeps_norm:
            norm = get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
        if self._largest_value is not None:
            clip_grad_value_(parameters, self._largest_value)
        return norm
