"""Runs that were read are held against those that are stored: what is new, what fills gaps, what contradicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ablate.metrics import OF_EPOCHS
from ablate.orchestrate.imports.drafts import ORACLE, Draft
from ablate.orchestrate.imports.sheet import Faults
from ablate.protocol import JobState
from ablate.store.imported import ImportedRun

Select = Literal["best_val", "best_val_loss", "last"]
_TEXTS = ("device", "device_name", "error")
_FROM, _HASH = "imported from", "SHA-256"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What an import changes."""

    #: Runs that the database has not.
    added: tuple[ImportedRun, ...] = ()
    #: Runs that have gained values, or were replaced.
    changed: tuple[ImportedRun, ...] = ()
    #: Runs that are stored as they are.
    unchanged: int = 0


def settle(
    drafts: Sequence[Draft],
    stored: Mapping[tuple[str, int], ImportedRun],
    *,
    metric: str,
    select: Select,
    may_replace: bool,
    faults: Faults,
) -> Settled:
    """Sort runs by what they change.

    Args:
        drafts: What was read.
        stored: What the database has, by variant and seed.
        metric: What variants are ranked by.
        select: Which epoch counts where a run does not say.
        may_replace: A run that contradicts the stored one takes its place, whole.
        faults: Where contradictions go.
    """
    added, changed, unchanged = [], [], 0
    for draft in drafts:
        run = _finished(draft, metric)
        before = stored.get((run.variant, run.seed))
        if before is None:
            added.append(_selected(run, select))
            continue
        wrong = _contradictions(draft, run, before)
        if wrong and may_replace:
            changed.append(_selected(run, select))
            continue
        for what in wrong:
            faults.add(draft.place, f"{run.variant}, seed {run.seed}: {what}; mend it, or add `--replace`")
        joined = _joined(run, before, is_said=draft.state is not None or _diverged(draft, metric))
        if joined == replace(before, provenance=joined.provenance):
            unchanged += 1
        else:
            changed.append(_selected(joined, select))
    return Settled(added=tuple(added), changed=tuple(changed), unchanged=unchanged)


def _finished(draft: Draft, metric: str) -> ImportedRun:
    """A run as its sources have it. One whose losses or ranked metric are no numbers has diverged."""
    state, error = draft.state or JobState.SUCCEEDED, draft.texts.get("error")
    if _diverged(draft, metric):
        state = JobState.DIVERGED
        name, when = next(
            (name, when) for name, when in draft.broken.items() if name.endswith("loss") or name == metric
        )
        error = error or f"{name} was no number {when}"
    files = {source: digest for source, digest in draft.sources.items() if digest}
    provenance = {_FROM: ", ".join(draft.sources)}
    if files:
        provenance[_HASH] = ", ".join(files.values())
    return ImportedRun(
        variant=draft.variant,
        seed=draft.seed,
        state=state,
        values=_of_run(draft.values, draft.epochs),
        epochs=draft.epochs,
        device=draft.texts.get("device"),
        device_name=draft.texts.get("device_name"),
        error=error,
        provenance=provenance,
    )


def _diverged(draft: Draft, metric: str) -> bool:
    is_broken = any(name.endswith("loss") or name == metric for name in draft.broken)
    return is_broken and draft.state in (None, JobState.SUCCEEDED)


def _contradictions(draft: Draft, run: ImportedRun, before: ImportedRun) -> list[str]:
    """Where a run says other things than the stored one."""
    found = []
    is_said = draft.state is not None or run.state is JobState.DIVERGED
    if is_said and run.state != before.state:
        found.append(f"{run.state} here, {before.state} in the database")
    for name, value in run.values.items():
        if before.values.get(name, value) != value:
            found.append(f"{name} is {value:g} here, {before.values[name]:g} in the database")
    for name in _TEXTS:
        here, there = draft.texts.get(name), getattr(before, name)
        if here and there and here != there:
            found.append(f"{name} is {here!r} here, {there!r} in the database")
    for epoch, values in run.epochs.items():
        known = before.epochs.get(epoch)
        if known is None and before.epochs:
            found.append(f"epoch {epoch} is new, and the run ended after epoch {max(before.epochs)} in the database")
            break
        other = next((name for name, value in values.items() if known and known.get(name, value) != value), None)
        if known and other is not None:
            found.append(f"{other} after epoch {epoch} is {values[other]:g} here, {known[other]:g} in the database")
            break
    return found


def _joined(run: ImportedRun, before: ImportedRun, *, is_said: bool) -> ImportedRun:
    """The stored run with what the new one adds to it."""
    provenance = {
        name: ", ".join(dict.fromkeys([*old.split(", "), *new.split(", ")]) if old and new else [old or new])
        for name in (_FROM, _HASH)
        if (old := before.provenance.get(name, "")) or run.provenance.get(name)
        for new in [run.provenance.get(name, "")]
    }
    epochs = {
        epoch: {**before.epochs.get(epoch, {}), **run.epochs.get(epoch, {})}
        for epoch in sorted({*before.epochs, *run.epochs})
    }
    return ImportedRun(
        variant=run.variant,
        seed=run.seed,
        state=run.state if is_said else before.state,
        values=_of_run({**before.values, **run.values}, epochs),
        epochs=epochs,
        device=before.device or run.device,
        device_name=before.device_name or run.device_name,
        error=before.error or run.error,
        provenance=provenance,
    )


def _of_run(values: Mapping[str, float], epochs: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """Values of a whole run without those that only repeat its last or its selected epoch's."""
    repeated = {name for name in OF_EPOCHS if name != "seconds" and any(name in one for one in epochs.values())}
    return {name: value for name, value in values.items() if name not in repeated}


def _selected(run: ImportedRun, select: Select) -> ImportedRun:
    """A run with its selected epoch, and the test figures of that epoch where each epoch has some."""
    if run.state is not JobState.SUCCEEDED or not run.epochs:
        return run
    values = dict(run.values)
    epoch = int(values.setdefault("selected_epoch", _best(run.epochs, select)))
    for name, value in run.epochs.get(epoch, {}).items():
        if name.startswith(f"{ORACLE}test_"):
            values.setdefault(name.removeprefix(ORACLE), value)
    return replace(run, values=values)


def _best(epochs: Mapping[int, Mapping[str, float]], select: Select) -> int:
    """The epoch that a rule selects, the earliest of equals; the last where the rule finds nothing to go by."""
    name, sign = ("val_accuracy", -1) if select == "best_val" else ("val_loss", 1)
    known = {epoch: sign * values[name] for epoch, values in epochs.items() if name in values}
    if select == "last" or not known:
        return max(epochs)
    return min(known, key=lambda epoch: (known[epoch], epoch))
