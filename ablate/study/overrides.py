"""Dotted paths into a recipe: setting them, reading them, and `--set path=value`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ablate.errors import StudyError, UsageError
from ablate.recipe import AnyRecipe, read_recipe
from ablate.recipe.signatures import did_you_mean
from ablate.study.faults import printable
from ablate.study.positions import MISSING, Path
from ablate.study.source import Source, parsed

#: Tables of a recipe, which `--set` may name without `baseline` in front.
RECIPE_TABLES = ("data", "model", "training", "params")


class ClashError(ValueError):
    """Two sets of overrides set the very same path."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def applied(document: Mapping[str, Any], *overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The document with values set at dotted paths, shorter paths first; the document itself stays as it is.

    A value replaces what was there, a table too: nothing is merged.

    Raises:
        ClashError: Two of `overrides` set the same path.
    """
    together: dict[str, Any] = {}
    for values in overrides:
        for path, value in values.items():
            if path in together:
                raise ClashError(path)
            together[path] = value
    result = dict(document)
    for path in sorted(together, key=lambda path: path.count(".")):
        *tables, last = path.split(".")
        table = result
        for key in tables:
            inner = table.get(key)
            # Copied on the way down; what stands in the way (a text, as in normalize = "train") is replaced, so that
            # the recipe's own check names what the new table lacks.
            table[key] = dict(inner) if isinstance(inner, Mapping) else {}
            table = table[key]
        table[last] = together[path]
    return result


def found(document: object, path: str) -> Any:  # noqa: ANN401 - any value of a recipe
    """The value at a dotted path of a plain document or a recipe; `MISSING` where there is none."""
    for key in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(key, MISSING)
        else:
            document = dict(document).get(key, MISSING) if isinstance(document, BaseModel) else MISSING
        if document is MISSING:
            return MISSING
    return document


def retuned(recipe: AnyRecipe, values: Mapping[str, Any]) -> AnyRecipe:
    """The recipe with a tuning candidate's values set.

    Args:
        recipe: Recipe of a variant with `retune`.
        values: One value for each of its retuned paths.
    """
    return read_recipe(applied(recipe.model_dump(), values))


def settings(given: Sequence[str], known: Sequence[str]) -> dict[Path, tuple[str, Any]]:
    """What `--set` asks for: the place in the study file, the setting as written, and its value.

    Args:
        given: Texts of the form `path=value`; a value is TOML, or a bare word that is taken as a text.
        known: The keys that may stand at the top of a study file.

    Raises:
        UsageError: No `=`, an unknown first key, or a value that is neither TOML nor a word.
    """
    result: dict[Path, tuple[str, Any]] = {}
    for text in given:
        path, equals, value = text.partition("=")
        parts = tuple(part.strip() for part in path.split("."))
        if not equals or not all(parts):
            raise UsageError(
                f"--set {printable(text)} is not of the form path=value",
                cure="Write it as in `--set training.epochs=3`.",
            )
        if parts[0] in RECIPE_TABLES:
            parts = ("baseline", *parts)
        elif parts[0] not in known:
            choice = [*RECIPE_TABLES, *known]
            raise UsageError(f"--set {printable(text)}: nothing is called {parts[0]!r}{did_you_mean(parts[0], choice)}")
        result[parts] = (text, _value(text, value.strip()))
    return result


def with_settings(document: dict[str, Any], wanted: Mapping[Path, tuple[str, Any]]) -> dict[str, Any]:
    """The file's document with the settings written into it."""
    return applied(document, {".".join(str(part) for part in path): value for path, (_, value) in wanted.items()})


def _value(text: str, value: str) -> Any:  # noqa: ANN401 - any value of TOML
    if "\n" not in value:
        try:
            return parsed(Source(name="--set", text=f"value = {value}"))["value"]
        except StudyError:
            if value and not set(value) & set("\"'[]{}=,") and value.isprintable():
                return value
    raise UsageError(
        f"--set {printable(text)}: the value is not TOML",
        cure="Lists and tables need quotes around them for the shell: --set 'model.channels=[16, 32]'",
    )
