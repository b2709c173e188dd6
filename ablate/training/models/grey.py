"""Grey images in front of a network for colour images."""

from __future__ import annotations

from torch import Tensor, nn

#: Channels of a colour image.
COLOURS = 3


class GreyAsColour(nn.Module):
    """Shows grey images to a network for colour images, the one channel repeated."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) to logits (N, classes)."""
        logits: Tensor = self.network(images.expand(-1, COLOURS, -1, -1))
        return logits
