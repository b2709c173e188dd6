"""Queue what a study still lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablate.protocol import ENDED
from ablate.store import Database
from ablate.store.reading import outline, states
from ablate.store.submission import Submission, submit
from ablate.study import Study, mark_exploratory


def submit_study(db: Database, study: Study, part: Study | None = None) -> Submission:
    """Bring the database up to the study: a new revision if the file changed, and the jobs that are missing.

    Cells that an earlier revision or another design already asked for are not queued again. What a study gains after
    results were there is marked exploratory.

    Args:
        db: The experiment database.
        study: The whole study, whose outline the report follows.
        part: What of it to run now, see `Study.only`; None means all.
    """
    cells = None if part is None else {(variant.key, seed) for variant in part.variants() for seed in part.seeds}
    revision, known = states(db, study.name)
    previous = None if revision is None else outline(db, study.name)
    return submit(
        db,
        outline=mark_exploratory(study.outline(), previous, results_seen=not ENDED.isdisjoint(known.values())),
        recipes={variant.key: variant.recipe for variant in study.variants()},
        text=study.text,
        settings=study.settings,
        sources={},
        execution=execution_rule(),
        only=cells,
    )


def execution_rule() -> Mapping[str, Any]:
    """Settings that change bits, chosen once when a study is first submitted and reused ever after.

    One thread a worker: two one-thread workers train more runs an hour than one with two threads, and the number of
    threads changes the order of float additions.
    """
    return {"tier": "exact", "threads": 1}
