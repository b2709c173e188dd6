"""A ladder step by step: the ranked metric of each, what the step brought, and beside it what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.figures import rows, style
from ablate.report.language import say
from ablate.report.tables import ladder_table
from ablate.report.words import word
from ablate.store.records import RunRecord
from ablate.told import told
from ablate.verdicts.analysis import NOT_RUN, Analysis, Family
from ablate.verdicts.results import mean_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What a reader of the figure has to know beside its axes.
LADDER_NOTE = told(
    "Left: mean over seeds with its 95 % interval, colour and marker by the verdict against the step before. Right: "
    "what each step costs, from zero; FLOPs are those of one image."
)
#: Costs by the heading of their panel: the first few are shown that are known and vary.
COSTS: tuple[tuple[str, Callable[[RunRecord], float | None]], ...] = (
    (told("parameters"), lambda run: run.parameters),
    (told("FLOPs"), lambda run: run.flops),
    (told("s / epoch"), lambda run: run.seconds_per_epoch),
)
MOST_COSTS = 2
#: Width of a cost's panel against that of the metric.
SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step, the baseline first."""

    key: str
    name: str
    #: Colour and marker of its verdict.
    look: tuple[str, str]
    #: What it brought.
    text: str


def ladder_figure(analysis: Analysis, family: Family) -> Figure | None:
    """A row for each step; None where no step has a value yet.

    The metric stands as a dot, no bar: a bar must begin at zero, where steps of a percent cannot be seen.
    """
    steps = _steps(analysis, family)
    if not any(analysis.arms[step.key].values for step in steps):
        return None
    costs = [(heading, found) for heading, read in COSTS if (found := _costs(analysis, steps, read))]
    with style.drawing():
        return _draw(analysis, steps, costs[:MOST_COSTS])


def _steps(analysis: Analysis, family: Family) -> list[Step]:
    metric = analysis.results.metric
    names = [row.cells[0].text for row in ladder_table(analysis, family).rows]
    steps = [Step(key=analysis.results.baseline.key, name=names[0], look=(style.BASELINE, "D"), text="")]
    for name, one in zip(names[1:], family.comparisons, strict=True):
        said = analysis.verdict(one)
        text = word(said)
        if said != NOT_RUN:
            text = f"{numbers.signed(metric, one.difference.delta)}  {text}"
        steps.append(Step(key=one.arm, name=name, look=style.VERDICTS[one.verdict], text=text))
    return steps


def _costs(analysis: Analysis, steps: Sequence[Step], read: Callable[[RunRecord], float | None]) -> list[float | None]:
    """The mean of each step; nothing where it is not known or the same for all, or measured on other devices."""
    found, devices = [], set()
    for step in steps:
        runs = [run for run in analysis.results.runs_of(step.key) if run.state == JobState.SUCCEEDED]
        devices |= {run.device_name for run in runs}
        found.append(mean_of([read(run) for run in runs]))
    known = {value for value in found if value is not None}
    is_timed = read is COSTS[-1][1]
    return found if len(known) > 1 and not (is_timed and len(devices) > 1) else []


def _draw(analysis: Analysis, steps: Sequence[Step], costs: Sequence[tuple[str, Sequence[float | None]]]) -> Figure:
    figure = style.new_figure(7.4, 1.0 + rows.ROW * len(steps))
    panels = figure.subplots(
        1, 1 + len(costs), sharey=True, squeeze=False, width_ratios=[1.0, *(SHARE for _ in costs)]
    )[0]
    _metric(panels[0], analysis, steps)
    for axes, (heading, values) in zip(panels[1:], costs, strict=True):
        _bars(axes, heading, values)
    return figure


def _metric(axes: Axes, analysis: Analysis, steps: Sequence[Step]) -> None:
    metric = analysis.results.metric
    scale = 100.0 if metric.percent else 1.0
    found = [analysis.interval(step.key) for step in steps]
    means = [(row, scale * one.mean) for row, one in enumerate(found) if one.mean is not None]
    axes.plot([mean for _, mean in means], [row for row, _ in means], color=style.GREY, linewidth=0.8, zorder=1)
    for row, (step, one) in enumerate(zip(steps, found, strict=True)):
        colour, marker = step.look
        if one.low is not None and one.high is not None:
            axes.plot([scale * one.low, scale * one.high], [row, row], color=colour, linewidth=1.4, zorder=2)
        if one.mean is not None:
            axes.plot(scale * one.mean, row, marker=marker, markersize=6, color=colour, mec="white", mew=0.6, zorder=3)
    edges = [scale * edge for one in found for edge in (one.low, one.high) if edge is not None]
    axes.set_xlim(*rows.limits([mean for _, mean in means], edges))
    rows.label(axes, [step.name for step in steps], [step.text for step in steps], [step.look[0] for step in steps])
    axes.set_xlabel(numbers.axis(metric))


def _bars(axes: Axes, heading: str, values: Sequence[float | None]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for row, value in enumerate(values):
        axes.barh(row, value or 0.0, height=0.62, color=style.COLOURS[-1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=2))
    text = numbers.significant if heading == COSTS[-1][0] else numbers.count
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(say(heading))
