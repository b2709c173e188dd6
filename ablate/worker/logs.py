"""Log files of workers on this machine, and the part of one that belongs to one attempt."""

from __future__ import annotations

import re
from pathlib import Path

from ablate.protocol import LOGS_FOLDER

#: How a trainer begins an attempt in its worker's log; how it begins a pack, and the attempts in it, and ends each of
#: these. What is said in between belongs to all that are trained then.
BEGINS = "attempt %d of job %d begins after epoch %d"
PACK = "a pack of %d begins, with places for %d"
JOINS = BEGINS + ", with others"
ENDS = "attempt %d of job %d ends"
_BEGINS = re.compile(r"attempt (?P<attempt>\d+) of job \d+ begins after epoch \d+(?P<beside>, with others)?$")
_PACK = re.compile(r"a pack of \d+ begins, with places for \d+$")
_ENDS = re.compile(r"attempt (?P<attempt>\d+) of job \d+ ends$")


def log_file(artifacts: Path, worker: str) -> Path:
    """Where a worker that this machine's `ablate run` started writes."""
    return artifacts / LOGS_FOLDER / f"worker-{worker[:8]}.log"


def announces(line: str) -> bool:
    """Whether a line says that an attempt or a pack begins, or ends."""
    return any(said.search(line) for said in (_BEGINS, _PACK, _ENDS))


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
    first, together = None, False
    for number, line in enumerate(lines):
        begun, ended = _BEGINS.search(line), _ENDS.search(line)
        if first is None:
            if begun and int(begun["attempt"]) == attempt:
                first, together = number, begun["beside"] is not None
        elif together and ended and int(ended["attempt"]) == attempt:
            return "\n".join(lines[first : number + 1])
        elif _PACK.search(line) or (begun and not (together and begun["beside"])):
            return "\n".join(lines[first:number])
    return None if first is None else "\n".join(lines[first:])
