"""Checkpoint files that survive a power cut and notice a flipped byte; no PyTorch.

They are written durably; the database then points at the file by name, size and SHA-256. Names hold a random part: two
databases in one folder share their artifacts, and their attempts have the same numbers.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Sequence
from pathlib import Path

from ablate.protocol import CHECKPOINTS_FOLDER, Checkpoint
from ablate.training.durable import write_durably

_log = logging.getLogger(__name__)


def store(content: bytes | memoryview, *, attempt: int, epoch: int, artifacts: Path) -> Checkpoint:
    """Write a checkpoint durably and return the pointer to store.

    Raises:
        OSError: The disk is full or cannot be written; nothing is left behind.
    """
    name = f"{CHECKPOINTS_FOLDER}/{attempt}-{epoch}-{uuid.uuid4().hex[:8]}.pt"
    write_durably(artifacts / name, content)
    return Checkpoint(epoch=epoch, name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def newest_whole(checkpoints: Sequence[Checkpoint], artifacts: Path) -> bytes | None:
    """Content of the newest checkpoint that is whole, or None; a damaged file is passed over with a word in the log."""
    for checkpoint in checkpoints:
        try:
            content = (artifacts / checkpoint.name).read_bytes()
        except OSError as error:
            _log.warning("checkpoint %s cannot be read (%s); taking the one before", checkpoint.name, error)
            continue
        if hashlib.sha256(content).hexdigest() == checkpoint.sha256:
            return content
        _log.warning("checkpoint %s is damaged; taking the one before", checkpoint.name)
    if checkpoints:
        _log.warning("no checkpoint is whole; starting anew")
    return None
