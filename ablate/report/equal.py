"""Variants after equally many epochs, and after equally much training time. Nothing here looks at the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

from ablate.metrics import ORACLE, Metric
from ablate.report.costs import device_models, successful
from ablate.statistics import Difference, MeanInterval, mean_interval, welch
from ablate.store.records import RunRecord
from ablate.study.outline import OutlineVariant
from ablate.study.report_table import epoch_metric
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import Results

#: Share by which a sum of seconds may exceed the time that it is held against: rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Point:
    """A variant after some epoch."""

    #: Counted from 1.
    epoch: int
    #: The curve metric over seeds.
    interval: MeanInterval
    #: Variant minus its reference, Welch's interval, adjusted for nothing; None of the reference itself, and where a
    #: side's seeds diverged or failed.
    difference: Difference | None


@dataclass(frozen=True, kw_only=True)
class Equal:
    """What all variants had reached at the same cost in epochs, and in time."""

    #: What is told of each epoch.
    metric: Metric
    #: The last epoch that all runs of all variants reached.
    epoch: int
    #: By variant key, in the order of the study.
    at_epoch: Mapping[str, Point]
    #: The longest training time that all variants reached, in seconds; None without a clock.
    seconds: float | None
    #: The device model on which time was taken; empty without one.
    device: str
    #: By variant key; None of variants whose first epoch was not over by then.
    at_time: Mapping[str, Point | None]
    #: Keys of variants whose runs were on other device models too.
    other_devices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Curves:
    """The runs of one variant over the epochs that all of them have."""

    #: Curve metric of each run, a row of equal length for each.
    values: tuple[tuple[float, ...], ...]
    #: Training time until the end of each epoch, seconds: summed medians over the runs; empty where not known.
    times: tuple[float, ...]

    def after(self, epoch: int) -> list[float]:
        return [row[epoch - 1] for row in self.values]


def curve_metric(results: Results) -> Metric | None:
    """What variants are told by at each epoch: the ranked metric, or its like on the validation images.

    Else the validation accuracy or loss, else the training loss; never anything of the test set. None where no epoch
    measured any.
    """
    ranked = results.outline.metric
    own = "" if ranked.startswith(("test_", ORACLE)) else ranked
    beside = ranked.replace("test_", "val_", 1) if ranked.startswith("test_") else ""
    for name in (own, beside, "val_accuracy", "val_loss", "train_loss"):
        if name and results.measures(name):
            return results.metric if name == ranked else epoch_metric(name)
    return None


def at_equal_cost(analysis: Analysis) -> Equal | None:
    """The comparison at equal cost; None where fewer than two variants have a curve."""
    results = analysis.results
    metric = curve_metric(results)
    if metric is None:
        return None
    curves = {
        variant.key: found
        for variant in results.outline.variants
        if (found := _curves(results, successful(results, variant.key), metric.name)) is not None
    }
    if len(curves) < 2:
        return None
    epoch = min(len(one.values[0]) for one in curves.values())
    device = common_device(results, list(curves))
    clocked = {key: one for key, one in curves.items() if device and one.times and on_device(results, key, device)}
    seconds = min(one.times[-1] for one in clocked.values()) if len(clocked) > 1 else None
    at_time: dict[str, Point | None] = {}
    if seconds is not None:
        reached = {key: _epochs_within(one.times, seconds) for key, one in clocked.items()}
        at_time = {
            key: _point(analysis, results.outline.variant(key), clocked, reached) if reached[key] else None
            for key in clocked
        }
    return Equal(
        metric=metric,
        epoch=epoch,
        at_epoch={
            key: _point(analysis, results.outline.variant(key), curves, dict.fromkeys(curves, epoch)) for key in curves
        },
        seconds=seconds,
        device=device if seconds is not None else "",
        at_time=at_time,
        other_devices=tuple(key for key, one in curves.items() if one.times and key not in clocked),
    )


def common_device(results: Results, keys: Sequence[str]) -> str:
    """The device model of the baseline's runs, or where those were on several or none, that of most variants."""
    models = {key: device_models(successful(results, key)) for key in keys}
    own = models.get(results.outline.baseline, set())
    if len(own) == 1:
        return next(iter(own))
    single = [next(iter(found)) for found in models.values() if len(found) == 1]
    return max(sorted(set(single)), key=single.count, default="")


def on_device(results: Results, key: str, device: str) -> bool:
    """Whether all runs of a variant were on a device model: seconds are never compared across models."""
    return device_models(successful(results, key)) == {device}


def _curves(results: Results, runs: Sequence[RunRecord], name: str) -> _Curves | None:
    """The curves of runs, cut to the epochs that all of them have; None where a run has none."""
    values, seconds = [], []
    for run in runs:
        row: list[float] = []
        for one in results.epochs_of(run):
            if (value := results.after_epoch(one, name)) is None:
                break
            row.append(value)
        values.append(row)
        seconds.append([one.seconds for one in results.epochs_of(run)])
    common = min(map(len, values), default=0)
    if not common:
        return None
    of_epochs = [[time for row in seconds if (time := row[place]) is not None] for place in range(common)]
    known = all(len(of_epoch) == len(runs) for of_epoch in of_epochs) and all(run.alone for run in runs)
    return _Curves(
        values=tuple(tuple(row[:common]) for row in values),
        times=tuple(accumulate(map(median, of_epochs))) if known else (),
    )


def _epochs_within(times: Sequence[float], seconds: float) -> int:
    """Epochs that are over after so many seconds."""
    return sum(time <= seconds * (1 + ROUNDING) for time in times)


def _point(
    analysis: Analysis, variant: OutlineVariant, curves: Mapping[str, _Curves], reached: Mapping[str, int]
) -> Point:
    epoch = reached[variant.key]
    values = curves[variant.key].after(epoch)
    reference = analysis.results.reference(variant).key
    difference = None
    comparable = reference in curves and reached[reference] and not variant.is_reference and reference != variant.key
    if comparable and not any(analysis.arms[key].spoiled for key in (variant.key, reference)):
        difference = welch(values, curves[reference].after(reached[reference]))
    return Point(epoch=epoch, interval=mean_interval(values), difference=difference)
