"""What becomes of a job whose attempt failed or was lost."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ablate.protocol import MAX_FRUITLESS_ATTEMPTS, FailureKind, JobState

#: Failures of one kind after which a job is tried once more. Want of memory is forgiven where others used some too.
FORGIVEN: Mapping[FailureKind, int] = MappingProxyType({FailureKind.OUT_OF_MEMORY: 1, FailureKind.CUDA_FAULT: 2})

LOST = f"its worker was lost {MAX_FRUITLESS_ATTEMPTS} times without a new epoch in between"


def after_failure(kind: FailureKind, *, of_this_kind: int, fruitless: int, shared: bool) -> JobState:
    """Whether a job is queued again after a failure, or fails.

    Args:
        kind: Why the attempt failed.
        of_this_kind: The job's failures of this kind, this one included.
        fruitless: The job's attempts since its last new epoch, this one included.
        shared: Whether another job ran on the same device during the attempt.
    """
    if kind is FailureKind.OUT_OF_MEMORY and not shared:
        return JobState.FAILED
    if kind is FailureKind.KILLED and fruitless < MAX_FRUITLESS_ATTEMPTS:
        return JobState.QUEUED
    return JobState.QUEUED if of_this_kind <= FORGIVEN.get(kind, 0) else JobState.FAILED
