"""Finds the files of a data set on this machine: as they are, unpacked from their archive, or downloaded."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.download import DownloadError, download
from ablate.training.data.listing import Found
from ablate.training.data.progress import Progress
from ablate.training.data.source import Source, unreadable
from ablate.training.data.unpack import unpack


def fetched(source: Source, data: Data, root: Path, progress: Progress) -> Found:
    """The files of a data set; unpacked or downloaded by one process where several miss them at the same time.

    Raises:
        DataMissingError: They are nowhere and cannot be downloaded, or are not laid out as they should be.
    """
    found = look(source, data, root)
    if found is not None:
        return found
    if source.download is None:
        source.missing(data, root)
    target = root / source.folders[0]
    try:
        target.mkdir(parents=True, exist_ok=True)
        with FileLock(target / ".download.lock"):
            found = source.find(data, root) or _unpacked(source, data, root, progress)
            if found is None:
                progress.tell(f"downloading {source.name}", 0, 0)
                download(source.name, source.download, target, progress)
                found = source.find(data, root) or _unpacked(source, data, root, progress)
        if found is None:
            raise DownloadError("the download did not bring the files that were expected")
    except (DownloadError, OSError) as error:
        raise _missing(source, target, str(error)) from error
    return found


def look(source: Source, data: Data, root: Path) -> Found | None:
    """The files of a data set as they lie there, nothing unpacked or downloaded; None where they are nowhere.

    Raises:
        DataMissingError: They are not laid out as they should be, or may not be read.
    """
    try:
        return source.find(data, root)
    except OSError as error:
        raise unreadable(root, error) from error


def _unpacked(source: Source, data: Data, root: Path, progress: Progress) -> Found | None:
    """The files out of an archive that lies where the data set is looked for."""
    for place in source.places(root):
        for name in source.archives:
            if (place / name).is_file() and not (place / source.unpacked).exists():
                progress.tell(f"unpacking {place / name}", 0, 0)
                unpack(place / name, source.unpacked, without=source.left_packed)
                return source.find(data, root)
    return None


def _missing(source: Source, target: Path, reason: str) -> DataMissingError:
    how = source.download
    links = "\n".join(f"    {how.url}{file}" for file in how.files) if how else ""
    return DataMissingError(
        f"Data set {source.name!r} is not on this machine and could not be downloaded: {reason}.",
        cure=f"Fetch by hand\n{links}\nand put it into\n    {target}\n"
        "(or name a folder that has it with --data-root or ABLATE_DATA). "
        "Then type the same `ablate run` command again: what is done stays done.",
    )
