"""Copies of checkpoints that a merge takes over, undone when it fails."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sqlalchemy import RowMapping

from ablate.errors import DatabaseError
from ablate.protocol import LOGS_FOLDER


@dataclass(kw_only=True)
class FileCopies:
    """Files of another artifacts folder, copied into ours under names of their own.

    Args:
        source: Their artifacts folder.
        target: Ours.
    """

    source: Path
    target: Path
    #: Files that were gone or damaged over there.
    lost: int = 0
    _made: list[Path] = field(default_factory=list)
    _overtaken: list[str] = field(default_factory=list)

    def take(self, pointer: RowMapping, attempt: int) -> str | None:
        """Copy what a row of theirs points at; its name over here, None where it is gone or damaged.

        Raises:
            DatabaseError: The copy cannot be written.
        """
        name = PurePosixPath(pointer["name"])
        try:
            content = (self.source / name).read_bytes()
        except OSError:
            self.lost += 1
            return None
        if hashlib.sha256(content).hexdigest() != pointer["sha256"]:
            self.lost += 1
            return None
        own = name.with_name(f"{attempt}-{pointer['epoch']}-{uuid.uuid4().hex[:8]}{name.suffix}")
        self._write(self.target / own, content)
        return str(own)

    def take_log(self, worker: str) -> None:
        """Copy the log of a worker whose attempts come over, if it is there."""
        name = PurePosixPath(LOGS_FOLDER, f"worker-{worker[:8]}.log")
        if (self.source / name).is_file() and not (self.target / name).exists():
            self._write(self.target / name, (self.source / name).read_bytes())

    def drop(self, name: str) -> None:
        """Delete one of our files after the merge has succeeded."""
        self._overtaken.append(name)

    def undo(self) -> None:
        """Delete all copies."""
        for file in self._made:
            file.unlink(missing_ok=True)

    def clean_up(self) -> None:
        """Delete what was overtaken."""
        for name in self._overtaken:
            (self.target / name).unlink(missing_ok=True)

    def _write(self, target: Path, content: bytes) -> None:
        self._made.append(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DatabaseError(
                f"{target} cannot be written: {error.strerror}.", cure="Free some space, or mend its permissions."
            ) from error
