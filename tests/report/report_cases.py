"""Studies made by hand: every number is arithmetic, so that golden files hold on every machine."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ablate.protocol import AttemptState, FailureKind, JobState
from ablate.recipe import Recipe
from ablate.store.history import AttemptRecord
from ablate.store.records import EpochRecord, FailureRecord, RunRecord, StepRecord
from ablate.study.outline import (
    Outline,
    OutlineDesign,
    OutlineFactor,
    OutlineLevel,
    OutlineVariant,
    StatisticsSettings,
)
from ablate.verdicts.results import Results
from ablate.verdicts.steps import step_curves

RECIPE: Mapping[str, Any] = Recipe.model_validate(
    {
        "data": {"name": "digits", "batch_size": 64},
        "model": {"name": "convnet", "channels": [6, 16]},
        "training": {"epochs": 6, "optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}},
    }
).canonical()
PROVENANCE = {
    "python": "3.12.1",
    "platform": "Linux-6.1-x86_64",
    "ablate-lab": "0.1.0",
    "torch": "2.6.0",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
}
#: Each run by itself, on a processor that multiplies matrices at 80 GFLOP/s.
EXECUTION = {
    "tier": "exact",
    "k": 1,
    "threads": 1,
    "memory_format": "channels_last",
    "precision": "float32",
    "peak_flops": 8e10,
}


def wobble(seed: int, place: int) -> float:
    """Between -1 and 1, without a pattern that variants share."""
    return math.sin(12.9898 * (seed + 1) + 78.233 * (place + 1))


def factor(name: str, levels: Sequence[str], reference: str, label: str = "") -> OutlineFactor:
    return OutlineFactor(
        name=name,
        label=label or name,
        levels=tuple(OutlineLevel(name=level, label=level) for level in levels),
        reference=reference,
    )


def run(variant: OutlineVariant, seed: int, place: int, accuracy: float | None = 0.8, **more: Any) -> RunRecord:
    values: dict[str, Any] = {
        "job": 100 * place + seed + 1,
        "variant": variant.name,
        "variant_key": variant.key,
        "seed": seed,
        "state": JobState.SUCCEEDED,
        "selected_epoch": 6,
        "train_loss": 0.2 + 0.01 * wobble(seed, place + 50),
        "train_accuracy": 0.95,
        "val_loss": 0.4,
        "val_accuracy": 0.85,
        "test_accuracy": None if accuracy is None else round(accuracy + 0.004 * wobble(seed, place), 6),
        "test_loss": 0.41 + 0.01 * wobble(seed, place + 30),
        "parameters": 61_706 + 1000 * place,
        "trainable_parameters": 61_706 + 1000 * place,
        "flops": 1_300_000,
        "seconds": 6.5 + 0.1 * place,
        "epochs": 6,
        "seconds_per_epoch": 1.05 + 0.01 * place,
        "images_per_second": 4200.0,
        "peak_memory_bytes": 512_000_000,
        "device": "cpu",
        "device_name": "AMD EPYC 9R14",
        "attempt": 1,
        "error": None,
        "provenance": PROVENANCE,
        "fingerprints": {"module_tree": f"m{place}", "first_step_loss": f"{2.3 + wobble(seed, place)}"},
        "execution": EXECUTION,
    }
    return RunRecord(**{**values, **more})


def attempt(number: int = 1, state: AttemptState = AttemptState.FAILED, **more: Any) -> AttemptRecord:
    """An attempt of 90 seconds that began at so many o'clock."""
    started = datetime(2025, 3, 1, number % 24, tzinfo=UTC)
    values: dict[str, Any] = {
        "number": number,
        "id": number,
        "state": state,
        "started_at": started,
        "ended_at": None if state is AttemptState.RUNNING else started + timedelta(seconds=90),
        "resumed_from": None,
        "worker": "w",
        "host": "adas-laptop",
        "device": "cuda:0",
        "device_name": "NVIDIA H200",
        "failure_kind": None,
        "failure_message": None,
        "failure_details": None,
        "printed": "",
        "provenance": {},
    }
    return AttemptRecord(**{**values, **more})


def curve(one: RunRecord, place: int, epochs: int = 6, *, validation: bool = True, **more: Any) -> list[EpochRecord]:
    rows = []
    for epoch in range(1, epochs + 1):
        fall = math.exp(-epoch / (1.6 + 0.3 * place)) + 0.02 * wobble(one.seed, place + epoch)
        values: dict[str, Any] = {
            "variant": one.variant,
            "variant_key": one.variant_key,
            "seed": one.seed,
            "epoch": epoch,
            "train_loss": 0.15 + 2 * fall,
            "train_accuracy": 0.97 - fall,
            "val_loss": 0.3 + 1.8 * fall if validation else None,
            "val_accuracy": 0.9 - 0.9 * fall if validation else None,
            "lr": 0.05,
            "seconds": 1.05,
            "images_per_second": 4200.0,
            "peak_memory_bytes": 512_000_000,
            "attempt": 1,
            "custom": {},
        }
        rows.append(EpochRecord(**{**values, **more}))
    return rows


def results(
    outline: Outline,
    accuracies: Mapping[str, float],
    *,
    validation: bool = True,
    recipe: Mapping[str, Any] = RECIPE,
    settings: tuple[str, ...] = (),
) -> Results:
    """All runs succeeded; each variant's accuracy by name, 0.8 where none is given."""
    runs, rows = [], []
    for place, variant in enumerate(outline.variants):
        for seed in outline.seeds:
            one = run(variant, seed, place, accuracies.get(variant.name, 0.8))
            runs.append(one)
            rows += curve(one, place, validation=validation)
    return Results(
        outline=outline,
        runs=tuple(runs),
        epochs=tuple(rows),
        recipe=recipe,
        settings=settings,
        revision=2,
        submitted=datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
    )


def stopped() -> Results:
    """Runs that early stopping ended after 6 to 9 epochs, with oracle curves and variances."""
    given = whole()
    runs, rows = [], []
    for place, one in enumerate(given.outline.variants):
        for seed in given.outline.seeds:
            length = 6 + (seed + place) % 4
            record = replace(
                next(row for row in given.runs if (row.variant_key, row.seed) == (one.key, seed)),
                epochs=length,
                selected_epoch=length - 2,
            )
            runs.append(record)
            for row in curve(record, place, length):
                custom = {
                    "oracle_test_accuracy": row.val_accuracy - 0.02,
                    "oracle_test_loss": row.val_loss + 0.1,
                    "train_loss_variance": 0.4 * math.exp(-row.epoch / 3) + 0.01 * (1 + wobble(seed, row.epoch)),
                }
                rows.append(replace(row, custom=custom))
    return replace(given, runs=tuple(runs), epochs=tuple(rows))


def stepped(count: int = 1200, every: int = 10, validated: int = 100) -> Results:
    """The loss of every tenth step, and the validation images after every hundredth."""
    given = whole()
    records = []
    for place, one in enumerate(given.outline.variants):
        for seed in given.outline.seeds:
            for step in range(every, count + 1, every):
                fall = math.exp(-step / (250.0 + 60 * place))
                measured = step % validated == 0
                records.append(
                    StepRecord(
                        variant=one.name,
                        variant_key=one.key,
                        seed=seed,
                        epoch=1 + 6 * (step - 1) // count,
                        step=step,
                        loss=0.3 + 2 * fall + 0.25 * wobble(seed + step, place),
                        val_loss=0.4 + 1.9 * fall if measured else None,
                        val_accuracy=0.9 - 0.8 * fall if measured else None,
                    )
                )
    return replace(given, steps=step_curves(records))


def degradation(norms: Sequence[str] = ("batch",)) -> Results:
    """A grid of depth and residual connections (and normalisation), ranked by the training loss."""
    depths, residual = ["8", "14", "20", "32", "56"], ["false", "true"]
    factors = [factor("depth", depths, "8"), factor("residual", residual, "false", "residual connections")]
    if len(norms) > 1:
        factors.append(factor("norm", norms, norms[0], "normalisation"))
    design = OutlineDesign(name="grid", kind="grid", factors=tuple(one.name for one in factors))
    variants = []
    for levels in itertools.product(depths, residual, norms):
        named = dict(zip(("depth", "residual", "norm"), levels, strict=True))
        off = [f"{one.name}={named[one.name]}" for one in factors if named[one.name] != one.reference]
        given = {one.name: named[one.name] for one in factors}
        variants.append(variant(", ".join(off) or "baseline", "" if off else "b", levels=given, designs=("grid",)))
    outline = shapes(
        title="Do plain networks get worse with depth?",
        metric="train_loss",
        direction="min",
        factors=tuple(factors),
        designs=(design,),
        variants=tuple(variants),
    )
    made = results(outline, {})
    runs = []
    for one in made.runs:
        levels = outline.variant(one.variant_key).levels
        depth, plain = int(levels["depth"]), levels["residual"] == "false"
        worse = (0.004 if plain else -0.0006) * (depth - 8) + 0.02 * (levels.get("norm", norms[0]) != norms[0])
        runs.append(replace(one, train_loss=0.2 + worse + 0.01 * wobble(one.seed, depth)))
    return replace(made, runs=tuple(runs))


def variant(name: str, key: str = "", **more: Any) -> OutlineVariant:
    return OutlineVariant(name=name, key=key or f"key of {name}", **more)


def shapes(**more: Any) -> Outline:
    """Two factors one at a time, their grid, and a named variant with a figure from elsewhere."""
    base = {"dropout": "0", "optimizer": "SGD"}
    one, grid = "one-at-a-time", "grid"
    values: dict[str, Any] = {
        "name": "shapes",
        "title": "What improves a small network?",
        "metric": "test_accuracy",
        "direction": "max",
        "select": "best_val",
        "seeds": (0, 1, 2, 3, 4),
        "baseline": "b",
        "factors": (factor("dropout", ["0", "0.3", "0.6"], "0"), factor("optimizer", ["SGD", "Adam"], "SGD")),
        "designs": (
            OutlineDesign(name=one, kind=one, factors=("dropout", "optimizer")),
            OutlineDesign(name=grid, kind=grid, factors=("dropout", "optimizer")),
            OutlineDesign(name="variants", kind="variants"),
        ),
        "variants": (
            variant("baseline", "b", levels=base, designs=(one, grid), reported=0.79),
            variant("dropout=0.3", levels={**base, "dropout": "0.3"}, designs=(one, grid)),
            variant("dropout=0.6", levels={**base, "dropout": "0.6"}, designs=(one, grid)),
            variant("optimizer=Adam", levels={**base, "optimizer": "Adam"}, designs=(one, grid), reported=0.85),
            variant("dropout=0.3, optimizer=Adam", levels={"dropout": "0.3", "optimizer": "Adam"}, designs=(grid,)),
            variant("dropout=0.6, optimizer=Adam", levels={"dropout": "0.6", "optimizer": "Adam"}, designs=(grid,)),
            variant("the widest", designs=("variants",)),
        ),
        "statistics": StatisticsSettings(),
    }
    return Outline(**{**values, **more})


ACCURACIES = {
    "dropout=0.6": 0.77,
    "optimizer=Adam": 0.84,
    "dropout=0.3, optimizer=Adam": 0.845,
    "dropout=0.6, optimizer=Adam": 0.8,
    "the widest": 0.86,
}


def whole() -> Results:
    """A finished study."""
    return results(shapes(), ACCURACIES)


def wounded() -> Results:
    """The same, half done: a run diverged, one failed, one was cancelled, two wait."""
    given = whole()
    ends: dict[tuple[str, int], dict[str, Any]] = {
        ("key of dropout=0.6", 3): {"state": JobState.DIVERGED, "error": "the loss became NaN in epoch 3"},
        ("key of optimizer=Adam", 4): {"state": JobState.FAILED, "error": "RuntimeError: shapes | differ\nin line 3"},
        ("key of dropout=0.3", 4): {"state": JobState.CANCELLED},
        ("key of the widest", 3): {"state": JobState.QUEUED, "attempt": 0},
        ("key of the widest", 4): {"state": JobState.RUNNING},
    }
    runs = []
    for one in given.runs:
        end = ends.get((one.variant_key, one.seed))
        if end is not None:
            one = replace(one, test_accuracy=None, test_loss=None, selected_epoch=None, epochs=2, **end)
        runs.append(one)
    gone = {place for place, end in ends.items() if end["state"] != JobState.DIVERGED}
    epochs = []
    for row in given.epochs:
        place = (row.variant_key, row.seed)
        if place in gone and row.epoch > 2:
            continue
        if place == ("key of dropout=0.6", 3) and row.epoch >= 2:
            row = replace(row, train_loss=1e6 if row.epoch == 2 else None, val_loss=None, val_accuracy=None)
        epochs.append(row)
    failures = tuple(
        FailureRecord(
            job=one.job,
            variant=one.variant,
            variant_key=one.variant_key,
            seed=one.seed,
            state=one.state,
            attempt=1,
            error=one.error or "",
            kind=FailureKind.USER_ERROR if one.state == JobState.FAILED else None,
            facts={},
            ended_at=datetime(2025, 3, 1, tzinfo=UTC),
        )
        for one in runs
        if one.state in (JobState.FAILED, JobState.DIVERGED)
    )
    return replace(given, runs=tuple(runs), epochs=tuple(epochs), failures=failures)


def many(count: int = 30, title: str = "Many") -> Results:
    """One factor for each three levels, long names among them."""
    factors, variants = [], [variant("baseline", "b", designs=("one-at-a-time",))]
    for index in range(math.ceil((count - 1) / 3)):
        name = f"factor_{index}" if index % 4 else f"a component with a rather long name, number {index}"
        factors.append(factor(name, ["off", "low", "high", "very high"], "off"))
    for index in range(count - 1):
        name, level = factors[index // 3].name, ["low", "high", "very high"][index % 3]
        variants.append(variant(f"{name}={level}", levels={name: level}, designs=("one-at-a-time",)))
    outline = shapes(
        title=title,
        factors=tuple(factors),
        designs=(OutlineDesign(name="one-at-a-time", kind="one-at-a-time"),),
        variants=tuple(variants),
    )
    accuracies = {one.name: 0.8 + 0.03 * wobble(3, place) for place, one in enumerate(variants)}
    return results(outline, accuracies)


def crossed(
    levels: Mapping[str, Sequence[str]],
    effects: Mapping[tuple[str, ...], float],
    *,
    seeds: int = 3,
    kind: str = "grid",
    kept: Sequence[tuple[str, ...]] = (),
    noise: float = 0.01,
    labels: Mapping[str, str] | None = None,
    **more: Any,
) -> Results:
    """A grid (or the `kept` cells of one) whose accuracy is made of effects; the first level of each is the reference.

    An effect is written by the levels that have it together, as `("a=1",)` or `("a=1", "b=1")`.
    """
    factors = tuple(factor(name, names, names[0], (labels or {}).get(name, name)) for name, names in levels.items())
    design = OutlineDesign(name=kind, kind=kind, factors=tuple(levels))
    variants, means = [], {}
    for place in kept or list(itertools.product(*levels.values())):
        at = dict(zip(levels, place, strict=True))
        off = [f"{one.name}={at[one.name]}" for one in factors if at[one.name] != one.reference]
        name = ", ".join(off) or "baseline"
        variants.append(variant(name, "" if off else "b", levels=at, designs=(kind,)))
        means[name] = 0.8 + sum(size for those, size in effects.items() if set(those) <= set(off))
    variants.sort(key=lambda one: one.name != "baseline")
    values: dict[str, Any] = {"title": "Which parts matter together?", "designs": (design,), "seeds": range(seeds)}
    outline = shapes(factors=factors, variants=tuple(variants), **{**values, **more})
    made = results(outline, {})
    runs = tuple(
        replace(one, test_accuracy=round(means[one.variant] + noise * wobble(one.seed, place), 6))
        for place, one in enumerate(made.runs)
    )
    return replace(made, runs=runs)


def grid() -> Results:
    """Two factors with two levels and one with three, each cell with three seeds."""
    return crossed(
        {"dropout": ("0", "0.3", "0.6"), "norm": ("none", "batch"), "optimizer": ("SGD", "Adam")},
        {("norm=batch",): 0.05, ("dropout=0.6",): -0.03, ("norm=batch", "optimizer=Adam"): 0.03},
        labels={"norm": "normalisation"},
    )


def screening() -> Results:
    """A 2^(7-4) fraction with one seed, named after the bicycle of Box, Hunter & Hunter."""
    names = ("seat", "dynamo", "handlebars", "gear", "raincoat", "breakfast", "tyres")
    levels = dict.fromkeys(names, ("as before", "changed"))
    kept = []
    for c, b, a in itertools.product((-1, 1), repeat=3):
        signs = (a, b, c, a * b, a * c, b * c, a * b * c)
        # the row of +1 is the baseline's, as in a study's own fractions
        kept.append(tuple(levels[name][sign < 0] for name, sign in zip(names, signs, strict=True)))
    return crossed(
        levels,
        {("dynamo=changed",): 0.012, ("gear=changed",): 0.0225},
        seeds=1,
        kind="fraction",
        kept=kept,
        noise=0.002,
    )
