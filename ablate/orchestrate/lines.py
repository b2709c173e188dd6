"""Where a study stands, in words: for plain lines, and for the cells of a live display."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ablate.orchestrate.progress import Progress
from ablate.store.records import RunningRecord

#: Least time between two plain lines, seconds.
PLAIN_SECONDS = 10.0
#: Running jobs that a line names.
LINE_JOBS = 4


def some(names: Sequence[str], most: int) -> str:
    """Names in a line: `a, b`; of more than `most` the first ones, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


class PlainLines:
    """A line each `PLAIN_SECONDS`, and one when the last job has ended.

    Args:
        write: Called with each line, which has no line end.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._written_at = time.monotonic()
        self._ended = False

    def show(self, now: Progress) -> None:
        """Write a line if it is time for one."""
        if self._ended or (time.monotonic() - self._written_at < PLAIN_SECONDS and now.left):
            return
        self._written_at, self._ended = time.monotonic(), now.left == 0
        self._write(line(now))


def line(now: Progress) -> str:
    """The study in one line: runs, what went wrong, time left, the first running jobs."""
    at_work = "; ".join(" ".join(running_cells(job)).strip() for job in now.running[:LINE_JOBS])
    text = f"{now.study}: {now.done}/{now.total} runs"
    text += f", {wrong}" if (wrong := trouble(now)) else ""
    return f"{text}, ETA {clock(now.eta_seconds)}{'; ' if at_work else ''}{at_work}"


def trouble(now: Progress) -> str:
    """How many jobs brought no value, by state; empty where all are well."""
    return ", ".join(f"{now.jobs[state]} {state}" for state in ("diverged", "failed", "cancelled") if now.jobs[state])


def running_cells(job: RunningRecord) -> tuple[str, str, str, str]:
    """A running job in four cells: variant, seed, epoch, last figure."""
    if job.val_accuracy is not None:
        figure = f"val accuracy {100 * job.val_accuracy:.1f} %"
    else:
        figure = "" if job.train_loss is None else f"train loss {job.train_loss:.3f}"
    of = "" if job.epochs_total is None else f"/{job.epochs_total}"
    return f"  {job.variant}", f"seed {job.seed}", f"epoch {job.epoch}{of}", figure


def clock(seconds: float | None) -> str:
    """Seconds as `1:02:03` or `2:03`; `-:--` when unknown."""
    if seconds is None:
        return "-:--"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
