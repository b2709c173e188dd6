"""Where a study stands, in words: for plain lines, and for the cells of a live display."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from ablate.orchestrate.progress import Progress
from ablate.orchestrate.throughput import Throughput
from ablate.store.records import RunningRecord
from ablate.store.ways import Way

#: Least time between two plain lines, seconds.
PLAIN_SECONDS = 10.0
#: Running jobs that a line names.
LINE_JOBS = 4
#: Ways to compute that it names.
LINE_WAYS = 2


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
    text += f", ETA {clock(now.eta_seconds)}"
    text += f", {fast}" if (fast := rates(now.throughput)) else ""
    return f"{text}{'; ' if at_work else ''}{at_work}"


def rates(of: Throughput) -> str:
    """How fast a study goes, as `412 runs/h, 15,300 images/s`; empty where nothing is known."""
    known = ((of.runs_per_hour, "runs/h"), (of.images_per_second, "images/s"))
    return ", ".join(f"{_rounded(value)} {unit}" for value, unit in known if value is not None)


def computed(of: Throughput) -> str:
    """How runs are computed, with their numbers where that differs; empty where nothing is known.

    Packs of several sizes, which most studies have, are told as one: `fused x3 to x7`.
    """
    sizes: dict[Way, Counter[int]] = {}
    for way, jobs in of.computed:
        sizes.setdefault(replace(way, k=1), Counter())[way.k] += jobs
    texts = []
    for way, found in sizes.items():
        text = way.told(found)
        texts.append(text if len(sizes) == 1 else f"{text} ({found.total()} runs)")
    return "; ".join(texts[:LINE_WAYS]) + (f"; {others} more" if (others := len(texts) - LINE_WAYS) > 0 else "")


def _rounded(value: float) -> str:
    """Three digits, as far as they are of a number of things."""
    return f"{value:.2g}" if value < 10 else f"{float(f'{value:.3g}'):,.0f}"


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
