"""What is said of the memory of a trainer that was killed, from the files that Linux keeps."""

from pathlib import Path

import pytest

from ablate.worker.memory import MemoryWatch

PID = 4711


def _machine(folder: Path, *, version: int, kills: int) -> tuple[Path, Path, Path]:
    """The process file system, the control groups, and the file that counts kills."""
    proc, cgroups = folder / "proc", folder / "cgroup"
    for part in (proc / str(PID), proc / "self"):
        part.mkdir(parents=True)
    (proc / str(PID) / "status").write_text("Name:\tpython\nVmHWM:\t 4194304 kB\nVmRSS:\t 3145728 kB\nThreads:\t4\n")
    if version == 2:
        (proc / "self" / "cgroup").write_text("0::/jobs/a\n")
        counter, text = cgroups / "jobs" / "a" / "memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill {}\n"
    else:
        (proc / "self" / "cgroup").write_text("5:cpu,cpuacct:/\n4:memory:/jobs/a\n0::/\n")
        counter = cgroups / "memory" / "jobs" / "a" / "memory.oom_control"
        text = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
    counter.parent.mkdir(parents=True)
    counter.write_text(text.format(kills))
    return proc, cgroups, counter


@pytest.mark.parametrize("version", [1, 2])
def test_a_kill_that_the_control_group_counted_was_for_memory(tmp_path, version):
    proc, cgroups, counter = _machine(tmp_path, version=version, kills=7)
    memory = MemoryWatch(proc=proc, cgroups=cgroups)
    memory.look(PID)
    counter.write_text(counter.read_text().replace("oom_kill 7", "oom_kill 8"))
    said, facts = memory.obituary()
    assert said == ", probably host memory; last RSS 3.00 GiB"
    assert facts == {"rss_bytes": 3 * 2**30, "oom_kills": 1}


@pytest.mark.parametrize("version", [1, 2])
def test_a_kill_that_nobody_counted_is_not_blamed_on_memory(tmp_path, version):
    proc, cgroups, _ = _machine(tmp_path, version=version, kills=7)
    memory = MemoryWatch(proc=proc, cgroups=cgroups)
    memory.look(PID)
    assert memory.obituary() == ("; last RSS 3.00 GiB", {"rss_bytes": 3 * 2**30, "oom_kills": 0})


def test_where_the_system_tells_nothing_there_is_only_a_guess(tmp_path):
    memory = MemoryWatch(proc=tmp_path, cgroups=tmp_path)
    memory.look(PID)
    assert memory.obituary() == (", perhaps for want of host memory", {})


def test_the_last_figure_outlives_the_process(tmp_path, monkeypatch):
    proc, cgroups, _ = _machine(tmp_path, version=2, kills=0)
    monkeypatch.setattr("ablate.worker.memory.LOOK_SECONDS", 0.0)
    memory = MemoryWatch(proc=proc, cgroups=cgroups)
    memory.look(PID)
    (proc / str(PID) / "status").write_text("Name:\tpython\nState:\tZ (zombie)\n")
    memory.look(PID)
    assert memory.obituary()[1]["rss_bytes"] == 3 * 2**30
