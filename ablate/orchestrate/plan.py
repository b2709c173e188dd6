"""What running a study would do: its cells, what is done of them, and how long the rest takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from statistics import median
from typing import Any

from ablate.orchestrate.rounds import Given, Round, given_so_far, next_round, with_seeds
from ablate.orchestrate.stale import StaleCell, stale_cells
from ablate.orchestrate.submit import cells, recipes_of
from ablate.orchestrate.together import Together, foreseen_packs, together
from ablate.orchestrate.tuning import foreseen
from ablate.protocol import ENDED, JobState
from ablate.recipe.packing import Pack
from ablate.store import Database
from ablate.store.reading import durations, outline, runnable, states
from ablate.study import Design, Outline, OutlineDiff, OutlineTuning, Study, Tuning, Variant, diff


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `ablate run` would do with a study."""

    study: Study
    #: Newest revision in the database; None where the study was never submitted.
    revision: int | None
    #: State of every job that the database knows, by variant key and seed.
    states: Mapping[tuple[str, int], JobState]
    #: What was chosen for retuned levels, by the tuning's key.
    decided: Mapping[str, OutlineTuning]
    #: Time that the jobs still to run take one after the other, seconds; None where nothing like it was run before.
    seconds_to_run: float | None
    #: Cells whose results were made with other files of the user's own than the study has now.
    stale: tuple[StaleCell, ...] = ()
    #: Number of seeds that looks give variants, those of the next look included, by key.
    given: Mapping[str, int] = field(default_factory=dict)
    #: What looks add when the study is run now.
    round: Round = field(default_factory=Round)
    #: Which runs are trained together, by the key of their recipe, tuning runs too; those trained alone are left out.
    packs: Mapping[str, Pack] = field(default_factory=dict)
    #: What the newest revision in the database does not have, or has otherwise; None where there is none.
    changes: OutlineDiff | None = None

    def counts(self, variant: Variant) -> Counter[str]:
        """How many of a variant's jobs are in which state.

        `new` are those that the database does not know, `stale` those whose results come from other files.
        """
        return Counter(self._state(variant.key, seed) for seed in self.seeds_of(variant))

    def seeds_of(self, variant: Variant) -> tuple[int, ...]:
        """The seeds that a variant is run with, as far as looks have given them."""
        return self.study.seeds_of(variant.key, self.given)

    def _state(self, key: str, seed: int) -> str:
        return "stale" if (key, seed) in self._stale else str(self.states.get((key, seed), "new"))

    @cached_property
    def _stale(self) -> frozenset[tuple[str, int]]:
        return frozenset((cell.variant_key, cell.seed) for cell in self.stale)

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """What is compared, as far as its values are chosen."""
        return self.study.settled(self.decided)

    @cached_property
    def waiting(self) -> tuple[Tuning, ...]:
        """The retuned variants that wait for their values."""
        return self.study.unsettled(self.decided)

    @cached_property
    def _cells(self) -> set[tuple[str, int]]:
        return cells(self.study, self.decided, self.given)

    @property
    def together(self) -> Together:
        """How many of the jobs are trained together, and why others are not; without those that wait for values."""
        return together(recipes_of(self.study, self.decided), Counter(key for key, _ in self._cells), self.packs)

    @property
    def jobs(self) -> int:
        """Variants times seeds, and the tuning runs."""
        return len(self._cells) + len(self.waiting) * len(self.study.seeds)

    @property
    def jobs_to_run(self) -> int:
        """Jobs that have not ended."""
        left = sum(self.states.get(cell) not in ENDED for cell in self._cells)
        return left + len(self.waiting) * len(self.study.seeds)

    def tuning_counts(self, tuning: Tuning) -> tuple[int, int]:
        """The runs of a tuning, and how many of them have ended."""
        runs = [(one.recipe.key, seed) for one in tuning.candidates for seed in tuning.seeds]
        return len(runs), sum(self.states.get(run) in ENDED for run in runs)

    def as_json(self) -> dict[str, Any]:
        """The plan in the form that scripts rely on."""
        return {
            "study": self.study.name,
            "revision": self.revision,
            "seeds": list(self.study.seeds),
            "looks": [self._given_json(one) for one in self.round.given] if self.study.seed_plan.looks else None,
            "jobs": self.jobs,
            "jobs_to_run": self.jobs_to_run,
            "seconds_to_run": self.seconds_to_run,
            "factors": [
                {
                    "name": factor.name,
                    "label": factor.label,
                    "reference": factor.reference,
                    "levels": [level.name for level in factor.levels],
                }
                for factor in self.study.factors
            ],
            "designs": [_design_json(design) for design in self.study.designs],
            "variants": [
                {
                    "name": variant.name,
                    "key": variant.key,
                    "levels": dict(variant.levels),
                    "recipe": variant.recipe.model_dump(mode="json"),
                    "designs": list(variant.designs),
                    "seeds": list(self.seeds_of(variant)),
                    "states": dict(self.counts(variant)),
                    "pack": asdict(self.packs[variant.key]) if variant.key in self.packs else None,
                }
                for variant in self.variants
            ],
            "tunings": [self._tuning_json(tuning) for tuning in self.study.tunings],
        }

    @staticmethod
    def _given_json(one: Given) -> dict[str, Any]:
        return {"variant": one.variant, "before": one.before, "after": one.after, "why": one.why}

    def _tuning_json(self, tuning: Tuning) -> dict[str, Any]:
        runs, ended = self.tuning_counts(tuning)
        made = self.decided.get(tuning.key, tuning.outline())
        return {
            "variant": tuning.name,
            "seeds": list(tuning.seeds),
            "jobs": runs,
            "jobs_to_run": runs - ended,
            "chosen": None if made.choice is None else made.choice.values,
            "failed": made.failed,
            "candidates": [
                {"values": one.values, "key": one.key, "states": one.states, "val_accuracy": one.accuracy}
                for one in made.candidates
            ],
        }


def plan_study(study: Study, db: Database | None, whole: Study | None = None) -> Plan:
    """Hold a study against the database.

    Args:
        study: The study, or a part of one.
        db: The experiment database; None where there is none yet.
        whole: The study that `study` is a part of; None where it is all of it.

    Raises:
        UsageError: Results from elsewhere were imported under the study's name.
    """
    if db is None:
        laid_out = with_seeds(study.outline({}), {})
        return Plan(
            study=study,
            revision=None,
            states={},
            decided={},
            seconds_to_run=None,
            given=_given(laid_out),
            packs=_packs(None, whole or study, {}, {}),
        )
    runnable(db, study.name)
    revision, known = states(db, study.name)
    decided, coming = foreseen(db, study), next_round(db, study)
    seeds = {**given_so_far(db, study), **coming.seeds}
    given = _given(with_seeds(study.outline(decided), seeds))
    plan = Plan(
        study=study,
        revision=revision,
        states=known,
        decided=decided,
        seconds_to_run=None,
        given=given,
        round=coming,
        stale=stale_cells(db, study, decided),
        packs=_packs(None if revision is None else db, whole or study, decided, seeds),
        changes=None if revision is None else diff(outline(db, study.name), study.outline(decided)),
    )
    times: dict[str, list[float]] = {}
    for key, seconds in durations(db, study.name):
        times.setdefault(key, []).append(seconds)
    if not times:
        return plan
    usual = median(median(seconds) for seconds in times.values())
    seconds_to_run = sum(
        median(times[key]) if key in times else usual
        for key, seed in cells(study, plan.decided, given)
        if known.get((key, seed)) not in ENDED
    )
    seconds_to_run += usual * len(plan.waiting) * len(study.seeds)
    return replace(plan, seconds_to_run=seconds_to_run)


def _given(outline: Outline) -> dict[str, int]:
    return {variant.key: variant.seeds for variant in outline.variants if variant.seeds}


def _packs(
    db: Database | None, study: Study, decided: Mapping[str, OutlineTuning], seeds: Mapping[str, int]
) -> dict[str, Pack]:
    """As they are when the whole study is submitted."""
    return foreseen_packs(db, with_seeds(study.outline(decided), seeds), recipes_of(study, decided))


def _design_json(design: Design) -> dict[str, Any]:
    return {
        "name": design.name,
        "kind": design.kind,
        "factors": list(design.factors),
        "cells": design.cells,
        "left_out": design.left_out,
        "aliases": design.aliases and asdict(design.aliases),
    }
