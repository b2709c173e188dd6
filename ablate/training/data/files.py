"""Images that lie in files, read with Pillow."""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import DataMissingError
from ablate.training.data.images import Bytes, Survey
from ablate.training.data.progress import Progress, in_slices
from ablate.training.data.scaling import GREY_MODES, Scaling, scaled, upright_size

if TYPE_CHECKING:
    from PIL.Image import Image

#: Files that a thread takes at once.
SLICE = 32
#: Broken files that a message names.
SHOWN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class FileImages:
    """Images in files, each of its own size."""

    folder: Path
    #: Paths below `folder`.
    names: tuple[str, ...]
    #: Channels to give to all; None: colour as soon as one file has colour.
    channels: int | None

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.names)

    def survey(self, task: str, progress: Progress) -> Survey:
        """Look into the head of every file.

        Raises:
            DataMissingError: Some files are no images.
        """
        found: Counter[tuple[int, int]] = Counter()
        colours: set[int] = {1} if self.channels is None else {self.channels}
        guard = threading.Lock()

        def look(_place: int, image: Image) -> None:
            size = upright_size(image)
            with guard:
                found[size] += 1
                if self.channels is None and image.mode not in GREY_MODES:
                    colours.add(3)

        self._each(look, task, progress)
        return Survey(sizes=found, channels=max(colours))

    def decode(self, scaling: Scaling, out: Bytes, task: str, progress: Progress) -> None:
        """Scale every file's image into its place.

        Raises:
            DataMissingError: Some files are damaged, or are no images.
        """

        def put(place: int, image: Image) -> None:
            pixels = scaled(image, scaling, out.shape[1])
            if pixels.shape != out.shape[1:]:
                raise ValueError(f"it is {_size(pixels.shape)} pixels, not {_size(out.shape)} as the others")
            out[place] = pixels

        self._each(put, task, progress)

    def _each(self, use: Callable[[int, Image], None], task: str, progress: Progress) -> None:
        """Open every file and use it; what cannot be used is told at the end, all together."""
        from PIL import Image

        Image.init()  # loads the plugins, which threads must not do at the same time
        broken: dict[int, str] = {}

        def work(start: int, stop: int) -> None:
            for place in range(start, stop):
                try:
                    with Image.open(self.folder / self.names[place]) as image:
                        use(place, image)
                except Exception as error:  # noqa: BLE001 - Pillow's decoders raise whatever comes to them
                    broken[place] = _reason(error)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd EXIF and palettes, which do no harm
            in_slices(self.count, SLICE, work, task, progress)
        if broken:
            raise _unreadable(self.folder, [(self.names[place], broken[place]) for place in sorted(broken)])


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "it is no image"
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-1]}x{shape[-2]}"


def _unreadable(folder: Path, broken: list[tuple[str, str]]) -> DataMissingError:
    many = "1 image file" if len(broken) == 1 else f"{len(broken):,} image files"
    shown = "\n".join(f"    {name}: {reason}" for name, reason in broken[:SHOWN])
    rest = f"\n    and {len(broken) - SHOWN:,} more" if len(broken) > SHOWN else ""
    return DataMissingError(
        f"{many} in {folder} cannot be read:\n{shown}{rest}",
        cure="Replace what is damaged or take it out of the folder, then type the same command again.",
    )
