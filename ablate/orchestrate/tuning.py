"""The choice of values for retuned levels: made from tuning runs alone, once for each level, and kept."""

from __future__ import annotations

from collections.abc import Mapping

from ablate.orchestrate.lines import some
from ablate.protocol import ENDED, JobState
from ablate.store import Database
from ablate.store.tunings import choices, keep_choice, tried
from ablate.study import OutlineTuning, Study, Tuning

#: Mean accuracies that differ by less are a tie: two sums of the same shares may differ in their last bit.
TIE = 1e-9


def decide(db: Database, study: Study) -> dict[str, OutlineTuning]:
    """What is chosen for each retuned level, by the tuning's key; choices that can be made now are made and kept.

    Tunings whose runs have not all ended are left out. One in which no candidate succeeded is there as `failed`; that
    is not kept, so that runs which are repeated can still bring a choice.
    """
    if not study.tunings:
        return {}
    kept = choices(db, study.name)
    return {
        key: made if made.failed or key in kept else keep_choice(db, study.name, made)
        for key, made in foreseen(db, study, kept).items()
    }


def foreseen(db: Database, study: Study, kept: Mapping[str, OutlineTuning] | None = None) -> dict[str, OutlineTuning]:
    """What `decide` would answer; keeps nothing.

    Args:
        db: The experiment database.
        study: The study.
        kept: The choices that were made, if they are at hand.
    """
    if not study.tunings:
        return {}
    kept = choices(db, study.name) if kept is None else kept
    known = {tuning.key: kept[tuning.key] for tuning in study.tunings if tuning.key in kept}
    if len(known) == len(study.tunings):
        return known
    reached = tried(db, study.name)
    made = {tuning.key: judged(tuning, reached) for tuning in study.tunings if tuning.key not in known}
    return known | {key: tuning for key, tuning in made.items() if tuning is not None}


def judged(tuning: Tuning, reached: Mapping[tuple[str, int], tuple[JobState, float | None]]) -> OutlineTuning | None:
    """The candidate with the best mean validation accuracy over the tuning seeds, the first of equals.

    A candidate with a run that diverged, failed or was cancelled loses, whatever its other runs reached.

    Args:
        tuning: What is to be chosen.
        reached: State and validation accuracy of each tuning run, by variant key and seed.

    Returns:
        The tuning with its figures and its choice, or `failed` where no candidate succeeded; None before all runs have
        ended.
    """
    candidates = []
    for candidate in tuning.outline().candidates:
        runs = [reached.get((candidate.key, seed), (JobState.QUEUED, None)) for seed in tuning.seeds]
        if any(state not in ENDED for state, _ in runs):
            return None
        states = tuple(str(state) for state, _ in runs)
        accuracies = tuple(value for _, value in runs)
        candidates.append(candidate.model_copy(update={"states": states, "accuracies": accuracies}))
    best, best_accuracy = None, float("-inf")
    for candidate in candidates:
        if candidate.accuracy is not None and candidate.accuracy > best_accuracy + TIE:
            best, best_accuracy = candidate.key, candidate.accuracy
    return tuning.outline().model_copy(update={"candidates": tuple(candidates), "chosen": best, "failed": best is None})


def waiting_text(db: Database, study: Study) -> str:
    """One line on the levels that wait for their values; empty where none does."""
    waiting = study.unsettled(decide(db, study))
    if not waiting:
        return ""
    runs = {(one.recipe.key, seed) for tuning in waiting for one in tuning.candidates for seed in tuning.seeds}
    return f"values are chosen first, by {len(runs)} tuning runs: {some([tuning.name for tuning in waiting], 4)}"


def failed_choices(db: Database, study: Study) -> list[str]:
    """A line for each level of which no value trained to its end, so that it is not compared."""
    decided = decide(db, study)
    lines = []
    for tuning in study.tunings:
        made = decided.get(tuning.key)
        if made is not None and made.failed:
            tried_values = "; ".join(f"{one.label} ({', '.join(one.states)})" for one in made.candidates)
            what = "is not compared" if tuning.reference else "is no reference, and what needs it is not compared"
            lines.append(
                f"{tuning.name} {what}: no value that was tried succeeded on every tuning seed: {tried_values}"
            )
    return lines
