"""Augmentations that move or blacken pixels: pure functions on a batch of bytes, each image by its own draws.

Images are uint8 (B, C, H, W) on any device; draws are random words (B, k) on the CPU; the result is a new batch of the
same shape.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ablate.recipe.augment import Cutout, HorizontalFlip, Rotation
from ablate.training.streams import Words, below, uniform


def horizontal_flip(images: Tensor, draws: Words, flip: HorizontalFlip) -> Tensor:
    """Mirror each image with probability `flip.p`; 1 word."""
    chosen = torch.from_numpy(np.flatnonzero(uniform(draws[:, 0]) < flip.p)).to(images.device)
    flipped = images.clone()
    flipped[chosen] = images[chosen].flip(3)
    return flipped


def cutout(images: Tensor, draws: Words, hole: Cutout) -> Tensor:
    """Blacken a square around a uniformly drawn pixel, cut off at the border; 2 words."""
    height, width = images.shape[2:]
    rows = covered(below(draws[:, 0], height) - hole.size // 2, hole.size, height)
    columns = covered(below(draws[:, 1], width) - hole.size // 2, hole.size, width)
    square = torch.from_numpy(rows[:, :, np.newaxis] & columns[:, np.newaxis, :]).to(images.device)
    return images.masked_fill(square[:, None], 0)


def rotation(images: Tensor, draws: Words, turn: Rotation) -> Tensor:
    """Rotate about the centre by a uniform angle in [-degrees, degrees), bilinear, black outside; 1 word."""
    angles = torch.from_numpy(np.deg2rad((2 * uniform(draws[:, 0]) - 1) * turn.degrees)).to(torch.float32)
    cos, sin, zero = torch.cos(angles), torch.sin(angles), torch.zeros_like(angles)
    height, width = images.shape[2:]
    aspect = width / height  # grid coordinates run from -1 to 1 along both sides, also of oblong images
    rows = torch.stack([cos, -sin / aspect, zero, sin * aspect, cos, zero], dim=1).reshape(-1, 2, 3).to(images.device)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    turned = F.grid_sample(images.to(torch.float32), grid, padding_mode="zeros", align_corners=False)
    return turned.round_().clamp_(0, 255).to(torch.uint8)


def covered(start: npt.NDArray[np.int64], length: npt.NDArray[np.int64] | int, pixels: int) -> npt.NDArray[np.bool_]:
    """Which of so many pixels lie in [start, start + length), shape (B, pixels); `start` may lie outside."""
    places = np.arange(pixels)
    return (places >= start[:, np.newaxis]) & (places < (start + length)[:, np.newaxis])
