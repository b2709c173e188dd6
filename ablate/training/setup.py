"""From a recipe and its images to everything that a run holds before its first step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ablate.recipe import Recipe
from ablate.training.augment import Pipeline
from ablate.training.batches import Normalizer, TrainingImages, build_normalizer
from ablate.training.data import Dataset, split
from ablate.training.device import choose_memory_format
from ablate.training.measure import count_flops, has_batch_norm
from ablate.training.models import build_model
from ablate.training.optim import Schedule, build_optimizer


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """A run before its first step; network and images on the run's device."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    normalize: Normalizer
    #: The training images, augmented, in batches.
    training: TrainingImages
    #: Validation images uint8 (n, C, H, W) and labels int64 (n,); n may be 0.
    validation: tuple[Tensor, Tensor]
    #: Multiply-adds times two of one image's forward pass.
    flops: int


def set_up(
    recipe: Recipe, dataset: Dataset, *, seed: int, device: torch.device, code_root: Path | None = None
) -> Setup:
    """Build the network, the optimizer and the batches of a recipe.

    Args:
        recipe: What to train.
        dataset: The images that the recipe names.
        seed: Seed index of the run.
        device: Where the run will be.
        code_root: Folder of the user's own files; None where the recipe names none.

    Raises:
        RecipeError: The recipe does not fit the data set, or PyTorch refuses a part of it.
    """
    memory_format = choose_memory_format(recipe, device)
    train_index, val_index = split(dataset, recipe.data)
    normalize = build_normalizer(recipe.data, dataset.train_images, train_index, memory_format)
    model = build_model(
        recipe.model,
        channels=dataset.channels,
        image_size=dataset.image_size,
        classes=len(dataset.classes),
        seed=seed,
        code_root=code_root,
    )
    flops = count_flops(model, (dataset.channels, *dataset.image_size))
    model.to(device).to(memory_format=memory_format)
    training = TrainingImages(
        dataset.train_images.to(device),
        dataset.train_labels.to(device),
        train_index,
        normalize=normalize,
        pipeline=Pipeline(recipe.data.augment, seed=seed, examples=len(dataset.train_images)),
        batch_size=recipe.data.batch_size,
        skip_single=has_batch_norm(model),
        seed=seed,
    )
    optimizer = build_optimizer(recipe.training.optimizer, model.parameters())
    return Setup(
        model=model,
        optimizer=optimizer,
        schedule=Schedule(
            recipe.training.scheduler, optimizer, epochs=recipe.training.epochs, steps_per_epoch=training.steps
        ),
        normalize=normalize,
        training=training,
        validation=(dataset.train_images[val_index].to(device), dataset.train_labels[val_index].to(device)),
        flops=flops,
    )
