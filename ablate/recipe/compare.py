"""Where two recipes differ, path by path, and how that is written."""

from __future__ import annotations

import json
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


def value_text(value: object) -> str:
    """A value of a recipe as people read it; None is a path that a recipe in canonical form leaves out."""
    return "default" if value is None else json.dumps(value, ensure_ascii=False)
