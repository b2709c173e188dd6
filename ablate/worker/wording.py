"""How a failure is told: at a length that tables and databases can bear, with files as the user knows them."""

from __future__ import annotations

import re
from pathlib import Path

from ablate.protocol import CODE_FOLDER

#: Longest message for a table, characters.
MESSAGE_LENGTH = 400
#: Longest details, characters.
DETAILS_LENGTH = 64 * 1024


def shortened(text: str, length: int) -> str:
    """The text with its middle left out, and a word on how much that is, where it is longer than `length`."""
    if len(text) <= length:
        return text
    left_out = f" [... {len(text) - length:,} characters left out ...] "
    if "\n" in text:
        left_out = f"\n{left_out.strip()}\n"
    half = length // 2
    return text[: length - half] + left_out + text[-half:]


def as_written(text: str, artifacts: Path) -> str:
    """The text with the user's own files named as in their study, not by the folder where a trainer laid them out."""
    folders = {str(artifacts / CODE_FOLDER), str((artifacts / CODE_FOLDER).resolve())}
    return re.sub(rf"(?:{'|'.join(map(re.escape, folders))})[/\\]code-[^/\\\"]*[/\\]", "", text)


def duration(seconds: float) -> str:
    """A duration in its largest unit: `90 s`, `30 min`, `2 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
