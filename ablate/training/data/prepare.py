"""A data set on this machine: found, fetched where it is missing, decoded once. Imports no PyTorch."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from ablate.errors import DataMissingError
from ablate.recipe import AnyData, Data, FolderData, OwnData, SyntheticData
from ablate.recipe.data import DataSection
from ablate.training.data.aside import Aside
from ablate.training.data.cache import FOLDER, Cache, Work, cache_key, cached
from ablate.training.data.decode import Decoded
from ablate.training.data.fetch import fetched
from ablate.training.data.images import Contents
from ablate.training.data.listing import Found, content_hash
from ablate.training.data.progress import SILENT, Progress
from ablate.training.data.registry import SOURCES
from ablate.training.data.scaling import Scaling
from ablate.training.data.source import Source, unreadable

log = logging.getLogger(__name__)

#: What a `data` table says of the images themselves; the rest says how a run uses them.
OF_IMAGES = {"name", "resize", "channels"}
#: The same for each kind of table.
OF_KINDS: dict[type[Data], set[str]] = {
    FolderData: {"folder"},
    SyntheticData: {"images", "test_images", "classes", "size", "noise"},
}


class Prepared(NamedTuple):
    """A data set that is ready to be trained on."""

    #: Name for people, as `cifar10` or the folder of an `image_folder`.
    title: str
    #: Hash of the files' content and of how they were scaled, hexadecimal.
    digest: str
    arrays: Decoded
    #: What lies among its files and was left aside.
    aside: Aside


def default_root() -> Path:
    """The folder for data sets: `$ABLATE_DATA`, else `ablate/data` in the user's cache folder."""
    given = os.environ.get("ABLATE_DATA")
    return Path(given) if given else Path(platformdirs.user_cache_dir("ablate")) / "data"


def data_root(given: Path | None) -> Path:
    """The folder that is meant, absolute; None means `default_root()`.

    Raises:
        DataMissingError: It is a file.
    """
    root = (given or default_root()).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise DataMissingError(
            f"The data root {root} is a file, not a folder.", cure="Name a folder with --data-root or ABLATE_DATA."
        )
    return root


def asked_of(data: AnyData) -> dict[str, Any]:
    """What a `data` table asks of the images; tables that ask the same share a cache."""
    if isinstance(data, OwnData):
        return data.model_dump(mode="json", include=OF_IMAGES | set(data.arguments))
    return data.model_dump(mode="json", include=OF_IMAGES | OF_KINDS.get(type(data), set()))


def title_of(data: DataSection) -> str:
    """A data set's name for people."""
    return data.folder if isinstance(data, FolderData) else data.name


def prepare(data: Data, root: Path | None = None, progress: Progress = SILENT) -> Prepared:
    """Find, fetch and decode a data set; a look at its files is all where that is done already.

    Args:
        data: The `data` table of a recipe.
        root: Folder in which data sets are looked for, downloaded and cached; None means `default_root()`.
        progress: Hears how far downloading and decoding are, and which pictures are left aside.

    Raises:
        DataMissingError: It is not on this machine and cannot be downloaded, a file of it is damaged, or the disk is
            full.
        RecipeError: Its images differ in size, and the recipe names none.
    """
    root = data_root(root)
    source = SOURCES[data.name]
    found = fetched(source, data, root, progress)
    if advice := found.aside.advice(title_of(data)):
        progress.remark(advice)
    cache = cache_of(data, found, root, progress)
    arrays = cached(cache, work_of(source, data, found), progress)
    return Prepared(title_of(data), cache.key, arrays, found.aside)


def cache_of(data: Data, found: Found, root: Path, progress: Progress = SILENT, *, afresh: bool = False) -> Cache:
    """Where the decoded data set lies.

    Args:
        data: The `data` table of a recipe.
        found: Its files.
        root: The data root.
        progress: Hears how many files are hashed, where they are new or changed.
        afresh: Hash all files, whatever is remembered of them.

    Raises:
        DataMissingError: A file may not be read.
    """
    folder = root / FOLDER
    place = hashlib.sha256(str(found.folder).encode()).hexdigest()[:16]
    remembered = folder / f"{data.name}-{place}.hashes"
    if afresh:
        with contextlib.suppress(OSError):
            remembered.unlink()
    try:
        content = content_hash(found, remembered, f"hashing {title_of(data)}", progress)
    except OSError as error:
        raise unreadable(found.folder, error) from error
    return Cache(folder=folder, name=data.name, key=cache_key(content, Scaling.of(data)))


def work_of(source: Source, data: Data, found: Found) -> Work:
    """What is to be done where the cache lacks the data set."""

    def contents() -> Contents:
        if found.aside.others:
            log.info("%s: files left aside, hidden or no images: %d", title_of(data), found.aside.others)
        return source.contents(data, found)

    return Work(title=title_of(data), contents=contents, scaling=Scaling.of(data), asked=asked_of(data))
