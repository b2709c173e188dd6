"""Augmentations that cut a part out of each image: pure functions on a batch of bytes, each image by its own draws.

Images are uint8 (B, C, H, W) on any device; draws are random words (B, k) on the CPU; the result has the given size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ablate.recipe.augment import RandomCrop, RandomResizedCrop
from ablate.training.failures import RecipeError
from ablate.training.streams import Words, below, below_each, uniform

#: Height and width, pixels.
Size = tuple[int, int]

#: How often a random part is drawn before the middle is taken, as in torchvision.
TRIES = 10
#: Random words of that: area and proportions of each try, then row and column of the one that is taken.
RESIZED_CROP_WORDS = 2 * TRIES + 2


class Windows(NamedTuple):
    """A rectangle in each of B images, pixels."""

    #: First row, (B,).
    top: npt.NDArray[np.int64]
    #: First column, (B,).
    left: npt.NDArray[np.int64]
    #: Rows, (B,).
    height: npt.NDArray[np.int64]
    #: Columns, (B,).
    width: npt.NDArray[np.int64]


def centre_crop(images: Tensor, size: Size) -> Tensor:
    """The middle of images (..., H, W), as a view; the images themselves where they have the size.

    An odd rest is halved as in torchvision.

    Raises:
        RecipeError: The images are smaller than that.
    """
    height, width = images.shape[-2:]
    if (height, width) == size:
        return images
    _refuse_smaller((height, width), size)
    top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
    return images[..., top : top + size[0], left : left + size[1]]


def random_crop(images: Tensor, draws: Words, crop: RandomCrop, size: Size) -> Tensor:
    """Pad with black and cut out a window of the size, all windows equally likely; 2 words.

    Raises:
        RecipeError: The padded images are smaller than that.
    """
    padded = F.pad(images, (crop.padding,) * 4)
    rows, columns = padded.shape[2:]
    _refuse_smaller((rows, columns), size)
    top, left = below(draws[:, 0], rows - size[0] + 1), below(draws[:, 1], columns - size[1] + 1)
    if images.device.type == "cpu":  # NumPy copies the windows twice as fast as PyTorch
        windows = np.lib.stride_tricks.sliding_window_view(padded.numpy(), size, axis=(2, 3))
        return torch.from_numpy(windows[np.arange(len(images)), :, top, left])
    view = padded.unfold(2, size[0], 1).unfold(3, size[1], 1)
    return view[torch.arange(len(images), device=images.device), :, _to(top, images), _to(left, images)]


def random_resized_crop(images: Tensor, draws: Words, crop: RandomResizedCrop, size: Size) -> Tensor:
    """Cut out a part of random area and proportions and scale it, bilinear and antialiased; 22 words.

    As torchvision's v2.RandomResizedCrop. Scaling is one matrix product along each side: row i of a matrix holds the
    weights of the pixels that make up pixel i of the result, so a batch of different windows takes two products.
    """
    windows = random_windows(draws, crop, images.shape[2], images.shape[3])
    vertical = _scaling(_to(windows.top, images), _to(windows.height, images), images.shape[2], size[0])
    horizontal = _scaling(_to(windows.left, images), _to(windows.width, images), images.shape[3], size[1])
    narrowed = images.to(torch.float32) @ horizontal.transpose(1, 2)[:, None]
    return (vertical[:, None] @ narrowed).round_().clamp_(0, 255).to(torch.uint8)


def random_windows(draws: Words, crop: RandomResizedCrop, height: int, width: int) -> Windows:
    """The part of each image that `random_resized_crop` takes: of ten drawn for it the first that lies inside.

    Where none does, it is the largest part in the middle whose proportions are allowed.
    """
    widths, heights = tried_sides(draws, crop.scale, crop.ratio, height * width)
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = np.arange(len(draws)), fits.argmax(axis=1)
    some, middle = fits.any(axis=1), _middle(crop, height, width)
    rows = np.where(some, heights[first], middle[0])
    columns = np.where(some, widths[first], middle[1])
    return Windows(
        top=np.where(some, below_each(draws[:, -2], height - rows + 1), (height - middle[0]) // 2),
        left=np.where(some, below_each(draws[:, -1], width - columns + 1), (width - middle[1]) // 2),
        height=rows,
        width=columns,
    )


def tried_sides(
    draws: Words, scale: tuple[float, float], ratio: tuple[float, float], pixels: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sides of the rectangles that are tried for each image, pixels; both (B, TRIES).

    The area is uniform, the logarithm of the first side over the second too; 20 words.

    Args:
        draws: Random words, (B, 20 or more).
        scale: Least and largest share of the area.
        ratio: Least and largest value of the first side over the second.
        pixels: Area of an image.
    """
    tried = uniform(draws[:, : 2 * TRIES]).reshape(-1, TRIES, 2)
    low, high = scale
    area = pixels * (low + (high - low) * tried[:, :, 0])
    least, largest = np.log(ratio)
    ratios = np.exp(least + (largest - least) * tried[:, :, 1])
    return np.rint(np.sqrt(area * ratios)).astype(int), np.rint(np.sqrt(area / ratios)).astype(int)


def _middle(crop: RandomResizedCrop, height: int, width: int) -> Size:
    """Height and width of the largest part whose proportions are allowed."""
    narrow, wide = crop.ratio
    if width / height < narrow:
        return max(1, round(width / narrow)), width
    if width / height > wide:
        return height, max(1, round(height * wide))
    return height, width


def _scaling(start: Tensor, length: Tensor, pixels: int, wanted: int) -> Tensor:
    """Weights (B, wanted, pixels) that scale `length` of `pixels`, from `start` on, to `wanted`; rows add up to one.

    They are a triangle around the centre of each wanted pixel: one source pixel wide to each side, or one wanted pixel
    where that is more.
    """
    step = (length / wanted)[:, None, None]
    first, end = start[:, None, None], (start + length)[:, None, None]
    centres = first + step * (torch.arange(wanted, device=start.device)[:, None] + 0.5)
    source = torch.arange(pixels, device=start.device)
    weights = (1 - (source + 0.5 - centres).abs() / step.clamp(min=1)).clamp(min=0)
    weights = weights * ((source >= first) & (source < end))
    return weights / weights.sum(dim=2, keepdim=True)


def _refuse_smaller(images: Size, size: Size) -> None:
    """Raise RecipeError where images are smaller than what is to be cut out of them."""
    if images[0] < size[0] or images[1] < size[1]:
        raise RecipeError(
            f"A part of {size[0]}x{size[1]} pixels cannot be cut out of images of {images[0]}x{images[1]}.",
            cure="Use a larger `data.resize` or a smaller `data.crop`.",
        )


def _to(values: npt.NDArray[np.int64], images: Tensor) -> Tensor:
    return torch.from_numpy(values).to(images.device)
