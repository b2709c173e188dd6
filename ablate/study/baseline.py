"""The baseline recipe, and the check of everything that departs from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from ablate.recipe import AnyRecipe, OwnRecipe, read_recipe, recipe_class
from ablate.study.faults import Faults, dotted, printable, shown
from ablate.study.overrides import ClashError, applied
from ablate.study.own_code import OwnCode
from ablate.study.positions import Path
from ablate.study.vocabulary import unknown_path
from ablate.study.wording import Finding, explained

#: Top tables of a recipe; `select` is written at the top of the study file.
_TABLES = ("data", "model", "training", "params")


class Baseline:
    """The recipe from which every variant departs.

    Args:
        table: The file's `[baseline]`.
        select: The file's `select`; None where it says nothing.
        faults: Where its mistakes go.
        code: The user's own files.
        own_code: Code of the user's own is named somewhere in the study, so that any key of a table may be an
            argument of it.
        own_trainer: So is a trainer.
    """

    def __init__(
        self,
        table: Mapping[str, Any],
        select: str | None,
        faults: Faults,
        code: OwnCode,
        *,
        own_code: bool,
        own_trainer: bool,
    ) -> None:
        self._code = code
        self._own_code = own_code
        self._own_trainer = own_trainer
        #: As written, with what must stand there for overrides to build upon.
        self.document: dict[str, Any] = {**table} if select is None else {**table, "select": select}
        if recipe_class(table) is not OwnRecipe:
            self.document = {"model": {"name": "convnet"}, "select": "best_val", **self.document}
        #: None where the baseline itself is wrong.
        self.recipe: AnyRecipe | None = None
        self._known: set[tuple[Path, str]] = set()
        if "select" in table:
            faults.add(("baseline", "select"), "`select` stands at the top of the file, above the tables")
        outcome = validated(self.document)
        if not isinstance(outcome, list):
            self.recipe = outcome
            for place, message in code.problems(outcome):
                faults.add(("baseline", *place), message, value=True)
            return
        for finding in outcome:
            self._known.add((finding.path, finding.message))
            at: Path = ("baseline", *finding.path) if finding.path != ("select",) else finding.path
            faults.add(at, finding.message, value=finding.value)

    def unknown(self, path: str) -> str | None:
        """Why a dotted path names no knob of a recipe of this study; None where it names one."""
        return unknown_path(path, own_code=self._own_code, own_trainer=self._own_trainer)

    def vary(
        self,
        overrides: Mapping[str, Any],
        faults: Faults,
        where: Path,
        inside: Callable[[str], Path],
        *,
        document: Mapping[str, Any] | None = None,
        who: str = "",
    ) -> AnyRecipe | None:
        """The recipe with these overrides; None after noting why there is none.

        Mistakes that the baseline has too are not repeated.

        Args:
            overrides: Values by dotted path.
            faults: Where mistakes go.
            where: Place of the overrides as a whole.
            inside: Place of one path's value.
            document: What to start from; the baseline where it is not given.
            who: Begins the message of a mistake that is not in the overrides themselves.
        """
        sound = True
        for path in overrides:
            if faults.full:
                return None
            if (message := self.unknown(path)) is not None:
                faults.add(inside(path), message)
                sound = False
        if not sound:
            return None
        try:
            varied = applied(self.document if document is None else document, overrides)
        except ClashError:  # one mapping cannot clash with itself
            raise AssertionError from None
        outcome = validated(varied)
        if not isinstance(outcome, list):
            for place, message in self._code.problems(outcome):
                if (owner := _owner(overrides, place)) is not None:
                    faults.add((*inside(owner), *place[owner.count(".") + 1 :]), message, value=True)
                    return None
            return outcome
        for finding in outcome:
            if (finding.path, finding.message) in self._known:
                continue
            owner = _owner(overrides, finding.path)
            if owner is None:
                faults.add(where, f"{who}{finding.message}")
            else:
                at = (*inside(owner), *finding.path[owner.count(".") + 1 :])
                if hint := _whole_table(owner, overrides[owner], finding):
                    at = inside(owner)
                faults.add(at, hint or finding.message, value=finding.value)
        return None


def below(place: Path) -> Callable[[str], Path]:
    """Values that stand in a table, each under its path."""
    return lambda path: (*place, path)


def at_once(place: Path) -> Callable[[str], Path]:
    """A value that stands at one place, whatever it sets."""
    return lambda _: place


def validated(document: Mapping[str, Any]) -> AnyRecipe | list[Finding]:
    """The recipe, or what is wrong with it."""
    try:
        return read_recipe(document)
    except ValidationError as error:
        return list(explained(error, document, recipe_class(document), dotted))


def _owner(overrides: Mapping[str, Any], place: Path) -> str | None:
    """The longest dotted path among `overrides` at or above a place; None where there is none."""
    above = (path for path in overrides if place[: path.count(".") + 1] == tuple(path.split(".")))
    return max(above, key=len, default=None)


def _whole_table(path: str, value: object, finding: Finding) -> str:
    """For `model.norm = ...` without quotes, which replaces the whole table; empty where that was meant."""
    lacks = "is missing" in finding.message or "needs a" in finding.message
    if path in _TABLES and isinstance(value, dict) and value and lacks:
        key, inner = next(iter(value.items()))
        return (
            f"this replaces all of `{path}`; to change one key, put quotes around its path: "
            f'`"{printable(f"{path}.{key}")}" = {shown(inner)}`'
        )
    return ""
