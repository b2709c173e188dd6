"""The outline of a study that was imported: its variants, the levels of its factors, and which designs they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ablate.errors import UsageError
from ablate.metrics import METRICS, Direction, direction_of, named_metric
from ablate.orchestrate.imports.drafts import Described
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.sheet import Faults
from ablate.recipe.signatures import did_you_mean
from ablate.store.imported import imported_key
from ablate.study.names import BASELINE
from ablate.study.outline import (
    Outline,
    OutlineDesign,
    OutlineFactor,
    OutlineLevel,
    OutlineVariant,
    StatisticsSettings,
)

ONE = OutlineDesign(name="one-at-a-time", kind="one-at-a-time")
GRID = OutlineDesign(name="grid", kind="grid")
LISTED = OutlineDesign(name="variants", kind="variants")
#: What is measured and never ranked by unless it is asked for.
_ABOUT = frozenset({"lr", "seconds", "images_per_second", "peak_memory_bytes", "selected_epoch"})
_ABOUT_NETWORKS = frozenset({"parameters", "trainable_parameters", "flops"})


def choose_metric(options: ImportOptions, previous: Outline | None, measured: Sequence[str]) -> tuple[str, Direction]:
    """What variants are ranked by, and whether more of it is better.

    Test accuracy, else validation accuracy, else the one metric that there is.

    Raises:
        UsageError: None of these, or nobody measured what was asked for.
    """
    known = [name for name in measured if name not in _ABOUT | _ABOUT_NETWORKS and not name.startswith("oracle_")]
    metric = options.metric or (None if previous is None else previous.metric)
    if metric is None:
        usual = [name for name in ("test_accuracy", "val_accuracy") if name in known]
        others = known if len(known) == 1 else [name for name in known if not name.startswith("train_")]
        if not usual and len(others) != 1:
            raise UsageError(
                f"which metric ranks the variants? There is {', '.join(known) or 'none'}.",
                cure="Name one: `--metric NAME`." if known else "Each run needs one: a column of numbers.",
            )
        metric = (usual or others)[0]
    elif options.metric is not None and metric not in measured and f"oracle_{metric}" not in measured:
        raise UsageError(
            f"no run has measured {metric!r}{did_you_mean(metric, known)}", cure="Name another `--metric`."
        )
    told = direction_of(metric)
    kept = None if previous is None or previous.metric != metric else previous.direction
    direction = options.direction or kept or told
    if direction is None:
        raise UsageError(
            f"is more or less of {metric!r} better?", cure="Say it: `--direction max`, or `--direction min`."
        )
    if metric in METRICS and direction != told:
        raise UsageError(f"--direction of {metric} is {told}.", cure="Leave it out.")
    return metric, direction


def lay_out(
    options: ImportOptions,
    previous: Outline | None,
    *,
    metric: tuple[str, Direction],
    select: str,
    variants: Mapping[str, Described],
    seeds: Sequence[int],
    faults: Faults,
) -> Outline:
    """The study as it is with what comes now.

    Args:
        options: What was asked for.
        previous: The study as it is stored; None where it is new.
        metric: What variants are ranked by, and its direction.
        select: Which epoch counts.
        variants: All that the sources speak of.
        seeds: All seeds, those of stored runs too.
        faults: Where mistakes go.

    Raises:
        StudyError: Levels contradict each other, or some are missing.
        UsageError: The baseline is not there.
    """
    known = {} if previous is None else {variant.name: variant for variant in previous.variants}
    names = list(dict.fromkeys([*known, *variants]))
    baseline = _baseline(options, previous, names)
    names.remove(baseline)
    names.insert(0, baseline)
    levels = _levels(known, variants, faults)
    factors = _factors(previous, names, levels, baseline, faults)
    faults.settle()
    designs, levels = _designs(factors, names, levels, baseline)
    percent = named_metric(*metric).percent
    laid_out = []
    for name in names:
        old = known.get(name)
        reported = _reported(variants.get(name), options, faults, percent=percent)
        laid_out.append(
            OutlineVariant(
                name=name,
                key=imported_key(options.study, name),
                levels=levels.get(name, {}),
                designs=tuple(design.name for design in designs if name in _members(design, names, levels, baseline)),
                reported=old.reported if reported is None and old is not None else reported,
            )
        )
    settings = StatisticsSettings() if previous is None else previous.statistics
    given = {"alpha": options.alpha, "margin": options.margin, "test": options.test}
    return Outline(
        name=options.study,
        title=options.title or (options.study if previous is None else previous.title),
        metric=metric[0],
        direction=metric[1],
        select=select,
        seeds=tuple(sorted(seeds)),
        baseline=imported_key(options.study, baseline),
        factors=factors,
        designs=designs,
        variants=tuple(laid_out),
        statistics=StatisticsSettings.model_validate(
            {**settings.model_dump(), **{name: value for name, value in given.items() if value is not None}}
        ),
    )


def _baseline(options: ImportOptions, previous: Outline | None, names: Sequence[str]) -> str:
    if options.baseline is None:
        if previous is not None:
            return previous.variant(previous.baseline).name
        if BASELINE in names:
            return BASELINE
        raise UsageError(
            f"which variant is the baseline? There is {', '.join(names[:24])}{', ...' if len(names) > 24 else ''}.",
            cure="Name it: `--baseline VARIANT`; if these are no variants, say which column names them: "
            "`--map variant=COLUMN`.",
        )
    if options.baseline not in names:
        raise UsageError(
            f"there is no variant {options.baseline!r} to be the baseline{did_you_mean(options.baseline, list(names))}",
            cure="Name another: `--baseline VARIANT`.",
        )
    return options.baseline


def _levels(
    known: Mapping[str, OutlineVariant], variants: Mapping[str, Described], faults: Faults
) -> dict[str, dict[str, str]]:
    """Levels of each variant by factor, those of before and those of now."""
    levels = {name: dict(variant.levels) for name, variant in known.items()}
    for name, described in variants.items():
        of_variant = levels.setdefault(name, {})
        for factor, (level, place) in described.levels.items():
            if of_variant.setdefault(factor, level) != level:
                faults.add(
                    place, f"{factor}: variant {name!r} has {level!r} here, {of_variant[factor]!r} in the database"
                )
    return levels


def _factors(
    previous: Outline | None,
    names: Sequence[str],
    levels: dict[str, dict[str, str]],
    baseline: str,
    faults: Faults,
) -> tuple[OutlineFactor, ...]:
    before = () if previous is None else tuple(factor.name for factor in previous.factors)
    wanted = list(dict.fromkeys([*before, *(factor for name in names for factor in levels.get(name, {}))]))
    for name in names:
        missing = [factor for factor in wanted if factor not in levels.get(name, {})]
        if missing and (len(missing) < len(wanted) or name == baseline):
            faults.add(
                f"variant {name!r}",
                f"no level of {', '.join(missing)}: write one in its rows, or none of any factor"
                if name != baseline
                else f"the baseline has no level of {', '.join(missing)}: write one in its rows",
            )
    found = []
    for factor in wanted:
        texts = dict.fromkeys(levels[name][factor] for name in names if factor in levels.get(name, {}))
        found.append(
            OutlineFactor(
                name=factor,
                label=factor,
                levels=tuple(OutlineLevel(name=text, label=text) for text in texts),
                reference=levels.get(baseline, {}).get(factor, ""),
            )
        )
    return tuple(found)


def _designs(
    factors: Sequence[OutlineFactor], names: Sequence[str], levels: Mapping[str, Mapping[str, str]], baseline: str
) -> tuple[tuple[OutlineDesign, ...], dict[str, dict[str, str]]]:
    """The designs that the variants make, and the levels of those that belong to one; others are listed by name."""
    reference = levels.get(baseline, {})
    kept: dict[str, dict[str, str]] = {}
    taken: set[tuple[str, ...]] = set()
    order = [factor.name for factor in factors]
    for name in names if order else ():
        cell = tuple(levels.get(name, {}).get(factor, "") for factor in order)
        if all(cell) and cell not in taken:  # of two variants with the same levels the second is listed by its name
            taken.add(cell)
            kept[name] = dict(zip(order, cell, strict=True))
    is_grid = len(order) > 1 and len(taken) == math.prod(len(factor.levels) for factor in factors)
    if not is_grid:
        kept = {name: cell for name, cell in kept.items() if _distance(cell, reference) < 2}
    found = []
    if any(_distance(cell, reference) == 1 for cell in kept.values()):
        found.append(ONE.model_copy(update={"factors": tuple(order)}))
    if is_grid:
        found.append(GRID.model_copy(update={"factors": tuple(order)}))
    if any(name not in kept and name != baseline for name in names):
        found.append(LISTED)
    return tuple(found), kept


def _distance(cell: Mapping[str, str], reference: Mapping[str, str]) -> int:
    return sum(reference.get(factor) != level for factor, level in cell.items())


def _members(
    design: OutlineDesign, names: Sequence[str], levels: Mapping[str, Mapping[str, str]], baseline: str
) -> set[str]:
    if design.kind == GRID.kind:
        return set(levels)
    if design.kind == LISTED.kind:
        return {name for name in names if name not in levels and name != baseline}
    return {name for name, cell in levels.items() if _distance(cell, levels[baseline]) < 2}


def _reported(described: Described | None, options: ImportOptions, faults: Faults, *, percent: bool) -> float | None:
    """A figure from elsewhere, accuracies as fractions."""
    if described is None or described.reported is None:
        return None
    figure, place = described.reported
    if percent and options.percent:
        figure /= 100
    if percent and figure > 1:
        faults.add(place, f"reported: {figure:g} is more than all: write a fraction, or add `--percent`")
    return figure
