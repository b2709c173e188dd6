"""Checkpoint files that survive a power cut and notice a flipped byte.

They are written durably; the database then points at the file by name, size and SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ablate.protocol import Checkpoint
from ablate.training.durable import write_durably

_log = logging.getLogger(__name__)

#: Folder of the checkpoints below the artifacts.
FOLDER = "checkpoints"


def save(state: Mapping[str, Any], *, attempt: int, epoch: int, artifacts: Path) -> Checkpoint:
    """Write `state` durably and return the pointer to store."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getbuffer()
    name = f"{FOLDER}/{attempt}-{epoch}.pt"
    write_durably(artifacts / name, content)
    return Checkpoint(epoch=epoch, name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def load_newest(checkpoints: Sequence[Checkpoint], artifacts: Path) -> dict[str, Any] | None:
    """The newest state that is whole, or None; a damaged file is passed over with a word in the log."""
    for checkpoint in checkpoints:
        try:
            content = (artifacts / checkpoint.name).read_bytes()
        except OSError as error:
            _log.warning("checkpoint %s cannot be read (%s); taking the one before", checkpoint.name, error)
            continue
        if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
            _log.warning("checkpoint %s is damaged; taking the one before", checkpoint.name)
            continue
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return state
    return None
