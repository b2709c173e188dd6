"""What this machine brings: Python, PyTorch, GPUs, SQLite's library and fonts."""

from __future__ import annotations

import platform
import sqlite3
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata

from ablate.report.figures.style import WIDE_FONTS
from ablate.worker.devices import cuda_names
from ablate.worker.provenance import output_of

#: Versions of SQLite in which two connections that write and restart the log at one moment can damage the file.
_WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))
#: What a process of its own asks PyTorch.
_ASK_TORCH = (
    "import torch; print(torch.__version__, torch.version.cuda, torch.cuda.is_available(), torch.cuda.device_count())"
)


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One thing that was looked at."""

    #: What.
    name: str
    verdict: Verdict
    #: How it stands.
    text: str
    #: What to do about it; empty where all is well.
    cure: str = ""


def python() -> Diagnosis:
    """The interpreter; an older one would not have come so far."""
    text = f"{platform.python_version()} ({sys.executable})"
    return Diagnosis(name="Python", verdict=Verdict.OK, text=text)


def pytorch(*, load: bool) -> Diagnosis:
    """Whether PyTorch and torchvision are installed, and with `load` whether PyTorch can be imported and sees GPUs."""
    name = "PyTorch"
    try:
        text = f"{metadata.version('torch')}, torchvision {metadata.version('torchvision')}"
    except metadata.PackageNotFoundError as error:
        return Diagnosis(
            name=name,
            verdict=Verdict.FAIL,
            text=f"{error.name} is not installed",
            cure="Type `pip install torch torchvision`.",
        )
    if not load:
        return Diagnosis(name=name, verdict=Verdict.OK, text=f"{text}; `ablate doctor --torch` imports it")
    said = output_of([sys.executable, "-c", _ASK_TORCH], seconds=120)
    if said is None:
        return Diagnosis(
            name=name,
            verdict=Verdict.FAIL,
            text=f"{text} is installed and cannot be imported",
            cure='See why: `python -c "import torch"`.',
        )
    _, cuda, usable, count = said.split()
    if usable == "True":
        return Diagnosis(name=name, verdict=Verdict.OK, text=f"{text}, CUDA {cuda}, {count} GPUs")
    if cuda_names():
        return Diagnosis(
            name=name,
            verdict=Verdict.FAIL,
            text=f"{text}, built for CUDA {cuda}, sees none of the GPUs that nvidia-smi lists",
            cure="Install a PyTorch that fits the driver: https://pytorch.org/get-started/locally.",
        )
    return Diagnosis(name=name, verdict=Verdict.OK, text=f"{text}, on the processor")


def gpus() -> Diagnosis:
    """The GPUs that a program started here would see, by `nvidia-smi`."""
    name, found = "GPUs", cuda_names()
    if not found:
        return Diagnosis(name=name, verdict=Verdict.OK, text="none; jobs are trained on the processor")
    driver = output_of(["nvidia-smi", "--query-gpu=driver_version,memory.total", "--format=csv,noheader"])
    first = driver.splitlines()[0] if driver else "unknown"
    return Diagnosis(name=name, verdict=Verdict.OK, text=f"{', '.join(found)} (driver, memory: {first})")


def sqlite_library(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Diagnosis:
    """The version of SQLite that Python brings, and whether it carries the WAL-reset bug."""
    first, last = _WAL_RESET_BUG
    text = ".".join(map(str, version))
    if first <= version <= last:
        return Diagnosis(
            name="SQLite",
            verdict=Verdict.WARN,
            text=f"{text} can, very rarely, damage a database that several processes write (its WAL-reset bug)",
            cure="Make backups now and then (`ablate db backup FILE`), use a Python with SQLite 3.51.3 or newer, "
            "or PostgreSQL.",
        )
    return Diagnosis(name="SQLite", verdict=Verdict.OK, text=text)


def fonts() -> Diagnosis:
    """Whether figures can show names in Chinese, Japanese and Korean."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    found = [font for font in WIDE_FONTS if font in installed]
    if found:
        return Diagnosis(name="fonts", verdict=Verdict.OK, text=f"{found[0]} for names in Chinese, Japanese and Korean")
    return Diagnosis(
        name="fonts",
        verdict=Verdict.WARN,
        text="none that has Chinese, Japanese or Korean characters: in figures such names are boxes",
        cure="If you use such names: `apt install fonts-noto-cjk`.",
    )
