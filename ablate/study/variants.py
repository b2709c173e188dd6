"""Designs and listed variants -> `Variant`s: cells are made into recipes, and equal recipes become one variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ablate.recipe import AnyRecipe
from ablate.recipe.signatures import did_you_mean
from ablate.study.axes import Constraints, Plan, cells_of, reference_is_a_lie, retunes_unequally
from ablate.study.baseline import Baseline, below, validated
from ablate.study.designs import LISTED, Cell, Refusal
from ablate.study.faults import Faults, printable
from ablate.study.file import VariantTable
from ablate.study.model import Design, Factor, Level, Variant
from ablate.study.names import BASELINE, variant_name
from ablate.study.overrides import ClashError, applied
from ablate.study.positions import Path

#: Different mistakes of the cells of one design that are shown.
_MAX_CELL_FAULTS = 10


@dataclass(kw_only=True)
class _Record:
    """A variant in the making."""

    name: str
    recipe: AnyRecipe
    #: What its recipe was made from.
    document: Mapping[str, Any]
    levels: dict[str, str]
    designs: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    reported: float | None = None
    retune: dict[str, tuple[Any, ...]] = field(default_factory=dict)


class Expansion:
    """All variants of a study.

    Args:
        baseline: A valid baseline.
        factors: All factors.
        faults: Where mistakes go.
    """

    def __init__(self, baseline: Baseline, factors: Sequence[Factor], faults: Faults) -> None:
        if baseline.recipe is None:
            raise ValueError("the baseline is not valid")
        self._baseline = baseline
        self._factors = factors
        self._faults = faults
        self._references = {factor.name: factor.reference for factor in factors}
        self._records: dict[str, _Record] = {}
        self._by_name: dict[str, _Record] = {}
        #: Factors off their reference -> key; None for a cell that cannot be.
        self._cells: dict[tuple[tuple[str, str], ...], str | None] = {}
        first = self._record(BASELINE, baseline.recipe, baseline.document, dict(self._references))
        self._cells[()] = baseline.recipe.key
        for factor in factors:
            reference = factor.level(factor.reference)
            self._report(first, reference.reported, ("factors", factor.name))
            for level in factor.others:
                first.retune.update(level.retune)

    def design(self, plan: Plan) -> Design:
        """Expand a design into the variants."""
        faults, before = self._faults, len(self._faults)
        constraints = Constraints(plan, self._factors, self._baseline)
        cells: list[Cell] = []
        left_out = 0
        try:
            cells, left_out = cells_of(plan, constraints)
        except Refusal as refusal:
            faults.add((*plan.where, refusal.key), str(refusal))
        if left_out and plan.table.complete:
            faults.add(
                plan.where,
                f"`when`, `requires` or `excludes` forbid {left_out} of its cells, and a {plan.table.kind} needs "
                f"all: use `pairs` or `grid`",
            )
        elif plan.table.factors is not None and cells:
            for index, group in enumerate(plan.groups):
                if not any(cell[index] for cell in cells):
                    faults.add(
                        (*plan.where, "factors"),
                        f"no cell takes `{group.axis.name}` off its reference: `when`, `requires` or "
                        f"`excludes` forbid it "
                        "with the other factors of this design; leave it out, or name the factors that it needs",
                    )
        if message := reference_is_a_lie(plan, self._baseline):
            faults.add(plan.where, message)
        if message := retunes_unequally(plan):
            faults.add(plan.where, message)
        for cell in cells if len(faults) == before else ():
            if len(faults) - before >= _MAX_CELL_FAULTS:
                break
            key = self._cell(plan, plan.levels(dict(enumerate(cell))))
            if key is not None and plan.name not in self._records[key].designs:
                self._records[key].designs.append(plan.name)
        return Design(
            name=plan.name,
            kind=plan.table.kind,
            factors=plan.table.order([group.axis.name for group in plan.groups]),
            cells=plan.table.count(plan.axes),
            left_out=left_out,
            aliases=plan.table.aliases(plan.axes),
        )

    def listed(self, tables: Sequence[tuple[int, VariantTable]]) -> None:
        """Add the `[[variants]]`, each after its base."""
        waiting = {table.name: (number, table) for number, table in reversed(tables)}
        while waiting:
            chain = [next(iter(reversed(waiting.values())))]
            while chain[-1][1].base in waiting:
                chain.append(waiting[str(chain[-1][1].base)])
            for number, table in reversed(chain):
                del waiting[table.name]
                self._listed_one(number, table, [other.name for _, other in tables])

    def variants(self) -> tuple[Variant, ...]:
        """The variants so far, in the order in which they came."""
        return tuple(
            Variant(
                name=record.name,
                recipe=record.recipe,
                levels=MappingProxyType(record.levels),
                designs=tuple(record.designs),
                also=tuple(record.also),
                reported=record.reported,
                retune=MappingProxyType(record.retune),
            )
            for record in self._records.values()
        )

    def _record(self, name: str, recipe: AnyRecipe, document: Mapping[str, Any], levels: dict[str, str]) -> _Record:
        record = self._records.get(recipe.key)
        if record is None:
            record = _Record(name=name, recipe=recipe, document=document, levels=levels)
            self._records[recipe.key] = self._by_name[name] = record
        return record

    def _cell(self, plan: Plan, levels: Sequence[tuple[Factor, Level]]) -> str | None:
        """The key of a cell's recipe; None after noting why there is none."""
        chosen = {factor.name: level for factor, level in levels if level.name != factor.reference}
        off = tuple((factor.name, chosen[factor.name].name) for factor in self._factors if factor.name in chosen)
        if off in self._cells:
            return self._cells[off]
        self._cells[off] = None
        document = self._composed(plan, off, chosen)
        if document is None:
            return None
        outcome = validated(document)
        if isinstance(outcome, list):
            where: Path = ("factors", off[0][0]) if len(off) == 1 else plan.where
            for finding in outcome:
                self._faults.add(
                    where,
                    f"{printable(variant_name(off), 120)} cannot be: {finding.message}. Say with `when`, `requires` or "
                    f"`excludes` which levels go together",
                )
                break
            return None
        record = self._record(variant_name(off), outcome, document, self._references | dict(off))
        for level in chosen.values():
            record.retune.update(level.retune)
        if len(off) == 1:
            self._report(record, chosen[off[0][0]].reported, ("factors", off[0][0]))
        self._cells[off] = outcome.key
        return outcome.key

    def _composed(
        self, plan: Plan, off: Sequence[tuple[str, str]], chosen: Mapping[str, Level]
    ) -> dict[str, Any] | None:
        overrides = [chosen[name].overrides for name, _ in off]
        try:
            return applied(self._baseline.document, *overrides)
        except ClashError as clash:
            one, two, *_ = [
                f"{name}={level}" for (name, level), values in zip(off, overrides, strict=True) if clash.path in values
            ]
            self._faults.add(
                plan.where,
                f"`{printable(one)}` and `{printable(two)}` both set `{clash.path}`, and they meet in this "
                f"design: leave one of the "
                f'factors out of its `factors`, or write `excludes = ["{printable(one)}"]` at the second',
            )
            return None

    def _listed_one(self, number: int, table: VariantTable, names: Sequence[str]) -> None:
        where: Path = ("variants", number)
        base = self._by_name[BASELINE]
        if table.base is not None:
            if table.base not in self._by_name:
                if table.base not in names:  # else the base itself is wrong, which was said
                    hint = did_you_mean(table.base, [*self._by_name, *names])
                    self._faults.add(
                        (*where, "base"), f"there is no variant `{printable(table.base)}`{hint}", value=True
                    )
                return
            base = self._by_name[table.base]
        recipe = self._baseline.vary(
            table.set,
            self._faults,
            where,
            below((*where, "set")),
            document=base.document,
            who=f"`{printable(table.name)}`: ",
        )
        if recipe is None:
            return
        other = self._by_name.get(table.name)
        if other is not None and other.recipe.key != recipe.key:
            self._faults.add(
                (*where, "name"),
                f"a design makes another variant that is called `{printable(table.name)}`: choose another name",
                value=True,
            )
            return
        record = self._record(table.name, recipe, applied(base.document, table.set), {})
        self._by_name[table.name] = record
        if record.name != table.name and table.name not in record.also:
            record.also.append(table.name)
        if LISTED not in record.designs:
            record.designs.append(LISTED)
        self._report(record, table.reported, (*where, "reported"))

    def _report(self, record: _Record, reported: float | None, where: Path) -> None:
        if reported is None:
            return
        if record.reported is not None and record.reported != reported:
            self._faults.add(
                where,
                f"two figures are reported for `{printable(record.name)}`, {record.reported:g} and {reported:g}: "
                f"leave one of them out",
            )
        record.reported = reported


def check_listed(tables: Sequence[tuple[int, VariantTable]], faults: Faults) -> None:
    """Names of listed variants are unique, and none is based on itself."""
    bases: dict[str, str | None] = {}
    for number, table in tables:
        if table.name in bases or table.name == BASELINE:
            whose = "the baseline" if table.name == BASELINE else "another variant"
            faults.add(
                ("variants", number, "name"),
                f"`{printable(table.name)}` is the name of {whose}: choose another",
                value=True,
            )
        bases.setdefault(table.name, table.base)
    sound: set[str] = set()
    for number, table in tables:
        walked: dict[str, None] = {}
        name: str | None = table.name
        while name in bases and name not in sound and name not in walked:
            walked[name] = None
            name = bases[name]
        sound.update(walked)
        if name in walked:
            faults.add(
                ("variants", number, "base"),
                f"`{printable(table.name)}` is based on itself, by way of its `base`: begin with another",
                value=True,
            )
