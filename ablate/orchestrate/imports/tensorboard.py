"""TensorBoard's event files: a folder with some of them is a run, its scalars are the metrics.

They are read by TensorBoard's own loader, from the `tensorboard` package (`ablate-lab[tensorboard]`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ablate.errors import UsageError
from ablate.orchestrate.imports.naming import Naming
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.series import Tracked, sheets
from ablate.orchestrate.imports.sheet import Faults, Sheet

#: How names of event files begin.
EVENTS = "events.out.tfevents."


def run_folders(folder: Path) -> list[Path]:
    """The folders below (and including) one that hold event files, in the order of their names."""
    return sorted({file.parent for file in folder.rglob(f"{EVENTS}*") if file.is_file()})


def read_tensorboard(folder: Path, source: str, options: ImportOptions, faults: Faults) -> list[Sheet]:
    """The runs below a folder.

    Raises:
        UsageError: The package `tensorboard` is not installed, or there are no event files.
    """
    loader = _loader()
    folders = run_folders(folder)
    if not folders:
        raise UsageError(f"there are no event files ({EVENTS}*) below {source}.", cure="Name the folder of the runs.")
    names = [_name(folder, one) for one in folders]
    naming = Naming(options.pattern).columns(source, names, faults)
    runs = []
    for number, one in enumerate(folders):
        curves: dict[str, dict[int, float]] = {}
        times: list[float] = []
        for file in sorted(one.glob(f"{EVENTS}*")):
            for tag, step, value, time in _scalars(loader, file):
                curves.setdefault(tag, {})[step] = value
                times.append(time)
        if not curves:
            faults.add(str(one), "its event files hold no scalars")
        identity = {part: column[number] for part, column in naming.items()}
        seconds = max(times) - min(times) if len(times) > 1 else None
        runs.append(Tracked(place=str(one), curves=curves, identity=identity, whole={"seconds": seconds}))
    return sheets(source, runs, epoch_steps=options.epoch_steps, faults=faults)


def _name(top: Path, folder: Path) -> str:
    """Path of a run below the folder that was named; of that folder itself the last two parts."""
    if folder == top:
        return "/".join(folder.resolve().parts[-2:])
    return folder.relative_to(top).as_posix()


def _loader() -> Any:  # noqa: ANN401 - the package has no types
    """TensorBoard's own reader of event files."""
    try:
        from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
    except ImportError as error:
        raise UsageError(
            "event files are read by the package `tensorboard`, which is not installed.",
            cure="Install it: `pip install 'ablate-lab[tensorboard]'`.",
        ) from error
    return LegacyEventFileLoader


def _scalars(loader: Any, file: Path) -> Iterator[tuple[str, int, float, float]]:  # noqa: ANN401
    """Tag, step, value and time (seconds since 1970) of each scalar; a file that was cut off ends where it was cut."""
    for event in loader(str(file)).Load():
        for value in event.summary.value:
            if (number := _number(value)) is not None:
                yield value.tag, int(event.step), number, float(event.wall_time)


def _number(value: Any) -> float | None:  # noqa: ANN401 - a message of protobuf
    """A scalar, however it was written: PyTorch's writer has a field for it, TensorFlow 2's a tensor."""
    if value.tag.startswith("_hparams_"):
        return None
    if value.HasField("simple_value"):
        return _shortest(value.simple_value)
    if not value.HasField("tensor") or value.metadata.plugin_data.plugin_name != "scalars":
        return None
    from tensorboard.util import tensor_util

    array = tensor_util.make_ndarray(value.tensor)
    if array.size != 1:
        return None
    single = array.dtype == np.float32
    return _shortest(float(array.reshape(()))) if single else float(array.reshape(()))


def _shortest(value: float) -> float:
    """A number of 32 bits as it was meant: the shortest that is rounded to it, 0.9 and not 0.8999999761581421."""
    return float(str(np.float32(value))) if math.isfinite(value) else value
