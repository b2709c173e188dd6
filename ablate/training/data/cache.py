"""Decoded data sets as plain files that all workers of a machine map into memory, so that they share its pages."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from ablate.training.data.decode import Decoded, DecodedPart, decoded, image_shape
from ablate.training.data.images import Bytes, Contents, PartName
from ablate.training.data.listing import file_hash
from ablate.training.data.progress import Progress
from ablate.training.data.scaling import Scaling
from ablate.training.data.space import no_space, require_space, size_text

log = logging.getLogger(__name__)

#: Raised when what decoding yields changes, so that older caches are not read.
FORMAT = 2
#: Folder of all caches below the data root.
FOLDER = ".cache"
#: What a cache says of itself.
CARD = "cache.json"
#: Digits of the key in a cache's name.
KEY_LENGTH = 16


class Work(NamedTuple):
    """What is to be decoded and how; made only when there is something to decode."""

    #: The data set, for people.
    title: str
    #: Opens the data set's files.
    contents: Callable[[], Contents]
    scaling: Scaling
    #: What the recipe asks for, plain values, so that the cache can be checked without the recipe.
    asked: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The place of one decoded data set."""

    #: Folder of all caches of a data root.
    folder: Path
    #: The data set's `data.name`.
    name: str
    #: Hash of its content and of how it is scaled, hexadecimal.
    key: str

    @property
    def path(self) -> Path:
        """Folder of this one."""
        return self.folder / f"{self.name}-{self.key[:KEY_LENGTH]}"

    def open(self) -> Decoded | None:
        """The arrays, mapped; None where there are none or they are broken.

        Writing into them changes neither the files nor what others see.
        """
        try:
            card = json.loads((self.path / CARD).read_text("utf-8"))
            parts = {part: self._part(part, held) for part, held in card["parts"].items()}
            found = Decoded(classes=tuple(card["classes"]), parts=parts)
            broken = card["key"] != self.key or found.fault() is not None
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return None if broken else found

    def _part(self, part: PartName, held: dict[str, Any]) -> DecodedPart:
        images = _mapped(self.path / f"{part}_images.npy")
        labels = _mapped(self.path / f"{part}_labels.npy") if held["labelled"] else None
        return DecodedPart(images=images, labels=labels, files=tuple(held["files"]))

    @contextmanager
    def locked(self, progress: Progress) -> Iterator[None]:
        """Only one process decodes a data set at a time; the others say that they wait.

        Raises:
            OSError: Nothing can be written there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{self.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.tell(f"waiting for another process that decodes {self.name}", 0, 0)
            lock.acquire()
        try:
            for left in self.folder.glob(f".{self.name}-*"):  # of a process that was killed; nobody else is here
                shutil.rmtree(left, ignore_errors=True)
            yield
        finally:
            lock.release()

    def write(self, work: Work, progress: Progress) -> None:
        """Decode into the cache; beside and renamed, so that no other process ever sees a part of it.

        Raises:
            DataMissingError: Files are damaged, or there is no room.
            RecipeError: The images differ in size.
            OSError: Nothing can be written there.
        """
        with self.beside() as temporary:
            self.write_into(temporary, work, progress)
            self.put(temporary)

    @contextmanager
    def beside(self) -> Iterator[Path]:
        """A new folder beside the cache, which is gone afterwards unless it was renamed."""
        temporary = Path(tempfile.mkdtemp(prefix=f".{self.name}-", dir=self.folder))
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def put(self, temporary: Path) -> None:
        """Move a whole folder to the cache's place."""
        temporary.chmod(0o755)  # readable by all users of a shared data root
        if self.path.exists():
            shutil.rmtree(self.path)
        temporary.rename(self.path)

    def write_into(self, folder: Path, work: Work, progress: Progress) -> None:
        """Decode into a folder; see `write`."""
        contents = work.contents()
        shape = image_shape(work.title, contents, work.scaling, progress)
        purpose = f"Decoding {work.title}"
        needed = sum(part.images.count for part in contents.parts.values()) * math.prod(shape)
        require_space(self.folder, needed, purpose)
        log.info("decoding %s to %s (%s)", work.title, self.path, size_text(needed))
        try:
            made = decoded(work.title, contents, shape, work.scaling, _mapped_in(folder), progress)
            parts = {part: _finished(folder, part, held) for part, held in made.parts.items()}
            card = {"format": FORMAT, "key": self.key, "asked": work.asked, "classes": made.classes, "parts": parts}
            (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise no_space(self.folder, needed, shutil.disk_usage(self.folder).free, purpose) from error


def repaired(cache: Cache, work: Work, progress: Progress) -> bool:
    """Decode the files again and compare; the cache is replaced where a byte of it differs. True where that was so.

    Raises:
        DataMissingError: Files are damaged, or there is no room.
        OSError: Nothing can be written there.
    """
    with cache.locked(progress), cache.beside() as fresh:
        cache.write_into(fresh, work, progress)
        if _equal(fresh, cache.path):
            return False
        cache.put(fresh)
        return True


def _equal(fresh: Path, kept: Path) -> bool:
    """Whether a cache says and holds what a fresh one does."""
    try:
        cards = [json.loads((folder / CARD).read_text("utf-8")) for folder in (fresh, kept)]
        files = {name: one for part in cards[0]["parts"].values() for name, one in part["sha256"].items()}
        intact = all(file_hash(kept / name) == one for name, one in files.items())
    except (OSError, ValueError, KeyError):
        return False
    return intact and all(cards[0][key] == cards[1][key] for key in ("key", "classes", "parts"))


def cache_key(content: str, scaling: Scaling) -> str:
    """Hash of what a decoded data set depends on: its content, how images are scaled, and how we decode."""
    facts = [FORMAT, content, scaling.resize, scaling.channels]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def in_memory(work: Work, progress: Progress) -> Decoded:
    """A data set decoded into memory, where there is no place for a cache."""
    contents = work.contents()
    shape = image_shape(work.title, contents, work.scaling, progress)
    return decoded(work.title, contents, shape, work.scaling, lambda _part, whole: np.empty(whole, np.uint8), progress)


def cached(cache: Cache, work: Work, progress: Progress) -> Decoded:
    """The decoded data set, mapped from its cache; decoded and cached first where it is missing or broken.

    Where nothing can be written (a read-only folder), it is decoded into memory.

    Raises:
        DataMissingError: Files are damaged, or there is no room for the cache.
        RecipeError: The images differ in size, and the recipe names none.
    """
    found = cache.open()
    if found is not None:
        return found
    try:
        with cache.locked(progress):
            found = cache.open()  # another process may have written it while this one waited
            if found is None:
                cache.write(work, progress)
                found = cache.open()
    except OSError as error:
        log.info("no cache for %s: %s", work.title, error)
    return found or in_memory(work, progress)


def _mapped(path: Path) -> npt.NDArray[Any]:
    """An array in a file, copied where it is written to; one larger than the memory for reading only.

    A system refuses a mapping that may be written to where it could never hold all of the copy.
    """
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="c")
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        array = np.load(path, mmap_mode="r")
    return array


def _mapped_in(folder: Path) -> Callable[[PartName, tuple[int, int, int, int]], Bytes]:
    def make(part: PartName, shape: tuple[int, int, int, int]) -> Bytes:
        path = folder / f"{part}_images.npy"
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        if hasattr(os, "posix_fallocate"):  # a full disk is then an error here, not a killed process at a write
            _reserve(path)
        return images

    return make


def _reserve(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot promise anything
            raise


def _finished(folder: Path, part: PartName, held: DecodedPart) -> dict[str, Any]:
    """Write what is still in memory of a part; what the card says of it."""
    if isinstance(held.images, np.memmap):
        held.images.flush()
    if held.labels is not None:
        np.save(folder / f"{part}_labels.npy", held.labels)
    names = [f"{part}_images.npy"] + ([f"{part}_labels.npy"] if held.labels is not None else [])
    return {
        "labelled": held.labels is not None,
        "files": held.files,
        "shape": held.images.shape,
        "sha256": {name: file_hash(folder / name) for name in names},
    }
