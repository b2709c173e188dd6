"""What a data set's file says of it: where it lies, how it is fetched, what it contains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.images import Contents, PartName
from ablate.training.data.listing import Found


@dataclass(frozen=True, kw_only=True)
class Download:
    """How a data set is fetched, by torchvision or by hand."""

    #: Address that the names in `files` are appended to.
    url: str
    #: Files to fetch.
    files: tuple[str, ...]
    #: What is kept of the download, files or folders; the same as `files` unless torchvision unpacks them.
    kept: tuple[str, ...] = ()
    #: Class of `torchvision.datasets` that fetches it; empty where torchvision only has the tools.
    torchvision: str = ""
    #: Arguments of that class.
    arguments: Mapping[str, bool] = field(default_factory=dict)
    #: MD5 of the files, hexadecimal, by their names, as torchvision checks them; empty where its class is asked.
    md5: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What can be said of a data set without its images."""

    #: Names of the classes.
    classes: tuple[str, ...]
    #: Channels, height and width of an unscaled image; of some size where they differ.
    shape: tuple[int, int, int]
    #: Which parts it has.
    parts: frozenset[PartName] = frozenset({"train", "test"})
    #: Training and test images together; None where nobody knows before they are counted.
    images: int | None = None


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """A data set that `data.name` can name. Adding one is one file with a subclass and one entry in the registry."""

    name: str
    #: Folders below the data root in which it is looked for; downloads go into the first.
    folders: tuple[str, ...] = ()
    #: Folders of the system in which it is looked for.
    system_folders: tuple[str, ...] = ()
    #: None where it cannot be fetched.
    download: Download | None = None
    #: Archives that are unpacked where they lie in one of `folders`.
    archives: tuple[str, ...] = ()
    #: Folder that the archives hold.
    unpacked: str = ""
    #: Names of files in it that are not needed and stay packed.
    left_packed: tuple[str, ...] = ()
    #: Whether only a recipe can say which images are meant; a name alone then means nothing.
    needs_recipe: bool = False

    def places(self, root: Path) -> list[Path]:
        """Folders in which it is looked for, in this order."""
        return [*(root / folder for folder in self.folders), *map(Path, self.system_folders)]

    @abstractmethod
    def find(self, data: Data, root: Path) -> Found | None:
        """Its files, by a look at folders only; None where they are nowhere.

        Raises:
            DataMissingError: They are there, but not laid out as they should be.
        """

    @abstractmethod
    def contents(self, data: Data, found: Found) -> Contents:
        """What the files hold; images in files of their own are not opened yet.

        Raises:
            DataMissingError: A file is damaged, or the files do not belong together.
        """

    @abstractmethod
    def outline(self, data: Data, root: Path) -> Outline:
        """What can be said of it without its images."""

    def missing(self, data: Data, root: Path) -> NoReturn:
        """Say that it is nowhere and cannot be fetched."""
        raise DataMissingError(f"Data set {self.name!r} is not on this machine.")


def damaged(path: Path, reason: str) -> DataMissingError:
    """The error for a file that is there but cannot be used."""
    return DataMissingError(
        f"{path} is damaged: {reason}.", cure="Delete it and run the same command again; it is then fetched anew."
    )


def anew(folder: Path) -> str:
    """What to do where something in the folder of a published data set is not as it should be."""
    return f"Delete the folder {folder} and type the same command again, which unpacks or fetches it anew."


def unreadable(folder: Path, error: OSError) -> DataMissingError:
    """The error for a folder or file that may not be read."""
    mend = "Give yourself the right to read it" if isinstance(error, PermissionError) else "Mend it or take it away"
    return DataMissingError(
        f"{error.filename or folder} cannot be read: {error.strerror or error}.",
        cure=f"{mend}, then type the same command again.",
    )


def first_of(places: Sequence[Path], *names: str) -> Path | None:
    """The first place that has all these files or folders."""
    return next((place for place in places if all((place / name).exists() for name in names)), None)
