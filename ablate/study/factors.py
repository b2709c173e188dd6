"""Factor tables -> `Factor`s: levels in all their forms, the reference level, labels, retuning, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ablate.recipe import AnyRecipe, Recipe
from ablate.recipe.section import canonical_value
from ablate.recipe.signatures import arguments, did_you_mean
from ablate.study.baseline import Baseline, at_once, below
from ablate.study.faults import Faults, printable
from ablate.study.file import LEVEL_KEYS, MAX_LEVELS, FactorTable, LevelTable
from ablate.study.model import Factor, Level
from ablate.study.names import BASELINE, checked_factor_name, checked_text, level_name
from ablate.study.overrides import found
from ablate.study.positions import MISSING, Path
from ablate.study.ranges import RANGES, is_range, values
from ablate.study.relations import check_link, check_references, check_retuning
from ablate.study.wording import explained


@dataclass(kw_only=True)
class _Draft:
    """A level as written."""

    name: str
    #: Where it stands.
    where: Path
    overrides: dict[str, Any]
    #: Where the value of one of its paths stands.
    inside: Callable[[str], Path]
    table: LevelTable = field(default_factory=LevelTable)
    #: None where it does not fit, or where that depends on other factors.
    recipe: AnyRecipe | None = None


def read_factors(tables: Mapping[str, FactorTable], baseline: Baseline, faults: Faults) -> tuple[Factor, ...]:
    """The factors that could be read, in the order of the file; what is wrong with the others is noted."""
    read: list[Factor] = []
    levels = 0
    for name, table in tables.items():
        before = len(faults)
        factor = _Reader(name, table, baseline, faults).factor()
        levels += len(factor.levels) if factor else 0
        if levels > MAX_LEVELS:
            faults.add(("factors", name), f"all factors together may have {MAX_LEVELS:,} levels, these are more")
            return tuple(read)
        if factor is not None and len(faults) == before:
            read.append(factor)
    factors = {factor.name: factor for factor in read}
    sound = []
    for factor in read:
        before = len(faults)
        check_references(factor, factors, tables, faults)
        check_link(factor, factors, tables, faults)
        if len(faults) == before:
            sound.append(factor)
    check_retuning(sound, faults)
    return tuple(sound)


class _Reader:
    """Reads one factor."""

    def __init__(self, name: str, table: FactorTable, baseline: Baseline, faults: Faults) -> None:
        self.name = name
        self.table = table
        self.baseline = baseline
        self.faults = faults
        self.where: Path = ("factors", name)
        #: Whether the factor applies to the baseline, so that its levels can be checked without other factors.
        self.applies = all(
            _same(_value(baseline, path), value) for path, value in table.when.items() if baseline.unknown(path) is None
        )

    def factor(self) -> Factor | None:
        try:
            checked_factor_name(self.name)
        except ValueError as error:
            self.faults.add(self.where, str(error))
            return None
        before = len(self.faults)
        for key in ("when", "retune"):
            for path in getattr(self.table, key):
                if (message := self.baseline.unknown(path)) is not None:
                    self.faults.add((*self.where, key, path), message)
        drafts = self._drafts()
        if len(self.faults) > before:
            return None
        for draft in drafts:
            self._check(draft)
        if len(self.faults) > before:
            return None
        drafts, reference = self._with_reference(drafts)
        known = [draft.name for draft in drafts]
        for key in ("labels", "reported"):
            for name in getattr(self.table, key):
                self._check_name((*self.where, key, name), name, known)
        removed = None
        if self.table.remove is not None:
            removed = level_name(self.table.remove)
            others = [name for name in known if name != reference]
            self._check_name((*self.where, "remove"), removed, others, value=True)
        if len(self.faults) > before:
            return None
        levels = tuple(self._level(draft, reference) for draft in drafts)
        others = [level.name for level in levels if level.name != reference]
        if not others:
            self.faults.add(
                (*self.where, "levels"),
                f"factor `{self.name}` has no level beside the baseline's own, `{printable(reference)}`: add one",
            )
            return None
        if removed is None and len(others) == 1:
            removed = others[0]
        return Factor(
            name=self.name,
            label=self.table.label or self.name,
            path=self.table.path,
            levels=levels,
            reference=reference,
            remove=removed,
            when=MappingProxyType(self.table.when),
            linked=self.table.linked,
        )

    # --- levels as written

    def _drafts(self) -> list[_Draft]:
        levels, path = self.table.levels, self.table.path
        if isinstance(levels, dict) and not is_range(levels):
            if path is not None:
                self.faults.add(
                    (*self.where, "path"),
                    "`path` goes with a list of values, `levels = [...]`; levels that are tables name their own paths: "
                    "leave `path` out",
                )
                return []
            return [
                draft
                for key, value in list(levels.items())[: MAX_LEVELS + 1]
                if (draft := self._table_draft(key, value))
            ]
        given: Sequence[Any]
        if isinstance(levels, dict):
            try:
                given = values(levels)
            except ValueError as error:
                self.faults.add((*self.where, "levels", next(iter(levels))), str(error), value=True)
                return []
        else:
            given = levels
        if path is None:
            self.faults.add(
                self.where,
                f"`path` is missing: which knob do the levels of `{self.name}` set? Write `path = "
                f'"model.dropout"`, for one',
            )
            return []
        if (message := self.baseline.unknown(path)) is not None:
            self.faults.add((*self.where, "path"), message, value=True)
            return []
        if len(given) > MAX_LEVELS:
            self.faults.add(
                (*self.where, "levels"), f"a factor may have {MAX_LEVELS:,} levels, this has {len(given):,}"
            )
            return []
        if not given:
            self.faults.add((*self.where, "levels"), "`levels` is empty: give at least one value", value=True)
        drafts = []
        for index, value in enumerate(given):
            at: Path = (*self.where, "levels") if isinstance(levels, dict) else (*self.where, "levels", index)
            name = self._checked_name(level_name(value), at)
            drafts.append(_Draft(name=name, where=at, overrides={path: value}, inside=at_once(at)))
        return drafts

    def _table_draft(self, name: str, value: object) -> _Draft | None:
        at: Path = (*self.where, "levels", name)
        if not isinstance(value, dict):
            example = '`{ "model.norm" = "batch" }`'
            more = f" (a range is {' or '.join(RANGES)})" if isinstance(value, list) else ""
            self.faults.add(at, f"level `{printable(name)}` must be a table of paths, as {example}{more}", value=True)
            return None
        own = {key: item for key, item in value.items() if key in LEVEL_KEYS}
        try:
            table = LevelTable.model_validate(own)
        except ValidationError as error:
            for finding in explained(error, own, LevelTable, lambda path: str(path[-1])):
                self.faults.add((*at, *finding.path), finding.message, value=finding.value)
            return None
        for path in table.retune:
            if (message := self.baseline.unknown(path)) is not None:
                self.faults.add((*at, "retune", path), message)
        return _Draft(
            name=self._checked_name(name, at),
            where=at,
            overrides={key: item for key, item in value.items() if key not in LEVEL_KEYS},
            inside=below(at),
            table=table,
        )

    def _checked_name(self, name: str, at: Path) -> str:
        try:
            return checked_text(name)
        except ValueError as error:
            self.faults.add(at, f"{error}; a level with a name of its own is a table [factors.{self.name}.levels.NAME]")
            return name

    # --- checks

    def _check(self, draft: _Draft) -> None:
        who = f"with level `{printable(draft.name)}`: "
        if not self.applies:
            for path in draft.overrides:
                if (message := self.baseline.unknown(path)) is not None:
                    self.faults.add(draft.inside(path), message)
            return
        draft.recipe = self.baseline.vary(draft.overrides, self.faults, draft.where, draft.inside, who=who)
        for table, at in ((self.table.retune, (*self.where, "retune")), (draft.table.retune, (*draft.where, "retune"))):
            for path, candidates in table.items():
                if path in draft.overrides:
                    self.faults.add(
                        (*at, path),
                        f"level `{printable(draft.name)}` sets `{path}` and retunes it too: leave one of them out",
                    )
                    continue
                if isinstance(draft.recipe, Recipe) and draft.recipe.data.validation == 0:
                    self.faults.add(
                        at,
                        "retuning chooses by the validation accuracy, and `data.validation = 0` leaves no "
                        "images for that",
                    )
                    continue
                for index, value in enumerate(candidates):
                    place: Path = (*at, path, index)
                    for overrides in ({path: value}, {**draft.overrides, path: value}):
                        self.baseline.vary(overrides, self.faults, place, at_once(place), who=who)

    def _with_reference(self, drafts: list[_Draft]) -> tuple[list[_Draft], str]:
        """The levels with the baseline's own among them, and its name."""
        by_key: dict[str, _Draft] = {}
        names: set[str] = set()
        base = self.baseline.recipe
        reference: str | None = None
        for draft in drafts:
            if draft.name in names:
                self.faults.add(draft.where, f"level `{printable(draft.name)}` stands twice: leave one of them out")
                continue
            names.add(draft.name)
            if draft.recipe is None:
                continue
            twin = by_key.setdefault(draft.recipe.key, draft)
            if twin is not draft:
                self.faults.add(
                    draft.where,
                    f"levels `{printable(twin.name)}` and `{printable(draft.name)}` are the same recipe: leave one "
                    f"of them out",
                )
            elif base is not None and draft.recipe.key == base.key:
                reference = draft.name
        if reference is not None:
            return drafts, reference
        name = BASELINE
        if self.table.path is not None and (value := _value(self.baseline, self.table.path)) is not MISSING:
            name = "default" if value is None else level_name(value)
            name = BASELINE if name in names else name
        if name in names:
            self.faults.add(
                (*self.where, "levels", name),
                f"level `{name}` is not what the baseline has: `{BASELINE}` is the name of the reference level, "
                f"choose another",
            )
        draft = _Draft(name=name, where=self.where, overrides={}, inside=at_once(self.where))
        return [draft, *drafts], name

    def _check_name(self, at: Path, name: str, known: list[str], *, value: bool = False) -> None:
        if name not in known and not self.faults.full:
            hint = did_you_mean(name, known)
            self.faults.add(at, f"factor `{self.name}` has no such level, `{printable(name)}`{hint}", value=value)

    def _level(self, draft: _Draft, reference: str) -> Level:
        is_reference = draft.name == reference
        retune = {} if is_reference else {**self.table.retune, **draft.table.retune}
        requires = () if is_reference else self.table.requires
        excludes = () if is_reference else self.table.excludes
        return Level(
            name=draft.name,
            label=draft.table.label or self.table.labels.get(draft.name, draft.name),
            overrides=MappingProxyType({} if is_reference else draft.overrides),
            requires=tuple(_pair(text) for text in (*requires, *draft.table.requires)),
            excludes=tuple(_pair(text) for text in (*excludes, *draft.table.excludes)),
            retune=MappingProxyType({path: tuple(items) for path, items in retune.items()}),
            reported=self.table.reported.get(draft.name, draft.table.reported),
        )


def _value(baseline: Baseline, path: str) -> Any:  # noqa: ANN401 - any value of a recipe
    """The baseline's own value at a path, as written, else its default; `MISSING` where it has none."""
    value = found(baseline.document, path)
    if value is MISSING and baseline.recipe is not None:
        value = found(baseline.recipe, path)
        value = value if value is MISSING else canonical_value(value)
        table, _, key = path.rpartition(".")
        optimizer = baseline.recipe.training.optimizer
        if value is MISSING and table == "training.optimizer" and optimizer is not None:
            value = arguments("optimizers", optimizer.name).get(key, MISSING)
    return value


def _same(value: object, wanted: object) -> bool:
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _pair(text: str) -> tuple[str, str]:
    factor, _, level = text.partition("=")
    return factor.strip(), level.strip()
