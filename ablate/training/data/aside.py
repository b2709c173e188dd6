"""What lies among the images of a data set and is not read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: Endings of image files that are read, those of torchvision's `ImageFolder`.
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
#: Endings of files that are pictures too, but not read: somebody who has them believes to train on them.
UNREAD = frozenset(
    (
        *(".heic", ".heif", ".hif", ".avif", ".gif", ".apng", ".svg", ".svgz", ".jfif", ".jpe", ".jp2", ".j2k", ".jxl"),
        *(".psd", ".xcf", ".ico", ".tga", ".eps", ".exr", ".hdr", ".dds", ".pbm", ".pnm"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"),  # of cameras
    )
)


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Files that were left aside; two of them add up."""

    #: How many pictures there are of each ending that is not read, as `.heic`.
    pictures: Counter[str] = field(default_factory=Counter)
    #: Number of files that are hidden or no pictures.
    others: int = 0

    @classmethod
    def of(cls, name: str) -> Aside:
        """The file of this name alone."""
        ending = "" if is_hidden(name) else f".{name.lower().rpartition('.')[2]}"
        return cls(pictures=Counter([ending])) if ending in UNREAD else cls(others=1)

    def __add__(self, more: Aside) -> Aside:
        return Aside(pictures=self.pictures + more.pictures, others=self.others + more.others)

    def advice(self, title: str) -> str:
        """What to tell of the pictures, in one line; empty where there are none.

        Args:
            title: The data set, for people.
        """
        if not self.pictures:
            return ""
        return f"{title}: {self.told()} left aside: convert them to .jpg or .png to use them"

    def told(self) -> str:
        """The pictures, as `12 .heic files`, `1 .gif file and 12 .heic files`."""
        counted = [f"{count:,} {ending} file{'s' * (count > 1)}" for ending, count in sorted(self.pictures.items())]
        return " and ".join([", ".join(counted[:-1]), counted[-1]] if len(counted) > 1 else counted)


def is_hidden(name: str) -> bool:
    """Whether a file or folder holds nothing of the user's; archives made by macOS carry a folder `__MACOSX`."""
    return name.startswith(".") or name == "__MACOSX"
