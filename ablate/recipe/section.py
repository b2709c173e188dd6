"""What all tables of a recipe have in common: frozen, strict, compared by value, with defaults that can be elided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the recipe. Unknown keys are refused; fields carry their unit in the description."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    def canonical(self) -> dict[str, Any]:
        """The section as plain JSON values with every field that equals its default left out.

        Two sections that train the same network have the same canonical form, also when a later version of
        ablate knows more fields (whose defaults are the old behaviour).
        """
        shown: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name == "name" or field.is_required() or value != field.get_default(call_default_factory=True):
                shown[name] = canonical_value(value)
        return shown


def canonical_value(value: Any) -> Any:  # noqa: ANN401 - JSON is a tree of anything
    """`value` as plain JSON, sections by their canonical form, -0.0 as 0.0."""
    if isinstance(value, Section):
        return value.canonical()
    if isinstance(value, Mapping):
        return {str(key): canonical_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical_value(item) for item in value]
    return 0.0 if value == 0 and isinstance(value, float) else value
