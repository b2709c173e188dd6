"""What tells recipes apart that train the same thing: how levels without effect are found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from ablate.training.data.prepare import asked_of
from ablate.training.setup import Setup


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
    extra: dict[str, object] = {key: moves[key] for key in ("phases", "warmup", "early_stopping") if key in moves}
    size = {"crop": data.crop} if data.crop is not None else {}
    return {
        "module_tree": _hash([str(run.model), parameters]),
        "optimizer_groups": _hash([moves["optimizer"], training.scheduler.canonical(), training.epochs, *_some(extra)]),
        "transforms": _hash(
            [
                [step.canonical() for step in data.augment],
                run.normalize.mean.tolist(),
                run.normalize.std.tolist(),
                *_some(size),
            ]
        ),
        "first_step_loss": repr(first_step_loss),
        "data": f"{_hash(asked_of(data))}:{run.dataset.digest}",
    }


def _some(values: Mapping[str, object]) -> list[object]:
    """In a list of its own where there is any, so that what is not used leaves the hash as it was."""
    return [values] if values else []


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
