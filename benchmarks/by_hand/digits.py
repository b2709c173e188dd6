"""Training on scikit-learn's digits as a competent person writes it: plain PyTorch, tensors in memory, one function.

It knows nothing of ablate. `train(variant, seed)` is what the scripts beside this one hand out to processes. The
variants are those of the study in `peers.py`, which names a file with the images in the environment, so that all sides
train, validate and test on the same ones.

    DIGITS=digits.npz python benchmarks/by_hand/digits.py RESULTS THREADS
"""

import copy
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPOCHS, BATCH = int(os.environ.get("EPOCHS", "20")), 32

BASELINE = {
    "channels": (8, 16),
    "blocks": 1,
    "residual": True,
    "norm": False,
    "dropout": 0.0,
    "optimizer": "SGD",
    "cosine": False,
}
VARIANTS = {
    "baseline": {},
    "dropout=0.2": {"dropout": 0.2},
    "batch_norm=batch": {"norm": True},
    "lr_decay=cosine": {"cosine": True},
    "residual=false": {"residual": False},
    "depth=0": {"blocks": 0},
    "width=[4, 8]": {"channels": (4, 8)},
    "optimizer=Adam": {"optimizer": "Adam"},
}
SEEDS = range(4)
PARTS = ("train", "validation", "test")


class Block(nn.Module):
    def __init__(self, channels, norm, residual):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels) if norm else nn.Identity(),
        )
        self.residual = residual

    def forward(self, x):
        out = self.body(x)
        return F.relu(out + x if self.residual else out)


def build(options):
    layers, channels = [], 1
    for width in options["channels"]:
        layers += [nn.Conv2d(channels, width, 3, padding=1)]
        layers += [nn.BatchNorm2d(width)] if options["norm"] else []
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        layers += [Block(width, options["norm"], options["residual"]) for _ in range(options["blocks"])]
        channels = width
    layers += [nn.Flatten(), nn.Linear(4 * channels, 32), nn.ReLU(), nn.Dropout(options["dropout"]), nn.Linear(32, 10)]
    net = nn.Sequential(*layers)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    return net


def load():
    """Images (N, 1, 8, 8) and labels of the three parts, normalised by the training images."""
    with np.load(os.environ["DIGITS"]) as file:
        parts = {name: (torch.tensor(file[f"{name}_images"]), torch.tensor(file[f"{name}_labels"])) for name in PARTS}
    pixels = parts["train"][0] / 255
    mean, std = pixels.mean(), pixels.std()
    return {name: ((images / 255 - mean) / std, labels) for name, (images, labels) in parts.items()}


@torch.no_grad()
def accuracy(net, images, labels):
    net.eval()
    return (net(images).argmax(1) == labels).float().mean().item()


def train(variant, seed):
    """Test accuracy of the epoch with the best validation accuracy, and the number of the network's parameters."""
    options = BASELINE | VARIANTS[variant]
    torch.manual_seed(seed)
    parts = load()
    images, labels = parts["train"]
    net = build(options)
    if options["optimizer"] == "Adam":
        optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    else:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS) if options["cosine"] else None
    best, kept = -1.0, None
    for _epoch in range(EPOCHS):
        net.train()
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
        if schedule is not None:
            schedule.step()
        found = accuracy(net, *parts["validation"])
        if found > best:
            best, kept = found, copy.deepcopy(net.state_dict())
    net.load_state_dict(kept)
    return {
        "variant": variant,
        "seed": seed,
        "test_accuracy": accuracy(net, *parts["test"]),
        "parameters": sum(p.numel() for p in net.parameters()),
    }


def write(results, path):
    Path(path).write_text(json.dumps(results), encoding="utf-8")


def main():
    """The plain loop: one run after the other in this process."""
    path, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    write([train(variant, seed) for variant in VARIANTS for seed in SEEDS], path)


if __name__ == "__main__":
    main()
