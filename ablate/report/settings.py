"""What a study was about, as pairs of a heading and a text: what was varied, data, epochs, seeds, selection."""

from __future__ import annotations

from ablate.protocol import JobState
from ablate.recipe import OwnRecipe, read_recipe
from ablate.report import numbers
from ablate.report.grids import levels
from ablate.report.recipe_text import described, phase_table
from ablate.report.table import Table, listed
from ablate.verdicts.results import Results

#: Which epoch's weights met the test set, by the rule's name.
SELECTIONS = {
    "best_val": "the best accuracy on the validation images (ties: the earliest)",
    "best_val_loss": "the smallest loss on the validation images (ties: the earliest)",
    "last": "the last",
}


def settings(results: Results) -> list[tuple[str, str]]:
    """The settings that all variants share, and what was varied; plain text."""
    outline = results.outline
    pairs = [
        (
            "varied" if index == 0 else "",
            f"{factor.label}: "
            + ", ".join(f"{text} (baseline)" if name == factor.reference else text for name, text in levels(factor)),
        )
        for index, factor in enumerate(outline.factors)
    ]
    if results.settings:
        pairs.append(("set for this revision", ", ".join(results.settings)))
    pairs.append(("designs", ", ".join(design.name for design in outline.designs) or numbers.UNKNOWN))
    if results.recipe:
        pairs += described(read_recipe(results.recipe))
    epochs = sorted({run.epochs for run in results.runs if run.state == JobState.SUCCEEDED and run.epochs})
    if epochs:
        span = str(epochs[0]) if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
        pairs.append(("epochs run", span + _stopped_early(results)))
    seeds = f"{len(outline.seeds)} ({listed([str(seed) for seed in outline.seeds])})"
    if outline.looks:
        seeds = f"looks after {listed([str(count) for count in outline.looks])}"
        seeds += f", within {outline.budget}" if outline.budget else ""
    pairs.append(("seeds", seeds))
    direction = "more is better" if outline.direction == "max" else "less is better"
    pairs.append(("ranked by", f"{results.metric.label} ({direction})"))
    if results.recipe or any(run.selected_epoch for run in results.runs):
        pairs.append(("epoch selected", f"{SELECTIONS[outline.select]}; {_tested(results)}"))
    return pairs


def _stopped_early(results: Results) -> str:
    """How many runs early stopping ended before all their epochs; nothing where it ended none."""
    finished = [run for run in results.runs if run.state == JobState.SUCCEEDED and run.variant_key in results.planned]
    early = sum(run.epochs < results.planned[run.variant_key] for run in finished)
    return f"; {early} of {numbers.plural(len(finished), 'run')} stopped early" if early else ""


def _tested(results: Results) -> str:
    """How the test set was used."""
    if not results.recipe:
        return "or what the imported results say of a run"
    if results.recipe and isinstance(read_recipe(results.recipe), OwnRecipe):
        return "all figures are what the trainer reported"
    if any(name.startswith("oracle_") for name in results.measured):
        return "test figures are its own, and those after the other epochs (oracle) chose nothing"
    return "the test set was read once, for it"


def phases(results: Results) -> Table | None:
    """The phases of the baseline's training; None where it has only one, or came from elsewhere."""
    return phase_table(read_recipe(results.recipe)) if results.recipe else None


def provenance(results: Results) -> list[tuple[str, str]]:
    """Where the numbers come from: commit, versions, machine, time; plain text."""
    pairs = []
    commits = _distinct(results, "commit")
    if commits:
        dirty = sum(bool(run.provenance.get("dirty")) for run in results.runs)
        noted = f", uncommitted changes in {numbers.plural(dirty, 'run')}" if dirty else ", no uncommitted changes"
        pairs.append(("commit", listed(commits) + noted))
    packages = (
        "imported from",
        "SHA-256",
        "ablate-lab",
        "python",
        "torch",
        "torchvision",
        "timm",
        "numpy",
        "scikit-learn",
        "platform",
    )
    pairs += [(name, listed(values)) for name in packages if (values := _distinct(results, name))]
    devices = sorted({run.device_name for run in results.runs if run.device_name})
    if devices:
        pairs.append(("device", listed(devices)))
    times = [run.seconds for run in results.runs if run.seconds is not None]
    if times:
        pairs.append(("training time", f"{numbers.duration(sum(times))} in {numbers.plural(len(times), 'run')}"))
    when = "" if results.submitted is None else f", first submitted {results.submitted:%Y-%m-%d %H:%M} UTC"
    pairs.append(("study", f"{results.outline.name}, revision {results.revision}{when}"))
    return pairs


def _distinct(results: Results, name: str) -> list[str]:
    found = {str(value) for run in results.runs if (value := run.provenance.get(name)) is not None}
    return sorted(found)
