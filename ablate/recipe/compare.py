"""Where two recipes differ, path by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted paths at which two recipes in canonical form differ, with both values; None where one has the default.

    Tables of different `name`s, as two optimizers, are compared as a whole.
    """
    for key in dict.fromkeys((*one, *other)):
        was, now = one.get(key), other.get(key)
        if was == now:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping) and was.get("name") == now.get("name"):
            yield from differences(was, now, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", was, now
