"""How levels and variants are called: short texts made from values, and what a text may hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ablate.study.faults import number

#: Name of the first variant of every study.
BASELINE = "baseline"
#: Longest label, level or variant name that a person may give, characters.
MAX_TEXT = 200
#: Characters that turn the direction of a line: embeddings, overrides and isolates.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked_text(text: str) -> str:
    """Free text for titles, labels and names, in any script.

    Raises:
        ValueError: Empty, too long, or holding characters that would garble a terminal or a table.
    """
    if not text.strip():
        raise ValueError("a name or text may not be empty")
    if len(text) > MAX_TEXT:
        raise ValueError(f"a name or text may have {MAX_TEXT} characters, this has {len(text):,}")
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI:
            name = unicodedata.name(char, f"U+{ord(char):04X}")
            raise ValueError(f"a name or text may not hold control characters, such as {name}")
    return text


def checked_study_name(name: str) -> str:
    """A study's name: it becomes part of file names and commands.

    Raises:
        ValueError: Not a name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        clean = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._-")[:64]
        instead = f', as "{clean}"' if clean else ""
        raise ValueError(
            f"a study's name has 1 to 64 letters A-Z a-z, digits, `.`, `_` or `-` and begins with a letter or "
            f"digit{instead}"
        )
    return name


def checked_factor_name(name: str) -> str:
    """A factor's name: `=` and `,` would make `factor=level` ambiguous.

    Raises:
        ValueError: Not a name.
    """
    checked_text(name)
    if set(name) & set("=,"):
        raise ValueError(
            "the name of a factor holds no `=` and no `,`: variants are called `factor=level, factor=level`"
        )
    return name


Text = Annotated[str, AfterValidator(checked_text), Field(min_length=1, max_length=MAX_TEXT)]
StudyName = Annotated[
    str,
    AfterValidator(checked_study_name),
    Field(json_schema_extra={"pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
]


def level_name(value: Any) -> str:  # noqa: ANN401 - any value of a file
    """The name of a level that is given by its value: `0.3`, `true`, `Adam`, `[12, 32]`, `Adam(lr=0.001)`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(level_name(item) for item in value)}]"
    if isinstance(value, Mapping):
        rest = ", ".join(f"{key}={level_name(item)}" for key, item in value.items() if key != "name")
        if "name" not in value:
            return f"{{{rest}}}"
        return f"{level_name(value['name'])}({rest})" if rest else level_name(value["name"])
    return str(value) or '""'


def variant_name(off: Iterable[tuple[str, str]]) -> str:
    """The name of a cell by its factors that are off their reference: `optimizer=Adam, step_lr=halve_every_5`."""
    return ", ".join(f"{factor}={level}" for factor, level in off) or BASELINE
