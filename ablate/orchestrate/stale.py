"""Results that were made with another version of the user's own files than the study has now: derived, never stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ablate.errors import UsageError
from ablate.store import Database
from ablate.store.reading import ran_with
from ablate.store.records import CodeRecord
from ablate.study import OutlineTuning, Study
from ablate.study.own_code import named_files


class Stale(StrEnum):
    """What becomes of stale cells when a study is submitted."""

    REFUSE = "refuse"
    KEEP = "keep"
    RERUN = "rerun"


@dataclass(frozen=True, kw_only=True)
class StaleCell:
    """A cell whose result was made with other files than the study has now."""

    #: Number of the job.
    job: int
    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    #: The files that have changed, relative to the study file.
    files: tuple[str, ...]


def stale_cells(
    db: Database, study: Study, decided: Mapping[str, OutlineTuning] = MappingProxyType({})
) -> tuple[StaleCell, ...]:
    """The stale cells of a study, or of a part of it, by variant and seed.

    A cell is stale where the attempt that its result comes from ran with another SHA-256 of a file that its variant
    needs now.

    Args:
        db: The experiment database.
        study: The study or a part of it.
        decided: What was chosen for retuned levels, by the tuning's key.
    """
    if not study.sources:
        return ()
    ran = ran_with(db, study.name)
    by_variant: dict[str, dict[int, CodeRecord]] = {}
    for (key, seed), record in sorted(ran.items()):
        by_variant.setdefault(key, {})[seed] = record
    found = []
    hashes: dict[tuple[str, ...], dict[str, str]] = {}  # by the files that are named: many variants share them
    variants = {variant.key: variant for variant in (*study.variants(), *study.settled(decided))}
    for variant in variants.values():
        files = named_files(variant.recipe)
        if files not in hashes:
            hashes[files] = study.hashes(variant)
        now = hashes[files]
        for seed, before in by_variant.get(variant.key, {}).items() if now else ():
            if not study.asks_for(seed):
                continue
            changed = tuple(path for path in now if before.sources.get(path) != now[path])
            if changed:
                cell = StaleCell(
                    job=before.job, variant=variant.name, variant_key=variant.key, seed=seed, files=changed
                )
                found.append(cell)
    return tuple(found)


def refuse(cells: Sequence[StaleCell]) -> None:
    """Raise `UsageError` where there are stale cells; it names the files, the cells, and both ways on."""
    if not cells:
        return
    files = sorted({path for cell in cells for path in cell.files})
    by_variant = Counter(cell.variant for cell in cells)
    shown = [f"{name} ({count})" for name, count in by_variant.most_common(5)]
    more = f" and {len(by_variant) - 5} variants more" if len(by_variant) > 5 else ""
    raise UsageError(
        f"{', '.join(files)} {'has' if len(files) == 1 else 'have'} changed since {len(cells)} "
        f"{'cell was' if len(cells) == 1 else 'cells were'} run with it: {', '.join(shown)}{more}.",
        cure="Add `--rerun-stale` to run them again, or `--accept-stale` to keep their results as they are; "
        'in Python `stale="rerun"` or `stale="keep"`.',
    )
