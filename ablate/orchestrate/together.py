"""Which runs of a study are trained together, before any is: the packs that they get, and why others get none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ablate.orchestrate.submit import execution_rule
from ablate.recipe import AnyRecipe, OwnRecipe
from ablate.recipe.packing import Pack, packs_of, reason_alone
from ablate.store import Database
from ablate.store.reading import execution, packs
from ablate.store.submission import runs_asked_for
from ablate.study import Outline

#: Why runs of a study are alone that its recipes do not keep apart.
OLDER = "the study was first submitted by an ablate without packs"
#: Reasons that a line names.
REASONS = 3


@dataclass(frozen=True, kw_only=True)
class Together:
    """How the runs of a study are trained."""

    #: Runs that belong to packs.
    packed: int
    #: Packs that hold them, where each is full but the last of its kind.
    packs: int
    #: Most places of a pack, K.
    size: int
    #: Whether these are packs on a GPU too.
    asked: bool
    #: Runs that are trained alone, by the reason, in words.
    alone: Mapping[str, int]

    def line(self) -> str:
        """All of it in a line."""
        reasons = sorted(self.alone.items(), key=lambda item: -item[1])
        if not self.packed:
            why = "; ".join(text for text, _ in reasons[:REASONS])
            return f"each run is trained alone: {why}"
        one = self.packs == 1
        where = "" if self.asked else " on a processor"
        told = f"{self.packed} runs in {'1 pack' if one else f'{self.packs} packs'} of up to {self.size}{where}, "
        told += f"{'it' if one else 'each'} trained as one stacked network (tier fused)"
        return "; ".join([told, *(f"{runs} alone: {text}" for text, runs in reasons[:REASONS])])


def together(recipes: Mapping[str, AnyRecipe], runs: Mapping[str, int], found: Mapping[str, Pack]) -> Together:
    """Count runs and packs.

    Args:
        recipes: By key.
        runs: Runs of each.
        found: Packs of those that are trained together.
    """
    kinds: Counter[Pack] = Counter()
    alone: Counter[str] = Counter()
    for key, number in runs.items():
        if (pack := found.get(key)) is not None:
            kinds[pack] += number
        else:
            alone[reason_alone(recipes[key]) or OLDER] += number
    asked = [recipe for key in found if (recipe := recipes.get(key)) is not None]
    return Together(
        packed=kinds.total(),
        packs=sum(-(-number // pack.size) for pack, number in kinds.items()),
        size=max((pack.size for pack in kinds), default=0),
        asked=all(recipe.training.tier == "fused" for recipe in asked if not isinstance(recipe, OwnRecipe)),
        alone=alone,
    )


def foreseen_packs(db: Database | None, outline: Outline, recipes: Mapping[str, AnyRecipe]) -> dict[str, Pack]:
    """The packs that the runs of a study have, or get when it is submitted, by the key of their recipe.

    Args:
        db: The experiment database; None where it does not know the study.
        outline: The whole study.
        recipes: All that it trains, by key.
    """
    coming = packs_of(recipes, runs_asked_for(outline))
    if db is None:
        return coming
    known = packs(db, outline.name)
    if execution(db, outline.name).get("packing") != execution_rule()["packing"]:
        coming = {}
    sizes = {pack.key: pack.size for pack in known.values() if pack is not None}
    new = {key: replace(pack, size=sizes.get(pack.key, pack.size)) for key, pack in coming.items() if key not in known}
    return {key: pack for key, pack in known.items() if pack is not None} | new
