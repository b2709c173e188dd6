"""Which recipes may be trained together as one stacked network: a fixed rule, decided when a study is submitted."""

from __future__ import annotations

from dataclasses import dataclass

from ablate.recipe import AnyRecipe


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Which jobs may be trained together as one stacked network."""

    #: Equal for recipes that fit together; up to 64 characters.
    key: str
    #: Places of the stacked network, a part of what the bits depend on.
    size: int


def pack_of(recipe: AnyRecipe) -> Pack | None:
    """The pack that a recipe belongs to, by nothing but the recipe; None: it is trained alone."""
    return None
