"""What a training run measures: one row after each epoch, one outcome at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ablate.told import told

Direction = Literal["max", "min"]


@dataclass(frozen=True, kw_only=True)
class StepMetrics:
    """What was measured at one optimizer step."""

    #: Step, counted from 1 over the whole run.
    step: int
    #: Loss of its batch before the step, nats; None where that is not kept.
    loss: float | None = None
    #: Mean loss of the validation images after the step, nats; None where they were not measured.
    val_loss: float | None = None
    #: Share of the validation images classified right after the step; None where they were not measured.
    val_accuracy: float | None = None


#: What every epoch has columns for, in the order of `EpochMetrics`; what else it measured goes by names of its own.
OF_EPOCHS = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "lr",
    "seconds",
    "images_per_second",
    "peak_memory_bytes",
)


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """What one epoch measured. Losses are means over examples, in nats; accuracies are fractions in [0, 1]."""

    #: Epoch, counted from 1.
    epoch: int
    #: Mean loss of the training images as they were trained on (augmented, with dropout), each before its step; None
    #: where a trainer of the user's own does not report it.
    train_loss: float | None
    #: Share of the training images that were classified right as they were trained on; None as above.
    train_accuracy: float | None
    #: Mean loss of the validation images after the epoch; None without a validation split.
    val_loss: float | None = None
    #: Share of the validation images classified right after the epoch; None without a validation split.
    val_accuracy: float | None = None
    #: Learning rate of the first parameter group during the epoch's last step; None as above.
    lr: float | None
    #: Wall time of the epoch, validation included, seconds.
    seconds: float
    #: Training images per second of training time; None as above.
    images_per_second: float | None
    #: Most memory in use so far: the GPU's by PyTorch's allocator, else the process's resident set, bytes.
    peak_memory_bytes: int
    #: Further values by name, as `oracle_test_accuracy`.
    custom: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    #: What was measured within the epoch, in the order of the steps.
    steps: tuple[StepMetrics, ...] = ()

    @property
    def finite(self) -> bool:
        """Whether the losses are numbers; a run whose losses are not has diverged."""
        return all(loss is None or math.isfinite(loss) for loss in (self.train_loss, self.val_loss))


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What the selected network said of each test image, in the order of the data set; N images."""

    #: Whether the prediction was right, packed 8 to a byte, most significant bit first: ceil(N / 8) bytes.
    correct: bytes
    #: Predicted class, little-endian uint16: 2 N bytes.
    predicted: bytes
    #: Probability of the predicted class, little-endian float16: 2 N bytes.
    confidence: bytes
    #: Number of images N.
    count: int
    #: True class, little-endian uint16: 2 N bytes; None where it was not kept.
    labels: bytes | None = None
    #: Names of the classes, in the order of their numbers; empty where the true classes were not kept.
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file with final weights of a run."""

    #: Which: those of the selected epoch, or those after the last.
    which: Literal["best", "last"]
    #: Epoch after which the network had them, counted from 1.
    epoch: int
    #: Path relative to the artifacts folder, with slashes.
    name: str
    #: Bytes.
    size: int
    #: SHA-256 of the file, hexadecimal.
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """What the selected network said of images that nobody has labelled."""

    #: Path of each image below its folder, with slashes.
    files: tuple[str, ...]
    #: Name of the class that was predicted for each.
    classes: tuple[str, ...]
    #: Probability of that class, for each.
    confidence: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a finished run came to."""

    #: Epoch whose weights met the test set, counted from 1. Where a trainer of the user's own trained, this and what
    #: follows are None unless it reported them.
    selected_epoch: int | None
    #: Mean loss over the test images, nats.
    test_loss: float | None
    #: Share of the test images classified right.
    test_accuracy: float | None
    #: Parameters, trained or not.
    parameters: int | None
    #: Parameters that were trained.
    trainable_parameters: int | None
    #: Multiply-adds times two of one image's forward pass.
    flops: int | None
    #: Wall time of the run in all attempts that led to it, seconds.
    seconds: float
    #: What tells two recipes apart that train the same thing: `module_tree`, `optimizer_groups`, `transforms`,
    #: `first_step_loss`, `data`; each a hash or a number as text.
    fingerprints: Mapping[str, str]
    #: Per-example outcomes on the test set.
    predictions: Predictions | None = None
    #: Labels for images without; None where the data set has no such images.
    labelling: Labelling | None = None
    #: Further values of the whole run by name, as `test_macro_f1`.
    metrics: Mapping[str, float] = field(default_factory=dict)  # a read-only view could not be sent to a supervisor
    #: Files with the final weights, where the study keeps them.
    weights: tuple[Weights, ...] = ()
    #: How it was computed, as plain values: `tier`, `k`, `threads`, `memory_format`, `precision`, on which bits depend;
    #: `peak_flops`, what a product of matrices reached in the same process, multiply-adds times two a second. Empty
    #: where a trainer of the user's own trained.
    execution: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measured quantity that variants can be ranked by."""

    #: Name in files, tables and JSON.
    name: str
    #: Whether more is better.
    direction: Direction
    #: Heading in reports.
    label: str
    #: Shown as a percentage (data hold fractions).
    percent: bool


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(name="test_accuracy", direction="max", label=told("test accuracy"), percent=True),
            Metric(name="test_loss", direction="min", label=told("test loss"), percent=False),
            Metric(name="val_accuracy", direction="max", label=told("validation accuracy"), percent=True),
            Metric(name="val_loss", direction="min", label=told("validation loss"), percent=False),
            Metric(name="train_accuracy", direction="max", label=told("training accuracy"), percent=True),
            Metric(name="train_loss", direction="min", label=told("training loss"), percent=False),
        )
    }
)


#: How names of curves begin that look at the test set after every epoch: shown, never ranked.
ORACLE = "oracle_"
#: How names of metrics begin, in words.
_BEGINNINGS: Mapping[str, str] = MappingProxyType(
    {"train": told("training {metric}"), "val": told("validation {metric}"), "test": told("test {metric}")}
)


def direction_of(name: str) -> Direction | None:
    """Whether more of a metric is better, as far as its name tells."""
    if name in METRICS:
        return METRICS[name].direction
    if name.endswith(("loss", "error")):
        return "min"
    return "max" if name.endswith("accuracy") else None


def named_metric(name: str, direction: Direction | None = None) -> Metric:
    """What a name says of the metric: `val_macro_f1` is the "validation macro f1", and no percentage.

    Args:
        name: Letters, digits and `_`; accuracies end in `accuracy`, and are shares.
        direction: Whether more is better; None means as the name tells, and more where it does not.
    """
    if name in METRICS:
        return METRICS[name]
    words = " ".join(word for word in name.split("_") if word) or name
    first, _, rest = words.partition(" ")
    return Metric(
        name=name,
        direction=direction or direction_of(name) or "max",
        label=told(_BEGINNINGS[first], metric=rest) if rest and first in _BEGINNINGS else words,
        percent=name.endswith("accuracy"),
    )
