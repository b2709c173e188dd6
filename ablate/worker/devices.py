"""Which devices this machine has, found without importing PyTorch."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from ablate.worker.provenance import output_of


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


def usable_cores() -> int:
    """Processor cores that this process may use: its affinity, and the share that a container grants."""
    granted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return granted
    return granted if quota == "max" else max(1, min(granted, int(quota) // int(period)))


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
