"""How a run that Python asked for is shown: one line that changes in a notebook, plain lines elsewhere."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from ablate.launch.run import Audience, View
from ablate.orchestrate.lines import PlainLines, line
from ablate.orchestrate.progress import Progress
from ablate.training.data.progress import Progress as DataProgress

#: What a person should read whether or not anything is shown.
_log = logging.getLogger("ablate")


def audience(progress: bool | Callable[[Progress], None] | None) -> Audience:
    """Who hears of a run.

    Args:
        progress: True: lines; False: nobody; None: lines in a notebook and at a terminal; a function: itself, with each
            new state of the study.
    """
    remark = _once()
    if callable(progress) or progress is False or (progress is None and not _watched()):
        view = View(show=progress) if callable(progress) else View()
        quiet = DataProgress(remark=remark)
        return Audience(warn=remark, data=lambda: nullcontext(quiet), live=lambda: nullcontext(view))
    if _notebook():
        changing = _Changing()
        view = View(show=lambda now: changing.show(line(now)), say=print)
        told = DataProgress(tell=changing.tell, remark=remark)
        return Audience(say=print, warn=remark, data=lambda: nullcontext(told), live=lambda: nullcontext(view))
    view = View(show=PlainLines(_write).show, say=_write)
    told = DataProgress(tell=_tasks(), remark=remark)
    return Audience(say=_write, warn=remark, data=lambda: nullcontext(told), live=lambda: nullcontext(view))


def _tasks() -> Callable[[str, int, int], None]:
    """Writes a line when a task begins."""
    begun: set[str] = set()

    def tell(task: str, _done: int, total: int) -> None:
        if task not in begun:
            begun.add(task)
            _write(f"{task} ({total:,})" if total else task)

    return tell


def _once() -> Callable[[str], None]:
    """Warns of each thing once."""
    told: set[str] = set()

    def remark(text: str) -> None:
        if text not in told:
            told.add(text)
            _log.warning("%s", text)

    return remark


def _watched() -> bool:
    """Whether somebody sees what is written."""
    return _notebook() or sys.stderr.isatty()


def _notebook() -> bool:
    """Whether this process is the kernel of a notebook: IPython would be loaded then, and knows its kernel."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class _Changing:
    """One line in a notebook's output that is replaced by the next."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._shown = ""

    def tell(self, task: str, done: int, total: int) -> None:
        """Show how far a task is; its whole is 0 where nobody knows it."""
        self.show(f"{task}: {done:,} of {total:,}" if total else task)

    def show(self, text: str) -> None:
        """Show another text in place of the last one."""
        if text == self._shown:
            return
        self._shown, data = text, {"text/plain": text}
        if self._handle is None:
            self._handle = importlib.import_module("IPython.display").display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _write(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
