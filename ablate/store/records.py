"""Rows as plain values, for everybody above the store. Times are UTC; shares are fractions; NaN in a metric is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ablate.metrics import Labelling, Predictions
from ablate.protocol import FailureKind, JobState


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study as its newest revision has it."""

    name: str
    title: str
    #: Number of the newest revision.
    revision: int
    #: First submission.
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A job with what its accepted attempt measured; figures are None until there are any."""

    #: Number of the job.
    job: int
    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    state: JobState
    #: Epoch whose weights met the test set, counted from 1.
    selected_epoch: int | None
    #: Training loss of the last epoch, nats.
    train_loss: float | None
    #: Training accuracy of the last epoch.
    train_accuracy: float | None
    #: Validation loss of the selected epoch, nats.
    val_loss: float | None
    #: Validation accuracy of the selected epoch.
    val_accuracy: float | None
    test_accuracy: float | None
    #: Mean loss over the test images, nats.
    test_loss: float | None
    #: Parameters, trained or not.
    parameters: int | None
    trainable_parameters: int | None
    #: Multiply-adds times two of one image's forward pass.
    flops: int | None
    #: Wall time of the run in all attempts that led to it, seconds.
    seconds: float | None
    #: Recorded epochs.
    epochs: int
    #: Median over the epochs, seconds.
    seconds_per_epoch: float | None
    #: Median over the epochs, training images per second.
    images_per_second: float | None
    #: Most memory in use, bytes.
    peak_memory_bytes: int | None
    #: `cpu` or `cuda:0`.
    device: str | None
    #: Model of the processor or GPU.
    device_name: str | None
    #: Number of the running or last attempt, counted from 1; 0 before the first.
    attempt: int
    #: One line on why it failed, diverged, or was given up last.
    error: str | None
    #: Versions, git commit, dirty flag.
    provenance: Mapping[str, Any]
    #: What tells two recipes apart that train the same thing.
    fingerprints: Mapping[str, str]
    #: Further values of the whole run by name, as `test_macro_f1`.
    metrics: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    #: Start of the running or last attempt; None before the first.
    started_at: datetime | None = None
    #: End of that attempt; None while it runs.
    ended_at: datetime | None = None
    #: Id of that attempt's worker; None for imported results.
    worker: str | None = None
    #: How it was computed, see `Outcome.execution`; empty where that is not known.
    execution: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def alone(self) -> bool:
        """Whether it was trained by itself; else its times are shares of what several took, and say nothing of it."""
        return int(self.execution.get("k", 1)) == 1


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch of one job."""

    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    #: Counted from 1.
    epoch: int
    #: Nats.
    train_loss: float | None
    train_accuracy: float | None
    #: Nats; None without a validation split too.
    val_loss: float | None
    val_accuracy: float | None
    #: Learning rate of the first parameter group in the last step.
    lr: float | None
    #: Wall time, validation included, seconds.
    seconds: float | None
    images_per_second: float | None
    peak_memory_bytes: int | None
    #: Number of the attempt that the row is from, counted from 1.
    attempt: int
    #: Further values by name.
    custom: Mapping[str, float | None]
    #: Start of that attempt; None where the row is from elsewhere.
    begun_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """What was measured at one optimizer step of one job."""

    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    #: Counted from 1.
    epoch: int
    #: Counted from 1 over the whole run.
    step: int
    #: Of the step's batch, before the step, nats; None where it is not kept.
    loss: float | None
    #: Of the validation images after the step, nats; None where they were not measured.
    val_loss: float | None
    #: Of the validation images after the step; None where they were not measured.
    val_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class RunningRecord:
    """A job that a worker holds."""

    #: Number of the job.
    job: int
    #: Name of the study.
    study: str
    #: Name of the variant.
    variant: str
    #: Seed index.
    seed: int
    #: Id of the worker.
    worker: str
    #: Last recorded epoch; 0 before the first.
    epoch: int
    #: Epochs of the recipe; None where a trainer of the user's own does not say how many there will be.
    epochs_total: int | None
    #: Of the last recorded epoch.
    val_accuracy: float | None
    #: Of the last recorded epoch, nats.
    train_loss: float | None
    #: Training images a second of the last recorded epoch.
    images_per_second: float | None
    #: Most memory in use up to that epoch, bytes.
    peak_memory_bytes: int | None
    #: Start of the attempt.
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """A worker that has not ended; whether it lives tell its beats."""

    id: str
    #: Name of its machine.
    host: str
    pid: int
    #: `cpu` or `cuda:0`.
    device: str
    #: Model of the processor or GPU.
    device_name: str
    started_at: datetime
    #: Last beat or claim.
    seen_at: datetime
    #: Number of the job that it holds, of several the lowest; None when it waits.
    job: int | None


@dataclass(frozen=True, kw_only=True)
class PredictionRecord:
    """What the selected network of a job said of each test image."""

    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    predictions: Predictions


@dataclass(frozen=True, kw_only=True)
class TruthRecord:
    """The true classes of test images, shared by all runs that met them; N images."""

    #: SHA-256 of class names and labels, hexadecimal.
    digest: str
    #: Number of images N.
    count: int
    #: True class, little-endian uint16: 2 N bytes.
    labels: bytes
    #: Names of the classes, in the order of their numbers.
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CorrectRecord:
    """Which test images the selected network of a job got right."""

    variant_key: str
    #: Seed index.
    seed: int
    truth: TruthRecord
    #: Packed 8 to a byte, most significant bit first: ceil(N / 8) bytes.
    correct: bytes


@dataclass(frozen=True, kw_only=True)
class ImageSetRecord:
    """Test images that runs of a variant met."""

    variant_key: str
    #: SHA-256 of class names and labels, hexadecimal; None where the true classes were not kept.
    digest: str | None
    #: Number of images.
    count: int
    #: Number of classes; None where the true classes were not kept.
    classes: int | None


@dataclass(frozen=True, kw_only=True)
class LabellingRecord:
    """What the selected network of a job said of images that nobody has labelled."""

    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    labelling: Labelling


@dataclass(frozen=True, kw_only=True)
class FailureRecord:
    """A job that failed or diverged."""

    #: Number of the job.
    job: int
    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    #: `failed` or `diverged`.
    state: JobState
    #: Number of its last attempt, counted from 1.
    attempt: int
    #: One line on why.
    error: str
    #: Why the last attempt failed; None where it diverged or its worker was lost.
    kind: FailureKind | None
    #: Peak memory, batch size and the like.
    facts: Mapping[str, Any]
    #: End of the job.
    ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class RepeatRecord:
    """One recipe trained twice with one seed on one device, outside the queue."""

    #: Hash of the recipe.
    key: str
    #: Seed index of both runs.
    seed: int
    #: `cpu` or `cuda:0`.
    device: str
    #: Model of the processor or GPU.
    device_name: str
    #: Versions, git commit, dirty flag.
    provenance: Mapping[str, Any]
    #: What each run measured, by name of the metric, in its own unit.
    first: Mapping[str, float]
    second: Mapping[str, float]
    #: First epoch whose figures differ in any bit, counted from 1; None where none does.
    apart_from: int | None


@dataclass(frozen=True, kw_only=True)
class CodeRecord:
    """Which of the user's own files the result of a job was made with."""

    #: Number of the job.
    job: int
    #: SHA-256 of each file by its path relative to the study file.
    sources: Mapping[str, str]
