"""Scales and recolours images once, when they are decoded: `data.resize` and `data.channels`, with Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ablate.recipe.data import DataSection

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pillow's modes whose images have one channel; transparency is dropped.
GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16L", "I;16B"})
#: EXIF tag that says how the camera was held, and its values for a quarter turn.
ORIENTATION, QUARTER_TURNS = 0x0112, frozenset({5, 6, 7, 8})

#: A strip longer than this many times its shorter side loses its ends before it is scaled, not after, so that one of
#: 1x5000 pixels does not become a picture of gigabytes.
STRIP = 32


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What is done to each image of a data set when it is decoded."""

    #: Shorter side, pixels, then the middle square; or exactly (height, width); None leaves images as they are.
    resize: int | tuple[int, int] | None = None
    #: Channels of the result, 1 or 3; None keeps those of the data set.
    channels: int | None = None

    @classmethod
    def of(cls, data: DataSection) -> Scaling:
        """What a recipe's `data` table asks for."""
        return cls(resize=data.resize, channels=data.channels)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the result, pixels; None where images stay as they are."""
        return (self.resize, self.resize) if isinstance(self.resize, int) else self.resize


def upright_size(image: Image) -> tuple[int, int]:
    """Height and width as the image is to be looked at; reads the file's head only.

    Only JPEG and the like carry EXIF in the head; a PNG's may follow the pixels, and counts when it is decoded.
    """
    width, height = image.size
    turned = "exif" in image.info and image.getexif().get(ORIENTATION) in QUARTER_TURNS
    return (width, height) if turned else (height, width)


def scaled(image: Image, scaling: Scaling, channels: int) -> npt.NDArray[np.uint8]:
    """One image turned upright, scaled and cropped, as bytes of shape (channels, H, W).

    Args:
        image: An image as Pillow opened it.
        scaling: Size of the result; its `channels` are not looked at.
        channels: 1 or 3. Grey becomes colour by copying, colour becomes grey by Pillow's "L" (ITU-R 601-2 luma).

    Raises:
        ValueError: Its pixels have no fixed range of brightness (modes I and F).
    """
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    resized = _resized(_plain(upright), scaling.resize)
    pixels = np.asarray(resized.convert("L" if channels == 1 else "RGB"))
    return pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)


def scaled_array(pixels: npt.NDArray[np.uint8], scaling: Scaling, channels: int) -> npt.NDArray[np.uint8]:
    """The same for an image that is there as bytes (C, H, W), C of 1 or 3."""
    from PIL import Image

    picture = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return scaled(Image.fromarray(picture), scaling, channels)


def _plain(image: Image) -> Image:
    """The image in a mode that can be interpolated: L or RGB."""
    from PIL import Image as Images

    if image.mode.startswith("I;16"):  # Pillow's own conversion would cut off what is brighter than 255
        return Images.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no fixed range of brightness; save it with 8 or 16 bits")
    return image.convert("L" if image.mode in GREY_MODES else "RGB")


def _resized(image: Image, resize: int | tuple[int, int] | None) -> Image:
    """Antialiased bilinear; a number is the shorter side and then the middle square, rounded as torchvision does."""
    from PIL.Image import Resampling

    if resize is None:
        return image
    if isinstance(resize, tuple):
        return image.resize((resize[1], resize[0]), Resampling.BILINEAR)
    shorter = min(image.size)
    ends = [max(0, side - STRIP * shorter) // 2 for side in image.size]
    if any(ends):  # the same from both, so that the middle stays the middle
        image = _middle(image, image.width - 2 * ends[0], image.height - 2 * ends[1])
    width, height = (int(resize * side / shorter) for side in image.size)
    return _middle(image.resize((width, height), Resampling.BILINEAR), resize, resize)


def _middle(image: Image, width: int, height: int) -> Image:
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))
