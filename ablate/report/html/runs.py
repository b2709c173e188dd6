"""What is known of every single run, below its variant: how its recipe departs from the baseline's, and how it went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.html.attempts import History, device, history, letters_each, moment, said
from ablate.report.language import say, say_number
from ablate.store.records import RunRecord
from ablate.study.outline import OutlineVariant
from ablate.verdicts.analysis import Analysis


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One run; everything is text."""

    job: str
    seed: str
    state: str
    value: str
    #: Recorded epochs, and the one that was selected.
    epochs: str
    selected: str
    #: Of the last attempt.
    started: str
    seconds: str
    device: str
    attempts: str
    #: One line on what went wrong; empty where nothing did.
    error: str
    #: How it came to that; None where it went well at once.
    history: History | None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One variant and its runs."""

    key: str
    name: str
    is_baseline: bool
    #: In words: `5 runs`, `4 of 5 runs succeeded`.
    said: str
    has_trouble: bool
    #: Dotted path, the baseline's value, its own.
    changes: tuple[tuple[str, str, str], ...]
    #: Whether its recipe is known: results from elsewhere have none.
    has_recipe: bool
    runs: tuple[RunView, ...]


def run_panels(analysis: Analysis) -> tuple[Panel, ...]:
    """A panel for each variant, in the order of the study."""
    attempts = analysis.results.attempts
    letters = letters_each(list(attempts.values()))
    histories = {job: history(tries, letters) for job, tries in attempts.items()}
    return tuple(_panel(analysis, variant, histories) for variant in analysis.results.outline.variants)


def _panel(analysis: Analysis, variant: OutlineVariant, histories: Mapping[int, History | None]) -> Panel:
    results = analysis.results
    runs = results.runs_of(variant.key)
    ended = sum(run.state == JobState.SUCCEEDED for run in runs)
    whole = say_number(len(runs), "{n} run", "{n} runs")
    return Panel(
        key=variant.key,
        name=variant.name,
        is_baseline=variant.key == results.outline.baseline or variant.is_reference,
        said=whole if ended == len(runs) else say("{n} of {runs} succeeded", n=ended, runs=whole),
        has_trouble=any(run.state in (JobState.DIVERGED, JobState.FAILED) for run in runs),
        changes=tuple((path, _value(was), _value(now)) for path, was, now in results.changes.get(variant.key, ())),
        has_recipe=variant.key in results.changes,
        runs=tuple(_run(analysis, run, histories.get(run.job)) for run in runs),
    )


def _value(value: object) -> str:
    """A setting as a study file would have it."""
    return say("default") if value is None else json.dumps(value, ensure_ascii=False)


def _run(analysis: Analysis, run: RunRecord, past: History | None) -> RunView:
    return RunView(
        job=str(run.job),
        seed=str(run.seed),
        state=str(run.state),
        value=numbers.plain(analysis.results.metric, analysis.results.value(run)),
        epochs=str(run.epochs),
        selected=numbers.UNKNOWN if run.selected_epoch is None else str(run.selected_epoch),
        started=moment(run.started_at),
        seconds=numbers.significant(run.seconds),
        device=device(run.device, run.device_name),
        attempts=str(run.attempt),
        error=said(run.error),
        history=past,
    )
