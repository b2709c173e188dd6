"""How a training run can end without an outcome. Imports no PyTorch, so that anybody can catch these."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ablate.errors import AblateError


class RecipeError(AblateError):
    """A recipe that is valid by itself cannot be trained: it does not fit the data set, or PyTorch refuses it."""

    exit_code = 3


class ModelError(RecipeError):
    """A network cannot be built from its recipe, or does not fit the images."""


class Diverged(Exception):  # noqa: N818 - a finding, not an error
    """The loss became infinite or not a number. The epoch's metrics were reported before.

    Args:
        epoch: Epoch in which it was seen, counted from 1.
        message: What was seen, for people.
        execution: How it was computed, as in `Outcome`.
    """

    def __init__(self, epoch: int, message: str, execution: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.message = message
        self.execution = execution


class Killed(Exception):  # noqa: N818 - as its signal
    """A process that trained a part of the job was ended from outside, probably for want of memory."""


class Stopped(Exception):  # noqa: N818 - a wish that was granted, not an error
    """The caller asked the run to stop.

    Args:
        epoch: Last epoch that was completed and reported; 0 when none was.
    """

    def __init__(self, epoch: int) -> None:
        super().__init__(f"stopped after epoch {epoch}")
        self.epoch = epoch
