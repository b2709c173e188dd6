"""Questions that a report, a plan and a status line ask; answers are frozen records, never rows.

Only jobs that the newest revision of a study asks for are counted and reported.
"""

from ablate.store.code import ran_with, revision_sources
from ablate.store.history import histories
from ablate.store.lookup import (
    calls,
    execution,
    outline,
    packs,
    planned_epochs,
    recipe,
    recipes,
    revision_settings,
    revision_text,
    runnable,
    studies,
)
from ablate.store.measured import labellings, steps, test_sets
from ablate.store.outcomes import correct, data_tables
from ablate.store.repeats import repeats
from ablate.store.results import epochs, predictions, runs
from ablate.store.standing import (
    counts,
    durations,
    failures,
    leftover_workers,
    mean_duration,
    out_of_memory,
    running,
    states,
    workers,
)
from ablate.store.ways import ended_last

__all__ = [
    "calls",
    "correct",
    "counts",
    "data_tables",
    "durations",
    "ended_last",
    "epochs",
    "execution",
    "failures",
    "histories",
    "labellings",
    "leftover_workers",
    "mean_duration",
    "out_of_memory",
    "outline",
    "packs",
    "planned_epochs",
    "predictions",
    "ran_with",
    "recipe",
    "recipes",
    "repeats",
    "revision_settings",
    "revision_sources",
    "revision_text",
    "runnable",
    "running",
    "runs",
    "states",
    "steps",
    "studies",
    "test_sets",
    "workers",
]
