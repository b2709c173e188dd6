"""The key of a recipe: a hash of its canonical form."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property

from ablate.recipe.section import Section

#: Hexadecimal digits of a variant key: 64 bits of SHA-256.
KEY_LENGTH = 16


class Keyed(Section):
    """A whole recipe: equal ones have equal keys, whatever wrote them and in which order."""

    @cached_property
    def key(self) -> str:
        """Hash of the canonical form."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
