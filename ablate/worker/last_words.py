"""The end of what a trainer printed, which its failure keeps: the log itself may lie on another machine."""

from __future__ import annotations

import re
from pathlib import Path

from ablate.worker.logs import announces
from ablate.worker.wording import as_written

#: Most that is kept, characters.
MOST_LETTERS = 8 * 1024
#: Colours and movements of a terminal, and what else has no look.
_UNSEEN = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def last_words(printed: str, artifacts: Path) -> str:
    """Whole lines from the end of what was printed, as a terminal would show them; empty where there is nothing to say.

    Args:
        printed: What the trainer and all that it started wrote last.
        artifacts: Folder of the artifacts, below which the user's own files lay.
    """
    shown = [_last_state(line) for line in _UNSEEN.sub("", printed).split("\n")]
    text = as_written("\n".join(line for line in shown if not announces(line)), artifacts).strip("\n")
    if len(text) <= MOST_LETTERS:
        return text
    _, cut, whole = text[-MOST_LETTERS:].partition("\n")
    return whole if cut else text[-MOST_LETTERS:]


def _last_state(line: str) -> str:
    """What is left of a line that was written over and over, as progress bars are."""
    return line.rstrip("\r").rpartition("\r")[2].rstrip()
