"""Retuned levels: the values that are tried for each of them and for the baseline, and what the choice makes of them.

"Removing batch norm hurts" must not mean "the learning rate was chosen for batch norm": every retuned level and the
baseline are trained with each value of one list, on seeds that no comparison uses; each keeps the value with the best
validation accuracy; and the level is compared with the baseline that was retuned over the same list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ablate.recipe import AnyRecipe
from ablate.study.designs import LISTED
from ablate.study.faults import Faults, printable
from ablate.study.model import Variant
from ablate.study.names import level_name
from ablate.study.outline import FIRST_TUNING_SEED, OutlineCandidate, OutlineTuning
from ablate.study.overrides import retuned

Retune = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Values to be tried."""

    #: One for each retuned path.
    values: Mapping[str, Any]
    recipe: AnyRecipe

    @property
    def label(self) -> str:
        """The values for people, as `training.optimizer.lr = 0.1`."""
        return ", ".join(f"{path} = {level_name(value)}" for path, value in self.values.items())


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What is to be chosen for one level, or for the baseline that such levels are compared with."""

    #: Unique within the study, as `norm=batch (retuned)`; the name of the variant that comes of it.
    name: str
    #: The variant before it is retuned.
    variant: Variant
    #: Values to choose from, by dotted path, in the order of the file.
    retune: Retune
    #: Every combination of the values, the first path's changing slowest; equal recipes once.
    candidates: tuple[Candidate, ...]
    #: Seed indices on which the candidates are tried; no comparison uses them.
    seeds: tuple[int, ...]
    #: Key of the tuning of the baseline that it is compared with; empty for that one itself.
    reference: str = ""

    @cached_property
    def key(self) -> str:
        """Hash of the recipes that are tried, in their order, and of the seeds: what the choice rests on."""
        content = json.dumps([[one.recipe.key for one in self.candidates], self.seeds])
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def outline(self) -> OutlineTuning:
        """As plain values, nothing chosen yet."""
        return OutlineTuning(
            key=self.key,
            name=self.name,
            candidates=tuple(
                OutlineCandidate(key=one.recipe.key, label=one.label, values=dict(one.values))
                for one in self.candidates
            ),
            seeds=self.seeds,
            reference=self.reference,
        )


def tuning_seeds(count: int) -> tuple[int, ...]:
    """The seed indices of tuning runs, far above those of any comparison."""
    return tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + count))


def tunings_of(variants: Sequence[Variant], seeds: tuple[int, ...]) -> tuple[Tuning, ...]:
    """What is to be chosen in a study: first for the baseline, once for each set of lists, then for each level.

    Args:
        variants: All variants, the baseline first.
        seeds: Seed indices of tuning runs.
    """
    levels = [variant for variant in variants[1:] if variant.retune]
    sets = list({tuple(variant.retune): variant.retune for variant in levels}.values())
    references = {}
    for retune in sets:
        told = f": {', '.join(retune)}" if len(sets) > 1 else ""
        references[tuple(retune)] = _tuning(variants[0], retune, f"{variants[0].name} (retuned{told})", seeds)
    of_levels = [
        replace(
            _tuning(variant, variant.retune, retuned_name(variant), seeds),
            reference=references[tuple(variant.retune)].key,
        )
        for variant in levels
    ]
    return (*references.values(), *of_levels)


def unsettled(tunings: Sequence[Tuning], decided: Mapping[str, OutlineTuning]) -> tuple[Tuning, ...]:
    """The tunings whose variants wait for choices; not those that wait in vain because no candidate succeeded."""

    def failed(key: str) -> bool:
        return key in decided and decided[key].failed

    return tuple(
        tuning
        for tuning in tunings
        if not failed(tuning.key)
        and not failed(tuning.reference)
        and (tuning.key not in decided or (tuning.reference and tuning.reference not in decided))
    )


def retuned_name(variant: Variant) -> str:
    """What a retuned variant is called."""
    return f"{variant.name} (retuned)"


def settled(
    variants: Sequence[Variant], tunings: Sequence[Tuning], decided: Mapping[str, OutlineTuning]
) -> tuple[Variant, ...]:
    """The variants that are compared: those that are not retuned, and of the retuned what was chosen.

    A retuned level is left out until its own choice and that of its baseline are made.

    Args:
        variants: All variants, the baseline first.
        tunings: What is to be chosen, see `tunings_of`.
        decided: What was chosen, by the tuning's key.
    """
    base = variants[0]
    chosen = {tuning.key: one for tuning in tunings if (one := _chosen(tuning, decided)) is not None}
    references = {tuning.key: tuning for tuning in tunings if not tuning.reference}
    levels = {tuning.variant.key: tuning for tuning in tunings if tuning.reference}
    ready = {
        key: references[tuning.reference]
        for key, tuning in levels.items()
        if tuning.key in chosen and tuning.reference in chosen
    }
    # Those that are not retuned come first, so that they keep their names and levels.
    found = {variant.key: replace(variant, retune=_NOTHING) for variant in variants if variant.key not in levels}
    order = [base.key]
    order += [
        _add(found, _made(references[key], chosen[key], is_reference=True))
        for key in dict.fromkeys(reference.key for reference in ready.values())
    ]
    for variant in variants[1:]:
        if variant.key not in levels:
            order.append(variant.key)
            continue
        if variant.key in ready:
            made = _made(levels[variant.key], chosen[levels[variant.key].key], is_reference=False)
            compared_with = chosen[ready[variant.key].key].recipe.key
            order.append(_add(found, replace(made, references=dict.fromkeys(made.designs, compared_with))))
        if LISTED in variant.designs:  # listed with these very values, so it is also run as it is
            name, *also = variant.also or (variant.name,)
            plain = replace(variant, name=name, also=tuple(also), designs=(LISTED,), levels=_NOTHING, retune=_NOTHING)
            order.append(_add(found, plain))
    return tuple(found[key] for key in dict.fromkeys(order))


_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _made(tuning: Tuning, candidate: Candidate, *, is_reference: bool) -> Variant:
    before = tuning.variant
    return replace(
        before,
        name=tuning.name,
        recipe=candidate.recipe,
        designs=() if is_reference else tuple(name for name in before.designs if name != LISTED),
        also=(),
        reported=None if is_reference else before.reported,
        retune=_NOTHING,
        tuning=tuning.key,
        is_reference=is_reference,
    )


def _add(found: dict[str, Variant], variant: Variant) -> str:
    """Add a variant and return its key; where its recipe is there already, that one takes over what it is for."""
    known = found.setdefault(variant.key, variant)
    if known is not variant:
        found[variant.key] = replace(
            known,
            levels=known.levels or variant.levels,
            designs=tuple(dict.fromkeys((*known.designs, *variant.designs))),
            references={
                **{name: key for name, key in variant.references.items() if name not in known.designs},
                **known.references,
            },
            reported=variant.reported if known.reported is None else known.reported,
            tuning=known.tuning or variant.tuning,
            is_reference=known.is_reference and variant.is_reference,
        )
    return variant.key


def _chosen(tuning: Tuning, decided: Mapping[str, OutlineTuning]) -> Candidate | None:
    choice = decided.get(tuning.key)
    return next((one for one in tuning.candidates if choice is not None and one.recipe.key == choice.chosen), None)


def _tuning(variant: Variant, retune: Retune, name: str, seeds: tuple[int, ...]) -> Tuning:
    candidates: dict[str, Candidate] = {}
    for values in _combinations(retune):
        recipe = retuned(variant.recipe, values)
        candidates.setdefault(recipe.key, Candidate(values=MappingProxyType(values), recipe=recipe))
    return Tuning(name=name, variant=variant, retune=retune, candidates=tuple(candidates.values()), seeds=seeds)


def _combinations(retune: Retune) -> Iterator[dict[str, Any]]:
    for values in product(*retune.values()):
        yield dict(zip(retune, values, strict=True))


def tuning_jobs(variants: Sequence[Variant], seeds: int) -> int:
    """Tuning runs at most, without listing them."""
    levels = [variant.retune for variant in variants[1:] if variant.retune]
    sets = {tuple(retune): retune for retune in levels}
    return seeds * sum(prod(map(len, retune.values())) for retune in (*sets.values(), *levels))


def check_tuning(variants: Sequence[Variant], seeds: int, max_jobs: int, compared: int, faults: Faults) -> None:
    """Tuning must fit within `max_jobs`, each value must make a recipe, and names must stay unique.

    Args:
        variants: All variants, the baseline first.
        seeds: Number of tuning seeds.
        max_jobs: Jobs above which a study is refused.
        compared: Jobs of the study beside tuning.
        faults: Where mistakes go.
    """
    jobs = tuning_jobs(variants, seeds)
    if not jobs:
        return
    if compared + jobs > max_jobs:
        faults.add(
            ("factors",),
            f"`retune` adds {jobs:,} tuning jobs to {compared:,}, and together they are more than `max_jobs = "
            f"{max_jobs:,}`: try fewer values, or raise `max_jobs`",
        )
        return
    names = {name for variant in variants for name in (variant.name, *variant.also)}
    for variant in variants:
        if variant.retune and retuned_name(variant) in names:
            faults.add(
                ("variants",),
                f"`{printable(retuned_name(variant))}` is what the retuned `{printable(variant.name)}` is called: "
                "choose another name",
            )
        for values in _combinations(variant.retune) if variant is not variants[0] else ():
            try:
                retuned(variant.recipe, values)
            except ValidationError as error:
                told = ", ".join(f"{path} = {level_name(value)}" for path, value in values.items())
                faults.add(
                    ("factors",),
                    f"{printable(variant.name, 120)} cannot be retuned to {printable(told, 120)}: "
                    f"{error.errors()[0]['msg']}",
                )
                break
