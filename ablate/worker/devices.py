"""Which devices this machine has, found without importing PyTorch."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from ablate.worker.cgroups import CGROUPS, PROC, own_groups
from ablate.worker.provenance import output_of

#: Where Linux describes each processor.
PROCESSORS = Path("/sys/devices/system/cpu")


def cuda_names() -> tuple[str, ...]:
    """Models of the GPUs that a CUDA program started here would see, in its order; empty where there are none."""
    return tuple(name or "CUDA" for name in _of_visible_gpus("name"))


def cuda_memory() -> tuple[int | None, ...]:
    """Bytes of memory of the same GPUs; None for those of which the driver does not tell."""
    told = _of_visible_gpus("memory.total")
    return tuple(int(mebibytes) * 2**20 if mebibytes and mebibytes.isdigit() else None for mebibytes in told)


def device_name(device: str) -> str:
    """Model of the processor or GPU behind `cpu` or `cuda:N`; the bare kind where the machine does not tell.

    Of several GPUs, with commas between them, it is the model of the first and their number.
    """
    first, *others = device.split(",")
    if others:
        return f"{device_name(first)} x {1 + len(others)}"
    if device.startswith("cuda:"):
        names, index = cuda_names(), int(device.removeprefix("cuda:"))
        return names[index] if index < len(names) else "CUDA"
    return _cpu_name()


def usable_cores(*, proc: Path = PROC, cgroups: Path = CGROUPS, processors: Path = PROCESSORS) -> int:
    """Cores that this process may use: those of its affinity, as far as its control groups grant their time.

    The two threads of a core share its arithmetic units, so that they count as one.

    Args:
        proc: The process file system.
        cgroups: Where control groups are mounted.
        processors: Where the system describes its processors.
    """
    numbers = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = len({_core(processors / f"cpu{number}" / "topology") or number for number in numbers})
    granted = [share for folder in own_groups("cpu", proc=proc, cgroups=cgroups) if (share := _quota(folder))]
    return max(1, min([cores, *(int(share) for share in granted)]))


def _core(topology: Path) -> str | None:
    """The numbers of all processors that are threads of one core, as the system writes them."""
    for name in ("core_cpus_list", "thread_siblings_list"):  # the second is the older name
        with contextlib.suppress(OSError):
            return (topology / name).read_text(encoding="ascii").strip()
    return None


def _quota(group: Path) -> float | None:
    """How many processors' time a control group may use; None without a limit."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):  # version 2, version 1
        with contextlib.suppress(OSError, ValueError):
            quota, period = " ".join((group / name).read_text(encoding="ascii") for name in names).split()
            return None if quota in ("max", "-1") else int(quota) / int(period)
    return None


def _of_visible_gpus(what: str) -> list[str | None]:
    """What `nvidia-smi` says of each GPU that a CUDA program started here would see; None of those it cannot name."""
    listed = output_of(["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"])
    told: list[str | None] = [line.strip() for line in listed.splitlines()] if listed else []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return told
    chosen = [item.strip() for item in visible.split(",") if item.strip()]
    return [told[int(item)] if item.isdigit() and int(item) < len(told) else None for item in chosen]


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
