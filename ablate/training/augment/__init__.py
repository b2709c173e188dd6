"""Augmentation: pure functions on batches of bytes, driven by draws that belong to (seed, epoch, example)."""

from ablate.training.augment.crops import centre_crop
from ablate.training.augment.pipeline import Pipeline

__all__ = ["Pipeline", "centre_crop"]
