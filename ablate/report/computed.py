"""The table of how runs were computed: tier, threads and the like, how fast that was, and how near to the best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median

import numpy as np

from ablate.protocol import AttemptState, JobState
from ablate.report import numbers
from ablate.report.language import say, say_number
from ablate.report.table import Cell, Column, Row, Table, words
from ablate.store.records import RunRecord
from ablate.store.ways import Way
from ablate.verdicts.results import Results, finite

#: Forward passes that training on an image is worth: one, and about two for the gradients.
PASSES = 3
#: Time without any run that does not count for runs an hour, seconds.
PAUSE = 60.0


def computed_table(results: Results) -> Table | None:
    """A row for each way to compute and device model; None where nothing is known of any run that succeeded."""
    runs = [run for run in results.runs if run.state == JobState.SUCCEEDED]
    if not any(run.execution or run.images_per_second for run in runs):
        return None
    beside = _beside(runs)
    kinds: dict[tuple[Way | None, str], list[RunRecord]] = defaultdict(list)
    for run in runs:
        kinds[Way.of(run.execution), run.device_name or numbers.UNKNOWN].append(run)
    heads = (
        Column(name="tier", heading=say("tier"), align="left"),
        Column(name="k", heading="K"),
        Column(name="threads", heading=say("threads"), hideable=True),
        Column(name="memory_format", heading=say("memory format"), align="left", hideable=True),
        Column(name="precision", heading=say("precision"), align="left", hideable=True),
        Column(name="device", heading=say("device"), align="left", hideable=True),
        Column(name="runs", heading=say("runs")),
        Column(name="images_per_second", heading=say("images/s of a worker")),
        Column(name="share_of_peak", heading=say("share of peak (%)")),
    )
    rows = [
        Row(
            cells=(
                *_way_cells(way),
                words(device),
                Cell(text=f"{len(alike):,}", value=len(alike)),
                _median_cell(_rate(run, beside) for run in alike),
                _median_cell(_share(results, run, beside) for run in alike),
            )
        )
        for (way, device), alike in sorted(kinds.items(), key=lambda item: -len(item[1]))
    ]
    notes = _notes(
        results,
        fused=any(way is not None and way.tier == "fused" for way, _ in kinds),
        shares=any(row.cells[-1].value is not None for row in rows),
    )
    return Table(title=say("How it was computed"), columns=heads, rows=tuple(rows), notes=notes).hidden()


def _way_cells(way: Way | None) -> tuple[Cell, ...]:
    if way is None:
        return tuple(words(numbers.UNKNOWN) for _ in range(5))
    counts = (Cell(text=str(number), value=number) for number in (way.k, way.threads))
    return (words(way.tier), *counts, words(way.memory_format), words(way.precision))


def _median_cell(values: Iterable[float | None]) -> Cell:
    known = [value for value in values if value is not None]
    middle = median(known) if known else None
    return Cell(text=numbers.significant(middle), value=middle)


def _rate(run: RunRecord, beside: Mapping[int, float]) -> float | None:
    """Training images a second of a run's worker; None where it is not known what else that trained."""
    rate, together = finite(run.images_per_second), beside.get(run.job)
    return None if rate is None or together is None else rate * together


def _share(results: Results, run: RunRecord, beside: Mapping[int, float]) -> float | None:
    """Part of what its process reached in a product of matrices, per cent; an estimate."""
    rate, peak = _rate(run, beside), run.execution.get("peak_flops")
    if rate is None or not peak or run.flops is None:
        return None
    return 100 * PASSES * run.flops * rate / (float(peak) * _devices(results, run))


def _devices(results: Results, run: RunRecord) -> int:
    """Devices that trained a run together."""
    changed = {path: now for path, _, now in results.changes.get(run.variant_key, ())}
    devices = changed.get("training.devices", results.recipe.get("training", {}).get("devices"))
    return int(devices or 1)


def _beside(runs: Sequence[RunRecord]) -> dict[int, float]:
    """How many runs a run's worker trained while that went on, itself counted, by job: a mean over its time.

    A worker that computes each network by itself has one at a time. Runs whose times or workers are not known are left
    out.
    """
    found: dict[int, float] = {}
    together: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for run in runs:
        if run.execution.get("tier") != "fused":
            found[run.job] = 1.0
        elif run.worker is not None and run.started_at is not None and run.ended_at is not None:
            together[run.worker].append((run.job, run.started_at.timestamp(), run.ended_at.timestamp()))
    for members in together.values():
        begun, ended = np.array([span[1:] for span in members]).T
        for job, start, end in members:
            shared = np.clip(np.minimum(ended, end) - np.maximum(begun, start), 0, None).sum()
            found[job] = float(shared / (end - start)) if end > start else 1.0
    return found


def _notes(results: Results, *, fused: bool, shares: bool) -> tuple[str, ...]:
    notes = [
        say(
            "Images/s of a worker: the training images of a run, times the runs that its worker trained at the same "
            "time; median over runs."
        )
    ]
    if shares:
        notes.append(
            say(
                "Share of peak: the arithmetic of training, estimated as three times that of the forward pass, against "
                "what a product of float32 matrices reached in the same process."
            )
        )
    if fused:
        notes.insert(0, say("Fused: K networks were computed as one, with the numbers of exact up to rounding."))
    ended, seconds = _wall_time(results)
    if ended and seconds > 0:
        notes.append(
            say(
                "The whole study: {runs} in {time}, {rate} runs an hour; pauses of more than a minute, in which "
                "nothing ran, are left out.",
                runs=say_number(ended, "{n} run", "{n} runs"),
                time=numbers.duration(seconds),
                rate=numbers.significant(3600 * ended / seconds),
            )
        )
    return tuple(notes)


def _wall_time(results: Results) -> tuple[int, float]:
    """Runs that ended, and the time from the first start to the last end without pauses, seconds.

    When an attempt ended whose worker was lost nobody knows, so that it counts for its start alone.
    """
    ended, spans = 0, list[tuple[datetime, datetime]]()
    for run in results.runs:
        if run.worker is None or run.started_at is None or run.ended_at is None:
            continue
        ended += run.state in (JobState.SUCCEEDED, JobState.DIVERGED)
        spans.append((run.started_at, run.ended_at))
    for tries in results.attempts.values():
        spans += [
            (one.started_at, one.started_at if one.state is AttemptState.LOST or not one.ended_at else one.ended_at)
            for one in tries[:-1]
            if one.worker is not None
        ]
    seconds, until = 0.0, None
    for begun, end in sorted(spans):
        if until is None or (begun - until).total_seconds() > PAUSE:
            seconds += (end - begun).total_seconds()
        elif end > until:
            seconds += (end - until).total_seconds()
        until = end if until is None else max(until, end)
    return ended, seconds
