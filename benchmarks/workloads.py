"""What is trained: recipes of three small networks, and images for two of them where CIFAR-10 is not at hand."""

from __future__ import annotations

import pickle
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ablate.recipe import Recipe, SyntheticData
from ablate.recipe.packing import Pack, pack_of
from ablate.training.data.synthetic import SYNTHETIC

#: Images of the set that stands in for CIFAR-10: what an epoch shows, and test images.
IMAGES, QUICK_IMAGES, TEST_IMAGES = 10_000, 1_000, 1_000
FOLDER = "cifar-10-batches-py"
#: What `training.tier` may ask for: each run by itself, or runs of one architecture as one stacked network.
TIERS = ("exact", "fused")

_MOMENTUM = {"name": "SGD", "lr": 0.001, "momentum": 0.9}


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One recipe, as ablate and as a script by hand train it."""

    #: For people.
    name: str
    #: Name of the network in `by_hand/students.py`.
    network: str
    #: The baseline of a study.
    baseline: dict[str, Any] = field(repr=False)
    #: Training images of an epoch.
    images: int
    #: Epochs of a run that is long enough to be measured.
    epochs: int

    @property
    def batch_size(self) -> int:
        """Images a step."""
        return int(self.baseline["data"]["batch_size"])

    @property
    def is_fused(self) -> bool:
        """Whether ablate fuses runs of this recipe where it names no tier."""
        return self._pack({"epochs": 1}) is not None

    def load(self, tier: str, **training: Any) -> Load:
        """What each worker trains of it in a round, by a tier and further keys of `training`.

        A pack has several runs, so that fewer epochs of each are enough.
        """
        pack = self._pack({"epochs": 1, "tier": tier, **training})
        together = 1 if pack is None else pack.size
        epochs = self.epochs if pack is None else max(2, 2 * self.epochs // together)
        baseline = self._with({"epochs": epochs, "tier": tier, **training})
        return Load(baseline=baseline, runs=together, images=epochs * self.images)

    def _pack(self, training: dict[str, Any]) -> Pack | None:
        return pack_of(Recipe.model_validate({**self._with(training), "select": "last"}))

    def _with(self, training: dict[str, Any]) -> dict[str, Any]:
        baseline = deepcopy(self.baseline)
        baseline["training"] |= training
        return baseline


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a worker trains in a round."""

    #: The baseline of a study.
    baseline: dict[str, Any]
    #: Runs of it, which differ in their seed.
    runs: int
    #: Training images that each run sees, all its epochs together.
    images: int


def cifar_data(batch_size: int, images: int) -> dict[str, Any]:
    """CIFAR-10, mirrored and shifted by up to four pixels; no image is held out."""
    return {
        "name": "cifar10",
        "batch_size": batch_size,
        "validation": 0,
        "train_images": images,
        "normalize": {"mean": [0.5], "std": [0.5]},
        "augment": [{"name": "random_crop", "padding": 4}, "horizontal_flip"],
    }


def workloads(*, quick: bool = False) -> dict[str, Workload]:
    """All of them, by short names; with fewer images and epochs where that is enough."""
    images, epochs = (QUICK_IMAGES, 2) if quick else (IMAGES, 6)
    lenet = {"name": "convnet", "channels": [6, 16], "kernel_size": 5, "padding": 0, "hidden": [120, 84]}
    residual = {
        "name": "convnet",
        "channels": [16, 16],
        "blocks": 2,
        "norm": "batch",
        "head": "global_average",
    }
    digits = {"name": "convnet", "channels": [8, 16], "blocks": 1, "hidden": [32], "init": "xavier_uniform"}
    training = {"optimizer": _MOMENTUM}
    return {
        **{
            f"cifar-{size}": Workload(
                name=f"lab C's network, batch {size}",
                network="lenet",
                baseline={"data": cifar_data(size, images), "model": lenet, "training": training},
                images=images,
                epochs=epochs,
            )
            for size in (64, 16)
        },
        "residual": Workload(
            name="residual network with batch normalisation, 16 channels, batch 64",
            network="residual",
            baseline={"data": cifar_data(64, images), "model": residual, "training": training},
            images=images,
            epochs=epochs,
        ),
        "digits": Workload(
            name="the digits network, 8x8, batch 32",
            network="digits",
            baseline={
                "data": {"name": "digits", "batch_size": 32, "validation": 0},
                "model": digits,
                "training": {"optimizer": {"name": "SGD", "lr": 0.02, "momentum": 0.9}},
            },
            images=1437,
            epochs=10 * epochs,
        ),
    }


def cifar_root(given: Path | None, folder: Path, *, quick: bool = False) -> tuple[Path, str]:
    """Where CIFAR-10 lies, and what it is: the real set below a folder that was given, else made-up images."""
    images = QUICK_IMAGES if quick else IMAGES
    if given is not None:
        places = [place for place in (given / "cifar10", given) if (place / FOLDER / "test_batch").is_file()]
        if not places:
            raise SystemExit(f"there is no {FOLDER} below {given}, nor below {given / 'cifar10'}")
        return given, f"CIFAR-10, {images:,} of its training images an epoch"
    write_cifar(folder, images)
    return folder, f"{images:,} made-up images of 32x32 pixels in the files of CIFAR-10 (the real set was not at hand)"


def write_cifar(root: Path, images: int, test_images: int = TEST_IMAGES) -> None:
    """Write made-up images in the six files of CIFAR-10."""
    data = SyntheticData(name="synthetic", images=images, test_images=test_images, size=32, batch_size=1)
    found = SYNTHETIC.find(data, root)
    assert found is not None
    parts = SYNTHETIC.contents(data, found).parts
    folder = root / FOLDER
    folder.mkdir(parents=True)
    pieces = [
        (f"data_batch_{number + 1}", "train", part) for number, part in enumerate(np.array_split(range(images), 5))
    ]
    for name, part, places in [*pieces, ("test_batch", "test", np.arange(test_images))]:
        start, stop = int(places[0]), int(places[-1]) + 1
        pixels = parts[part].images.read(start, stop).reshape(stop - start, -1)  # type: ignore[attr-defined]
        labels = parts[part].labels[start:stop].tolist()
        (folder / name).write_bytes(pickle.dumps({"data": pixels, "labels": labels, "batch_label": name}, protocol=2))
