"""Where Linux keeps what it grants the control groups of this process, in version 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def own_groups(controller: str, *, proc: Path = PROC, cgroups: Path = CGROUPS) -> Iterator[Path]:
    """Folders of the control group that this process is in, and of those above it; none where there are no groups.

    A container that is shown its own group as the root finds it there, last.

    Args:
        controller: `cpu` or `memory`.
        proc: The process file system.
        cgroups: Where control groups are mounted.
    """
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    version_2 = None
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            yield from _upwards(cgroups / controller, path)
            return
        if number == "0":
            version_2 = path
    if version_2 is not None:
        yield from _upwards(cgroups, version_2)


def _upwards(mounted: Path, path: str) -> Iterator[Path]:
    parts = [part for part in path.split("/") if part]
    for length in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:length])
