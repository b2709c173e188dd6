"""A recipe in words: data, split, images, network, loss, optimizer, schedule, phases, early stopping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from ablate.recipe import (
    AnyData,
    AnyRecipe,
    CommandTrainer,
    Data,
    EarlyStopping,
    FixedNormalization,
    FolderData,
    Model,
    OwnData,
    OwnRecipe,
    Recipe,
    Scheduler,
    SyntheticData,
    Warmup,
)
from ablate.recipe.data import DataSection
from ablate.report import numbers
from ablate.report.knob_text import knobs, labels_and_classes, measured
from ablate.report.table import Cell, Column, Row, Table, listed, words
from ablate.study.names import level_name

#: Training and test images of the data sets whose sizes are fixed.
SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "digits": (1_437, 360),
        "mnist": (60_000, 10_000),
        "fashion_mnist": (60_000, 10_000),
        "cifar10": (50_000, 10_000),
        "cifar100": (50_000, 10_000),
        "svhn": (73_257, 26_032),
        "stl10": (5_000, 8_000),
        "imagenette_160": (9_469, 3_925),
        "imagenette": (9_469, 3_925),
        "flowers102": (1_020, 6_149),
        "tiny_imagenet": (100_000, 10_000),
    }
)
LOSSES = {"cross_entropy": "cross-entropy", "nll": "negative log-likelihood of log-softmax"}


def described(recipe: AnyRecipe) -> list[tuple[str, str]]:
    """Pairs of a heading and a text; what is switched off is left out."""
    if isinstance(recipe, OwnRecipe):
        return list(_own(recipe))
    return [*_data(recipe.data), *_network(recipe.model), *_training(recipe)]


def phase_table(recipe: AnyRecipe) -> Table | None:
    """A row for each phase of the training; None where it has only one."""
    if isinstance(recipe, OwnRecipe) or not recipe.training.phases:
        return None
    training = recipe.training
    names = {
        "phase": "phase",
        "epochs": "epochs",
        "optimizer": "optimizer",
        "schedule": "learning rate",
        "frozen": "frozen",
        "unfrozen": "trained all the same",
    }
    rows = []
    for number, phase in enumerate(training.phases, start=1):
        texts = (
            level_name((phase.optimizer or training.optimizer).canonical()),
            _schedule(phase.scheduler or training.scheduler, phase.warmup),
            listed(phase.freeze) or numbers.UNKNOWN,
            listed(phase.unfreeze) or numbers.UNKNOWN,
        )
        counts = (Cell(text=str(number), value=number), Cell(text=str(phase.epochs), value=phase.epochs))
        rows.append(Row(cells=(*counts, *(words(text) for text in texts))))
    heads = tuple(
        Column(name=name, heading=heading, align="right" if name in ("phase", "epochs") else "left")
        for name, heading in names.items()
    )
    note = "Of the baseline. Each phase begins with a new optimizer and a new schedule."
    if recipe.model.canonical().get("freeze"):
        note += " What `model.freeze` names is frozen in all of them."
    return Table(title="Phases", columns=heads, rows=tuple(rows), notes=(note,))


def _own(recipe: OwnRecipe) -> Iterator[tuple[str, str]]:
    """A run that a trainer of the user's own trains: only what the recipe says of it."""
    trainer, training = recipe.training.trainer, recipe.training
    yield "trainer", trainer.command if isinstance(trainer, CommandTrainer) else trainer.name
    if recipe.params:
        yield "knobs", ", ".join(f"{key} = {level_name(value)}" for key, value in recipe.params.items())
    if recipe.data is not None:
        yield from _data(recipe.data)
    if recipe.model is not None:
        yield from _network(recipe.model)
    if training.optimizer is not None:
        yield "optimizer", level_name(training.optimizer.canonical())
    if training.scheduler is not None:
        yield "learning rate", _schedule(training.scheduler, None)
    if training.epochs is not None:
        yield "epochs", str(training.epochs)


def _data(data: AnyData) -> Iterator[tuple[str, str]]:
    yield "data", _of_own_code(data) if isinstance(data, OwnData) else _named(data)
    yield "split", _split(data)
    if images := list(_geometry(data)):
        yield "images", ", then ".join(images)
    yield "normalised", _normalised(data)
    if data.augment:
        yield "augmented", listed([level_name(one.canonical()) for one in data.augment], len(data.augment))
    yield "batch size", f"{data.batch_size:,}"


def _named(data: Data) -> str:
    name: str = data.name
    sizes = SIZES.get(name) if data.test is None else None
    if isinstance(data, FolderData):
        # a folder of somebody's machine says nothing to others
        folder = PurePosixPath(data.folder)
        name += f" {folder.name if folder.is_absolute() else folder}"
    if isinstance(data, SyntheticData):
        name += f" ({data.classes} classes, {data.size} × {data.size} pixels, noise {data.noise:g})"
        sizes = (data.images, data.test_images)
    if sizes is None or data.validation == "own":
        return name if data.train_images is None else f"{name}: {data.train_images:,} of its training images"
    held_out = round(data.validation * sizes[0])
    left = sizes[0] - held_out if data.train_images is None else data.train_images
    parts = [f"{left:,} training", *([f"{held_out:,} validation"] if held_out else []), f"{sizes[1]:,} test images"]
    return f"{name}: {listed(parts)}"


def _of_own_code(data: OwnData) -> str:
    text = level_name({"name": data.name, **data.arguments})
    return text if data.train_images is None else f"{text}: {data.train_images:,} of its training examples"


def _split(data: DataSection) -> str:
    if data.validation == "own":
        parts = ["the data set's own validation images"]
    elif data.validation == 0:
        parts = ["no validation images"]
    else:
        parts = [f"{100 * data.validation:g} % held out for validation"]
    if data.test is not None:
        parts.append(f"{100 * data.test:g} % held out as the test set where the data have none")
    if data.train_images is not None:
        parts.append(f"{data.train_images:,} images drawn to train on")
    if data.validation == 0 and data.test is None and data.train_images is None:
        return parts[0]
    return (
        f"{', '.join(parts)}; stratified by class, the same for all variants and seeds (split seed {data.split_seed})"
    )


def _geometry(data: DataSection) -> Iterator[str]:
    if isinstance(data.resize, tuple):
        yield f"resized to {data.resize[0]} × {data.resize[1]} pixels"
    elif data.resize is not None:
        yield f"shorter side resized to {data.resize} pixels, middle square taken"
    if data.channels is not None:
        yield "turned to grey" if data.channels == 1 else "turned to colour"
    if data.crop is not None:
        yield f"cropped to {data.crop} × {data.crop} pixels (the middle where nothing else is cut out)"


def _normalised(data: DataSection) -> str:
    if isinstance(data.normalize, FixedNormalization):
        mean, std = (level_name(list(values)) for values in (data.normalize.mean, data.normalize.std))
        return f"by mean {mean} and standard deviation {std}"
    return {
        "train": "by mean and standard deviation of the training images",
        "imagenet": "by ImageNet's mean and standard deviation",
        "none": "not at all",
    }[data.normalize]


def _network(model: Model) -> Iterator[tuple[str, str]]:
    yield "model", ", ".join(f"{key} = {level_name(value)}" for key, value in model.canonical().items())


def _training(recipe: Recipe) -> Iterator[tuple[str, str]]:
    training = recipe.training
    own = training.loss
    loss = LOSSES[own] if isinstance(own, str) else level_name(own.canonical())
    yield "loss", loss + labels_and_classes(training)
    if training.metrics:
        yield "further metrics", listed([level_name(one.canonical()) for one in training.metrics])
    if training.phases:
        yield "phases", f"{len(training.phases)}, {numbers.plural(training.epochs, 'epoch')} together; see Phases"
    else:
        yield "optimizer", level_name(training.optimizer.canonical())
        yield "learning rate", _schedule(training.scheduler, training.warmup)
        yield "epochs", str(training.epochs)
    yield from knobs(training)
    if training.early_stopping is not None:
        yield "early stopping", _stopping(training.early_stopping, of="a phase" if training.phases else "the run")
    kept = []
    if training.step_losses:
        kept.append(f"the loss of every {_nth(training.step_losses)}step")
    if training.validate_every is not None:
        kept.append(f"the validation images after every {_nth(training.validate_every)}step")
    if training.oracle_curve:
        kept.append("the test set after each epoch (oracle: nothing is chosen or ranked by it)")
    kept += measured(training)
    if kept:
        yield "also measured", listed(kept)
    if training.devices > 1:
        yield "devices", f"each batch spread over {training.devices}"


def _nth(number: int) -> str:
    """What stands between `every` and `step`: nothing, `2nd `, `50th `."""
    if number == 1:
        return ""
    teen = number // 10 % 10 == 1
    return f"{number:,}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')} "


def _schedule(schedule: Scheduler, warmup: Warmup | None) -> str:
    text = "constant" if schedule.name == "none" else level_name(schedule.canonical())
    if warmup is None:
        return text
    length = f"{warmup.epochs:g} {'epoch' if warmup.epochs == 1 else 'epochs'}"
    return f"rising over {length} from {100 * warmup.start:g} % of itself, then {text}"


def _stopping(rule: EarlyStopping, *, of: str) -> str:
    better = "a smaller validation loss" if rule.metric == "val_loss" else "a larger validation accuracy"
    least = f" (by at least {rule.min_delta:g})" if rule.min_delta else ""
    return f"{of} ends after {numbers.plural(rule.patience, 'epoch')} without {better}{least}"
