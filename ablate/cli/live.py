"""How a run looks while it goes on: a bar and a line for each worker, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablate.orchestrate.lines import PlainLines, clock, computed, rates, running_cells, trouble
from ablate.orchestrate.progress import Progress

if TYPE_CHECKING:
    from ablate.launch.run import View


@contextmanager
def live_view(*, plain: bool) -> Iterator[View]:
    """Draws in place on a terminal and prints lines elsewhere."""
    from ablate.launch.run import View  # more than `ablate status`, which only draws, has to load

    console = Console(stderr=True, highlight=False)
    if plain or not console.is_terminal:
        yield View(show=PlainLines(_write).show, say=lambda text: console.print(text, markup=False))
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield View(
            show=lambda now: live.update(picture(now)),
            say=lambda text: live.console.print(text, markup=False),
        )


def picture(now: Progress) -> Group:
    """The study's bar, how fast it goes, and one line for each running job."""
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text(now.study, style="bold"),
        ProgressBar(total=max(now.total, 1), completed=now.done, width=32),
        Text(f"{now.done}/{now.total} runs"),
        Text(f"ETA {clock(now.eta_seconds)}", style="cyan"),
        Text(f", {wrong}" if (wrong := trouble(now)) else "", style="red"),
    )
    lines = Table.grid(padding=(0, 2))
    for job in now.running:
        lines.add_row(*map(Text, running_cells(job)))
    fast = "; ".join(text for text in (rates(now.throughput), computed(now.throughput)) if text)
    return Group(bar, *([Text(f"  {fast}", style="dim")] if fast else []), lines)


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
