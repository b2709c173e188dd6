"""What factors say of each other: `requires`, `excludes`, `linked`, and one list of values for what is retuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ablate.recipe.signatures import did_you_mean
from ablate.study.faults import Faults, printable
from ablate.study.file import FactorTable
from ablate.study.model import Factor
from ablate.study.positions import Path


def check_references(
    factor: Factor, factors: Mapping[str, Factor], tables: Mapping[str, FactorTable], faults: Faults
) -> None:
    """`requires` and `excludes` must name levels of other factors."""
    for key in ("requires", "excludes"):
        shared = getattr(tables[factor.name], key)
        for level in factor.levels:
            own = () if level.name == factor.reference else shared
            for index, (name, wanted) in enumerate(getattr(level, key)):
                at: Path = ("factors", factor.name, key, index)
                if index >= len(own):
                    at = ("factors", factor.name, "levels", level.name, key, index - len(own))
                if message := _reference_fault(key, factor.name, name, wanted, factors, tables):
                    faults.add(at, message, value=True)


def _reference_fault(
    key: str, factor: str, name: str, wanted: str, factors: Mapping[str, Factor], tables: Mapping[str, FactorTable]
) -> str:
    """Why `name=wanted` is no level of another factor; empty where it is one."""
    if not wanted:
        return f'`{key}` names a factor and its level, as "norm=batch", not "{printable(name)}"'
    if name == factor:
        return f"`{key}` names levels of other factors, and `{factor}` is this one"
    if name not in tables:
        return (
            f"there is no factor "
            f"`{printable(name)}`{did_you_mean(name, [other for other in tables if other != factor])}"
        )
    levels = [level.name for level in factors[name].levels] if name in factors else [wanted]
    return (
        "" if wanted in levels else f"factor `{name}` has no level `{printable(wanted)}`{did_you_mean(wanted, levels)}"
    )


def check_link(
    factor: Factor, factors: Mapping[str, Factor], tables: Mapping[str, FactorTable], faults: Faults
) -> None:
    """A linked factor follows one that is not linked itself, level by level."""
    name = factor.linked
    at: Path = ("factors", factor.name, "linked")
    if name is None:
        return
    if name == factor.name or name not in tables:
        known = [other for other in tables if other != factor.name]
        what = "itself" if name == factor.name else f"`{printable(name)}`, which is no factor"
        faults.add(at, f"`{factor.name}` is linked to {what}{did_you_mean(name, known)}", value=True)
    elif tables[name].linked is not None:
        faults.add(at, f"`{name}` is linked itself: link `{factor.name}` to `{tables[name].linked}`", value=True)
    elif name in factors:
        leader = factors[name]
        ours, theirs = (_shape(which) for which in (factor, leader))
        if ours != theirs:
            faults.add(
                at,
                f"linked factors move level by level, so they need equally many levels with the baseline's at the same "
                f"place: `{name}` has {_listed(leader)}, `{factor.name}` has {_listed(factor)}",
                value=True,
            )


def _shape(factor: Factor) -> tuple[int, int]:
    names = [level.name for level in factor.levels]
    return len(names), names.index(factor.reference)


def _listed(factor: Factor) -> str:
    names = (f"{level.name} (baseline)" if level.name == factor.reference else level.name for level in factor.levels)
    return printable(", ".join(names), 120)


def check_retuning(factors: Sequence[Factor], faults: Faults) -> None:
    """The baseline is retuned too, with one list for each path."""
    seen: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for factor in factors:
        for level in factor.others:
            for path, candidates in level.retune.items():
                name, known = seen.setdefault(path, (f"{factor.name}={level.name}", candidates))
                if known != candidates:
                    faults.add(
                        ("factors", factor.name),
                        f"`{printable(name)}` retunes `{path}` over other values than "
                        f"`{factor.name}={printable(level.name)}`: the "
                        "baseline is tried with the same list, so give all levels one",
                    )
