"""Which keys exist: found from the pydantic models, so that a new knob of a recipe is known here at once."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ablate.recipe import OwnRecipe, Recipe
from ablate.recipe.section import OpenSection
from ablate.recipe.signatures import arguments, did_you_mean, names
from ablate.study.faults import dotted, printable
from ablate.study.positions import MISSING, Path, inside

#: What newcomers write, and where it is.
_ELSEWHERE = {
    "dataset": "data.name",
    "learning_rate": "training.optimizer.lr",
    "lr_scheduler": "training.scheduler",
    "architecture": "model.name",
    "val_split": "data.validation",
    "augmentation": "data.augment",
    "batch_norm": "model.norm",
    "channels": "model.channels",
    "skip": "model.residual",
}


def fields_at(root: type[BaseModel], path: Path, document: object) -> dict[str, FieldInfo]:
    """The keys that a table may hold, with their types; empty where the path leads to no table.

    Args:
        root: Model of the whole document.
        path: Keys and indices from the top.
        document: The document, whose `name` and `kind` keys tell between the members of a union.
    """
    tables: list[type[BaseModel]] = [root]
    for part in path:
        table = _chosen(tables, document)
        document = inside(document, part)
        if isinstance(part, int):
            continue  # the members of a list's union are chosen by its items
        field = table.model_fields.get(part) if table is not None else None
        tables = [] if field is None else list(_tables(field.annotation))
    table = _chosen(tables, document)
    return dict(table.model_fields) if table is not None else {}


@cache
def recipe_paths() -> tuple[str, ...]:
    """Every dotted path of a recipe, tables included."""
    return tuple(dict.fromkeys(_paths([Recipe], "")))


def unknown_path(path: str, *, own_code: bool, own_trainer: bool) -> str | None:
    """Why a dotted path names no knob of a recipe; None where it names one.

    Args:
        path: Keys with dots between them.
        own_code: Code of the user's own, or a network of timm, is named somewhere, so that any key beside such a name
            may be an argument.
        own_trainer: So is a trainer, which has knobs of its own.
    """
    parts = path.split(".")
    if parts[0] == "baseline":
        return f"paths begin below the baseline: write `{printable('.'.join(parts[1:]) or 'data.batch_size')}`"
    if not all(parts):
        return f"`{printable(path)}` is no path: write keys with single dots between them, as `data.batch_size`"
    tables: list[type[BaseModel]] = [Recipe, OwnRecipe] if own_trainer else [Recipe]
    if parts[0] == "params" and not own_trainer:
        return "`params` are the knobs of a trainer of your own, and this study names none: see `training.trainer`"
    for index, part in enumerate(parts):
        tables = [table for table in tables if own_code or not _takes_arguments(table)]
        if any(table.model_config.get("extra") == "allow" and part not in table.model_fields for table in tables):
            return None if index == len(parts) - 1 else _no_table(parts[: index + 1])
        fields = [table.model_fields[part] for table in tables if part in table.model_fields]
        if not fields:
            known = list(dict.fromkeys(name for table in tables for name in table.model_fields))
            return no_key(parts[:index], part, known)
        if any(get_origin(member) is dict for field in fields for member in _members(field.annotation)):
            return None
        tables = [table for field in fields for table in _tables(field.annotation)]
        if not tables and index < len(parts) - 1:
            return _no_table(parts[: index + 1])
    return None


def no_key(table: Sequence[str | int], key: str, known: list[str], *, where: str = "") -> str:
    """That a table of the recipe has no such key, and which was probably meant."""
    there = elsewhere(key)
    if there == [dotted((*table, key))] and not where:
        return f"`{printable(there[0])}` belongs to another `{dotted((*table, 'name'))}`"
    suggestion = f"; did you mean `{there[0]}`?" if there and not where else did_you_mean(key, known)
    return f"there is no key `{dotted((*table, key))}`{where}{suggestion}"


def elsewhere(key: str) -> list[str]:
    """The paths of a recipe that end in a key, or are what a newcomer means by it."""
    there = [path for path in recipe_paths() if path.rpartition(".")[2] == key]
    if key in _ELSEWHERE:
        there = [_ELSEWHERE[key]]
    elif not there and any(key in arguments("optimizers", name) for name in names("optimizers")):
        there = [f"training.optimizer.{key}"]
    elif not there and any(key in arguments("schedulers", name) for name in names("schedulers")):
        there = [f"training.scheduler.{key}"]
    return there


def _takes_arguments(table: type[BaseModel]) -> bool:
    """Whether it is a table of the user's own code or of timm's, beside whose name stand arguments."""
    return issubclass(table, OpenSection)


def _no_table(parts: list[str]) -> str:
    return f"`{dotted(tuple(parts))}` is one value and holds no keys: set it whole"


def _paths(tables: list[type[BaseModel]], prefix: str) -> Iterator[str]:
    for table in tables:
        for name, field in table.model_fields.items():
            yield prefix + name
            if get_origin(field.annotation) is not tuple:
                yield from _paths(list(_tables(field.annotation)), f"{prefix}{name}.")


def _chosen(tables: list[type[BaseModel]], document: object) -> type[BaseModel] | None:
    """The member of a union that a table of the document means."""
    tag = inside(document, "name") if inside(document, "kind") is MISSING else inside(document, "kind")
    for table in tables:
        field = table.model_fields.get("kind") or table.model_fields.get("name")
        if field is not None and tag in _literals(field.annotation):
            return table
    unnamed = [table for table in tables if "name" not in table.model_fields or not _named(table)]
    return unnamed[0] if unnamed else (tables[0] if len(tables) == 1 else None)


def _named(table: type[BaseModel]) -> bool:
    return bool(_literals(table.model_fields["name"].annotation))


def _members(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any type expression
    """The types inside unions, lists and annotations."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType, tuple, list):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member


def _literals(annotation: Any) -> list[Any]:  # noqa: ANN401
    return [item for member in _members(annotation) if get_origin(member) is Literal for item in get_args(member)]
