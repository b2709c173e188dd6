"""How a run looks while it goes on: a bar and a line for each worker, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablate.orchestrate.progress import Progress
from ablate.store.records import RunningRecord

#: Least time between two plain lines, seconds.
PLAIN_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class View:
    """What a run shows of itself."""

    #: Call with each new state of the study.
    show: Callable[[Progress], None]
    #: Call with a sentence for the user.
    say: Callable[[str], None]


@contextmanager
def live_view(*, plain: bool) -> Iterator[View]:
    """Draws in place on a terminal and prints lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    if plain or not console.is_terminal:
        yield View(show=_plain_lines(), say=lambda text: console.print(text, markup=False))
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield View(
            show=lambda now: live.update(picture(now)),
            say=lambda text: live.console.print(text, markup=False),
        )


def picture(now: Progress) -> Group:
    """The study's bar above one line for each running job."""
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text(now.study, style="bold"),
        ProgressBar(total=max(now.total, 1), completed=now.done, width=32),
        Text(f"{now.done}/{now.total} runs"),
        Text(f"ETA {clock(now.eta_seconds)}", style="cyan"),
        Text(_trouble(now), style="red"),
    )
    lines = Table.grid(padding=(0, 2))
    for job in now.running:
        lines.add_row(*map(Text, running_cells(job)))
    return Group(bar, lines)


def running_cells(job: RunningRecord) -> tuple[str, str, str, str]:
    """A running job in four cells: variant, seed, epoch, last figure."""
    if job.val_accuracy is not None:
        figure = f"val accuracy {100 * job.val_accuracy:.1f} %"
    else:
        figure = "" if job.train_loss is None else f"train loss {job.train_loss:.3f}"
    return f"  {job.variant}", f"seed {job.seed}", f"epoch {job.epoch}/{job.epochs_total}", figure


def clock(seconds: float | None) -> str:
    """Seconds as `1:02:03` or `2:03`; `-:--` when unknown."""
    if seconds is None:
        return "-:--"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _plain_lines() -> Callable[[Progress], None]:
    printed_at, printed_done = float("-inf"), -1

    def show(now: Progress) -> None:
        nonlocal printed_at, printed_done
        ended = now.left == 0
        if now.done == printed_done or (time.monotonic() - printed_at < PLAIN_SECONDS and not ended):
            return
        printed_at, printed_done = time.monotonic(), now.done
        line = f"{now.study}: {now.done}/{now.total} runs, {len(now.running)} running, ETA {clock(now.eta_seconds)}"
        sys.stderr.write(f"{line}{_trouble(now)}\n")
        sys.stderr.flush()

    return show


def _trouble(now: Progress) -> str:
    told = [f"{now.jobs[state]} {state}" for state in ("diverged", "failed", "cancelled") if now.jobs[state]]
    return f", {', '.join(told)}" if told else ""
