"""The processes that train one job together, each on a device of its own; most jobs have one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_NOTHING = nullcontext()


class Group:
    """A job alone on its device. `distributed.Ranks` is the same for several."""

    #: Number of this process, counted from 0; the first one evaluates and reports.
    rank = 0
    #: Number of processes.
    size = 1

    def share(self, whole: int) -> slice:
        """Which images of a batch are this process's: contiguous parts whose sizes differ by at most one."""
        return slice(self.rank * whole // self.size, (self.rank + 1) * whole // self.size)

    def places(self, starts: Sequence[int], shares: Sequence[slice]) -> npt.NDArray[np.int64]:
        """The places of this process's images in an epoch's order.

        Args:
            starts: Where each batch begins in the order.
            shares: This process's part of each batch.
        """
        return np.concatenate(
            [np.arange(start + part.start, start + part.stop) for start, part in zip(starts, shares, strict=True)]
        )

    def stream(self, name: str) -> str:
        """The name of a random stream whose draws must differ from process to process."""
        return name if self.rank == 0 else f"{name}/rank{self.rank}"

    def parallel(self, model: nn.Module) -> nn.Module:
        """The network whose gradients are averaged over the processes."""
        return model

    def averaging(self, model: nn.Module, now: bool) -> AbstractContextManager[object]:
        """Forward and backward passes within it average the gradients over the processes, or add up one's own.

        Args:
            model: What `parallel` gave.
            now: Average, those that were added up as well.
        """
        return _NOTHING

    def scaled(self, loss_sum: Tensor, whole: Tensor | int) -> Tensor:
        """The loss to differentiate, so that the averaged gradient is that of the whole batch's mean loss.

        Args:
            loss_sum: Sum of the losses of this process's images.
            whole: Images of the batch on all processes together; or their weight, a scalar.
        """
        return loss_sum * (self.size / whole)

    def total(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        return values

    def told(self, values: Sequence[float] | None) -> Sequence[float]:
        """What the first process says, known to all; the others pass None."""
        if values is None:
            raise ValueError("the first process of a group has something to say")
        return values

    def finite(self, loss_sum: Tensor) -> bool:
        """Whether a sum of losses is still a number on every process."""
        return bool(torch.isfinite(self.total(loss_sum)))


#: The group of a job that has one device.
ALONE = Group()
