"""Reads a data set again and compares: archives with their checksums, the cache with what its files decode to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ablate.errors import AblateError, DataMissingError
from ablate.recipe import Data
from ablate.training.data.cache import repaired
from ablate.training.data.download import checksums
from ablate.training.data.fetch import look
from ablate.training.data.listing import Found, file_hash
from ablate.training.data.prepare import cache_of, title_of, work_of
from ablate.training.data.progress import SILENT, Progress
from ablate.training.data.registry import SOURCES
from ablate.training.data.source import Source


class Finding(NamedTuple):
    """One thing that was looked at."""

    #: The data set, for people.
    title: str
    #: What was found, as a sentence without its subject's name.
    text: str
    #: Whether something was damaged or missing.
    bad: bool


def verify(data: Data, root: Path, progress: Progress = SILENT) -> Iterator[Finding]:
    """Check the files and the cache of a data set; a damaged cache is made anew.

    Args:
        data: The `data` table of a recipe, which says how the cache was scaled.
        root: The data root, absolute.
        progress: Hears how far it is.
    """
    source, title = SOURCES[data.name], title_of(data)
    try:
        found = look(source, data, root)
        if found is None:
            how = "its folder is not there" if source.download is None else f"type `ablate data fetch {data.name}`"
            yield Finding(title, f"not on this machine: {how}", True)
            return
        for text, bad in _archives(source, root):
            yield Finding(title, text, bad)
        yield Finding(title, *_cache(source, data, found, root, progress))
    except AblateError as error:
        yield Finding(title, error.message, True)


def _archives(source: Source, root: Path) -> Iterator[tuple[str, bool]]:
    """Archives below the data root; a distribution's own packages are compressed anew and have other checksums."""
    present = {
        path: how
        for how in ([source.download] if source.download else [])
        for folder in source.folders
        for name in how.files
        if (path := root / folder / name).is_file()
    }
    for path, how in present.items():
        wanted = checksums(how).get(path.name)
        if wanted is None:
            continue
        if file_hash(path, "md5") == wanted:
            yield f"{path} has the right checksum", False
        else:
            yield f"{path} has a wrong checksum: delete it, then type `ablate data fetch {source.name}`", True


def _cache(source: Source, data: Data, found: Found, root: Path, progress: Progress) -> tuple[str, bool]:
    before = cache_of(data, found, root, progress)
    now = cache_of(data, found, root, progress, afresh=True)
    if before.key != now.key:
        return f"files in {found.folder} have another content than when they were first read, at the same time", True
    if not now.path.exists():
        return f"its files in {found.folder} can be read; they are not decoded yet", False
    try:
        if repaired(now, work_of(source, data, found), progress):
            return f"the cache {now.path} was damaged and is made anew", True
    except OSError as error:
        raise DataMissingError(f"{now.path} cannot be checked: {error}.") from error
    return f"the cache {now.path} is what the files decode to", False
