"""The knobs of a step, of precision and of the test in words; what is as usual is not told."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.recipe import Training
from ablate.report.language import say
from ablate.report.table import listed
from ablate.study.names import level_name


def labels_and_classes(loss: str, training: Training) -> str:
    """The loss, and what it does to labels and classes in training."""
    parts = []
    if training.label_smoothing:
        parts.append(say("labels smoothed by {amount}", amount=f"{training.label_smoothing:g}"))
    if training.class_weights == "balanced":
        parts.append(say("classes weighed so that each counts the same in sum"))
    elif training.class_weights is not None:
        parts.append(say("classes weighed {weights}", weights=level_name(list(training.class_weights))))
    return say("{loss}; in training {changes}", loss=loss, changes=listed(parts)) if parts else loss


def knobs(training: Training) -> Iterator[tuple[str, str]]:
    """Pairs of a heading and a text, in the order in which a step meets them."""
    if training.accumulate > 1:
        yield say("steps"), say("each on the gradients of {n} batches", n=f"{training.accumulate:,}")
    if training.no_weight_decay is not None or training.parameter_groups:
        yield say("parameter groups"), say("; ").join(_groups(training))
    clipped = []
    if training.clip_grad_norm is not None:
        clipped.append(say("to a norm of {norm}", norm=f"{training.clip_grad_norm:g}"))
    if training.clip_grad_value is not None:
        clipped.append(say("to ±{value} each", value=f"{training.clip_grad_value:g}"))
    if clipped:
        yield say("gradients clipped"), say(", then ").join(clipped)
    if training.ema is not None:
        kept = say("exponentially, {share} kept by each step", share=f"{training.ema.decay:g}")
        if training.ema.warmup:
            kept = say("{kept}, less at first", kept=kept)
        yield say("weights averaged"), say("{kept}; the average is what is validated and tested", kept=kept)
    if computed := list(_computed(training)):
        yield say("computed"), say("; ").join(computed)
    if training.test_time_augmentation == "flip":
        yield say("test images"), say("judged by the mean of the outputs for an image and its mirror image")


def _groups(training: Training) -> Iterator[str]:
    names = {"norm": say("normalisations"), "bias": say("biases")}
    if training.no_weight_decay is not None:
        spared = listed([names.get(word, word) for word in training.no_weight_decay])
        yield say("no weight decay of {parameters}", parameters=spared)
    for group in training.parameter_groups:
        given = say(", ").join(f"{key} = {level_name(value)}" for key, value in group.arguments.items())
        yield say("{settings} for {parameters}", settings=given, parameters=listed(group.match))


def _computed(training: Training) -> Iterator[str]:
    if training.precision != "float32":
        if training.precision == "float16":
            yield say("forward passes in {precision}, with scaled gradients", precision=training.precision)
        else:
            yield say("forward passes in {precision}", precision=training.precision)
    if training.tf32:
        yield say("products of a GPU in TF32")
    if training.memory_format is not None:
        yield say("memory {format}", format=training.memory_format.replace("_", " "))
    if training.deterministic:
        yield say("deterministic operations only")
    if training.graphs:
        yield say("steps of a GPU recorded once and replayed, where they can be")


def measured(training: Training) -> Iterator[str]:
    """What is kept of gradients."""
    if training.keeps_grad_norm:
        clipped = training.clip_grad_norm is not None or training.clip_grad_value is not None
        if clipped:
            yield say("the mean norm of each epoch's gradients before they are clipped")
        else:
            yield say("the mean norm of each epoch's gradients")
