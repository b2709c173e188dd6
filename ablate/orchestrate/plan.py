"""What running a study would do: its cells, what is done of them, and how long the rest takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from statistics import median
from typing import Any

from ablate.orchestrate.stale import StaleCell, stale_cells
from ablate.protocol import ENDED, JobState
from ablate.store import Database
from ablate.store.reading import durations, outline, states
from ablate.study import Design, OutlineDiff, Study, Variant, diff


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `ablate run` would do with a study."""

    study: Study
    #: Newest revision in the database; None where the study was never submitted.
    revision: int | None
    #: State of every job that the database knows, by variant key and seed.
    states: Mapping[tuple[str, int], JobState]
    #: Time that the jobs still to run take one after the other, seconds; None where nothing like it was run before.
    seconds_to_run: float | None
    #: Cells whose results were made with other files of the user's own than the study has now.
    stale: tuple[StaleCell, ...] = ()
    #: What the newest revision in the database does not have, or has otherwise; None where there is none.
    changes: OutlineDiff | None = None

    def counts(self, variant: Variant) -> Counter[str]:
        """How many of a variant's jobs are in which state.

        `new` are those that the database does not know, `stale` those whose results come from other files.
        """
        return Counter(self._state(variant.key, seed) for seed in self.study.seeds)

    def _state(self, key: str, seed: int) -> str:
        return "stale" if (key, seed) in self._stale else str(self.states.get((key, seed), "new"))

    @cached_property
    def _stale(self) -> frozenset[tuple[str, int]]:
        return frozenset((cell.variant_key, cell.seed) for cell in self.stale)

    @property
    def jobs(self) -> int:
        """Variants times seeds."""
        return len(self.study.variants()) * len(self.study.seeds)

    @property
    def jobs_to_run(self) -> int:
        """Jobs that have not ended."""
        return sum(
            self.states.get((variant.key, seed)) not in ENDED
            for variant in self.study.variants()
            for seed in self.study.seeds
        )

    def as_json(self) -> dict[str, Any]:
        """The plan in the form that scripts rely on."""
        return {
            "study": self.study.name,
            "revision": self.revision,
            "seeds": list(self.study.seeds),
            "jobs": self.jobs,
            "jobs_to_run": self.jobs_to_run,
            "seconds_to_run": self.seconds_to_run,
            "designs": [_design_json(design) for design in self.study.designs],
            "variants": [
                {
                    "name": variant.name,
                    "key": variant.key,
                    "levels": dict(variant.levels),
                    "recipe": variant.recipe.model_dump(mode="json"),
                    "designs": list(variant.designs),
                    "states": dict(self.counts(variant)),
                }
                for variant in self.study.variants()
            ],
        }


def plan_study(study: Study, db: Database | None) -> Plan:
    """Hold a study against the database; `db` is None where there is none yet."""
    if db is None:
        return Plan(study=study, revision=None, states={}, seconds_to_run=None)
    revision, known = states(db, study.name)
    changes = None if revision is None else diff(outline(db, study.name), study.outline())
    plan = Plan(
        study=study,
        revision=revision,
        states=known,
        seconds_to_run=None,
        changes=changes,
        stale=stale_cells(db, study),
    )
    times: dict[str, list[float]] = {}
    for key, seconds in durations(db, study.name):
        times.setdefault(key, []).append(seconds)
    if not times:
        return plan
    usual = median(median(seconds) for seconds in times.values())
    seconds_to_run = sum(
        median(times[variant.key]) if variant.key in times else usual
        for variant in study.variants()
        for seed in study.seeds
        if known.get((variant.key, seed)) not in ENDED
    )
    return replace(plan, seconds_to_run=seconds_to_run)


def _design_json(design: Design) -> dict[str, Any]:
    return {
        "name": design.name,
        "kind": design.kind,
        "factors": list(design.factors),
        "cells": design.cells,
        "left_out": design.left_out,
        "aliases": design.aliases and asdict(design.aliases),
    }
