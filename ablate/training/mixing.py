"""MixUp and CutMix: two images of a batch become one, with a share of both labels.

One draw for each batch, which depends on (seed, epoch, number of the batch) only. Where a batch is spread over several
devices, all mix by the same share, each its own images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ablate.recipe import CutMix, MixUp
from ablate.training.batches import Batch, TrainingImages
from ablate.training.group import Group
from ablate.training.streams import Stream, below, uniform

#: Random words of each batch: which kind, whether at all, the share, and where the rectangle is.
WORDS = 5


class Box(NamedTuple):
    """A rectangle of an image, pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.bottom - self.top) * (self.right - self.left)


class MixedImages:
    """Training images of which batches are mixed.

    Args:
        images: The training images, augmented and normalised.
        kinds: What the recipe lists; where there are several, one is drawn for each batch.
        batch_size: Most images of a batch.
        seed: Seed index of the run.
        group: The processes over which each batch is spread.
    """

    def __init__(
        self, images: TrainingImages, kinds: Sequence[MixUp | CutMix], *, batch_size: int, seed: int, group: Group
    ) -> None:
        self._images = images
        self._kinds = kinds
        self._batch_size = batch_size
        self._draws = Stream("mixing", seed)
        self._partners = Stream(group.stream("mixing/partners"), seed)
        #: Images that an epoch shows.
        self.count = images.count
        #: Batches of an epoch.
        self.steps = images.steps

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1."""
        draws = self._draws.draws(epoch, self.steps, WORDS)
        numbers = uniform(draws)
        kinds = [self._kinds[place] for place in below(draws[:, 0], len(self._kinds))]
        shares = _shares([kind.alpha for kind in kinds], numbers[:, 2])
        partners = self._partners.draws(epoch, self.steps, self._batch_size)
        for number, batch in enumerate(self._images.epoch(epoch)):
            kind = kinds[number]
            if numbers[number, 1] >= kind.p:
                yield batch
                continue
            order = np.argsort(partners[number, : len(batch.labels)], kind="stable")
            others = torch.from_numpy(order).to(batch.labels.device)
            if isinstance(kind, MixUp):
                yield blended(batch, others, float(shares[number]))
            else:
                y, x = numbers[number, 3:]
                yield patched(batch, others, box(batch.images.shape[2:], float(shares[number]), float(y), float(x)))


def blended(batch: Batch, others: Tensor, share: float) -> Batch:
    """MixUp: share * x + (1 - share) * x[others].

    Args:
        batch: Images (B, C, H, W) and labels (B,).
        others: For each image the place of its partner, int64 (B,).
        share: Of the image itself.
    """
    images = batch.images * share + batch.images[others] * (1 - share)
    return _labelled(batch, images, others, share)


def patched(batch: Batch, others: Tensor, box: Box) -> Batch:
    """CutMix: within the rectangle x[others], around it x.

    Args:
        batch: Images (B, C, H, W) and labels (B,).
        others: For each image the place of its partner, int64 (B,).
        box: The rectangle.
    """
    images = batch.images.clone()
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    images[:, :, rows, columns] = batch.images[others][:, :, rows, columns]
    height, width = images.shape[2:]
    return _labelled(batch, images, others, 1 - box.area / (height * width))


def box(size: Sequence[int], share: float, y: float, x: float) -> Box:
    """The rectangle of CutMix: the image's shape, 1 - share of its area, cut off at its border.

    Args:
        size: Height and width of the images, pixels.
        share: Of the area that stays.
        y: Where its centre is, in [0, 1).
        x: The same along the rows.
    """
    (top, bottom), (left, right) = (
        _span(length, int(length * (1 - share) ** 0.5), int(length * place))
        for length, place in zip(size, (y, x), strict=True)
    )
    return Box(top, bottom, left, right)


def _span(length: int, cut: int, centre: int) -> tuple[int, int]:
    return max(0, centre - cut // 2), min(length, centre + cut // 2)


def _labelled(batch: Batch, images: Tensor, others: Tensor, share: float) -> Batch:
    """The batch under the labels with the larger share; the others have the rest."""
    ours, theirs = batch.labels, batch.labels[others]
    if share < 0.5:
        ours, theirs, share = theirs, ours, 1 - share
    return batch._replace(images=images, labels=ours, others=theirs, share=share)


def _shares(alphas: Sequence[float], uniforms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Draws from Beta(alpha, alpha) by its inverse distribution function, for uniform numbers in [0, 1)."""
    from scipy.special import betaincinv  # a tenth of a second, which most runs need not spend

    values: list[float] = betaincinv(np.array(alphas), np.array(alphas), uniforms).tolist()
    return values
