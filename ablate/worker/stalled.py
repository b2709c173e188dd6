"""What is recorded of a trainer that showed no sign of life: how long, and where its code was."""

from __future__ import annotations

import re
from pathlib import Path

from ablate.protocol import FailureKind
from ablate.worker.messages import Broke
from ablate.worker.wording import DETAILS_LENGTH, MESSAGE_LENGTH, as_written, duration, shortened

#: A line of Python's stack, innermost first, as `faulthandler` writes it.
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<name>.+)$', re.MULTILINE)


def stalled(stack: str, limit: float | None, artifacts: Path) -> Broke:
    """The report of a trainer that its supervisor gave up.

    Args:
        stack: What the trainer said of where it is; may be empty.
        limit: How long it had shown no sign of life, seconds.
        artifacts: Folder of the artifacts, below which the user's own files lay.
    """
    stack = as_written(stack, artifacts)
    message = f"no sign of life for {duration(limit or 0.0)}"
    if place := _place(stack):
        message += f"; it was at {place}"
    return Broke(
        attempt=None,
        kind=FailureKind.STALLED,
        message=shortened(message, MESSAGE_LENGTH),
        details=shortened(stack, DETAILS_LENGTH) or "The trainer did not answer when it was asked where it is.\n",
        facts={"stall_timeout": limit},
    )


def _place(stack: str) -> str | None:
    """Where the main thread is: in the user's own files (whose paths are relative) if it is there at all."""
    _, _, main = stack.partition("Current thread ")
    frames = list(_FRAME.finditer(main.partition("\n\n")[0]))
    own = [frame for frame in frames if not Path(frame["file"]).is_absolute() and not frame["file"].startswith("<")]
    for frame in own[:1] or frames[:1]:
        return f"{frame['file']}:{frame['line']}, in {frame['name']}"
    return None
