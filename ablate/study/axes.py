"""Design tables -> axes: which factors a design combines, with which of their levels, and which cells are allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from ablate.recipe import read_recipe
from ablate.recipe.section import canonical_value
from ablate.recipe.signatures import did_you_mean
from ablate.study.baseline import Baseline
from ablate.study.designs import LISTED, Axis, Cell, DesignTable, OneAtATime, Refusal
from ablate.study.faults import Faults, printable
from ablate.study.model import Factor, Level
from ablate.study.names import level_name
from ablate.study.overrides import ClashError, applied, found
from ablate.study.positions import MISSING, Path


@dataclass(frozen=True, kw_only=True)
class Group:
    """An axis with what its levels mean: a factor and the factors linked to it."""

    axis: Axis
    #: The factor, then those linked to it.
    factors: tuple[Factor, ...]
    #: For each level index of the axis the level of each factor.
    choices: tuple[tuple[Level, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A design that is ready to be expanded."""

    name: str
    table: DesignTable
    #: Its place in the file; `("designs",)` for the default design.
    where: Path
    groups: tuple[Group, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes alone."""
        return tuple(group.axis for group in self.groups)

    def levels(self, cell: Mapping[int, int]) -> list[tuple[Factor, Level]]:
        """The level of each factor in a cell or a part of one."""
        return [
            pair
            for index, choice in cell.items()
            for pair in zip(self.groups[index].factors, self.groups[index].choices[choice], strict=True)
        ]


def read_designs(
    tables: Sequence[tuple[int, DesignTable]] | None,
    factors: Sequence[Factor],
    names: Sequence[str],
    *,
    listed: bool,
    faults: Faults,
) -> tuple[Plan, ...]:
    """The designs of a study, each with its axes.

    Args:
        tables: Number in the file and content of each; None where the file has no designs.
        factors: The factors that could be read.
        names: Names of all factors of the file.
        listed: Whether the study lists variants.
        faults: Where mistakes go.
    """
    if tables is None:
        tables = [(0, OneAtATime(kind="one-at-a-time"))] if factors else []
    plans: list[Plan] = []
    taken = {LISTED} if listed else set()
    for number, table in tables:
        where: Path = ("designs", number)
        name = table.name or table.kind
        count = 2
        while table.name is None and name in taken:
            name = f"{table.kind} {count}"
            count += 1
        if name in taken:
            reserved = " (the name of the listed variants)" if name == LISTED else ""
            faults.add(
                (*where, "name"), f"two designs are called `{printable(name)}`{reserved}: rename one", value=True
            )
        taken.add(name)
        groups = _groups(table, where, factors, names, faults)
        if groups is None:
            continue
        plan = Plan(name=name, table=table, where=where, groups=groups)
        try:
            table.check(plan.axes)
        except Refusal as refusal:
            faults.add((*where, refusal.key), str(refusal))
            continue
        plans.append(plan)
    return tuple(plans)


class Constraints:
    """Whether `when`, `requires` and `excludes` allow a cell of a design.

    Args:
        plan: The design.
        factors: All factors of the study; those that the design leaves alone stay at their reference.
        baseline: The recipe that `when` is asked of.
    """

    def __init__(self, plan: Plan, factors: Sequence[Factor], baseline: Baseline) -> None:
        self._plan = plan
        self._baseline = baseline
        involved = {factor.name for group in plan.groups for factor in group.factors}
        self._fixed = {factor.name: factor.reference for factor in factors if factor.name not in involved}
        self._bound = any(
            factor.when or any(level.requires or level.excludes for level in factor.levels)
            for group in plan.groups
            for factor in group.factors
        )

    def __call__(self, cell: Mapping[int, int]) -> bool:
        """Whether a cell, or part of one (axis index to level index), breaks no constraint."""
        if not self._bound:
            return True
        levels = self._plan.levels(cell)
        names = self._fixed | {factor.name: level.name for factor, level in levels}
        for _, level in levels:
            if any(name in names and names[name] != wanted for name, wanted in level.requires):
                return False
            if any(names.get(name) == unwanted for name, unwanted in level.excludes):
                return False
        return len(cell) < len(self._plan.groups) or all(
            self._applies(factor, levels) for factor, level in levels if factor.when and level.name != factor.reference
        )

    def _applies(self, factor: Factor, levels: Sequence[tuple[Factor, Level]]) -> bool:
        """Whether the other factors' levels leave a recipe for which the factor is meant."""
        try:
            document = applied(
                self._baseline.document, *(level.overrides for other, level in levels if other.name != factor.name)
            )
        except ClashError:
            return True  # reported where the cell is made
        for path, wanted in factor.when.items():
            value = found(document, path)
            if value is MISSING:
                try:
                    value = canonical_value(found(read_recipe(document), path))
                except ValidationError:
                    return False
            if value != wanted:
                return False
        return True


def reference_is_a_lie(plan: Plan, baseline: Baseline) -> str:
    """Why a crossed design would run another value than a reference level is named for; empty where it would not.

    A factor at its reference sets nothing. Where a level of another factor replaces the table around its path, the
    cell would be shown under the baseline's value and trained with that level's.
    """
    for group in plan.groups if plan.table.crosses else ():
        for factor in group.factors:
            if factor.path is None or (own := found(baseline.recipe, factor.path)) is MISSING:
                continue
            for other_group in plan.groups:
                for choice in other_group.choices if other_group is not group else ():
                    for other, level in zip(other_group.factors, choice, strict=True):
                        around = [path for path in level.overrides if factor.path.startswith(f"{path}.")]
                        value = found(applied(baseline.document, level.overrides), factor.path)
                        if around and value is not MISSING and canonical_value(value) != canonical_value(own):
                            return (
                                f"`{other.name}={printable(level.name)}` brings `{factor.path} = "
                                f"{level_name(value)}` of its "
                                f"own, so its "
                                f"cells with `{factor.name}={printable(factor.reference)}` would not be what they are "
                                f"called: give that "
                                f"level the baseline's value, or leave `{factor.name}` out of this design's `factors`"
                            )
    return ""


def retunes_unequally(plan: Plan) -> str:
    """Why a design cannot have the retuned factors that it has; empty where it can.

    Retuned levels are compared with the retuned baseline. Where a design compares combinations or steps with each
    other, some of them would be tuned and others not.
    """
    if plan.table.kind in ("one-at-a-time", "leave-one-out"):
        return ""
    names = [factor.name for group in plan.groups for factor in group.factors if any(x.retune for x in factor.levels)]
    if not names:
        return ""
    return (
        f"a {plan.table.kind} compares combinations, and of these only those with `{printable(names[0])}` off its "
        f"reference would be retuned: leave `{printable(names[0])}` out of its `factors`; retuned factors go with "
        f"one-at-a-time and leave-one-out"
    )


def _groups(
    table: DesignTable, where: Path, factors: Sequence[Factor], names: Sequence[str], faults: Faults
) -> tuple[Group, ...] | None:
    """The axes of a design; None after noting a mistake, or where one of its factors could not be read."""
    by_name = {factor.name: factor for factor in factors}
    before = len(faults)
    leaders = [factor.name for factor in factors if factor.linked is None]
    wanted = leaders if table.factors is None else table.factors
    for index, name in enumerate(wanted):
        at: Path = (*where, "factors", index)
        if name not in names:
            faults.add(at, f"there is no factor `{printable(name)}`{did_you_mean(name, list(names))}", value=True)
        elif name in wanted[:index]:
            faults.add(at, f"factor `{name}` stands twice: leave one of them out", value=True)
        elif name in by_name and by_name[name].linked is not None:
            faults.add(at, f"`{name}` moves with `{by_name[name].linked}`: name that factor", value=True)
    for name in table.levels:
        if name not in wanted:
            faults.add(
                (*where, "levels", name),
                f"this design has no factor `{printable(name)}`{did_you_mean(name, list(wanted))}",
            )
    if len(faults) > before or any(name not in by_name for name in wanted):
        return None
    if not wanted:
        faults.add(
            where, "this design has no factors to combine: the study needs a [factors.NAME] table, as [factors.dropout]"
        )
        return None
    groups = []
    for name in wanted:
        leader = by_name[name]
        members = (leader, *(factor for factor in factors if factor.linked == name))
        picked = _picked(leader, table, where, faults)
        choices = [tuple(member.level(member.reference) for member in members)]
        for index, level in enumerate(leader.others):
            if level.name in picked:
                choices.append(tuple(member.others[index] for member in members))
        kept = tuple(choice[0].name for choice in choices)
        removed = kept.index(leader.remove) if leader.remove in kept else (1 if len(kept) == 2 else None)
        groups.append(
            Group(axis=Axis(name=name, levels=kept, removed=removed), factors=members, choices=tuple(choices))
        )
    return None if len(faults) > before else tuple(groups)


def _picked(factor: Factor, table: DesignTable, where: Path, faults: Faults) -> set[str]:
    """The levels of a factor that a design uses beside the reference."""
    known = [level.name for level in factor.levels]
    others = set(known) - {factor.reference}
    if factor.name not in table.levels:
        return others
    given = table.levels[factor.name]
    whole = level_name(given)
    names = [whole] if whole in known or not isinstance(given, list) else [level_name(item) for item in given]
    at: Path = (*where, "levels", factor.name)
    for name in names:
        if name not in known:
            faults.add(
                at, f"factor `{factor.name}` has no level `{printable(name)}`{did_you_mean(name, known)}", value=True
            )
    picked = set(names) & others
    if not picked and set(names) <= set(known):
        faults.add(
            at,
            f"name at least one level of `{factor.name}` beside its reference, `{printable(factor.reference)}`",
            value=True,
        )
    return picked


def cells_of(plan: Plan, allowed: Constraints) -> tuple[list[Cell], int]:
    """The allowed cells of a design in order, and the number of those that the constraints leave out.

    Raises:
        Refusal: No cells can be found under the constraints.
    """
    cells: list[Cell] = []
    left_out = 0
    for cell in plan.table.cells(plan.axes, allowed):
        if allowed(dict(enumerate(cell))):
            cells.append(cell)
        else:
            left_out += 1
    return cells, left_out
