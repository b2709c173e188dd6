"""Checkpoint files: written whole or not at all, each with a name of its own."""

import errno
import os
from pathlib import Path

import pytest

from ablate.worker import files


def test_two_databases_in_one_folder_do_not_meet_in_their_checkpoints(tmp_path: Path) -> None:
    one = files.store(b"of one database", attempt=1, epoch=1, artifacts=tmp_path)
    other = files.store(b"of another", attempt=1, epoch=1, artifacts=tmp_path)
    assert files.newest_whole([one], tmp_path) == b"of one database"
    assert files.newest_whole([other], tmp_path) == b"of another"


def test_a_full_disk_leaves_no_half_of_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = files.store(b"before", attempt=1, epoch=1, artifacts=tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.store(b"after", attempt=1, epoch=2, artifacts=tmp_path)
    assert [f"checkpoints/{each.name}" for each in (tmp_path / "checkpoints").iterdir()] == [whole.name]
