"""What a study was about, as pairs of a heading and a text: what was varied, data, epochs, seeds, selection."""

from __future__ import annotations

from ablate.protocol import JobState
from ablate.recipe import OwnRecipe, read_recipe
from ablate.report import numbers
from ablate.report.grids import levels
from ablate.report.language import say, say_number
from ablate.report.recipe_text import described, phase_table
from ablate.report.table import Table, listed
from ablate.report.words import word
from ablate.study.outline import OutlineFactor
from ablate.told import told
from ablate.verdicts.results import Results

#: Which epoch's weights met the test set, by the rule's name.
SELECTIONS = {
    "best_val": told("the best accuracy on the validation images (ties: the earliest)"),
    "best_val_loss": told("the smallest loss on the validation images (ties: the earliest)"),
    "last": told("the last"),
}


def settings(results: Results) -> list[tuple[str, str]]:
    """The settings that all variants share, and what was varied; plain text."""
    outline = results.outline
    pairs = [
        (
            say("varied") if index == 0 else "",
            say("{factor}: {levels}", factor=factor.label, levels=_levels(factor)),
        )
        for index, factor in enumerate(outline.factors)
    ]
    if results.settings:
        pairs.append((say("set for this revision"), say(", ").join(results.settings)))
    designs = say(", ").join(word(design.name) for design in outline.designs)
    pairs.append((say("designs"), designs or numbers.UNKNOWN))
    if results.recipe:
        pairs += described(read_recipe(results.recipe))
    epochs = sorted({run.epochs for run in results.runs if run.state == JobState.SUCCEEDED and run.epochs})
    if epochs:
        span = str(epochs[0]) if len(epochs) == 1 else say("{low} to {high}", low=epochs[0], high=epochs[-1])
        pairs.append((say("epochs run"), _stopped_early(results, span)))
    named = listed([str(seed) for seed in outline.seeds])
    seeds = say("{name} ({said})", name=len(outline.seeds), said=named)
    if outline.looks:
        seeds = say("looks after {counts}", counts=listed([str(count) for count in outline.looks]))
        seeds = say("{seeds}, within {budget}", seeds=seeds, budget=outline.budget) if outline.budget else seeds
    pairs.append((say("seeds"), seeds))
    direction = say("more is better") if outline.direction == "max" else say("less is better")
    pairs.append((say("ranked by"), say("{metric} ({direction})", metric=results.metric.label, direction=direction)))
    if results.recipe or any(run.selected_epoch for run in results.runs):
        chosen = say("{rule}; {use}", rule=SELECTIONS[outline.select], use=_tested(results))
        pairs.append((say("epoch selected"), chosen))
    return pairs


def _levels(factor: OutlineFactor) -> str:
    return say(", ").join(
        say("{name} (baseline)", name=text) if name == factor.reference else text for name, text in levels(factor)
    )


def _stopped_early(results: Results, span: str) -> str:
    """How many epochs runs had, and how many of them early stopping ended before all their epochs."""
    finished = [run for run in results.runs if run.state == JobState.SUCCEEDED and run.variant_key in results.planned]
    early = sum(run.epochs < results.planned[run.variant_key] for run in finished)
    if not early:
        return span
    runs = say_number(len(finished), "{n} run", "{n} runs")
    return say("{epochs}; {n} of {runs} stopped early", epochs=span, n=early, runs=runs)


def _tested(results: Results) -> str:
    """How the test set was used."""
    if not results.recipe:
        return say("or what the imported results say of a run")
    if results.recipe and isinstance(read_recipe(results.recipe), OwnRecipe):
        return say("all figures are what the trainer reported")
    if any(name.startswith("oracle_") for name in results.measured):
        return say("test figures are its own, and those after the other epochs (oracle) chose nothing")
    return say("the test set was read once, for it")


def phases(results: Results) -> Table | None:
    """The phases of the baseline's training; None where it has only one, or came from elsewhere."""
    return phase_table(read_recipe(results.recipe)) if results.recipe else None


def provenance(results: Results) -> list[tuple[str, str]]:
    """Where the numbers come from: commit, versions, machine, time; plain text."""
    pairs = []
    commits = _distinct(results, "commit")
    if commits:
        dirty = sum(bool(run.provenance.get("dirty")) for run in results.runs)
        noted = say("{commits}, no uncommitted changes", commits=listed(commits))
        if dirty:
            noted = say(
                "{commits}, uncommitted changes in {runs}",
                commits=listed(commits),
                runs=say_number(dirty, "{n} run", "{n} runs"),
            )
        pairs.append((say("commit"), noted))
    packages = (
        told("imported from"),
        "SHA-256",
        "ablate-lab",
        "python",
        "torch",
        "torchvision",
        "timm",
        "numpy",
        "scikit-learn",
        told("platform"),
    )
    pairs += [(say(name), listed(values)) for name in packages if (values := _distinct(results, name))]
    devices = sorted({run.device_name for run in results.runs if run.device_name})
    if devices:
        pairs.append((say("device"), listed(devices)))
    times = [run.seconds for run in results.runs if run.seconds is not None]
    if times:
        runs = say_number(len(times), "{n} run", "{n} runs")
        pairs.append((say("training time"), say("{time} in {runs}", time=numbers.duration(sum(times)), runs=runs)))
    study = say("{name}, revision {revision}", name=results.outline.name, revision=results.revision)
    if results.submitted is not None:
        when = f"{results.submitted:%Y-%m-%d %H:%M} UTC"
        study = say("{study}, first submitted {when}", study=study, when=when)
    pairs.append((say("study"), study))
    return pairs


def _distinct(results: Results, name: str) -> list[str]:
    found = {str(value) for run in results.runs if (value := run.provenance.get(name)) is not None}
    return sorted(found)
