"""What a source is, and its sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import UsageError
from ablate.orchestrate.imports import wandb
from ablate.orchestrate.imports.columns import SETTINGS
from ablate.orchestrate.imports.csv import read_csv
from ablate.orchestrate.imports.frames import of_frame, read_json, read_parquet
from ablate.orchestrate.imports.mlflow import is_store, read_mlflow
from ablate.orchestrate.imports.options import Form, ImportOptions
from ablate.orchestrate.imports.sheet import Cell, Faults, Sheet
from ablate.orchestrate.imports.tensorboard import EVENTS, read_tensorboard, run_folders

if TYPE_CHECKING:
    from pandas import DataFrame

#: Kinds of sources that are folders.
FOLDERS = (Form.TENSORBOARD, Form.MLFLOW)
_SUFFIXES: Mapping[str, Form] = {".json": Form.JSON, ".parquet": Form.PARQUET, ".pq": Form.PARQUET}


def read_sources(sources: Sequence[Path | DataFrame], options: ImportOptions, faults: Faults) -> list[Sheet]:
    """The sheets of all sources.

    Raises:
        UsageError: A source is not there, or it cannot be told what it is.
    """
    found: list[Sheet] = []
    runs: list[Sheet] = []
    histories: list[Sheet] = []
    frames = 0
    for given in sources:
        if not isinstance(given, Path):
            frames += 1
            found.append(of_frame(given, "the data frame" if frames == 1 else f"data frame {frames}"))
            continue
        form = options.form or _form(given)
        _see(given, form)
        if form is Form.TENSORBOARD:
            found += read_tensorboard(given, str(given), options, faults)
        elif form is Form.MLFLOW:
            found += read_mlflow(given, str(given), options, faults)
        elif form is Form.JSON:
            found += _there(read_json(given, given.name, faults))
        elif form is Form.PARQUET:
            found.append(read_parquet(given, given.name))
        else:
            for sheet in _there(read_csv(given, given.name, faults)):
                if wandb.is_history(sheet.columns) and options.form is not Form.CSV:
                    histories.append(sheet)
                elif options.form is Form.WANDB or (options.form is None and wandb.is_runs(sheet.columns)):
                    runs.append(_table(sheet))
                else:
                    found.append(sheet)
    known: dict[str, Mapping[str, Cell]] = {}
    for sheet in runs:
        table = wandb.read_runs(sheet, options, faults)
        found.append(table)
        for name, (_, cells) in zip(wandb.run_names(sheet), table.rows, strict=True):
            known[name] = _identity(table.columns, cells, options)
    if histories:
        found += wandb.read_history(histories, known, options, faults)
    return found


def _there(sheet: Sheet | None) -> list[Sheet]:
    return [] if sheet is None else [sheet]


def _table(sheet: Sheet) -> Sheet:
    if not wandb.is_runs(sheet.columns):
        raise UsageError(
            f"{sheet.source} is no export of Weights & Biases: a table of runs has the columns Name and State, "
            "a history `RUN - METRIC`.",
            cure="Leave `--format` out.",
        )
    return sheet


def _identity(columns: Sequence[str], cells: Sequence[Cell], options: ImportOptions) -> dict[str, Cell]:
    """What of a table of runs a history needs too: whatever tells variant, seed and levels."""
    parts = ("variant", "seed", *options.factors)
    wanted = {*parts, *(options.names[part] for part in parts if part in options.names)}
    wanted |= {prefix + name for prefix in SETTINGS for name in wanted}
    return {column: cell for column, cell in zip(columns, cells, strict=True) if column in wanted}


def _form(path: Path) -> Form:
    """What a source is."""
    if path.is_dir():
        if is_store(path):
            return Form.MLFLOW
        if run_folders(path):
            return Form.TENSORBOARD
        raise UsageError(
            f"{path} is neither a folder of TensorBoard's ({EVENTS}* in it or below) nor one of MLflow's (meta.yaml).",
            cure="Name a folder with runs, or a file.",
        )
    return _SUFFIXES.get(path.suffix.lower(), Form.CSV)


def _see(path: Path, form: Form) -> None:
    if not path.exists():
        raise UsageError(f"there is no {path}.", cure="Name a file, or a folder of TensorBoard or MLflow.")
    if path.is_dir() != (form in FOLDERS):
        what = "a folder" if form in FOLDERS else "a file"
        raise UsageError(f"{path} is not {what}, as {form} wants it.", cure="Name another, or leave `--format` out.")
    if path.name.startswith(EVENTS):
        raise UsageError(f"{path} is one event file.", cure=f"Name the folder of the runs, as {path.parent.parent}.")
