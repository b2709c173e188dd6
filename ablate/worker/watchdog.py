"""Notices a trainer that makes no progress, apart from beats: those tell only that the supervisor is alive."""

from __future__ import annotations

from ablate.protocol import BEAT_SECONDS

#: Time without a sign of life after which a trainer counts as stalled, seconds. A batch, a checkpoint, or the test of
#: a user's own may take long.
STALL_SECONDS = 1800.0
#: Least time that a trainer has until its first batch, seconds: it imports PyTorch, loads and decodes a data set, and
#: builds a network.
START_SECONDS = 600.0
#: Longest time between two looks of a supervisor that is not itself being held up, seconds.
LOOK_SECONDS = 2 * BEAT_SECONDS


class Watchdog:
    """Watches one attempt; all times are those of one clock that never goes back, seconds.

    Args:
        limit: Time without a sign of life after which the trainer counts as stalled; None for never.
        now: When the trainer got its order.
    """

    def __init__(self, limit: float | None, now: float) -> None:
        self._limit = float("inf") if limit is None else limit
        self._looked = now
        #: When the trainer will count as stalled.
        self.due = now + max(self._limit, START_SECONDS)

    def sign(self, now: float) -> None:
        """The trainer showed a sign of life."""
        self.due = now + self._limit

    def barks(self, now: float) -> bool:
        """Whether the trainer has stalled. Time in which nobody looked is not held against it.

        A machine that was asleep or a supervisor that was stopped looks late; the trainer was likely stopped too.
        """
        held_up = now - self._looked - LOOK_SECONDS
        self._looked = now
        if held_up > 0:
            self.due += held_up
        return now >= self.due
