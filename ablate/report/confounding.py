"""What may stand behind a difference beside the recipes: another device model, another version of a library."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.store.records import RunRecord

#: Versions in a run's provenance that may change its numbers.
VERSIONS = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "python", "ablate-lab", "commit")


def version_of(run: RunRecord, name: str) -> str | None:
    """The version of a library, or the commit, that a run was made with; None where it is not known."""
    found = run.provenance.get(name)
    return None if found is None else str(found)


def versions_apart(runs: Sequence[RunRecord], reference: Sequence[RunRecord]) -> list[str]:
    """Names of `VERSIONS` that no run shares with any run of the reference, where both sides are known."""
    apart = []
    for name in VERSIONS:
        here = {version for run in runs if (version := version_of(run, name)) is not None}
        there = {version for run in reference if (version := version_of(run, name)) is not None}
        if here and there and not here & there:
            apart.append(name)
    return apart


def device_apart(runs: Sequence[RunRecord], reference: Sequence[RunRecord]) -> bool:
    """Whether no run was on a device model that any run of the reference was on, where both sides are known."""
    here, there = ({run.device_name for run in side if run.device_name} for side in (runs, reference))
    return bool(here and there and not here & there)
