"""Checkpoints: what is damaged or gone is passed over, never trusted."""

from pathlib import Path

import torch

from ablate.protocol import Checkpoint
from ablate.worker.checkpoints import load_newest, save


def saved(artifacts: Path, epoch: int) -> Checkpoint:
    return save(
        {"epoch": epoch, "weights": torch.full((100,), float(epoch))}, attempt=7, epoch=epoch, artifacts=artifacts
    )


def epoch_of(checkpoints: list[Checkpoint], artifacts: Path) -> object:
    state = load_newest(checkpoints, artifacts)
    return None if state is None else state["epoch"]


def test_the_newest_whole_checkpoint_is_taken(tmp_path: Path) -> None:
    newest_first = [saved(tmp_path, 3), saved(tmp_path, 2)]
    assert epoch_of(newest_first, tmp_path) == 3
    assert not list(tmp_path.rglob("*.tmp"))


def test_one_flipped_bit_is_noticed(tmp_path: Path) -> None:
    newest_first = [saved(tmp_path, 3), saved(tmp_path, 2)]
    file = tmp_path / newest_first[0].name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert epoch_of(newest_first, tmp_path) == 2


def test_without_a_whole_checkpoint_the_job_starts_anew(tmp_path: Path) -> None:
    only = saved(tmp_path, 3)
    (tmp_path / only.name).unlink()
    assert epoch_of([only], tmp_path) is None
    assert epoch_of([], tmp_path) is None
