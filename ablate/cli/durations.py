"""Durations as options take them: `90s`, `30m`, `2h`, `1h30m`, `1.5d`."""

from __future__ import annotations

import re

from ablate.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = re.compile(rf"({_NUMBER})([smhd])")
_WHOLE = re.compile(rf"(?:{_NUMBER}[smhd])+")
#: More than this is a slip of the finger, seconds.
MAX_SECONDS = 1000 * 86400.0


def seconds(option: str, text: str) -> float:
    """The seconds in a duration; 0 needs no unit.

    Args:
        option: As it is typed, for messages.
        text: What stands behind it.

    Raises:
        UsageError: The text is no duration, or more than a thousand days.
    """
    written = text.strip().lower()
    if written == "0":
        return 0.0
    if re.fullmatch(_NUMBER, written):
        raise UsageError(
            f"{option} {text!r} has no unit.",
            cure=f"Write `{option} {written}m` for minutes; s, h and d are seconds, hours and days.",
        )
    if not _WHOLE.fullmatch(written):
        raise UsageError(
            f"{option} {text!r} is no duration.", cure=f"Write it as `{option} 90s`, `30m`, `2h`, `1h30m` or `1.5d`."
        )
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(written))
    if total > MAX_SECONDS:
        raise UsageError(f"{option} {text!r} is more than a thousand days.", cure=f"Write `{option} 30d`, or less.")
    return total
