"""Mistakes are collected, not thrown one by one: a `Fault` is a path into the document and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ablate.errors import Problem, StudyError
from ablate.study.positions import Path, Place, Positions
from ablate.study.source import Source

#: Mistakes that are shown; a reader mends no more at a time.
MAX_PROBLEMS = 100


class Faults:
    """The mistakes found so far in one study."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, str], bool] = {}

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, message: str, *, value: bool = False) -> None:
        """Note a mistake.

        Args:
            path: Keys and indices from the top of the document.
            message: What is wrong and what to write instead.
            value: Point at the value, not at its key.
        """
        self._found.setdefault((path, message), value)

    @property
    def full(self) -> bool:
        """Whether enough mistakes are known to stop looking for more."""
        return len(self._found) > MAX_PROBLEMS

    def stop(self, source: Source | None, name: str, settings: Mapping[Path, str]) -> None:
        """Raise `StudyError` with all mistakes in the order of the text, if there are any.

        Args:
            source: The text; None for a study written in Python, whose mistakes carry their path instead of a line.
            name: Name of the study's text in messages.
            settings: What `--set` wrote, by path: mistakes below it are shown at the setting.
        """
        if not self._found:
            return
        positions = Positions(source.text) if source is not None else None
        placed: list[tuple[Place, Path, str, str | None]] = []
        for (path, message), value in self._found.items():
            setting = next((text for key, text in settings.items() if path[: len(key)] == key), None)
            place = positions.find(path, value=value) if positions is not None and setting is None else None
            placed.append((place or (0, 0), path, message, setting))
        if source is not None:
            placed.sort(key=lambda item: item[0])
        problems = []
        for (line, column), path, message, setting in placed[:MAX_PROBLEMS]:
            if setting is not None:
                problems.append(Problem(message=message, source=f"--set {printable(setting, 200)}"))
            elif source is None:
                problems.append(Problem(message=f"{dotted(path)}: {message}" if path else message, source=name))
            else:
                problems.append(source.problem(message, line or None, column or None))
        if len(placed) > MAX_PROBLEMS:
            problems.append(Problem(message=f"and {len(placed) - MAX_PROBLEMS:,} mistakes more", source=name))
        raise StudyError(problems)


def dotted(path: Path) -> str:
    """`("designs", 0, "kind")` as `designs[0].kind`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = f'"{part}"' if "." in part else part
            text += f".{name}" if text else name
    return printable(text, 200)


def printable(text: str, limit: int = 80) -> str:
    """`text` without control characters and cut to `limit` characters: messages go to terminals and files."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def shown(value: Any) -> str:  # noqa: ANN401 - any value of a file
    """A value as a study file would hold it, short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{printable(value, 60)}"'
    if isinstance(value, Mapping):
        return printable("{ " + ", ".join(f"{key} = {shown(item)}" for key, item in value.items()) + " }", 80)
    if isinstance(value, list | tuple):
        return printable("[" + ", ".join(shown(item) for item in value[:30]) + "]", 80)
    return printable(number(value)) if isinstance(value, float) else printable(str(value))


def number(value: float) -> str:
    """A float as short as it can be read back: `0.001`, `1e-5`, `10.0`."""
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def counted(amount: int) -> str:
    """A whole number with thousands separators; huge ones by their order of magnitude."""
    if amount.bit_length() > 200:
        return f"about 10^{round((amount.bit_length() - 1) * math.log10(2))}"
    return f"{amount:,}"
