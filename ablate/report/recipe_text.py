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
from ablate.report.language import say, say_number
from ablate.report.table import Cell, Column, Row, Table, clauses, listed, together, words
from ablate.study.names import level_name
from ablate.told import told

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
LOSSES = {"cross_entropy": told("cross-entropy"), "nll": told("negative log-likelihood of log-softmax")}


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
        "phase": say("phase"),
        "epochs": say("epochs"),
        "optimizer": say("optimizer"),
        "schedule": say("learning rate"),
        "frozen": say("frozen"),
        "unfrozen": say("trained all the same"),
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
    note = [say("Of the baseline. Each phase begins with a new optimizer and a new schedule.")]
    if recipe.model.canonical().get("freeze"):
        note.append(say("What `model.freeze` names is frozen in all of them."))
    return Table(title=say("Phases"), columns=heads, rows=tuple(rows), notes=(together(note),))


def _own(recipe: OwnRecipe) -> Iterator[tuple[str, str]]:
    """A run that a trainer of the user's own trains: only what the recipe says of it."""
    trainer, training = recipe.training.trainer, recipe.training
    yield say("trainer"), trainer.command if isinstance(trainer, CommandTrainer) else trainer.name
    if recipe.params:
        yield say("knobs"), say(", ").join(f"{key} = {level_name(value)}" for key, value in recipe.params.items())
    if recipe.data is not None:
        yield from _data(recipe.data)
    if recipe.model is not None:
        yield from _network(recipe.model)
    if training.optimizer is not None:
        yield say("optimizer"), level_name(training.optimizer.canonical())
    if training.scheduler is not None:
        yield say("learning rate"), _schedule(training.scheduler, None)
    if training.epochs is not None:
        yield say("epochs"), str(training.epochs)


def _data(data: AnyData) -> Iterator[tuple[str, str]]:
    yield say("data"), _of_own_code(data) if isinstance(data, OwnData) else _named(data)
    yield say("split"), _split(data)
    if images := list(_geometry(data)):
        yield say("images"), say(", then ").join(images)
    yield say("normalised"), _normalised(data)
    if data.augment:
        yield say("augmented"), listed([level_name(one.canonical()) for one in data.augment], len(data.augment))
    yield say("batch size"), f"{data.batch_size:,}"


def _named(data: Data) -> str:
    name: str = data.name
    sizes = SIZES.get(name) if data.test is None else None
    if isinstance(data, FolderData):
        # a folder of somebody's machine says nothing to others
        folder = PurePosixPath(data.folder)
        name += f" {folder.name if folder.is_absolute() else folder}"
    if isinstance(data, SyntheticData):
        name = say(
            "{name} ({classes} classes, {size} × {size} pixels, noise {noise})",
            name=name,
            classes=data.classes,
            size=data.size,
            noise=f"{data.noise:g}",
        )
        sizes = (data.images, data.test_images)
    if sizes is None or data.validation == "own":
        if data.train_images is None:
            return name
        return say("{name}: {n} of its training images", name=name, n=f"{data.train_images:,}")
    held_out = round(data.validation * sizes[0])
    left = sizes[0] - held_out if data.train_images is None else data.train_images
    parts = [say("{n} training", n=f"{left:,}")]
    parts += [say("{n} validation", n=f"{held_out:,}")] if held_out else []
    parts.append(say("{n} test images", n=f"{sizes[1]:,}"))
    return say("{name}: {text}", name=name, text=listed(parts))


def _of_own_code(data: OwnData) -> str:
    text = level_name({"name": data.name, **data.arguments})
    if data.train_images is None:
        return text
    return say("{name}: {n} of its training examples", name=text, n=f"{data.train_images:,}")


def _split(data: DataSection) -> str:
    if data.validation == "own":
        parts = [say("the data set's own validation images")]
    elif data.validation == 0:
        parts = [say("no validation images")]
    else:
        parts = [say("{percent} % held out for validation", percent=f"{100 * data.validation:g}")]
    if data.test is not None:
        percent = f"{100 * data.test:g}"
        parts.append(say("{percent} % held out as the test set where the data have none", percent=percent))
    if data.train_images is not None:
        parts.append(say("{n} images drawn to train on", n=f"{data.train_images:,}"))
    if data.validation == 0 and data.test is None and data.train_images is None:
        return parts[0]
    return say(
        "{parts}; stratified by class, the same for all variants and seeds (split seed {seed})",
        parts=clauses(parts),
        seed=data.split_seed,
    )


def _geometry(data: DataSection) -> Iterator[str]:
    if isinstance(data.resize, tuple):
        yield say("resized to {height} × {width} pixels", height=data.resize[0], width=data.resize[1])
    elif data.resize is not None:
        yield say("shorter side resized to {size} pixels, middle square taken", size=data.resize)
    if data.channels is not None:
        yield say("turned to grey") if data.channels == 1 else say("turned to colour")
    if data.crop is not None:
        yield say("cropped to {size} × {size} pixels (the middle where nothing else is cut out)", size=data.crop)


def _normalised(data: DataSection) -> str:
    if isinstance(data.normalize, FixedNormalization):
        mean, std = (level_name(list(values)) for values in (data.normalize.mean, data.normalize.std))
        return say("by mean {mean} and standard deviation {sd}", mean=mean, sd=std)
    return {
        "train": say("by mean and standard deviation of the training images"),
        "imagenet": say("by ImageNet's mean and standard deviation"),
        "none": say("not at all"),
    }[data.normalize]


def _network(model: Model) -> Iterator[tuple[str, str]]:
    yield say("model"), say(", ").join(f"{key} = {level_name(value)}" for key, value in model.canonical().items())


def _training(recipe: Recipe) -> Iterator[tuple[str, str]]:
    training = recipe.training
    own = training.loss
    loss = say(LOSSES[own]) if isinstance(own, str) else level_name(own.canonical())
    yield say("loss"), labels_and_classes(loss, training)
    if training.metrics:
        yield say("further metrics"), listed([level_name(one.canonical()) for one in training.metrics])
    if training.phases:
        epochs = say_number(training.epochs, "{n} epoch", "{n} epochs")
        yield say("phases"), say("{phases}, {epochs} together; see Phases", phases=len(training.phases), epochs=epochs)
    else:
        yield say("optimizer"), level_name(training.optimizer.canonical())
        yield say("learning rate"), _schedule(training.scheduler, training.warmup)
        yield say("epochs"), str(training.epochs)
    yield from knobs(training)
    if training.early_stopping is not None:
        of = say("a phase") if training.phases else say("the run")
        yield say("early stopping"), _stopping(training.early_stopping, of=of)
    kept = []
    if training.step_losses:
        number = training.step_losses
        every = say("the loss of every {nth} step", nth=_nth(number), n=f"{number:,}")
        kept.append(say("the loss of every step") if number == 1 else every)
    if training.validate_every is not None:
        number = training.validate_every
        every = say("the validation images after every {nth} step", nth=_nth(number), n=f"{number:,}")
        kept.append(say("the validation images after every step") if number == 1 else every)
    if training.oracle_curve:
        kept.append(say("the test set after each epoch (oracle: nothing is chosen or ranked by it)"))
    kept += measured(training)
    if kept:
        yield say("also measured"), listed(kept)
    if training.devices > 1:
        yield say("devices"), say("each batch spread over {n}", n=training.devices)


def _nth(number: int) -> str:
    """The English ordinal: `2nd`, `50th`."""
    teen = number // 10 % 10 == 1
    return f"{number:,}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _schedule(schedule: Scheduler, warmup: Warmup | None) -> str:
    text = say("constant") if schedule.name == "none" else level_name(schedule.canonical())
    if warmup is None:
        return text
    return say(
        "rising over {length} from {percent} % of itself, then {schedule}",
        length=say("1 epoch") if warmup.epochs == 1 else say("{n} epochs", n=f"{warmup.epochs:g}"),
        percent=f"{100 * warmup.start:g}",
        schedule=text,
    )


def _stopping(rule: EarlyStopping, *, of: str) -> str:
    better = say("a smaller validation loss") if rule.metric == "val_loss" else say("a larger validation accuracy")
    if rule.min_delta:
        better = say("{better} (by at least {least})", better=better, least=f"{rule.min_delta:g}")
    epochs = say_number(rule.patience, "{n} epoch", "{n} epochs")
    return say("{what} ends after {epochs} without {better}", what=of, epochs=epochs, better=better)
