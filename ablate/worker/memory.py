"""What Linux tells of a trainer's memory: how much it held last, and whether anything was killed for want of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ablate.worker.cgroups import CGROUPS, PROC, own_groups

#: Shortest time between two looks, seconds.
LOOK_SECONDS = 1.0


class MemoryWatch:
    """Watches one trainer; where the system tells nothing (macOS, Windows), nothing is known.

    Args:
        proc: The process file system.
        cgroups: Where control groups are mounted.
    """

    def __init__(self, *, proc: Path = PROC, cgroups: Path = CGROUPS) -> None:
        self._proc = proc
        self._cgroups = cgroups
        self._rss: int | None = None
        self._looked = float("-inf")
        self._kills = self._oom_kills()

    def look(self, pid: int | None) -> None:
        """Note how much memory the trainer holds now; cheap enough to ask at every report.

        Args:
            pid: Its process id; None where it has not begun.
        """
        if pid is None or time.monotonic() < self._looked + LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        held = _value(self._proc / str(pid) / "status", "VmRSS:")
        self._rss = self._rss if held is None else held * 1024

    def obituary(self) -> tuple[str, dict[str, Any]]:
        """Why a process that was killed died, as far as memory goes: an end for a sentence, and facts to store."""
        now = self._oom_kills()
        counted = None if now is None or self._kills is None else now - self._kills
        last = "" if self._rss is None else f"last RSS {self._rss / 2**30:.2f} GiB"
        facts = {"rss_bytes": self._rss, "oom_kills": counted}
        known = {name: value for name, value in facts.items() if value is not None}
        hint = ", probably host memory" if counted else ""
        if counted is None:  # without a counter a guess is all there is; one that did not move speaks against it
            hint = ", perhaps for want of host memory"
        return hint + (f"; {last}" if last else ""), known

    def _oom_kills(self) -> int | None:
        """Processes of our control group that were killed for want of memory so far."""
        for folder in own_groups("memory", proc=self._proc, cgroups=self._cgroups):
            for name in ("memory.events", "memory.oom_control"):  # version 2, version 1
                if (kills := _value(folder / name, "oom_kill ")) is not None:
                    return kills
        return None


def _value(file: Path, start: str) -> int | None:
    """The number after the first word of the line that starts so; None where there is none."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(start)), None)
