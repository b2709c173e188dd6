"""The data sets of a study, made ready before the first worker starts. Imports no PyTorch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from ablate.errors import UsageError
from ablate.recipe import AnyRecipe, Data
from ablate.recipe.signatures import did_you_mean
from ablate.training.data.fetch import look
from ablate.training.data.prepare import asked_of, data_root, title_of
from ablate.training.data.prepare import prepare as prepare_one
from ablate.training.data.progress import SILENT, Progress
from ablate.training.data.registry import SOURCES
from ablate.training.data.space import size_text
from ablate.training.data.standing import Standing, standings
from ablate.training.data.verify import Finding, verify
from ablate.training.failures import RecipeError

__all__ = [
    "Finding",
    "Standing",
    "distinct",
    "list_data",
    "named",
    "prepare",
    "prepare_each",
    "remark_pictures",
    "size_text",
    "tables_of",
    "unknown",
    "verify_data",
]


def distinct(tables: Iterable[Data]) -> list[Data]:
    """A `data` table for each set of images that is asked for; how it is split or augmented is no matter."""
    found = {json.dumps(asked_of(data), sort_keys=True): data for data in tables}
    return list(found.values())


def tables_of(recipes: Iterable[AnyRecipe]) -> Iterator[Data]:
    """The `data` tables that ablate itself can read; data sets of the user's own are read by the workers."""
    return (recipe.data for recipe in recipes if isinstance(recipe.data, Data))


def prepare(recipes: Iterable[AnyRecipe], root: Path | None = None, progress: Progress = SILENT) -> None:
    """Fetch and decode what the recipes need; a look at the files is all where that is done already.

    Recipes that do not fit their images are left to their jobs, which tell it, unless none fits.

    Args:
        recipes: The recipes of a study.
        root: The data root; None means the default one.
        progress: Hears how far downloading and decoding are, and which pictures are left aside.

    Raises:
        DataMissingError: A data set is not there and cannot be fetched, a file is damaged, or the disk is full.
        RecipeError: The images of all differ in size, and no recipe names one.
    """
    tables = distinct(tables_of(recipes))
    faults = []
    for data in tables:
        try:
            prepare_one(data, root, progress)
        except RecipeError as error:
            faults.append(error)
    if faults and len(faults) == len(tables):
        raise faults[0]


def prepare_each(tables: Iterable[Data], root: Path | None = None, progress: Progress = SILENT) -> Iterator[str]:
    """Fetch and decode data sets one by one, and say of each what it is.

    A set whose images differ in size is fetched and left as it is, where nobody has said how to scale it.

    Raises:
        DataMissingError: One is not there and cannot be fetched, a file is damaged, or the disk is full.
    """
    for data in tables:
        try:
            title, digest, arrays, left = prepare_one(data, root, progress)
        except RecipeError as error:
            yield f"{title_of(data)}: fetched, not decoded. {error}"
            continue
        held = ", ".join(f"{len(part.images):,} {name}" for name, part in arrays.parts.items())
        channels, height, width = arrays.parts["train"].images.shape[1:]
        aside = f"; files left aside, hidden or no images: {left.others:,}" if left.others else ""
        size = f"{width}x{height}x{channels}"
        yield f"{title}: {held} images of {size}, {len(arrays.classes)} classes, content {digest[:16]}{aside}"


def remark_pictures(recipes: Iterable[AnyRecipe], root: Path | None, progress: Progress) -> None:
    """Tell which pictures among the recipes' data are left aside; nothing is fetched or decoded.

    Raises:
        DataMissingError: A data set is not laid out as it should be, or may not be read.
    """
    place = data_root(root)
    for data in distinct(tables_of(recipes)):
        found = look(SOURCES[data.name], data, place)
        if found is not None and (advice := found.aside.advice(title_of(data))):
            progress.remark(advice)


def named(name: str) -> Data | None:
    """The `data` table that a data set's name alone means; None where it is no such name.

    Raises:
        UsageError: Only a study can say which images are meant.
    """
    source = SOURCES.get(name)
    if source is None:
        return None
    if source.needs_recipe:
        raise UsageError(
            f"{name!r} is not one data set: a study says which images are meant.", cure="Name the study's file."
        )
    return Data.model_validate({"name": name})


def unknown(name: str, studies: Iterable[str]) -> UsageError:
    """The error for a word that is neither a data set nor a study.

    Args:
        name: The word.
        studies: Names of the studies that there are.
    """
    guess = did_you_mean(name, [*(source.name for source in SOURCES.values() if not source.needs_recipe), *studies])
    return UsageError(
        f"there is no data set or study {name!r}{guess}",
        cure="`ablate data list` shows the data sets; images of your own are named by the file of their study.",
    )


def list_data(root: Path | None = None) -> list[Standing]:
    """All data sets that ablate knows, as they stand on this machine.

    Raises:
        DataMissingError: The data root is a file.
    """
    return standings(data_root(root))


def verify_data(
    wanted: Iterable[Data] | None, root: Path | None = None, progress: Progress = SILENT
) -> Iterator[Finding]:
    """Check data sets and their caches, each cache once.

    Args:
        wanted: Which; None means all that are here.
        root: The data root; None means the default one.
        progress: Hears how far it is.

    Raises:
        DataMissingError: The data root is a file.
    """
    place = data_root(root)
    for data in _here(place) if wanted is None else wanted:
        yield from verify(data, place, progress)


def _here(root: Path) -> Iterator[Data]:
    """What is decoded below a data root, and the data sets with names that lie there and are not."""
    for one in standings(root):
        decoded = [data for data in (cached.data for cached in one.caches) if data is not None]
        if decoded or not one.folder:
            yield from decoded
        else:
            yield Data.model_validate({"name": one.name})
