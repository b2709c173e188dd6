"""How downloading and decoding look: one bar at a time on a terminal, a line for each task elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ablate.training.data.progress import Progress

#: A line says that a task begins where it has as many steps or nobody knows how many; others end before it is read.
LINE_STEPS = 1000


@contextmanager
def data_progress(*, plain: bool = False) -> Iterator[Progress]:
    """Tells on standard error what is done to data sets; silent where nothing is."""
    console = Console(stderr=True, highlight=False)
    drawn = console.is_terminal and not plain
    bars = _Bars(console, drawn=drawn)
    try:
        yield Progress(tell=bars.tell, remark=bars.remark, draw_downloads=drawn)
    finally:
        bars.stop()


class _Bars:
    """One task after the other."""

    def __init__(self, console: Console, *, drawn: bool) -> None:
        self._console = console
        self._drawn = drawn
        self._task = ""
        self._bar: Bar | None = None
        self._remarks: set[str] = set()

    def tell(self, task: str, done: int, total: int) -> None:
        """A new task replaces the one before; one of unknown length is a line, so that torchvision may draw below."""
        if task != self._task:
            self.stop()
            self._task = task
            if self._drawn and total:
                columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
                self._bar = Bar(*columns, console=self._console, transient=True)
                self._bar.add_task(task, total=total)
                self._bar.start()
            elif not total or total >= LINE_STEPS:
                self._console.print(f"{task} ({total:,})" if total else task, markup=False)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)

    def remark(self, text: str) -> None:
        """A line that stays; the same one is printed once."""
        if text not in self._remarks:
            self._remarks.add(text)
            self._console.print(text, markup=False, soft_wrap=True)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._task = None, ""
