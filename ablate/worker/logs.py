"""Log files of workers on this machine, and the part of one that belongs to one attempt."""

from __future__ import annotations

import re
from pathlib import Path

from ablate.protocol import LOGS_FOLDER

#: How a trainer begins an attempt in its worker's log.
BEGINS = "attempt %d of job %d begins after epoch %d"
_BEGINS = re.compile(r"attempt (\d+) of job \d+ begins after epoch \d+")


def log_file(artifacts: Path, worker: str) -> Path:
    """Where a worker that this machine's `ablate run` started writes."""
    return artifacts / LOGS_FOLDER / f"worker-{worker[:8]}.log"


def announces(line: str) -> bool:
    """Whether a line says that an attempt begins."""
    return _BEGINS.search(line) is not None


def excerpt(artifacts: Path, *, worker: str | None, attempt: int) -> str | None:
    """What a worker wrote during one attempt; None where its log is not on this machine or does not mention it.

    Args:
        artifacts: Folder of the artifacts.
        worker: Id of the worker.
        attempt: Number of the attempt in the database.
    """
    if worker is None:
        return None
    try:
        lines = log_file(artifacts, worker).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    begins = [(number, int(found[1])) for number, line in enumerate(lines) if (found := _BEGINS.search(line))]
    for place, (first, which) in enumerate(begins):
        if which == attempt:
            last = begins[place + 1][0] if place + 1 < len(begins) else len(lines)
            return "\n".join(lines[first:last])
    return None
