"""Which files a data set consists of, and what they contain, without reading twice what has not changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ablate.errors import DataMissingError
from ablate.training.data.aside import ENDINGS, Aside, is_hidden
from ablate.training.data.progress import Progress, in_slices

#: Bytes read at once for hashing.
CHUNK = 1 << 20
#: Files that a thread hashes at once.
SLICE = 64


class File(NamedTuple):
    """A file as a folder lists it."""

    #: Path below the data set's folder, with slashes.
    name: str
    #: Bytes.
    size: int
    #: Time of the last change, nanoseconds.
    changed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The files of a data set on this machine."""

    #: What the names of the files are relative to.
    folder: Path
    files: tuple[File, ...]
    #: What else decides over the images, as plain JSON values.
    facts: dict[str, Any] = field(default_factory=dict)
    #: What lies among them and does not belong to it.
    aside: Aside = field(default_factory=Aside)


def named(folder: Path, names: Sequence[str]) -> tuple[File, ...]:
    """The files with these names in a folder.

    Raises:
        OSError: One is not there.
        DataMissingError: One is no ordinary file.
    """
    return tuple(_file(folder, name, (folder / name).stat()) for name in names)


def _file(folder: Path, name: str, status: os.stat_result) -> File:
    """A file that can be read to its end: opening a pipe or a device would wait for ever."""
    if not stat.S_ISREG(status.st_mode):
        raise DataMissingError(
            f"{folder / name} is no ordinary file but a pipe, a socket or a device: no image can be read from it.",
            cure="Take it away, then type the same command again.",
        )
    return File(name, status.st_size, status.st_mtime_ns)


class Scan(NamedTuple):
    """What a folder holds, at any depth."""

    #: Image files in the order of their names.
    files: tuple[File, ...]
    #: All other files.
    aside: Aside


class Owner(NamedTuple):
    """Who has read a folder first; links can lead to it again."""

    #: The folder that was scanned, as that of a class.
    scanned: str
    #: The path by which it was reached.
    path: str


def scan(folder: Path, below: str = "", owners: dict[str, Owner] | None = None) -> Scan:
    """All image files in `folder / below` and the folders in it, named relative to `folder`.

    Args:
        folder: What names are relative to.
        below: What to scan.
        owners: Who has read each folder in earlier scans, by its real path; those of this one are added.

    Raises:
        OSError: A folder may not be read.
        DataMissingError: A link leads to a folder that an earlier scan has read, or what is called like an image is no
            ordinary file.
    """
    aside = Aside()
    files = []
    for name, entry in _walk(folder, below, below, {} if owners is None else owners):
        if is_hidden(entry.name) or not entry.name.lower().endswith(ENDINGS):
            aside += Aside.of(entry.name)
        else:
            files.append(_file(folder, name, entry.stat()))
    return Scan(tuple(sorted(files)), aside)


def _walk(folder: Path, inside: str, scanned: str, owners: dict[str, Owner]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Files at any depth, links followed, each folder once; hidden folders are left aside."""
    path = folder / inside
    owner = owners.setdefault(os.path.realpath(path), Owner(scanned, inside))
    if owner.scanned != scanned:
        raise DataMissingError(
            f"{path} and {folder / owner.path} are the same folder by a link, so that each image in it would be used "
            "twice.",
            cure="Take the link away, then type the same command again.",
        )
    if owner.path != inside:
        return
    with os.scandir(path) as entries:
        for entry in entries:
            name = f"{inside}/{entry.name}" if inside else entry.name
            if not entry.is_dir():
                yield name, entry
            elif not is_hidden(entry.name):
                yield from _walk(folder, name, scanned, owners)


def content_hash(found: Found, remembered: Path | None, task: str, progress: Progress) -> str:
    """SHA-256 of the names and contents of all files of a data set, hexadecimal.

    Args:
        found: The files.
        remembered: A file that keeps what was hashed: its first line the hash of all, for a start; then a line for each
            file with its size, time and hash, so that only new and changed files are read. None: hash everything.
        task: What `progress` is told is being done.
        progress: Hears how many files are hashed.
    """
    listed = hashlib.sha256(json.dumps([found.files, found.facts]).encode()).hexdigest()
    if remembered is not None and (known := _first_line(remembered)) is not None and known[0] == listed:
        return known[1]
    hashes = _hashed(found, {} if remembered is None else _other_lines(remembered), task, progress)
    named_hashes = [[file.name, one] for file, one in zip(found.files, hashes, strict=True)]
    whole = hashlib.sha256(json.dumps([named_hashes, found.facts]).encode()).hexdigest()
    if remembered is not None:
        lines = [[listed, whole], *([*file, one] for file, one in zip(found.files, hashes, strict=True))]
        with contextlib.suppress(OSError):  # then the next start hashes again
            _write_beside(remembered, "\n".join(map(json.dumps, lines)) + "\n")
    return whole


def _hashed(found: Found, known: dict[File, str], task: str, progress: Progress) -> list[str]:
    hashes = [known.get(file, "") for file in found.files]
    unknown = [place for place, one in enumerate(hashes) if not one]

    def work(start: int, stop: int) -> None:
        for place in unknown[start:stop]:
            hashes[place] = file_hash(found.folder / found.files[place].name)

    in_slices(len(unknown), SLICE, work, task, progress)
    return hashes


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hash of a file's content, hexadecimal."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _first_line(path: Path) -> tuple[str, str] | None:
    try:
        with path.open(encoding="utf-8") as file:
            listed, whole = json.loads(file.readline())
    except (OSError, ValueError, TypeError):
        return None
    return (listed, whole) if isinstance(listed, str) and isinstance(whole, str) else None


def _other_lines(path: Path) -> dict[File, str]:
    try:
        lines = path.read_text("utf-8").splitlines()[1:]
        return {File(name, size, changed): one for name, size, changed, one in map(json.loads, lines)}
    except (OSError, ValueError, TypeError):
        return {}


def _write_beside(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor is no path
        file.write(text)
    Path(name).chmod(0o644)  # readable by all users of a shared data root
    Path(name).replace(path)
