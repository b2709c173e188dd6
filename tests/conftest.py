"""Fixtures that several rooms' tests share."""

import gc
import os
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate, Done, call_apart, call_here

pytest_plugins = ["tests.data_sets"]

# Before NumPy and PyTorch are imported, here and in all children: tests run beside each other, one on each core.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def pytest_collection_finish() -> None:
    """What was imported stays: statsmodels' `multipletests` collects garbage at every call and need not walk it all."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with one study, `tiny.toml`: 2 variants x 2 seeds x 2 epochs."""
    (tmp_path / "tiny.toml").write_text(TINY_STUDY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def ablate(folder: Path) -> Ablate:
    """The command as a user types it, in `folder`; its workers are real processes, it itself is this one."""

    def call(*words: str, **environment: str) -> Done:
        return call_here(words, folder, environment)

    return call


@pytest.fixture
def ablate_apart(folder: Path) -> Ablate:
    """The command in a process of its own: for what only a fresh interpreter shows."""

    def call(*words: str, **environment: str) -> Done:
        return call_apart(words, folder, environment)

    return call
