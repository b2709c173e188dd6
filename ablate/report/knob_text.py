"""The knobs of a step, of precision and of the test in words; what is as usual is not told."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.recipe import Training
from ablate.report.table import listed
from ablate.study.names import level_name


def labels_and_classes(training: Training) -> str:
    """What the training loss does to labels and classes, to be appended to the loss."""
    parts = []
    if training.label_smoothing:
        parts.append(f"labels smoothed by {training.label_smoothing:g}")
    if training.class_weights == "balanced":
        parts.append("classes weighed so that each counts the same in sum")
    elif training.class_weights is not None:
        parts.append(f"classes weighed {level_name(list(training.class_weights))}")
    return f"; in training {' and '.join(parts)}" if parts else ""


def knobs(training: Training) -> Iterator[tuple[str, str]]:
    """Pairs of a heading and a text, in the order in which a step meets them."""
    if training.accumulate > 1:
        yield "steps", f"each on the gradients of {training.accumulate:,} batches"
    if training.no_weight_decay is not None or training.parameter_groups:
        yield "parameter groups", "; ".join(_groups(training))
    clipped = []
    if training.clip_grad_norm is not None:
        clipped.append(f"to a norm of {training.clip_grad_norm:g}")
    if training.clip_grad_value is not None:
        clipped.append(f"to ±{training.clip_grad_value:g} each")
    if clipped:
        yield "gradients clipped", ", then ".join(clipped)
    if training.ema is not None:
        warm = ", less at first" if training.ema.warmup else ""
        kept = f"exponentially, {training.ema.decay:g} kept by each step{warm}"
        yield "weights averaged", f"{kept}; the average is what is validated and tested"
    if computed := list(_computed(training)):
        yield "computed", "; ".join(computed)
    if training.test_time_augmentation == "flip":
        yield "test images", "judged by the mean of the outputs for an image and its mirror image"


def _groups(training: Training) -> Iterator[str]:
    names = {"norm": "normalisations", "bias": "biases"}
    if training.no_weight_decay is not None:
        yield f"no weight decay of {listed([names.get(word, word) for word in training.no_weight_decay])}"
    for group in training.parameter_groups:
        given = ", ".join(f"{key} = {level_name(value)}" for key, value in group.arguments.items())
        yield f"{given} for {listed(group.match)}"


def _computed(training: Training) -> Iterator[str]:
    if training.precision != "float32":
        scaled = ", with scaled gradients" if training.precision == "float16" else ""
        yield f"forward passes in {training.precision}{scaled}"
    if training.tf32:
        yield "products of a GPU in TF32"
    if training.memory_format is not None:
        yield f"memory {training.memory_format.replace('_', ' ')}"
    if training.deterministic:
        yield "deterministic operations only"
    if training.graphs:
        yield "steps of a GPU recorded once and replayed, where they can be"


def measured(training: Training) -> Iterator[str]:
    """What is kept of gradients."""
    if training.keeps_grad_norm:
        clipped = training.clip_grad_norm is not None or training.clip_grad_value is not None
        yield f"the mean norm of each epoch's gradients{' before they are clipped' if clipped else ''}"
