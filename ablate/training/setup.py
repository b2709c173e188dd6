"""From a recipe and its images to everything that a run holds before its first step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ablate.recipe import CutMix, MixUp, OwnAugmentation, Phase, PretrainedModel, Recipe
from ablate.training.augment import Pipeline
from ablate.training.average import Average
from ablate.training.batches import Batch, EvaluationImages, Residence, TrainingImages, input_size
from ablate.training.data import Dataset, Labelled, Portion, Unlabelled, split
from ablate.training.device import choose_memory_format
from ablate.training.failures import RecipeError
from ablate.training.group import ALONE, Group
from ablate.training.judging import Mirrored, cast
from ablate.training.losses import Loss
from ablate.training.measure import count_flops, has_batch_norm, trainable_sizes
from ablate.training.mixing import MixedImages
from ablate.training.models import build_model, freeze
from ablate.training.normalize import Normalize, build_normalizer, build_standardizer
from ablate.training.objective import Objective, class_weights
from ablate.training.optim import Schedule, build_optimizer
from ablate.training.own_loss import CalledMetrics
from ablate.training.parameter_groups import grouped, own_arguments
from ablate.training.update import Update


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """A run before its first step; network and images on the run's device."""

    recipe: Recipe
    dataset: Dataset
    #: Seed index of the run.
    seed: int
    device: torch.device
    group: Group
    model: nn.Module
    #: Follows the network's weights; None where they are not averaged.
    average: Average | None
    #: What validation images are shown to: the network or its average, as the recipe's precision calls it.
    judged: nn.Module
    #: What test images are shown to.
    tested: nn.Module
    #: What is measured: the recipe's loss.
    loss: Loss
    #: Metrics of the user's own.
    metrics: CalledMetrics
    #: What is trained for.
    objective: Objective
    normalize: Normalize
    #: The training images, augmented, in batches.
    training: TrainingImages | MixedImages
    #: There may be none.
    validation: EvaluationImages
    test: EvaluationImages
    #: Images that nobody has labelled, under labels that mean nothing; None where there are none.
    unlabelled: EvaluationImages | None
    #: Multiply-adds times two of one image's forward pass.
    flops: int
    #: Parameters that some phase trains.
    trainable_parameters: int

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return -(-self.training.steps // self.recipe.training.accumulate)

    def steps(self, epoch: int) -> Iterator[tuple[Batch, ...]]:
        """The batches of each step of an epoch, counted from 1."""
        batches = self.training.epoch(epoch)
        while step := tuple(itertools.islice(batches, self.recipe.training.accumulate)):
            yield step

    def begin(self, phase: Phase) -> Stage:
        """Freeze what a phase freezes and make its optimizer and schedule.

        Raises:
            ModelError: A pattern matches no parameter.
            RecipeError: PyTorch refuses a part of the recipe, or everything is frozen.
        """
        _freeze(self.model, self.recipe, phase)
        own = own_arguments(self.model, self.recipe.training)
        return self.stage(phase, grouped(self.model, own) if own else self.model.parameters())

    def stage(self, phase: Phase, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> Stage:
        """A phase over these parameters, see `build_optimizer`.

        Raises:
            RecipeError: PyTorch refuses a part of the recipe, or everything is frozen.
        """
        training = self.recipe.training
        optimizer = build_optimizer(phase.optimizer or training.optimizer, parameters)
        return Stage(
            phase=phase,
            optimizer=optimizer,
            schedule=Schedule(phase, optimizer, steps_per_epoch=self.steps_per_epoch),
            update=Update(optimizer, training, self.device),
            forward=self.group.parallel(cast(self.model, training.precision)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A phase that is being trained."""

    phase: Phase
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    #: What makes a step of gradients.
    update: Update
    #: The network as steps call it: itself, or spread over several devices.
    forward: nn.Module


def set_up(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int,
    device: torch.device,
    code_root: Path | None = None,
    group: Group = ALONE,
) -> Setup:
    """Build the network and the batches of a recipe.

    Args:
        recipe: What to train.
        dataset: The images that the recipe names.
        seed: Seed index of the run.
        device: Where the run will be.
        code_root: Folder of the user's own files; None where the recipe names none.
        group: The processes that train the job together.

    Raises:
        RecipeError: The recipe does not fit the data set, or PyTorch refuses a part of it.
    """
    portions = split(dataset, recipe.data)
    if portions.train.count < group.size:
        raise RecipeError(f"{portions.train.count} training images cannot be spread over {group.size} devices")
    memory_format = choose_memory_format(recipe, device)
    size: tuple[int, int] | None = None
    normalize: Normalize
    if dataset.holds_images:
        normalize = build_normalizer(recipe.data, portions.train, memory_format)
        size = input_size(recipe.data, dataset.image_size)
    else:
        refuse_image_work(recipe, is_mixable=dataset.train.images.is_floating_point())
        normalize = build_standardizer(recipe.data, portions.train)
    example = torch.zeros_like(normalize(dataset.train.images[:1]))
    if size is not None:
        example = example[:, :, : size[0], : size[1]].contiguous()
    model = build_model(
        recipe.model,
        channels=example.shape[1],
        image_size=tuple(example.shape[2:]),
        classes=len(dataset.classes),
        seed=seed,
        code_root=code_root,
        dtype=example.dtype,
    )
    loss = Loss(recipe, code_root)
    loss.refuse_unnormalised(model, example)
    flops = count_flops(model, example)
    model.to(device).to(memory_format=memory_format)
    average = None if recipe.training.ema is None else Average(recipe.training.ema, model)
    judged = cast(model if average is None else average.network, recipe.training.precision)

    residence = Residence.on(device)

    def measured(portion: Portion) -> EvaluationImages:
        return EvaluationImages(residence.take(portion), device=device, normalize=normalize, size=size)

    mixing = [one for one in recipe.data.augment if isinstance(one, MixUp | CutMix)]
    single = [one for one in recipe.data.augment if not isinstance(one, MixUp | CutMix)]
    batch_size = recipe.data.batch_size
    images = TrainingImages(
        residence.take(portions.train),
        device=device,
        normalize=normalize,
        pipeline=Pipeline(single, seed=seed, examples=len(portions.train.labels), size=size, code_root=code_root),
        batch_size=batch_size,
        least=group.size * (2 if has_batch_norm(model) else 1),
        seed=seed,
        group=group,
    )
    return Setup(
        recipe=recipe,
        dataset=dataset,
        seed=seed,
        device=device,
        group=group,
        model=model,
        average=average,
        judged=judged,
        tested=Mirrored(judged, loss) if recipe.training.test_time_augmentation == "flip" else judged,
        loss=loss,
        metrics=CalledMetrics(recipe.training.metrics, code_root),
        objective=Objective(
            recipe, class_weights(recipe, portions.train, len(dataset.classes), device), code_root=code_root
        ),
        normalize=normalize,
        training=MixedImages(images, mixing, batch_size=batch_size, seed=seed, group=group) if mixing else images,
        validation=measured(portions.validation),
        test=measured(portions.test),
        unlabelled=measured(_anyhow_labelled(dataset.unlabelled)) if dataset.unlabelled is not None else None,
        flops=flops,
        trainable_parameters=_ever_trained(model, recipe),
    )


def refuse_image_work(recipe: Recipe, *, is_mixable: bool) -> None:
    """Raise RecipeError where a recipe asks for something that only images have.

    Args:
        recipe: The recipe, whose examples are no images.
        is_mixable: Whether they are numbers of which a mean makes sense.
    """
    data = recipe.data
    for one in data.augment:
        if not isinstance(one, OwnAugmentation) and not (is_mixable and isinstance(one, MixUp)):
            raise RecipeError(
                f"the augmentation `{one.name}` is for images, and the examples of {data.name!r} are none",
                cure='Take one of your own, as `augment = ["my_augmentations.py:noise"]`.',
            )
    if recipe.training.test_time_augmentation != "none":
        raise RecipeError("`training.test_time_augmentation` is for images, and the examples are none")


def _anyhow_labelled(unlabelled: Unlabelled) -> Portion:
    """The images under labels that mean nothing."""
    labels = torch.zeros(len(unlabelled.images), dtype=torch.int64)
    return Portion.whole(Labelled(images=unlabelled.images, labels=labels))


def _ever_trained(model: nn.Module, recipe: Recipe) -> int:
    """Numbers in all parameters that some phase trains; the first phase's freezing holds afterwards."""
    trained: Mapping[str, int] = {}
    for phase in reversed(recipe.training.parts):
        _freeze(model, recipe, phase)
        trained = {**trained, **trainable_sizes(model)}
    return sum(trained.values())


def _freeze(model: nn.Module, recipe: Recipe, phase: Phase) -> None:
    always = recipe.model.freeze if isinstance(recipe.model, PretrainedModel) else ()
    freeze(model, (*always, *phase.freeze), but=phase.unfreeze)
