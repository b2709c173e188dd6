"""`ablate report --check`: a report that was committed against what the database says now."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablate.errors import UsageError

#: Relative difference up to which two numbers are one: what another version of a library may change.
TOLERANCE = 1e-9
#: What the compute-aware view tells of clocks: another in every run.
WALL_TIME = ("seconds", "at_equal_time", "device")
#: What may be a difference of nearly equal numbers, and the size up to which it is rounding.
DIFFERENCES = frozenset({"delta", "ci_low", "ci_high", "statistic", "icc", "effect"})
ROUNDING = 1e-12
#: Stands for a whole variant in the list of what differs.
ROW = "row"

Value = str | int | float | bool | None
Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One thing that two reports say differently."""

    #: Name of the variant, or of the step and what it is compared with; empty: the study as a whole.
    variant: str
    #: Name in `report.json`; `row` where all of the variant is in one of them only.
    field: str
    committed: Value
    now: Value


def read_committed(path: Path) -> Document:
    """The document of a `report.json`.

    Raises:
        UsageError: There is none.
    """
    cure = "`ablate report STUDY` writes it beside report.md; name another file behind `--check`."
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", cure=cure) from error
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}.", cure=cure) from error
    rows = found.get("comparisons") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "variant" in row for row in rows):
        raise UsageError(f"{path} is no report of ablate.", cure=cure)
    return dict(found)


def mismatches(committed: Document, now: Document, *, tolerance: float = TOLERANCE) -> tuple[Mismatch, ...]:
    """What differs, in the order of the report as it is now; then what only the committed one has.

    Args:
        committed: The document that was written once.
        now: That of the database.
        tolerance: Largest relative difference of two equal numbers.
    """
    found = list(_of("", _head(committed), _head(now), tolerance))
    old, new = _rows(committed), _rows(now)
    for key, row in new.items():
        if key in old:
            found += _of(_title(key, new), old[key], row, tolerance)
        else:
            found.append(Mismatch(variant=_title(key, new), field=ROW, committed=None, now=_said(row)))
    found += [
        Mismatch(variant=_title(key, old), field=ROW, committed=_said(row), now=None)
        for key, row in old.items()
        if key not in new
    ]
    return tuple(found)


def _head(document: Document) -> dict[str, Any]:
    """What belongs to no comparison, flat; without what rests on wall time, which is another in every run."""
    head = {name: value for name, value in document.items() if name != "comparisons"}
    if isinstance(compute := head.get("compute"), Mapping):
        timeless = {name: value for name, value in compute.items() if name not in WALL_TIME}
        timeless["pareto"] = [one for one in compute.get("pareto", ()) if one.get("cost") != "seconds"]
        head["compute"] = timeless
    return dict(_leaves("", head))


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Single values by their dotted path; entries of a list by what they are called, else by their number."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            called = inner.get("variant", inner.get("design")) if isinstance(inner, Mapping) else None
            yield from _leaves(f"{path}[{number if called is None else called}]", inner)
    else:
        yield path, value


Key = tuple[str, str, int]


def _rows(document: Document) -> dict[Key, Document]:
    """Comparisons by variant and reference; of equal ones the first, the second and so on."""
    found: dict[Key, Document] = {}
    for row in document["comparisons"]:
        pair = (str(row["variant"]), str(row.get("reference")))
        found[*pair, sum(key[:2] == pair for key in found)] = row
    return found


def _title(key: Key, rows: Mapping[Key, Document]) -> str:
    """The variant, and what it is compared with where it is so with several."""
    times = Counter(variant for variant, _, _ in rows)[key[0]]
    return key[0] if times == 1 else f"{key[0]} vs {key[1]}"


def _said(row: Document) -> Value:
    verdict: Value = row.get("verdict")
    return verdict


def _of(variant: str, committed: Document, now: Document, tolerance: float) -> Iterator[Mismatch]:
    for name in dict.fromkeys((*now, *committed)):
        ours, theirs = now.get(name), committed.get(name)
        if not _equal(name, ours, theirs, tolerance):
            yield Mismatch(variant=variant, field=name, committed=_plain(theirs), now=_plain(ours))


def _equal(name: str, ours: object, theirs: object, tolerance: float) -> bool:
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        rounding = ROUNDING if name.rpartition(".")[2] in DIFFERENCES else 0.0
        return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=rounding)
    return ours == theirs


def _plain(value: object) -> Value:
    """A value as JSON can have it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value)


def told(found: Sequence[Mismatch]) -> str:
    """How much differs, in words."""
    verdicts = sum(one.field == "verdict" for one in found)
    differ = "1 value differs" if len(found) == 1 else f"{len(found):,} values differ"
    return differ + (f", {'1 verdict' if verdicts == 1 else f'{verdicts:,} verdicts'} among them" if verdicts else "")
