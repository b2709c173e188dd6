"""What all tables of a recipe have in common: frozen, strict, compared by value, with defaults that can be elided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A table of the recipe. Unknown keys are refused; fields carry their unit in the description."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
        defer_build=True,  # a status line reads no recipe
    )

    def canonical(self) -> dict[str, Any]:
        """The section as plain JSON values with every field that equals its default left out.

        Two sections that train the same network have the same canonical form, also when a later version of
        ablate knows more fields (whose defaults are the old behaviour).
        """
        defaults = _defaults(type(self))
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: canonical_value(value)
            for name, value in values.items()
            if name == "name" or name not in defaults or value != defaults[name]
        }


class OpenSection(Section):
    """A table that stands for a call of somebody's code: every key that is not ablate's is an argument of it."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _finite(self) -> Self:
        refuse_unbounded(self.arguments)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments that the recipe gives."""
        return dict(self.model_extra or {})

    def canonical(self) -> dict[str, Any]:
        """Also every argument that is given; which ones are defaults only the code knows."""
        return {**super().canonical(), **{key: canonical_value(value) for key, value in self.arguments.items()}}


@cache
def _defaults(section: type[Section]) -> dict[str, Any]:
    """Default of every field that has one; made once, because a study asks for thousands of keys."""
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in section.model_fields.items()
        if not field.is_required()
    }


def canonical_value(value: Any) -> Any:  # noqa: ANN401 - JSON is a tree of anything
    """`value` as plain JSON, sections by their canonical form, -0.0 as 0.0."""
    if isinstance(value, Section):
        return value.canonical()
    if isinstance(value, Mapping):
        return {str(key): canonical_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical_value(item) for item in value]
    return 0.0 if value == 0 and isinstance(value, float) else value


def refuse_unbounded(value: Any, key: str = "") -> None:  # noqa: ANN401 - any value of a file
    """Raise ValueError for NaN or infinity anywhere in a value unknown to pydantic; it names the outermost key."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{key} is a finite number, not {value}")
    if isinstance(value, Mapping):
        for inner, item in value.items():
            refuse_unbounded(item, key or str(inner))
    elif isinstance(value, list | tuple):
        for item in value:
            refuse_unbounded(item, key)
