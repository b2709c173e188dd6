"""Queue what a study still lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ablate.orchestrate.stale import Stale, refuse, stale_cells
from ablate.protocol import ENDED
from ablate.store import Database
from ablate.store.code import rerun
from ablate.store.reading import outline, states
from ablate.store.submission import Submission, submit
from ablate.study import Study, mark_exploratory


def submit_study(db: Database, study: Study, part: Study | None = None, *, stale: Stale = Stale.REFUSE) -> Submission:
    """Bring the database up to the study: a new revision if the file changed, and the jobs that are missing.

    Cells that an earlier revision or another design already asked for are not queued again. What a study gains after
    results were there is marked exploratory.

    Args:
        db: The experiment database.
        study: The whole study, whose outline the report follows.
        part: What of it to run now, see `Study.only`; None means all.
        stale: What becomes of cells whose results were made with other files of the user's own than the study has now.

    Raises:
        UsageError: There are such cells, and nothing was said about them.
    """
    outdated = stale_cells(db, part or study)
    if stale is Stale.REFUSE:
        refuse(outdated)
    cells = None if part is None else {(variant.key, seed) for variant in part.variants() for seed in part.seeds}
    revision, known = states(db, study.name)
    previous = None if revision is None else outline(db, study.name)
    told = submit(
        db,
        outline=mark_exploratory(study.outline(), previous, results_seen=not ENDED.isdisjoint(known.values())),
        recipes={variant.key: variant.recipe for variant in study.variants()},
        text=study.text,
        settings=study.settings,
        sources=study.sources,
        execution=execution_rule(),
        only=cells,
    )
    if stale is Stale.RERUN and outdated:  # after the new files are stored, so that no worker takes the old ones
        rerun(db, [cell.job for cell in outdated])
        return replace(told, rerun=len(outdated))
    return told


def execution_rule() -> Mapping[str, Any]:
    """Settings that change bits, chosen once when a study is first submitted and reused ever after.

    One thread a worker: two one-thread workers train more runs an hour than one with two threads, and the number of
    threads changes the order of float additions.
    """
    return {"tier": "exact", "threads": 1}
