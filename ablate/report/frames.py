"""Rows as data frames: whole numbers as Int64, text as string, states as a category, all else as float64.

All of these can hold a missing value, so that a column keeps its type whether or not every run has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ablate.protocol import JobState
from ablate.report.export import Rows

if TYPE_CHECKING:
    from pandas import DataFrame

#: Types of the columns that `ablate export` writes for every study; a column that is not here is float64.
ROW_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("variant", "variant_key", "device", "error"), "string"),
        **dict.fromkeys(("seed", "selected_epoch", "parameters", "flops", "attempt"), "Int64"),
        **dict.fromkeys(("epoch", "step", "example", "predicted", "label"), "Int64"),
        **dict.fromkeys(("class", "true"), "string"),
        **dict.fromkeys(("examples", "count"), "Int64"),
        **dict.fromkeys(("started_at", "ended_at"), "datetime64[us, UTC]"),
        **dict.fromkeys(("tier", "memory_format", "precision"), "string"),
        **dict.fromkeys(("k", "threads"), "Int64"),
        "state": "state",
        "correct": "boolean",
    }
)
#: Types of the columns of `comparisons()`, which are those of a row of `ablate report --json`, in their order.
COMPARISON_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("variant", "reference", "family", "test"), "string"),
        **dict.fromkeys(("n", "n_reference"), "Int64"),
        **dict.fromkeys(("mean", "sd", "delta", "se", "df", "statistic", "p", "p_adjusted"), "float64"),
        **dict.fromkeys(("ci_low", "ci_high"), "float64"),
        **dict.fromkeys(("verdict", "why"), "string"),
        "look": "Int64",
        "futile": "boolean",
        "seeds_needed": "Int64",
        **dict.fromkeys(("mde", "se_seed", "se_example", "se_total"), "float64"),
        "beyond_test_set": "boolean",
        **dict.fromkeys(("n10", "n01"), "Int64"),
    }
)
#: Types of the columns of `compare()`: those and what `ablate compare --json` adds.
CONTRAST_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **COMPARISON_TYPES,
        "study": "string",
        "family_size": "Int64",
        "basis": "string",
        **dict.fromkeys(("differences", "cost"), "object"),
    }
)
#: Types of the columns of `ExperimentDatabase.studies()`.
STUDY_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("study", "title"), "string"),
        "revision": "Int64",
        "submitted": "datetime64[us, UTC]",
        **dict.fromkeys((str(state) for state in JobState), "Int64"),
    }
)


def of_rows(rows: Rows, common: Sequence[str], types: Mapping[str, str] = ROW_TYPES) -> DataFrame:
    """A frame of what `ablate export` would write.

    Args:
        rows: Names of the columns, and the rows.
        common: The columns that every study has; what others measure is a number, whatever its name.
        types: Types of these columns; those that are not here are float64.
    """
    columns, lines = rows
    cells = list(lines)
    known = {name: types.get(name, "float64") for name in common}
    return _frame({name: [line[place] for line in cells] for place, name in enumerate(columns)}, known)


def of_records(records: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> DataFrame:
    """A frame of objects that all have the keys of `types`, in that order."""
    return _frame({name: [record[name] for record in records] for name in types}, types)


def _frame(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> DataFrame:
    import pandas as pd

    kinds: dict[str, Any] = {"state": pd.CategoricalDtype([str(state) for state in JobState])}
    made = {}
    for name, values in columns.items():
        kind = types.get(name, "float64")
        made[name] = pd.Series(values, dtype=kinds.get(kind, kind))
    return pd.DataFrame(made)
