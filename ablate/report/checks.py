"""What the report notices by itself: levels that change nothing, seeds without effect, machines that got mixed up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ablate.metrics import ORACLE
from ablate.protocol import JobState
from ablate.recipe.signatures import nearest
from ablate.report.confounding import VERSIONS, version_of, versions_apart
from ablate.report.examples import other_images
from ablate.report.language import say, say_number
from ablate.report.looks import replanned
from ablate.report.repeats import repeat_told
from ablate.report.table import listed, together
from ablate.store.records import RunRecord
from ablate.study.outline import OutlineVariant
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import Results

#: Names of metrics that a finding lists.
NAMED_METRICS = 12

#: States in which a run has a result.
MEASURED = (JobState.SUCCEEDED, JobState.DIVERGED, JobState.FAILED)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a reader should know before believing a table."""

    severity: Literal["error", "warning", "note"]
    #: Plain text, unescaped.
    text: str


def findings(analysis: Analysis) -> tuple[Finding, ...]:
    """All findings, errors first."""
    found = [
        *_nothing_measured(analysis.results),
        *_never_ranked(analysis),
        *_other_images(analysis.results),
        *(Finding(severity="warning", text=text) for text in other_images(analysis)),
        *_seeds_without_effect(analysis.results),
        *_no_ops(analysis.results),
        *_doubles(analysis.results),
        *_unvarying(analysis),
        *_mixed_machines(analysis.results),
        *_mixed_versions(analysis.results),
        *_older_files(analysis.results),
        *_uncommitted(analysis.results),
        *_replanned(analysis.results),
        *_unscored(analysis),
        *_reported_elsewhere(analysis.results),
        *_repeated(analysis),
    ]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity)))


def _succeeded(results: Results, variant: OutlineVariant) -> list[RunRecord]:
    return [run for run in results.runs_of(variant.key) if run.state == JobState.SUCCEEDED]


def _losses(results: Results, run: RunRecord) -> tuple[float | None, ...]:
    return tuple(row.train_loss for row in results.epochs_of(run))


def _seeds_without_effect(results: Results) -> Iterator[Finding]:
    """Different seeds with the same training losses, epoch for epoch."""
    for variant in results.outline.variants:
        seen: dict[tuple[float | None, ...], int] = {}
        for run in _succeeded(results, variant):
            losses = _losses(results, run)
            if not losses or None in losses:
                continue
            if losses in seen:
                yield Finding(
                    severity="error",
                    text=say(
                        "{name}: seeds {first} and {second} have identical training losses: seed has no effect? Its "
                        "spread over seeds means nothing.",
                        name=variant.name,
                        first=seen[losses],
                        second=run.seed,
                    ),
                )
                break
            seen[losses] = run.seed


def _nothing_measured(results: Results) -> Iterator[Finding]:
    """All runs ended, and not one of them well."""
    if results.runs and all(run.state in MEASURED and run.state != JobState.SUCCEEDED for run in results.runs):
        yield Finding(severity="error", text=say("No run has succeeded: there is nothing to compare."))


def _never_ranked(analysis: Analysis) -> Iterator[Finding]:
    """Runs succeeded, and none measured what variants are ranked by."""
    results = analysis.results
    name = results.outline.metric
    if JobState.SUCCEEDED not in results.states() or any(arm.values for arm in analysis.arms.values()):
        return
    if name.startswith(ORACLE):
        yield Finding(
            severity="error",
            text=say(
                "`{metric}` looks at the test set after every epoch: nothing is ranked by it. Write `{other}` as "
                "`metric` at the top of the study and type `ablate run` again: nothing is trained anew.",
                metric=name,
                other=name.removeprefix(ORACLE),
            ),
        )
        return
    logged = listed([f"`{one}`" for one in results.logged], NAMED_METRICS)
    sentences = [say("No run measured `{metric}`, by which variants are ranked.", metric=name)]
    if logged:
        near = nearest(name, list(results.logged))
        sentences += [
            say("They logged {names}; did you mean '{near}'?", names=logged, near=near)
            if near
            else say("They logged {names}.", names=logged),
            say(
                "Write one of these as `metric` at the top of the study and type `ablate run` again: nothing is "
                "trained anew."
            ),
        ]
    else:
        sentences.append(say("Let the trainer report it, as `ctx.log({metric}=...)`.", metric=name))
    yield Finding(severity="error", text=together(sentences))


def _other_images(results: Results) -> Iterator[Finding]:
    """Runs that were to see the same images, and did not."""
    seen: dict[str, dict[str, list[RunRecord]]] = {}
    for run in results.runs:
        meant, colon, were = run.fingerprints.get("data", "").partition(":")
        if colon and run.state == JobState.SUCCEEDED:
            seen.setdefault(meant, {}).setdefault(were, []).append(run)
    for versions in seen.values():
        if len(versions) > 1:
            told = [
                listed([say("{name} (seed {seed})", name=run.variant, seed=run.seed) for run in runs], 3)
                for runs in sorted(versions.values(), key=lambda runs: -len(runs))
            ]
            yield Finding(
                severity="error",
                text=say(
                    "The files of the data set were changed between runs, so that their figures cannot be compared: "
                    "{runs}.",
                    runs=say("; and with other files ").join(told),
                ),
            )


def _no_ops(results: Results) -> Iterator[Finding]:
    """Variants that train the baseline's network in the baseline's way.

    Equal fingerprints alone do not show it (a schedule that falls later starts alike), so the learning rates must be
    equal at every epoch too, and on a processor, whose runs repeat bit for bit, the losses and the outcome.
    """
    for variant in results.outline.variants:
        reference = results.reference(variant)
        if variant.is_reference or variant.key in (results.baseline.key, reference.key):
            continue
        baseline = {run.seed: run for run in _succeeded(results, reference)}
        pairs = [(run, baseline[run.seed]) for run in _succeeded(results, variant) if run.seed in baseline]
        if not pairs or not all(_starts_alike(results, *pair) for pair in pairs):
            continue
        same = all(
            _losses(results, run) == _losses(results, other)
            and (run.test_loss, run.test_accuracy) == (other.test_loss, other.test_accuracy)
            for run, other in pairs
        )
        if same:
            yield Finding(
                severity="warning",
                text=say(
                    "{name}: changes nothing. Network, optimizer, transforms, learning rates and all losses are those "
                    "of the baseline, for every common seed.",
                    name=variant.name,
                ),
            )
        elif all(run.device != "cpu" for run, _ in pairs):
            yield Finding(
                severity="warning",
                text=say(
                    "{name}: seems to change nothing. Network, optimizer, transforms, first loss and learning rates "
                    "are those of the baseline, for every common seed.",
                    name=variant.name,
                ),
            )


def _starts_alike(results: Results, run: RunRecord, other: RunRecord) -> bool:
    rates = [[row.lr for row in results.epochs_of(one)] for one in (run, other)]
    return (
        bool(run.fingerprints)
        and dict(run.fingerprints) == dict(other.fingerprints)
        and run.parameters == other.parameters
        and rates[0] == rates[1]
    )


def _doubles(results: Results) -> Iterator[Finding]:
    """Names that mean a recipe which the study has already."""
    for variant in results.outline.variants:
        if variant.also:
            text = say("{names}: the same recipe as {name}.", names=listed(variant.also), name=variant.name)
            yield Finding(severity="note", text=text)


def _unvarying(analysis: Analysis) -> Iterator[Finding]:
    """Variants whose seeds all reached the same value: honest on small test sets, and no basis for a test."""
    names = [
        variant.name
        for variant in analysis.results.outline.variants
        if len(arm := analysis.arms[variant.key].values) > 1 and len(set(arm.values())) == 1
    ]
    if names:
        yield Finding(
            severity="note",
            text=say(
                "All seeds reached the very same {metric} in {names}.",
                metric=analysis.results.metric.label,
                names=listed(names),
            ),
        )


def _mixed_machines(results: Results) -> Iterator[Finding]:
    """Seconds of different device models must not be compared; a variant on a model of its own is confounded."""
    models = {
        variant.key: {run.device_name for run in _succeeded(results, variant) if run.device_name}
        for variant in results.outline.variants
    }
    everything = sorted(set().union(*models.values()))
    if len(everything) < 2:
        return
    yield Finding(
        severity="warning",
        text=say(
            "Runs come from {n} device models ({models}): do not compare seconds between variants.",
            n=len(everything),
            models=listed(everything),
        ),
    )
    reference = models[results.baseline.key]
    apart = [
        variant.name
        for variant in results.outline.variants
        if models[variant.key] and reference and not models[variant.key] & reference
    ]
    if apart:
        yield Finding(
            severity="warning",
            text=say(
                "{names}: no run on a device model of the baseline, so a difference may be the machine's.",
                names=listed(apart),
            ),
        )


def _mixed_versions(results: Results) -> Iterator[Finding]:
    """Runs under different versions of the libraries or of the code."""
    for name in VERSIONS:
        versions: dict[str, set[str]] = {}
        for variant in results.outline.variants:
            for run in _succeeded(results, variant):
                if (version := version_of(run, name)) is not None:
                    versions.setdefault(version, set()).add(variant.name)
        if len(versions) > 1:
            shown = listed([version[:12] for version in sorted(versions)])
            text = say(
                "Runs were made under different versions of {library}: {versions}.", library=name, versions=shown
            )
            yield Finding(severity="warning", text=text)
    reference = _succeeded(results, results.baseline)
    variants = results.outline.variants
    apart = {variant.name: versions_apart(_succeeded(results, variant), reference) for variant in variants}
    for name in VERSIONS:
        if names := [variant for variant, found in apart.items() if name in found]:
            yield Finding(
                severity="warning",
                text=say(
                    "{names}: no run under a version of {library} that the baseline had, so a difference may be the "
                    "version's.",
                    names=listed(names),
                    library=name,
                ),
            )


def _older_files(results: Results) -> Iterator[Finding]:
    """Runs of another version of the user's own files than the newest revision has."""
    for path, now in results.sources.items():
        old: dict[str, int] = {}
        for variant in results.outline.variants:
            for run in results.runs_of(variant.key):
                before = run.provenance.get("sources", {}).get(path, now)
                if run.state in MEASURED and before != now:
                    old[variant.name] = old.get(variant.name, 0) + 1
        if old:
            count = sum(old.values())
            yield Finding(
                severity="warning",
                text=say_number(
                    count,
                    "{n} run of {names} was made with an older {file} than the study has now; `ablate run "
                    "--rerun-stale` runs them again.",
                    "{n} runs of {names} were made with an older {file} than the study has now; `ablate run "
                    "--rerun-stale` runs them again.",
                    names=listed(list(old)),
                    file=path,
                ),
            )


def _uncommitted(results: Results) -> Iterator[Finding]:
    """Runs of code that no commit holds."""
    dirty = sum(bool(run.provenance.get("dirty")) for run in results.runs)
    if dirty:
        yield Finding(
            severity="note",
            text=say(
                "{n} of {all} runs were made with uncommitted changes in the working tree.",
                n=dirty,
                all=len(results.runs),
            ),
        )


def _replanned(results: Results) -> Iterator[Finding]:
    """Seeds that were added after results were seen."""
    if text := replanned(results.outline):
        yield Finding(severity="note", text=text)


def _unscored(analysis: Analysis) -> Iterator[Finding]:
    """Diverged runs should score as chance, and what a guess scores is not known."""
    wanted = analysis.results.outline.statistics.on_diverged == "score_as_chance"
    if wanted and analysis.chance is None and any(arm.diverged for arm in analysis.arms.values()):
        yield Finding(
            severity="warning",
            text=say(
                "Diverged runs should score as chance, but what a guess scores in {metric} is not known (it takes the "
                "number of classes, and an accuracy or a loss): they bar a verdict instead.",
                metric=analysis.results.metric.label,
            ),
        )


def _repeated(analysis: Analysis) -> Iterator[Finding]:
    """What two runs of one recipe and seed differ by, where `ablate check --repeat` has looked."""
    for made in analysis.results.repeats:
        text = repeat_told(analysis.names[made.key], analysis.results.metric, made)
        yield Finding(severity="note", text=text)


def _reported_elsewhere(results: Results) -> Iterator[Finding]:
    """Figures from elsewhere beside runs that `--set` made different from the study as its file has it."""
    changed = [text for text in results.settings if text.partition(".")[0] in ("data", "model", "training")]
    if changed and any(variant.reported is not None for variant in results.outline.variants):
        yield Finding(
            severity="note",
            text=say_number(
                len(changed),
                "The reported figures belong to the study as its file has it; here {settings} was set.",
                "The reported figures belong to the study as its file has it; here {settings} were set.",
                settings=listed(changed),
            ),
        )
