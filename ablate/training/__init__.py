"""Trains one recipe with one seed on one device: the only room that knows PyTorch, and a library on its own.

PyTorch is imported when `train`, `build_model`, `load_dataset`, `load_weights` or `split` is first touched.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ablate.training.failures import Diverged, Killed, ModelError, RecipeError, Stopped

if TYPE_CHECKING:
    from ablate.training.data import Dataset, load_dataset, split
    from ablate.training.fused import Crew, Member, Unpackable, train_pack
    from ablate.training.loop import train
    from ablate.training.models import build_model
    from ablate.training.probe import Probe, probe
    from ablate.training.weights import Keeping, WeightsInfo, load_weights

__all__ = [
    "Crew",
    "Dataset",
    "Diverged",
    "Keeping",
    "Killed",
    "Member",
    "ModelError",
    "Probe",
    "RecipeError",
    "Stopped",
    "Unpackable",
    "WeightsInfo",
    "build_model",
    "load_dataset",
    "load_weights",
    "probe",
    "split",
    "train",
    "train_pack",
]

_ROOMS = {
    "Dataset": "ablate.training.data",
    "load_dataset": "ablate.training.data",
    "split": "ablate.training.data",
    "build_model": "ablate.training.models",
    "train": "ablate.training.loop",
    "Crew": "ablate.training.fused",
    "Member": "ablate.training.fused",
    "Unpackable": "ablate.training.fused",
    "train_pack": "ablate.training.fused",
    "Probe": "ablate.training.probe",
    "probe": "ablate.training.probe",
    "Keeping": "ablate.training.weights",
    "WeightsInfo": "ablate.training.weights",
    "load_weights": "ablate.training.weights",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_ROOMS[name]), name)
    globals()[name] = value  # over the module `probe`, which the import has just put there under the same name
    return value
