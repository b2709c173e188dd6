"""Values as the databases can hold them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def finite(value: float | None) -> float | None:
    """The number, or None (NULL) where it is NaN or infinite."""
    return None if value is None or not math.isfinite(value) else value


def words(text: str) -> str:
    """The text without what PostgreSQL or UTF-8 cannot hold: NUL characters and lone surrogates become `?`."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def dumps(value: object) -> str:
    """JSON that both databases take; numbers that are none become null."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:  # NaN, or a lone surrogate
        return json.dumps(_storable(value), ensure_ascii=False, allow_nan=False)
    return text


def _storable(value: Any) -> Any:  # noqa: ANN401 - JSON is a tree of anything
    if isinstance(value, Mapping):
        return {words(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, float):
        return finite(value)
    return words(value) if isinstance(value, str) else value
