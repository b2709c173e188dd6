"""What is trained, and how much of it: sizes for a GPU, and toys with which a processor runs every line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ablate.recipe import Recipe

#: Lab C's network; twelve of sixty launches of its step are products.
LENET: dict[str, Any] = {"name": "convnet", "channels": [6, 16], "kernel_size": 5, "padding": 0, "hidden": [120, 84]}
RESNET18 = {"name": "resnet", "channels": [64, 128, 256, 512], "blocks": 2, "shortcut": "projection"}
SGD = {"name": "SGD", "lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
CROP_AND_FLIP = [{"name": "random_crop", "padding": 4}, "horizontal_flip"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is trained."""

    #: Training and test images.
    images: int
    test_images: int
    #: Height and width, pixels.
    size: int
    #: Images of one measurement of the students' loop, and processes of its loader.
    students: int
    loaders: int
    #: Interleaved measurements.
    rounds: int
    #: Jobs side by side in one process, in processes of their own, and in one pack.
    streams: tuple[int, ...]
    processes: tuple[int, ...]
    packs: tuple[int, ...]
    #: Time over which processes are measured, seconds.
    process_seconds: float
    #: Batch size, and images of an epoch, of the large network; its channels.
    large_batch: int
    large_images: int
    large_channels: tuple[int, ...]
    #: Variants, seeds and epochs of the whole study, and the time that it gets, seconds.
    variants: int
    seeds: int
    epochs: int
    study_seconds: float

    def data(self, **changes: Any) -> dict[str, Any]:
        """The `data` table: made-up images in the size of CIFAR's, no image held out."""
        return {
            "name": "synthetic",
            "images": self.images,
            "test_images": self.test_images,
            "size": self.size,
            "batch_size": 64,
            "validation": 0.0,
            "normalize": {"mean": [0.5], "std": [0.5]},
            **changes,
        }

    def small(self, **training: Any) -> dict[str, Any]:
        """Lab C's network on all images."""
        model = dict(LENET) if self.size >= 32 else {"name": "convnet", "channels": [4, 8], "hidden": [16]}
        return {
            "data": self.data(augment=CROP_AND_FLIP),
            "model": model,
            "training": {"epochs": 3, "optimizer": SGD, **training},
            "select": "last",
        }

    def large(self, **training: Any) -> dict[str, Any]:
        """ResNet-18 at the size of CIFAR's images."""
        return {
            "data": self.data(batch_size=self.large_batch, train_images=self.large_images, augment=CROP_AND_FLIP),
            "model": {**RESNET18, "channels": list(self.large_channels)},
            "training": {"epochs": 3, "optimizer": SGD, **training},
            "select": "last",
        }

    def hard(self) -> dict[str, dict[str, Any]]:
        """Recipes with all that could differ between recorded and eager steps, by names."""
        layers = {"norm": "batch", "dropout": 0.3, "dropout_place": "both", "blocks": 1, "stochastic_depth": 0.2}
        plain = self.small()
        last = self.images - self.images % 64 + 16  # so that the last batch is smaller
        return {
            "lab C's network": self.small(),
            "batch normalisation, dropout, AdamW, a rate for each step": {
                **plain,
                "data": self.data(augment=["horizontal_flip", "cutout"], train_images=min(last, self.images)),
                "model": {**plain["model"], **layers},
                "training": {
                    "epochs": 3,
                    "optimizer": {"name": "AdamW", "lr": 0.002},
                    "scheduler": {"name": "CosineAnnealingLR", "interval": "step"},
                    "clip_grad_norm": 1.0,
                },
            },
            "ResNet-18, bfloat16": self.large(precision="bfloat16", memory_format="channels_last"),
        }


FULL = Sizes(
    images=50_000,
    test_images=10_000,
    size=32,
    students=10_000,
    loaders=2,
    rounds=5,
    streams=(1, 2, 4, 8, 16),
    processes=(2, 4, 8),
    packs=(8, 32),
    process_seconds=4.0,
    large_batch=128,
    large_images=5_120,
    large_channels=(64, 128, 256, 512),
    variants=30,
    seeds=5,
    epochs=12,
    study_seconds=150.0,
)
TOY = Sizes(
    images=100,
    test_images=20,
    size=8,
    students=64,
    loaders=0,
    rounds=1,
    streams=(1, 2),
    processes=(1,),
    packs=(2,),
    process_seconds=0.1,
    large_batch=32,
    large_images=64,
    large_channels=(4, 8),
    variants=1,
    seeds=1,
    epochs=1,
    study_seconds=60.0,
)


def recipe(tables: dict[str, Any]) -> Recipe:
    """A recipe of plain tables."""
    return Recipe.model_validate(tables)
