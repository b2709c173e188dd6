"""What lies on this machine: data sets and their caches. Imports no PyTorch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.recipe.data import AnyData
from ablate.training.data.cache import CARD, FOLDER
from ablate.training.data.fetch import look
from ablate.training.data.registry import SOURCES
from ablate.training.data.source import Source


@dataclass(frozen=True, kw_only=True)
class Cached:
    """One decoded data set."""

    #: What a recipe asked for: the data set's name, `resize`, `channels` and what its kind needs.
    asked: dict[str, Any]
    folder: str
    #: Bytes on the disk.
    bytes: int

    @property
    def words(self) -> str:
        """How it differs from the images as they are, for people."""
        table = self.asked if self.data is None else self.data.canonical()
        told = {key: value for key, value in table.items() if key != "name" and value is not None}
        return " ".join(f"{key}={value}" for key, value in told.items()) or "as it is"

    @property
    def data(self) -> Data | None:
        """A `data` table that asks for it; None where a later version of ablate has other tables."""
        try:
            table: Data = _tables().validate_python(self.asked)
        except ValidationError:
            return None
        return table


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How things stand with one data set."""

    name: str
    #: Training and test images together; None where only a recipe can tell.
    images: int | None
    #: Number of classes.
    classes: int | None
    #: Channels, height and width of an image; of some size where they differ.
    shape: tuple[int, int, int] | None
    #: Folder in which its files lie; None where they are not here.
    folder: str | None
    #: What is wrong with its files; empty where nothing is.
    fault: str
    caches: tuple[Cached, ...]

    def as_json(self) -> dict[str, Any]:
        """The data set's entry in `ablate data list --json`."""
        return asdict(self)


def standings(root: Path) -> list[Standing]:
    """All data sets that ablate knows, as they stand below a data root."""
    kept = list(caches(root))
    return [
        _standing(source, root, tuple(one for one in kept if one.asked["name"] == name))
        for name, source in SOURCES.items()
    ]


def caches(root: Path) -> Iterator[Cached]:
    """All decoded data sets below a data root."""
    for card in sorted((root / FOLDER).glob(f"*/{CARD}")):
        if card.parent.name.startswith("."):  # still being written
            continue
        try:
            asked = json.loads(card.read_text("utf-8"))["asked"]
            size = sum(path.stat().st_size for path in card.parent.iterdir())
            name = asked["name"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if name in SOURCES:
            yield Cached(asked=asked, folder=str(card.parent), bytes=size)


def _standing(source: Source, root: Path, kept: tuple[Cached, ...]) -> Standing:
    if source.needs_recipe:
        return Standing(name=source.name, images=None, classes=None, shape=None, folder=None, fault="", caches=kept)
    data = Data.model_validate({"name": source.name})
    outline = source.outline(data, root)
    folder, fault = None, ""
    try:
        found = look(source, data, root)
        folder = None if found is None else str(found.folder)
    except DataMissingError as error:
        fault = error.message
    return Standing(
        name=source.name,
        images=outline.images,
        classes=len(outline.classes),
        shape=outline.shape,
        folder=folder,
        fault=fault,
        caches=kept,
    )


@cache
def _tables() -> TypeAdapter[Any]:
    return TypeAdapter(AnyData)
