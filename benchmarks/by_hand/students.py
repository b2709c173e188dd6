"""The training loop as a course hands it out: Dataset, PIL, transforms for each image, DataLoader, `loss.item()`.

    python benchmarks/by_hand/students.py NETWORK --batch-size 64 --images 10000 --root FOLDER --loaders 2

It knows nothing of ablate. So that epochs can be measured one at a time, it trains one for each line that it reads, and
answers with a line of JSON: seconds, images, mean loss, and the number of the network's parameters.
"""

import argparse
import json
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class CIFAR10(Dataset):
    """As torchvision's, which refuses files whose checksums are not those of the real ones."""

    def __init__(self, root, images, transform):
        folder = next(path for path in (Path(root), Path(root) / "cifar10") if (path / "cifar-10-batches-py").is_dir())
        data, self.targets = [], []
        for number in range(1, 6):
            with (folder / "cifar-10-batches-py" / f"data_batch_{number}").open("rb") as file:
                entry = pickle.load(file, encoding="latin1")
            data.append(entry["data"])
            self.targets.extend(entry["labels"])
        self.data = np.vstack(data).reshape(-1, 3, 32, 32).transpose((0, 2, 3, 1))[:images]
        self.transform = transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


class Digits(Dataset):
    def __init__(self, images, transform):
        from sklearn.datasets import load_digits

        digits = load_digits()
        self.data = (digits.images[:images] * (255 / 16)).astype(np.uint8)
        self.targets = digits.target[:images].tolist()
        self.transform = transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


class Block(nn.Module):
    def __init__(self, channels, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = norm(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


class ResidualNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.blocks1 = nn.Sequential(Block(16), Block(16))
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.blocks2 = nn.Sequential(Block(16), Block(16))
        self.pool = nn.MaxPool2d(2, 2)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.blocks1(self.pool(F.relu(self.bn1(self.conv1(x)))))
        x = self.blocks2(self.pool(F.relu(self.bn2(self.conv2(x)))))
        return self.fc(x.mean(dim=(2, 3)))


class DigitsNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.block1 = Block(8, nn.Identity)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.block2 = Block(16, nn.Identity)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(16 * 2 * 2, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.block1(self.pool(F.relu(self.conv1(x))))
        x = self.block2(self.pool(F.relu(self.conv2(x))))
        x = torch.flatten(x, 1)
        return self.fc2(F.relu(self.fc1(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=["lenet", "residual", "digits"])
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--root")
    parser.add_argument("--loaders", type=int, default=0)
    options = parser.parse_args()

    if options.network == "digits":
        transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.3,), (0.37,))])
        trainset = Digits(options.images, transform)
        net, rate = DigitsNet(), 0.02
    else:
        transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )
        trainset = CIFAR10(options.root, options.images, transform)
        net, rate = (LeNet() if options.network == "lenet" else ResidualNet()), 0.001
    trainloader = DataLoader(trainset, batch_size=options.batch_size, shuffle=True, num_workers=options.loaders)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=rate, momentum=0.9)

    for _line in sys.stdin:  # for epoch in range(epochs):
        started = time.perf_counter()
        net.train()
        running_loss = 0.0
        for inputs, labels in trainloader:
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        told = {
            "seconds": time.perf_counter() - started,
            "images": len(trainset),
            "loss": running_loss / len(trainloader),
            "parameters": sum(p.numel() for p in net.parameters()),
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
