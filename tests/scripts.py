"""What a training script written by hand begins with: normalised digits, in the batches of seed 0."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablate.recipe import Data
from ablate.training import load_dataset, split
from ablate.training.streams import Stream

#: The data of the tests' recipes: 250 images, so that the last of eight batches has 26.
DIGITS = Data(name="digits", batch_size=32, train_images=250)


class Images:
    """What a script has after loading and normalising: float images and labels of each part."""

    def __init__(self) -> None:
        parts = split(load_dataset(DIGITS), DIGITS)
        pixels = parts.train.images[parts.train.index] / 255
        mean, std = pixels.mean(), pixels.std(correction=0)
        self.places = parts.train.index
        self.train = (parts.train.images / 255 - mean) / std, parts.train.labels
        self.val = (
            (parts.train.images[parts.validation.index] / 255 - mean) / std,
            parts.train.labels[parts.validation.index],
        )

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of 32 in the order of seed 0."""
        order = self.places[torch.from_numpy(Stream("order", 0).permutation(epoch, len(self.places)))]
        for chosen in torch.split(order, 32):
            yield self.train[0][chosen], self.train[1][chosen]


def validated(model: nn.Module, images: Images) -> float:
    model.eval()
    with torch.no_grad():
        loss = F.cross_entropy(model(images.val[0]), images.val[1]).item()
    model.train()
    return loss
