"""What a checkpoint file holds: the state of a training run, as PyTorch writes and reads it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ablate.protocol import Checkpoint
from ablate.worker import files


def save(state: Mapping[str, Any], *, attempt: int, epoch: int, artifacts: Path) -> Checkpoint:
    """Write `state` durably and return the pointer to store.

    Raises:
        OSError: The disk is full or cannot be written; nothing is left behind.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return files.store(buffer.getbuffer(), attempt=attempt, epoch=epoch, artifacts=artifacts)


def load_newest(checkpoints: Sequence[Checkpoint], artifacts: Path) -> dict[str, Any] | None:
    """The newest state that is whole, or None; a damaged file is passed over with a word in the log."""
    content = files.newest_whole(checkpoints, artifacts)
    if content is None:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state
