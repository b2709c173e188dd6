"""Pictures to test with."""

import numpy as np
from PIL import Image


def picture(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A smooth picture, (height, width), that JPEG hardly changes."""
    height, width = size
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).convert(mode)
