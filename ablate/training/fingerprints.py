"""What tells recipes apart that train the same thing: how levels without effect are found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from ablate.recipe.signatures import arguments
from ablate.training.data.prepare import asked_of
from ablate.training.device import choose_memory_format
from ablate.training.parameter_groups import differing, own_arguments
from ablate.training.setup import Setup

#: Keys of `training` that move the weights, beside those that every recipe has.
MOVES = (
    "phases",
    "warmup",
    "early_stopping",
    "label_smoothing",
    "class_weights",
    "accumulate",
    "clip_grad_norm",
    "clip_grad_value",
    "ema",
    "precision",
    "tf32",
    "deterministic",
)


def fingerprints(run: Setup, first_step_loss: float | None) -> Mapping[str, str]:
    """Hashes, and a number as text, see `Outcome.fingerprints`.

    `optimizer_groups` covers all that moves the weights: optimizers, schedules, phases, and number of epochs;
    `transforms` all that is done to the images; `data` tells which images are meant, and after a colon what they were.

    Args:
        run: A run, its first phase's parameters frozen or not.
        first_step_loss: Loss of the first batch before any step, nats.
    """
    data, training = run.recipe.data, run.recipe.training
    parameters = [(name, list(p.shape), p.requires_grad) for name, p in run.model.named_parameters()]
    moves = training.canonical()
    extra: dict[str, object] = {key: moves[key] for key in MOVES if key in moves} | _resolved(run)
    if not isinstance(training.loss, str):
        extra["loss"] = moves["loss"]
    shown: dict[str, object] = {"crop": data.crop} if data.crop is not None else {}
    if training.test_time_augmentation != "none":
        shown["test_time_augmentation"] = training.test_time_augmentation
    return {
        "module_tree": _hash([str(run.model), parameters]),
        "optimizer_groups": _hash([moves["optimizer"], training.scheduler.canonical(), training.epochs, *_some(extra)]),
        "transforms": _hash(
            [
                [step.canonical() for step in data.augment],
                run.normalize.mean.tolist(),
                run.normalize.std.tolist(),
                *_some(shown),
            ]
        ),
        "first_step_loss": repr(first_step_loss),
        "data": f"{_hash(asked_of(data))}:{run.dataset.digest}",
    }


def _resolved(run: Setup) -> dict[str, object]:
    """What knobs come to that may say what is so anyway: parameter groups like all others, the usual memory format."""
    training = run.recipe.training
    found: dict[str, object] = {}
    own = own_arguments(run.model, training)
    optimizers = [phase.optimizer or training.optimizer for phase in training.parts]
    groups = [differing(own, arguments("optimizers", one.name) | one.arguments) for one in optimizers]
    if any(groups):
        found["parameter_groups"] = groups
    usual = run.recipe.model_copy(update={"training": training.model_copy(update={"memory_format": None})})
    if choose_memory_format(run.recipe, run.device) != choose_memory_format(usual, run.device):
        found["memory_format"] = training.memory_format
    return found


def _some(values: Mapping[str, object]) -> list[object]:
    """In a list of its own where there is any, so that what is not used leaves the hash as it was."""
    return [values] if values else []


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
