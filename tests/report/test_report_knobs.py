"""Knobs of the training in the sentences of a report."""

from typing import Any

import pytest

from ablate.recipe import Recipe
from ablate.report.recipe_text import described


def told(**training: Any) -> dict[str, str]:
    """Heading and text of all that a recipe is described by."""
    given = {"epochs": 3, "optimizer": {"name": "SGD", "lr": 0.1}, **training}
    return dict(described(Recipe.model_validate({"data": {"name": "digits"}, "training": given})))


@pytest.mark.parametrize(
    ("knobs", "heading", "text"),
    [
        ({"label_smoothing": 0.1}, "loss", "cross-entropy; in training labels smoothed by 0.1"),
        (
            {"class_weights": "balanced"},
            "loss",
            "cross-entropy; in training classes weighed so that each counts the same in sum",
        ),
        ({"accumulate": 2}, "steps", "each on the gradients of 2 batches"),
        (
            {
                "no_weight_decay": ["norm", "bias"],
                "parameter_groups": [{"match": ["head.*"], "lr": 0.01, "weight_decay": 0}],
            },
            "parameter groups",
            "no weight decay of normalisations and biases; lr = 0.01, weight_decay = 0.0 for head.*",
        ),
        (
            {"clip_grad_norm": 1, "clip_grad_value": 0.5},
            "gradients clipped",
            "to a norm of 1, then to ±0.5 each",
        ),
        ({"clip_grad_norm": 1}, "also measured", "the mean norm of each epoch's gradients before they are clipped"),
        ({"grad_norm": True}, "also measured", "the mean norm of each epoch's gradients"),
        (
            {"ema": {"decay": 0.9}},
            "weights averaged",
            "exponentially, 0.9 kept by each step, less at first; the average is what is validated and tested",
        ),
        (
            {"precision": "float16", "tf32": True, "memory_format": "channels_last", "deterministic": True},
            "computed",
            "forward passes in float16, with scaled gradients; products of a GPU in TF32; memory channels last; "
            "deterministic operations only",
        ),
        ({"graphs": True}, "computed", "steps of a GPU recorded once and replayed, where they can be"),
        (
            {"test_time_augmentation": "flip"},
            "test images",
            "judged by the mean of the outputs for an image and its mirror image",
        ),
    ],
)
def test_a_knob_is_told(knobs: dict[str, Any], heading: str, text: str) -> None:
    assert told(**knobs)[heading] == text


def test_what_is_as_usual_is_not_told() -> None:
    headings = {"steps", "parameter groups", "gradients clipped", "weights averaged", "computed", "test images"}
    assert not headings & set(told())
    assert told()["loss"] == "cross-entropy"
