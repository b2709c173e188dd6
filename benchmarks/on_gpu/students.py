"""The training loop as a course hands it out: PIL, transforms for each image, DataLoader, `loss.item()`."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Images as a course's data sets give them: one at a time, by way of PIL."""

    def __init__(self, pixels: npt.NDArray[np.uint8], labels: list[int]) -> None:
        from torchvision import transforms  # two seconds, which processes beside this one need not spend

        self._pixels = pixels
        self._labels = labels
        self._transform = transforms.Compose(
            [
                transforms.RandomCrop(pixels.shape[1], padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._transform(Image.fromarray(self._pixels[index])), self._labels[index]


def network(size: int) -> nn.Module:
    """Lab C's network, or for toy images one of its kind."""
    if size < 32:
        side = (size - 2) // 2
        return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * side**2, 10))
    layers = [nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


def students_loop(
    pixels: npt.NDArray[np.uint8], labels: list[int], *, device: torch.device, loaders: int
) -> Callable[[], float]:
    """A function that trains an epoch and gives its images a second.

    Args:
        pixels: Images, (N, H, W, 3).
        labels: Their classes.
        device: Where the network is.
        loaders: Processes that load images.
    """
    images = Pictures(pixels, labels)
    loader = DataLoader(images, batch_size=64, shuffle=True, num_workers=loaders)
    net = network(pixels.shape[1]).to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = False, True  # as PyTorch comes
        started = time.perf_counter()
        net.train()
        running = 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            loss = criterion(net(inputs), targets)
            loss.backward()
            optimizer.step()
            running += loss.item()
        return len(images) / (time.perf_counter() - started)

    return epoch
