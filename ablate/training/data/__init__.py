"""Data sets: found or downloaded, decoded once, shared by all workers, split by the study.

All but `dataset.py`, `load.py` and `portions.py` works without PyTorch, which is imported when one of these is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.training.data.dataset import Dataset, Labelled, Portion, Unlabelled
    from ablate.training.data.load import LATEST, LatelyLoaded, load_dataset, stand_in
    from ablate.training.data.portions import Split, split
    from ablate.training.data.prepare import default_root

__all__ = [
    "LATEST",
    "Dataset",
    "Labelled",
    "LatelyLoaded",
    "Portion",
    "Split",
    "Unlabelled",
    "default_root",
    "load_dataset",
    "split",
    "stand_in",
]

_ROOMS = {
    "LATEST": "load",
    "Dataset": "dataset",
    "Labelled": "dataset",
    "LatelyLoaded": "load",
    "Portion": "dataset",
    "Unlabelled": "dataset",
    "default_root": "prepare",
    "load_dataset": "load",
    "stand_in": "load",
    "Split": "portions",
    "split": "portions",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value
