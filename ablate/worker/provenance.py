"""Under what a worker runs: versions, commit, machine, learned without importing PyTorch."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

#: Packages whose version can change a number in a report.
PACKAGES = ("ablate-lab", "torch", "torchvision", "timm", "numpy", "scikit-learn")


def provenance(folder: Path | None = None) -> Mapping[str, Any]:
    """Versions of what computes, and the git commit of `folder` (default: the working folder) with its dirty flag."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        **{package: _version(package) for package in PACKAGES},
        **_commit(folder or Path.cwd()),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit(folder: Path) -> dict[str, Any]:
    commit = output_of(["git", "-C", str(folder), "rev-parse", "HEAD"])
    if commit is None:
        return {"commit": None, "dirty": None}
    changes = output_of(["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"])
    return {"commit": commit, "dirty": bool(changes)}


def output_of(command: list[str], *, seconds: float = 10.0) -> str | None:
    """What a command prints, or None when it is missing, slow, or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
