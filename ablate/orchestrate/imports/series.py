"""Curves over steps, as trackers keep them, become rows of epochs and of runs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from ablate.orchestrate.imports.sheet import Cell, Faults, Row, Sheet

#: More steps than epochs are likely to be, and more steps between two values than epochs are.
MOST_EPOCHS, LARGEST_GAP = 10_000, 20

Curve = Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A run as a tracker kept it."""

    #: Where it stands, for messages.
    place: str
    #: Value by step of each metric.
    curves: Mapping[str, Curve]
    #: What may tell its variant, its seed and the levels of factors, by column.
    identity: Mapping[str, Cell] = field(default_factory=dict)
    #: What else is known of the whole run, by column.
    whole: Mapping[str, Cell] = field(default_factory=dict)


def sheets(source: str, runs: Sequence[Tracked], *, epoch_steps: int | None, faults: Faults) -> list[Sheet]:
    """A sheet with a row for each run, and one with a row for each epoch where there are curves.

    A metric with one value in each run is of the whole run. Steps are epochs, counted from 1, unless runs log their
    `epoch`, or `epoch_steps` says how many make one; then the last value within an epoch counts, and of training
    metrics, which come from single batches, the mean.

    Args:
        source: As messages and provenance call it.
        runs: What was tracked.
        epoch_steps: Steps of an epoch; None: each step is one, unless that is unlikely.
        faults: Where mistakes go.
    """
    names = sorted({name for run in runs for name in run.curves if name != "epoch"})
    curved = [name for name in names if any(len(run.curves.get(name, ())) > 1 for run in runs)]
    single = [name for name in names if name not in curved]
    identity = tuple(dict.fromkeys(column for run in runs for column in run.identity))
    further = tuple(dict.fromkeys(column for run in runs for column in run.whole))
    places = [run.place for run in runs]
    who = [[run.identity.get(column) for column in identity] for run in runs]
    of_runs: list[Row] = [
        (
            number,
            [
                *who[number],
                *(run.whole.get(column) for column in further),
                *(next(iter(run.curves.get(name, {}).values()), None) for name in single),
            ],
        )
        for number, run in enumerate(runs)
    ]
    found = [Sheet(source=source, columns=(*identity, *further, *single), rows=of_runs, places=places)]
    shift = int(any(0 in run.curves[name] for run in runs for name in curved if name in run.curves))
    of_epochs: list[Row] = []
    for number, run in enumerate(runs):
        by_epoch = _by_epoch(run, curved, epoch_steps, shift, faults)
        of_epochs += [
            (number, [*who[number], epoch, *(values.get(name) for name in curved)])
            for epoch, values in sorted(by_epoch.items())
        ]
    if of_epochs:
        found.append(Sheet(source=source, columns=(*identity, "epoch", *curved), rows=of_epochs, places=places))
    return found


def _by_epoch(
    run: Tracked, curved: Sequence[str], epoch_steps: int | None, shift: int, faults: Faults
) -> dict[int, dict[str, float]]:
    logged = run.curves.get("epoch", {})
    steps = sorted({step for name in curved for step in run.curves.get(name, ())})
    if not steps:
        return {}
    if not logged and epoch_steps is None:
        if steps[-1] > MOST_EPOCHS or steps[-1] - steps[0] > LARGEST_GAP * len(steps):
            faults.add(
                run.place,
                f"its steps go to {steps[-1]:,}, which are hardly epochs; say how many steps make one: "
                "`--epoch-steps 390` (or `--epoch-steps 1` where each is an epoch)",
            )
            return {}
        epoch_of = {step: step + shift for step in steps}
    elif epoch_steps is not None and epoch_steps > 1:
        epoch_of = {step: max(1, math.ceil(step / epoch_steps)) for step in steps}
    elif logged and epoch_steps is None:
        epoch_of = _logged(logged, steps)
    else:
        epoch_of = {step: step + shift for step in steps}
    found: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for name in curved:
        within: defaultdict[int, list[float]] = defaultdict(list)
        for step, value in sorted(run.curves.get(name, {}).items()):
            within[epoch_of[step]].append(value)
        for epoch, values in within.items():
            found[epoch][name] = fmean(values) if "train" in name.lower() else values[-1]
    return found


def _logged(epochs: Curve, steps: Sequence[int]) -> dict[int, int]:
    """Epoch of each step as the run logged it: at that step, else at the last one before; counted from 1."""
    shift = 1 if min(epochs.values()) < 1 else 0
    found: dict[int, int] = {}
    ordered = sorted(epochs)
    place = 0
    for step in steps:
        while place + 1 < len(ordered) and ordered[place + 1] <= step:
            place += 1
        found[step] = int(epochs[ordered[place]]) + shift
    return found
