"""How many cores a worker may count on: hyperthreads, affinity, and what control groups grant."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from ablate.worker.devices import usable_cores


def _processors(folder: Path, cores: Iterable[str], name: str = "core_cpus_list") -> Path:
    """What the system says of processors; one entry for each, with the processors of its core."""
    for number, core in enumerate(cores):
        topology = folder / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / name).write_text(f"{core}\n", encoding="ascii")
    return folder


def _counted(folder: Path, allowed: Iterable[int], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(allowed), raising=False)
    return usable_cores(proc=folder / "proc", cgroups=folder / "cgroup", processors=folder / "cpu")


def _group(folder: Path, line: str, files: dict[str, str]) -> None:
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "self" / "cgroup").write_text(line, encoding="ascii")
    for name, text in files.items():
        file = folder / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")


@pytest.mark.parametrize("name", ["core_cpus_list", "thread_siblings_list"])
def test_two_threads_of_a_core_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _processors(tmp_path / "cpu", ["0,4", "1,5", "2,6", "3,7"] * 2, name)
    assert _counted(tmp_path, range(8), monkeypatch) == 4
    assert _counted(tmp_path, {0, 4, 5}, monkeypatch) == 2


def test_where_the_system_describes_no_processor_each_is_a_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _counted(tmp_path, range(6), monkeypatch) == 6


@pytest.mark.parametrize(
    ("line", "files", "cores"),
    [
        ("0::/jobs/a\n", {"jobs/a/cpu.max": "200000 100000\n"}, 2),
        ("0::/jobs/a\n", {"jobs/a/cpu.max": "max 100000\n", "jobs/cpu.max": "350000 100000\n"}, 3),
        ("0::/jobs/a\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/jobs/a\n", {"jobs/a/cpu.max": "max 100000\n"}, 8),
        ("0::/jobs/a\n", {"jobs/a/cpu.max": "1600000 100000\n"}, 8),
        (
            "5:cpu,cpuacct:/jobs/a\n0::/\n",
            {"cpu/jobs/a/cpu.cfs_quota_us": "500000\n", "cpu/jobs/a/cpu.cfs_period_us": "100000\n"},
            5,
        ),
        (
            "5:cpu,cpuacct:/jobs/a\n0::/\n",
            {"cpu/jobs/a/cpu.cfs_quota_us": "-1\n", "cpu/jobs/a/cpu.cfs_period_us": "100000\n"},
            8,
        ),
        ("4:memory:/jobs/a\n0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/jobs/a\n", {"cpu.max": "as much as you like\n"}, 8),
    ],
)
def test_control_groups_and_those_above_them_grant_a_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, files: dict[str, str], cores: int
) -> None:
    _processors(tmp_path / "cpu", [str(number) for number in range(8)])
    _group(tmp_path, line, files)
    assert _counted(tmp_path, range(8), monkeypatch) == cores
