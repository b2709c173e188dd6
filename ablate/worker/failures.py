"""What the trainer reports of an exception: its kind, a line for tables, and a traceback of bounded length."""

from __future__ import annotations

import traceback
from typing import Any

import torch

from ablate import training
from ablate.errors import AblateError, DataMissingError
from ablate.protocol import FailureKind
from ablate.training.measure import peak_memory_bytes
from ablate.worker.messages import Broke, Train
from ablate.worker.wording import DETAILS_LENGTH, MESSAGE_LENGTH, as_written, shortened

#: Longest part of a traceback that one exception or one frame may take, characters; so that a chain stays visible.
PART_LENGTH = 8 * 1024


def broke(error: BaseException, order: Train) -> Broke:
    """The report of an attempt that ended with an exception, whoever raised it."""
    kind, message, facts = _told(error, order)
    details = "" if isinstance(error, AblateError) and error.__cause__ is None else _traceback(error)
    return Broke(
        attempt=order.attempt,
        kind=kind,
        message=shortened(message, MESSAGE_LENGTH),
        details=shortened(as_written(details, order.artifacts), DETAILS_LENGTH),
        facts=facts,
    )


def _told(error: BaseException, order: Train) -> tuple[FailureKind, str, dict[str, Any]]:
    if isinstance(error, SystemExit):
        code = "" if error.code is None else shortened(_safe(repr, error.code), MESSAGE_LENGTH // 2)
        return FailureKind.USER_ERROR, f"the code of job {order.job} called sys.exit({code})", {}
    if isinstance(error, KeyboardInterrupt):
        return FailureKind.USER_ERROR, f"the code of job {order.job} raised KeyboardInterrupt", {}
    if isinstance(error, DataMissingError):
        return FailureKind.DATA_MISSING, str(error), {}
    if isinstance(error, AblateError):
        return FailureKind.USER_ERROR, str(error), {}
    if isinstance(error, training.Killed):
        return FailureKind.KILLED, one_line(error), {}
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return _out_of_memory(error, order)
    accelerator_error = getattr(torch, "AcceleratorError", None)  # PyTorch >= 2.8
    if accelerator_error is not None and isinstance(error, accelerator_error):
        return FailureKind.CUDA_FAULT, one_line(error), {}
    return FailureKind.USER_ERROR, one_line(error), {}


def _out_of_memory(error: BaseException, order: Train) -> tuple[FailureKind, str, dict[str, Any]]:
    peak = peak_memory_bytes(torch.device(order.device.partition(",")[0]))
    batch = order.recipe.data.batch_size if order.recipe.data is not None else None
    told = "" if batch is None else f" with a batch size of {batch} and"
    message = f"out of memory{told or ' with'} {peak / 2**30:.2f} GiB in use: {one_line(error)}"
    return FailureKind.OUT_OF_MEMORY, message, {"peak_memory_bytes": peak, "batch_size": batch}


def one_line(error: BaseException) -> str:
    """Kind and first line of an exception."""
    first = _safe(str, error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


def _traceback(error: BaseException) -> str:
    """The traceback of an exception and of all that led to it."""
    parts = traceback.TracebackException.from_exception(error).format()
    return "".join(shortened(part, PART_LENGTH) for part in parts)


def _safe(told: type[str] | Any, value: object) -> str:  # noqa: ANN401 - `str` and `repr`
    """Text of a value of the user's own; what it raises instead is not our failure."""
    try:
        return str(told(value))
    except Exception as error:  # noqa: BLE001 - as above
        return f"({type(error).__name__} where its text should be)"
