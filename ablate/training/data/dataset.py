"""What a data set is, once it is in memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def is_images(examples: Tensor) -> bool:
    """Whether examples are images: bytes of shape (N, C, H, W)."""
    return examples.dtype == torch.uint8 and examples.ndim == 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Labelled images, held once as bytes; on a CPU they may lie in a file that all workers share."""

    #: uint8 (N, C, H, W), 0 black to 255 white. A data set of the user's own may hold other examples: float32 or int64
    #: of any shape (N, ...).
    images: Tensor
    #: Class of each image, int64 (N,).
    labels: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Unlabelled:
    """Images that nobody has labelled."""

    #: uint8 (N, C, H, W), 0 black to 255 white.
    images: Tensor
    #: Path of each below its folder, with slashes.
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """The images that a `data` table names, scaled as it says; all parts have the same size and channels."""

    #: Name for people, as `cifar10` or the folder of an `image_folder`.
    name: str
    #: Names of the classes, in the order of the labels.
    classes: tuple[str, ...]
    #: What is trained on; validation images are held out of it, and test images where there are none.
    train: Labelled
    #: The data set's own test images; None where they are to be held out of `train`.
    test: Labelled | None
    #: The data set's own validation images.
    validation: Labelled | None = None
    #: Images to be labelled by each run.
    unlabelled: Unlabelled | None = None
    #: Hash of the files' content and of how they were scaled, hexadecimal.
    digest: str = ""

    @property
    def holds_images(self) -> bool:
        """Whether its examples are images, not features or tokens."""
        return is_images(self.train.images)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of an example, (C, H, W) of an image."""
        return tuple(self.train.images.shape[1:])

    @property
    def channels(self) -> int:
        """Channels C of an image."""
        return self.train.images.shape[1]

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of an image, pixels."""
        return self.train.images.shape[2], self.train.images.shape[3]


@dataclass(frozen=True, kw_only=True, eq=False)
class Portion:
    """Some of a data set's images: those that a run trains on, validates on, or tests on."""

    #: As in `Labelled`, (N, C, H, W), of which only the images at `index` belong to the portion.
    images: Tensor
    #: Class of each image, int64 (N,).
    labels: Tensor
    #: Places in `images`, ascending, int64 (n,), on the CPU; n may be 0.
    index: Tensor

    @classmethod
    def whole(cls, part: Labelled) -> Portion:
        """All images of a part."""
        return cls(images=part.images, labels=part.labels, index=torch.arange(len(part.labels)))

    @property
    def count(self) -> int:
        """Number of images n."""
        return len(self.index)
