"""Fixtures that several rooms' tests share."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate, clean_environment

pytest_plugins = ["tests.data_sets"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with one study, `tiny.toml`: 2 variants x 2 seeds x 2 epochs."""
    (tmp_path / "tiny.toml").write_text(TINY_STUDY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def ablate(folder: Path) -> Ablate:
    """The command as a user types it, in `folder`."""

    def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ablate", *words],
            cwd=folder,
            env=clean_environment() | environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return call
