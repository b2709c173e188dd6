"""`ablate.check`: the command of this name in a process of its own.

The process that asks, perhaps a notebook's, is left without PyTorch, without memory on a GPU, and without the user's
own modules, so that the next check sees their files as they are then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ablate.api.arguments import is_study
from ablate.errors import AblateError, DataMissingError, StudyError, UsageError
from ablate.report import frames
from ablate.study import Study
from ablate.study.own_code import laid_out

if TYPE_CHECKING:
    from pandas import DataFrame

#: Types of the columns of `check`.
TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("variant", "variant_key"), "string"),
        "trains": "boolean",
        **dict.fromkeys(("parameters", "trainable_parameters", "flops", "memory_bytes"), "Int64"),
        "findings": "string",
    }
)
#: File under which the study is laid out for the command.
_FILE = "study.toml"


def check(study: Study, *, no_data: bool = False, data_root: str | Path | None = None) -> DataFrame:
    """Build every variant and take two steps of each, before hours are spent, as `ablate check` does.

    It is done in a child process, so that this one stays without PyTorch.

    Args:
        study: The study, or a part of it made by `Study.only`.
        no_data: Take random images and weights: touch neither data sets nor the network.
        data_root: Where data sets lie or are downloaded to; None means `$ABLATE_DATA`, or the user's cache folder.

    Returns:
        A row for each variant, the baseline first: `variant`, `variant_key`, `trains` (whether it can be trained),
        `parameters`, `trainable_parameters`, `flops` (multiply-adds times two of one image's forward pass),
        `memory_bytes` (weights, gradients, optimizer state, and what one batch's backward pass keeps), and `findings`:
        why it cannot be trained, and what else deserves a look; empty where all is well.

    Raises:
        AblateError: The child process ended without an answer.
        DataMissingError: A data set is not there and cannot be fetched.
        UsageError: `study` is no study.
    """
    is_study(study)
    command = [sys.executable, "-m", "ablate", "check", "--json", *(["--no-data"] if no_data else [])]
    command += [] if data_root is None else ["--data-root", str(data_root)]
    for setting in study.settings:
        command += ["--set", setting]
    for option, value in zip(study.part[::2], study.part[1::2], strict=True):
        command += [option, value] if option != "--seeds" else []
    with laid_out({**study.sources, _FILE: study.text}) as folder:
        path = str(Path(folder or "") / _FILE)
        done = subprocess.run([*command, path], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode not in (0, StudyError.exit_code) or not done.stdout:
        raise _error(done.returncode, done.stderr)
    records = [_record(entry) for entry in json.loads(done.stdout)["variants"]]
    frame = frames.of_records(records, TYPES)
    frame.attrs["study"] = study.name
    return frame


def _record(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A variant of `ablate check --json` as a row."""
    return {
        **{name: entry[name] for name in ("parameters", "trainable_parameters", "flops", "memory_bytes")},
        "variant": entry["name"],
        "variant_key": entry["key"],
        "trains": entry["parameters"] is not None,
        "findings": "; ".join(entry["findings"]),
    }


def _error(status: int, told: str) -> AblateError:
    """What the command said, as the error that it was."""
    _, _, words = f"\n{told.strip()}".rpartition("\nerror: ")
    kinds: dict[int, type[AblateError]] = {kind.exit_code: kind for kind in (DataMissingError, UsageError)}
    if words and status in kinds:
        return kinds[status](words)
    last = "\n".join((words or told.strip()).splitlines()[-15:]) or "it said nothing"
    return AblateError(f"the check ended with exit status {status}:\n{last}")
