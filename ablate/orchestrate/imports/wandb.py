"""Exports of Weights & Biases as CSV: the table of runs (from the page or the API), and histories of metrics."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ablate.orchestrate.imports.naming import Naming, untold
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.series import Tracked, sheets
from ablate.orchestrate.imports.sheet import Cell, Faults, Sheet

#: Between a run's name and its metric in the head of a history.
DASH = " - "
#: What the page writes beside each curve: the band of grouped runs.
BANDS = ("__MIN", "__MAX")
#: Columns of the table that are neither settings nor metrics.
ABOUT = frozenset(
    {"name", "id", "notes", "user", "tags", "created", "end time", "sweep", "group", "job type", "hostname", "commit"}
    | {"command", "description", "github", "host", "os", "path", "python version", "updated", "gpu count", "gpu type"}
)
#: What the API's table holds in one cell each: the literal of a dictionary.
DICTIONARIES = ("config", "summary")
_OURS: Mapping[str, str] = {"State": "state", "Runtime": "seconds", "Name": "name"}


def is_runs(columns: Sequence[str]) -> bool:
    """Whether these are the columns of a table of runs."""
    return {"Name", "State"} <= set(columns) or {"name", *DICTIONARIES} <= set(columns)


def is_history(columns: Sequence[str]) -> bool:
    """Whether these are the columns of a history: steps, then `RUN - METRIC`."""
    return len(columns) > 1 and bool(columns[0]) and all(DASH in column for column in columns[1:])


def read_runs(sheet: Sheet, options: ImportOptions, faults: Faults) -> Sheet:
    """The table of runs with our names; variant and seed come from settings, else from the names of the runs."""
    if set(DICTIONARIES) <= set(sheet.columns):
        sheet = _unfolded(sheet, faults)
    columns = [_OURS.get(column, column) for column in sheet.columns]
    columns = [
        "" if column.lower() in ABOUT - {"name"} and column not in _asked(options) else column for column in columns
    ]
    names = [str(cells[columns.index("name")] or "") for _, cells in sheet.rows]
    wanted = untold(columns, options)
    told = Naming(options.pattern).columns(sheet.source, names, faults, wanted=wanted)
    rows = [
        (number, [*cells, *(column[place] for column in told.values())])
        for place, (number, cells) in enumerate(sheet.rows)
    ]
    kept = ["" if column == "name" and "name" not in _asked(options) else column for column in columns]
    return replace(sheet, columns=(*kept, *told), rows=rows)


def read_history(
    histories: Sequence[Sheet], known: Mapping[str, Mapping[str, Cell]], options: ImportOptions, faults: Faults
) -> list[Sheet]:
    """The curves of several files, which have a metric each, together.

    Args:
        histories: The files.
        known: What a table of runs tells of each run, by its name.
        options: How they are read.
        faults: Where mistakes go.
    """
    source = ", ".join(sheet.source for sheet in histories)
    curves: dict[str, dict[str, dict[int, float]]] = {}
    for sheet in histories:
        for index, column in enumerate(sheet.columns):
            if index == 0 or column.endswith(BANDS):
                continue
            name, _, metric = column.rpartition(DASH)
            curve = curves.setdefault(name, {}).setdefault(metric, {})
            for number, cells in sheet.rows:
                if str(cells[index] or "").strip():
                    _point(sheet, number, cells[0], cells[index], column, curve, faults)
    names = list(curves)
    unknown = [name for name in names if name not in known]
    told = Naming(options.pattern).columns(source, unknown, faults)
    from_names = {name: {part: column[place] for part, column in told.items()} for place, name in enumerate(unknown)}
    runs = [
        Tracked(place=f"{source}, {name}", curves=curves[name], identity=known.get(name) or from_names[name])
        for name in names
    ]
    return sheets(source, runs, epoch_steps=options.epoch_steps, faults=faults)


def _point(
    sheet: Sheet, number: int, step: Cell, value: Cell, column: str, curve: dict[int, float], faults: Faults
) -> None:
    try:
        curve[int(float(str(step)))] = float(str(value))
    except (ValueError, OverflowError):
        faults.add(sheet.place(number), f"{column}: {str(value)[:40]!r} at step {str(step)[:40]!r} is no number")


def run_names(sheet: Sheet) -> list[str]:
    """The names of the runs of a table, in its order."""
    place = next(index for index, column in enumerate(sheet.columns) if column in ("Name", "name"))
    return [str(cells[place] or "") for _, cells in sheet.rows]


def _asked(options: ImportOptions) -> set[str]:
    """Columns that the options speak of."""
    return {*options.names.values(), *options.factors}


def _unfolded(sheet: Sheet, faults: Faults) -> Sheet:
    """The table of the API with a column for each setting and metric."""
    flat = []
    for number, cells in sheet.rows:
        row: dict[str, Cell] = {}
        for column, cell in zip(sheet.columns, cells, strict=True):
            if column in DICTIONARIES:
                try:
                    found = _literal(str(cell))
                except (ValueError, SyntaxError):
                    faults.add(sheet.place(number), f"{column}: this is no dictionary as Python writes it")
                    continue
                row |= _flat(column, found)
            elif column:
                row[column] = cell
        flat.append((number, row))
    columns = tuple(dict.fromkeys(name for _, row in flat for name in row))
    return replace(sheet, columns=columns, rows=[(number, [row.get(name) for name in columns]) for number, row in flat])


def _literal(text: str) -> Mapping[str, Any]:
    """A dictionary as `repr` wrote it, `nan` and `inf` among its values."""
    tree = _Numbers().visit(ast.parse(text.strip(), mode="eval"))
    found = ast.literal_eval(tree)
    if not isinstance(found, dict):
        raise ValueError(text)
    return found


class _Numbers(ast.NodeTransformer):
    """Puts numbers in the place of the names by which `repr` writes them."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Constant(float(node.id)), node) if node.id in ("nan", "inf") else node


def _flat(prefix: str, found: Mapping[str, Any]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for name, value in found.items():
        if isinstance(value, Mapping):
            cells |= _flat(f"{prefix}.{name}", value)
        elif isinstance(value, str | int | float | bool) or value is None:
            cells[f"{prefix}.{name}"] = value
    return cells
