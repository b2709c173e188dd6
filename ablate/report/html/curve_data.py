"""What the page's charts draw: every curve once, as text that is small and always the same for the same rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from ablate.protocol import JobState
from ablate.report.figures.curves import is_baseline, panels
from ablate.report.language import say
from ablate.store.records import RunRecord
from ablate.study.report_table import epoch_metric
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import Results

#: Numbers up to which every epoch is kept: about nine bytes each.
MOST_NUMBERS = 1_300_000
#: Significant digits of a number.
DIGITS = 6
CONFIDENCE = 0.95


def curve_data(analysis: Analysis) -> str:
    """JSON for a `<script>`: metrics, panels, variants with their runs, and a pool of curves that runs point into.

    A curve holds a number (or null) for each epoch that is kept: the first, then every `stride`-th. Equal curves, as
    learning rates of all seeds, are there once. Empty where nothing was measured.
    """
    results = analysis.results
    names = [*results.measured, *(["lr"] if results.measures("lr") else [])]
    if not names:
        return ""
    longest = max(row.epoch for row in results.epochs)
    stride = max(1, math.ceil(len(results.epochs) * len(results.measured) / MOST_NUMBERS))
    stride = min(stride, longest)
    pool: dict[str, int] = {}
    head: dict[str, Any] = {
        "metrics": [_metric(name) for name in names],
        "panels": list(_panels(results, names)),
        "ranked": _first(results, names),
        "stride": stride,
        "t": _quantiles(max((len(results.runs_of(one.key)) for one in results.outline.variants), default=1)),
        "variants": [
            {
                "name": variant.name,
                "baseline": is_baseline(results, variant),
                "runs": [
                    _run(results, run, names, stride, pool)
                    for run in results.runs_of(variant.key)
                    if results.epochs_of(run)
                ],
            }
            for variant in results.outline.variants
        ],
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f'{text[:-1]},"curves":[{",".join(pool)}]}}'.replace("<", "\\u003c")


def _metric(name: str) -> dict[str, Any]:
    metric = epoch_metric(name)
    return {"label": say(metric.label), "percent": metric.percent}


def _panels(results: Results, names: list[str]) -> Iterator[tuple[str, int, int]]:
    """Title, bold and thin metric (-1: none) of each: the figures' panels, then what none of these shows alone."""
    shown = panels(results)
    for panel in shown:
        if panel.bold in names:
            yield panel.name, names.index(panel.bold), names.index(panel.thin) if panel.thin else -1
    alone = {panel.bold for panel in shown if not panel.thin}
    for number, name in enumerate(names):
        if name not in alone:
            yield say(epoch_metric(name).label), number, -1


def _first(results: Results, names: list[str]) -> int:
    """The panel that is shown first: of the kind that variants are ranked by."""
    kind = results.outline.metric.rpartition("_")[2]
    return next((place for place, (_, bold, _) in enumerate(_panels(results, names)) if names[bold].endswith(kind)), 0)


def _run(results: Results, run: RunRecord, names: list[str], stride: int, pool: dict[str, int]) -> list[Any]:
    """Seed, how it ended, and the number of its curve for each metric."""
    rows = [row for row in results.epochs_of(run) if (row.epoch - 1) % stride == 0]
    kept = []
    for name in names:
        scale = 100.0 if epoch_metric(name).percent else 1.0
        curve = ["null"] * ((rows[-1].epoch - 1) // stride + 1 if rows else 0)
        for row in rows:
            value = results.after_epoch(row, name)
            if value is not None:
                curve[(row.epoch - 1) // stride] = f"{scale * value:.{DIGITS}g}"
        kept.append(pool.setdefault(f"[{','.join(curve)}]", len(pool)))
    kind = {JobState.SUCCEEDED: "steady", JobState.DIVERGED: "wild"}.get(run.state, "partial")
    return [run.seed, kind, kept]


def _quantiles(seeds: int) -> list[float]:
    """Quantiles of the t distribution for two, three ... seeds, as bands need them."""
    from scipy import stats

    return [round(float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)), 4) for freedom in range(1, seeds)]
