"""Texts that remember how they were made, so that a report can say them in another language.

What rooms below the report say in words (why there is no verdict, what a metric is called) is English wherever it is
stored, compared or written as JSON: a `Told` is a `str`. `ablate.report.language.say` says it in the report's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class Told(str):
    """An English text with the message and the values that it was made of."""

    message: str
    values: Mapping[str, object]

    def __new__(cls, message: str, values: Mapping[str, object] = MappingProxyType({})) -> Told:
        """Fill the message's `{names}` with values; without values it stands as it is."""
        made = super().__new__(cls, message.format_map(values) if values else message)
        made.message, made.values = message, values
        return made

    def __reduce__(self) -> tuple[type[Told], tuple[str, dict[str, object]]]:
        """For copies: what it is made of."""
        return Told, (self.message, dict(self.values))


def told(message: str, /, **values: object) -> Told:
    """A text in English that reports can say in another language.

    Args:
        message: What languages translate: a literal with the names of values in braces, as `{n} of {planned} seeds`.
        values: Their values; a text that is told itself is translated with the whole.
    """
    return Told(message, values)
