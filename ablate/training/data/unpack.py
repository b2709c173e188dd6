"""Unpacks an archive beside itself, never writing outside its folder and never leaving half of it behind."""

from __future__ import annotations

import logging
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from ablate.training.data.source import damaged
from ablate.training.data.space import require_space

log = logging.getLogger(__name__)


def unpack(archive: Path, wanted: str, without: Collection[str] = ()) -> None:
    """Unpack the folder `wanted` out of a zip or tar archive, into the archive's folder.

    The folder may lie at any depth, and in a tar archive inside a zip, as that of Caltech101 does. It is unpacked in a
    folder beside and moved to its place when it is whole.

    Args:
        archive: The zip or tar archive.
        wanted: Name of the folder.
        without: Names of files that are not unpacked.

    Raises:
        DataMissingError: The archive is damaged, holds names that lead out of its folder, lacks the folder, or there
            is no room for it.
        OSError: Nothing can be written there.
    """
    log.info("unpacking %s", archive)
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=archive.parent) as temporary:
        folder = Path(temporary)
        try:
            _extract(archive, folder, without)
            found = _inside(folder, wanted)
            for inner in () if found else sorted(folder.rglob(f"{wanted}.tar*")):
                _extract(inner, folder, without)
            found = found or _inside(folder, wanted)
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise damaged(archive, " ".join(str(error).split())) from error
        if found is None:
            raise damaged(archive, f"it holds no folder {wanted!r}")
        found.rename(archive.parent / wanted)


def _inside(folder: Path, wanted: str) -> Path | None:
    return next((path for path in _folders(folder) if path.name == wanted), None)


def _folders(folder: Path) -> Iterator[Path]:
    """Folders at the first three levels; below lie the images."""
    for pattern in ("*", "*/*", "*/*/*"):
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_dir())


def _extract(archive: Path, folder: Path, without: Collection[str]) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            members = [one for one in packed.infolist() if PurePosixPath(one.filename).name not in without]
            for member in members:
                _refuse_escape(archive, member.filename)
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise damaged(archive, f"it holds a link, {member.filename!r}")
            require_space(folder, sum(member.file_size for member in members), f"unpacking {archive.name}")
            packed.extractall(folder, members)  # noqa: S202 - the names were looked at above
        return
    with tarfile.open(archive) as tar:
        contents = [one for one in tar.getmembers() if PurePosixPath(one.name).name not in without]
        for item in contents:
            _refuse_escape(archive, item.name)
        require_space(folder, sum(item.size for item in contents), f"unpacking {archive.name}")
        tar.extractall(folder, contents, filter="data")  # refuses links that lead out


def _refuse_escape(archive: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise damaged(archive, f"it wants to write to {name!r}, outside its folder")
