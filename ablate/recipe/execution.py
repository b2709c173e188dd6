"""How a run is computed: the keys of `training` that a machine feels more than a network does."""

from __future__ import annotations

from typing import Literal

from ablate.recipe.section import Section


class Execution(Section):
    """Numbers and their order in memory, and how images are judged."""

    tier: Literal["exact", "fused"] | None = None
    """`exact`: each run by itself; `fused`: runs of one architecture as one stacked network, with the same numbers up
    to rounding; None: by a fixed rule, which fuses tiny networks on a processor."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the forward pass, where PyTorch's autocast finds less to be enough; weights and losses stay float32. The
    gradients of `float16` are scaled."""
    memory_format: Literal["contiguous", "channels_last"] | None = None
    """Order of images and weights in memory; None: by a fixed rule."""
    tf32: bool = False
    """Let a GPU round the factors of products to 10 bits."""
    deterministic: bool = False
    """Refuse operations that are not the same twice, and take slower ones where there are."""
    graphs: bool = False
    """On a GPU record a step once, as a CUDA graph, and replay it. The numbers are meant to be the same; not yet
    measured on a GPU. Where a step cannot be recorded, nothing changes."""
    test_time_augmentation: Literal["none", "flip"] = "none"
    """`flip`: the mean of the outputs for a test image and its mirror image is what counts, in the test alone."""
