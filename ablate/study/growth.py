"""How a study changed between two revisions, and what was added after results were seen."""

from __future__ import annotations

from dataclasses import dataclass

from ablate.study.outline import Outline


@dataclass(frozen=True, kw_only=True)
class OutlineDiff:
    """What a revision of a study adds, removes and renames. Variants are told apart by their recipe."""

    #: Names of new variants.
    added: tuple[str, ...] = ()
    #: Names of variants that are gone; their results stay in the database.
    removed: tuple[str, ...] = ()
    #: Old and new name of variants whose recipe is the same.
    renamed: tuple[tuple[str, str], ...] = ()
    added_seeds: tuple[int, ...] = ()
    removed_seeds: tuple[int, ...] = ()
    #: Names of new factors, and new levels of known ones as `factor=level`.
    added_levels: tuple[str, ...] = ()
    removed_levels: tuple[str, ...] = ()
    added_designs: tuple[str, ...] = ()
    removed_designs: tuple[str, ...] = ()
    #: Other settings that changed, as `metric: test_accuracy -> test_loss`.
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return any(vars(self).values())


def diff(old: Outline, new: Outline) -> OutlineDiff:
    """What changed from one revision to the next."""
    before = {variant.key: variant.name for variant in old.variants}
    after = {variant.key: variant.name for variant in new.variants}
    settings = ("title", "metric", "direction", "select", "looks", "strict", "budget", "statistics", "keep")
    changed = [
        f"{key}: {getattr(old, key)} -> {getattr(new, key)}"
        for key in settings
        if getattr(old, key) != getattr(new, key)
    ]
    if old.baseline != new.baseline:
        changed.append(f"baseline: {old.baseline} -> {new.baseline}")
    if old.report != new.report:
        changed.append("report: other curves or tables of epochs")
    old_levels, new_levels = _levels(old), _levels(new)
    old_designs, new_designs = ([design.name for design in outline.designs] for outline in (old, new))
    return OutlineDiff(
        added=tuple(name for key, name in after.items() if key not in before),
        removed=tuple(name for key, name in before.items() if key not in after),
        renamed=tuple((before[key], name) for key, name in after.items() if before.get(key, name) != name),
        added_seeds=tuple(seed for seed in new.seeds if seed not in old.seeds),
        removed_seeds=tuple(seed for seed in old.seeds if seed not in new.seeds),
        added_levels=tuple(level for level in new_levels if level not in old_levels),
        removed_levels=tuple(level for level in old_levels if level not in new_levels),
        added_designs=tuple(name for name in new_designs if name not in old_designs),
        removed_designs=tuple(name for name in old_designs if name not in new_designs),
        changed=tuple(changed),
    )


def mark_exploratory(outline: Outline, previous: Outline | None, *, results_seen: bool) -> Outline:
    """The outline with everything marked that was added after results were seen.

    What was confirmatory stays so, and what was exploratory stays so; only what the last revision did not have is
    judged by `results_seen`. The report tests the marked part as a family of its own.

    Args:
        outline: The new revision.
        previous: The revision before it; None for the first.
        results_seen: Whether any result of the study was there when the new revision was submitted.
    """
    if previous is None:
        return outline
    confirmed = previous.confirmed or (previous.plan if results_seen else None)
    variants = {variant.key: variant.exploratory for variant in previous.variants}
    designs = {(design.name, design.kind): design.exploratory for design in previous.designs}
    tunings = {tuning.key: tuning.exploratory for tuning in previous.tunings}
    return outline.model_copy(
        update={
            "confirmed": None if confirmed == outline.plan else confirmed,
            "variants": tuple(
                variant.model_copy(
                    update={
                        # What comes of a tuning was planned with it, though its recipe is new.
                        "exploratory": variants.get(variant.key, tunings.get(variant.tuning, results_seen))
                    }
                )
                for variant in outline.variants
            ),
            "designs": tuple(
                design.model_copy(update={"exploratory": designs.get((design.name, design.kind), results_seen)})
                for design in outline.designs
            ),
            "tunings": tuple(
                tuning.model_copy(update={"exploratory": tunings.get(tuning.key, results_seen)})
                for tuning in outline.tunings
            ),
        }
    )


def _levels(outline: Outline) -> list[str]:
    return [f"{factor.name}={level.name}" for factor in outline.factors for level in factor.levels]
