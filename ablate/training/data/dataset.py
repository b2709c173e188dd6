"""What a data set is, once it is in memory."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled images, held once as bytes; on a CPU the tensors may lie in a file that all workers share."""

    #: Name in the registry, as `cifar10`.
    name: str
    #: uint8 (N, C, H, W), 0 black to 255 white.
    train_images: Tensor
    #: Class of each training image, int64 (N,).
    train_labels: Tensor
    #: uint8 (M, C, H, W).
    test_images: Tensor
    #: Class of each test image, int64 (M,).
    test_labels: Tensor
    #: Names of the classes, in the order of the labels.
    classes: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels C of an image."""
        return self.train_images.shape[1]

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of an image, pixels."""
        return self.train_images.shape[2], self.train_images.shape[3]
