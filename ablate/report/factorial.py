"""Grids and fractions as a whole: from the cells of a design to its main effects and interactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ablate.report.grids import levels
from ablate.report.table import listed, quoted
from ablate.statistics import Arm, Effect, Factorial, factorial
from ablate.study.designs import Aliases
from ablate.study.designs.fraction import aliases_of
from ablate.study.outline import OutlineDesign, OutlineFactor, OutlineVariant
from ablate.told import told
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import PENDING

#: Designs whose cells are analysed together.
KINDS = ("grid", "fraction")
#: Variants that are named in a sentence.
NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Crossed:
    """One design, or that part of it that was there before results were seen."""

    design: OutlineDesign
    #: Asked for after results were seen, as a whole or in part.
    exploratory: bool
    #: The factors that it varies.
    factors: tuple[OutlineFactor, ...]
    #: For each of them names and labels of the levels that it has, the reference first.
    levels: tuple[tuple[tuple[str, str], ...], ...]
    #: What its cells confound, computed from them; None where a factor has more than two levels.
    aliases: Aliases | None = None
    #: None where there is no analysis.
    found: Factorial | None = None
    #: Why there is no analysis, or none that judges yet, as a sentence; empty where there is.
    why: str = ""

    @property
    def name(self) -> str:
        """The design's name, marked where exploratory."""
        name = told(self.design.name)
        return told("{design} (exploratory)", design=name) if self.exploratory else name

    @property
    def mains(self) -> tuple[Effect, ...]:
        """The main effects."""
        return tuple(effect for effect in self.found.effects if len(effect.factors) == 1) if self.found else ()

    @property
    def interactions(self) -> tuple[Effect, ...]:
        """The interactions, those of two factors first."""
        return tuple(effect for effect in self.found.effects if len(effect.factors) > 1) if self.found else ()

    def label(self, factor: str) -> str:
        """What a factor is called in tables."""
        return next(one.label for one in self.factors if one.name == factor)

    def level(self, factor: str, index: int) -> tuple[str, str]:
        """Name and label of a level."""
        place = next(place for place, one in enumerate(self.factors) if one.name == factor)
        return self.levels[place][index]

    def describe(self, effect: Effect) -> str:
        """An effect in a sentence: `dropout=0.3`, `dropout × optimizer`."""
        if effect.level is None:
            return " × ".join(self.label(name) for name in effect.factors)
        return f"{self.label(effect.factors[0])}={self.level(effect.factors[0], effect.level)[1]}"


@lru_cache(maxsize=1)
def crossed(analysis: Analysis) -> tuple[Crossed, ...]:
    """All grids and fractions of a study that have at least two factors, in its order.

    A grid that grew after results were seen is analysed twice: as it was, and, exploratory, with all that it has now.
    """
    found = []
    for design in analysis.results.outline.designs:
        if design.kind not in KINDS:
            continue
        members = [variant for variant in analysis.results.outline.variants if design.name in variant.designs]
        members = [variant for variant in members if variant.key != analysis.results.outline.baseline]
        first = [variant for variant in members if not variant.exploratory]
        has_grown = not design.exploratory and len(first) < len(members)
        if (
            has_grown
            and design.kind == "grid"
            and (made := _crossed(analysis, design, first, exploratory=False))
            and made.found
        ):
            found.append(made)
        if made := _crossed(analysis, design, members, exploratory=design.exploratory or has_grown):
            found.append(made)
    return tuple(found)


def _crossed(
    analysis: Analysis, design: OutlineDesign, members: Sequence[OutlineVariant], *, exploratory: bool
) -> Crossed | None:
    results = analysis.results
    known = {factor.name: factor for factor in results.outline.factors}
    of_design = [known[name] for name in design.factors]
    at = {tuple(factor.reference for factor in of_design): results.baseline}
    for variant in members:
        at.setdefault(tuple(variant.levels.get(factor.name, factor.reference) for factor in of_design), variant)
    used = [_used(factor, [place[index] for place in at]) for index, factor in enumerate(of_design)]
    kept = [index for index, pairs in enumerate(used) if len(pairs) > 1]
    if len(kept) < 2:
        return None
    places = [[name for name, _ in pairs] for pairs in used]
    cells = np.array([[places[index].index(place[index]) for index in kept] for place in at])
    made = Crossed(
        design=design,
        exploratory=exploratory,
        factors=tuple(of_design[index] for index in kept),
        levels=tuple(used[index] for index in kept),
    )
    return _analysed(made, cells, list(at.values()), analysis)


def _used(factor: OutlineFactor, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The levels that stand in cells, the reference first."""
    pairs = [pair for pair in levels(factor) if pair[0] in names]
    return tuple(sorted(pairs, key=lambda pair: pair[0] != factor.reference))


def _analysed(
    made: Crossed, cells: NDArray[np.int64], variants: Sequence[OutlineVariant], analysis: Analysis
) -> Crossed:
    """The design with its analysis, or with the reason why there is none.

    Seeds count that all cells were to have: others, that undecided comparisons got later, would make some cells speak
    louder than others.
    """
    results = analysis.results
    counts, names = cells.max(axis=0) + 1, [factor.name for factor in made.factors]
    if counts.max() == 2:
        made = replace(made, aliases=aliases_of((1 - 2 * cells).tolist(), names))
    missing = int(counts.prod()) - len(cells)
    if made.design.kind == "grid" and missing:
        return replace(
            made,
            why=told(
                "No analysis of the whole: {missing} of {all} combinations of levels have no cell of their own, so "
                "that averages over the others would not be of the same things.",
                missing=missing,
                all=counts.prod(),
            ),
        )
    arms = [analysis.arms[variant.key] for variant in variants]
    if why := _spoiled(variants, arms):
        return replace(made, why=why)
    runs = [results.runs_of(variant.key) for variant in variants]
    seeds = set.intersection(*({run.seed for run in of_cell} for of_cell in runs))
    is_final = not any(run.state in PENDING and run.seed in seeds for of_cell in runs for run in of_cell)
    if not is_final:
        seeds = {seed for seed in seeds if all(seed in arm.values for arm in arms)}
    values = np.array([[arm.values.get(seed, np.nan) for seed in sorted(seeds)] for arm in arms])
    if not np.isfinite(values).any(axis=1).all():
        return replace(
            made, why=told("No analysis of the whole yet: there is no seed of which every cell has a value.")
        )
    interim = told("Interim: all cells have 1 seed; nothing is judged before all seeds are in.")
    if len(seeds) != 1:
        interim = told("Interim: all cells have {n} seeds; nothing is judged before all seeds are in.", n=len(seeds))
    direction, alpha = results.outline.direction, results.outline.statistics.alpha
    try:
        found = factorial(cells, values, names, direction=direction, alpha=alpha, is_final=is_final)
    except ValueError as error:  # two cells of a fraction may have turned out to be one recipe
        return replace(made, why=told("No analysis of the whole: {why}.", why=error.args[0]))
    return replace(made, found=found, why="" if is_final else interim)


def _spoiled(variants: Sequence[OutlineVariant], arms: Sequence[Arm]) -> str:
    """Why failures forbid an analysis; empty where they do not. Runs that the machine lost may be missing."""
    which = [
        [quoted(variant.name) for variant, is_so in zip(variants, spoiled, strict=True) if is_so]
        for spoiled in ([bool(arm.diverged) for arm in arms], [arm.failed > 0 for arm in arms])
    ]
    diverged, failed = (listed(names, NAMED) for names in which)
    if not diverged and not failed:
        return ""
    parts = told("diverged: {names}", names=diverged) if diverged else told("failed: {names}", names=failed)
    if diverged and failed:
        parts = told("diverged: {diverged}; failed: {failed}", diverged=diverged, failed=failed)
    return told(
        "No analysis of the whole, since runs of some cells brought no value ({parts}): the mean of those that are "
        "left says nothing of a cell, and so nothing of the averages that it belongs to.",
        parts=parts,
    )
