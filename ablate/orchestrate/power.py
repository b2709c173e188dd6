"""Which differences a study can find with its seeds, before they are spent."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import stdev

from ablate.protocol import JobState
from ablate.store import Database
from ablate.store.reading import runs, states
from ablate.study import Study


@dataclass(frozen=True, kw_only=True)
class Detectable:
    """What the comparisons of one design can find with power .8."""

    #: Name of the design; its comparisons are one family.
    design: str
    #: Comparisons of the family.
    comparisons: int
    #: Seeds of each variant.
    seeds: int
    #: Smallest true difference that is found, in standard deviations over seeds; None with one seed.
    effect: float | None
    #: The same in the unit of the metric, by the spread of the baseline's runs so far; None before there are two.
    difference: float | None

    def describe(self) -> str:
        """One line for people."""
        told = f"{self.design}: {self.comparisons} comparisons with {self.seeds} seeds each"
        if self.effect is None:
            return f"{told} find no difference: a test needs 2 seeds or more"
        size = "" if self.difference is None else f" (about {self.difference:.4g} by the baseline's runs so far)"
        return f"{told} find differences of {self.effect:.1f} standard deviations{size} or more (power 80 %)"


def detectable(study: Study, db: Database | None) -> tuple[Detectable, ...]:
    """The power of each design, at its family's error rate divided among its comparisons (Holm's first step).

    Which variants will scatter more than the baseline is not known yet, and fixed designs hold Welch's test of those to
    less of alpha: where it may be taken, what is told is what they find too.
    """
    from ablate.statistics import detectable_effect, share_of_alpha

    spread = _spread(study, db)
    count, alpha = len(study.seeds), study.statistics.alpha
    if count > 1 and not study.seed_plan.looks and study.statistics.test in ("auto", "welch"):
        alpha *= share_of_alpha(count)
    found = []
    for design in study.designs:
        comparisons = sum(
            design.name in variant.designs and variant.key != study.baseline.key for variant in study.variants()
        )
        if comparisons:
            effect = detectable_effect(count, alpha / comparisons)
            found.append(
                Detectable(
                    design=design.name,
                    comparisons=comparisons,
                    seeds=count,
                    effect=effect,
                    difference=None if effect is None or spread is None else effect * spread,
                )
            )
    return tuple(found)


def _spread(study: Study, db: Database | None) -> float | None:
    """Standard deviation of the ranked metric over the baseline's seeds."""
    if db is None or states(db, study.name)[0] is None:
        return None
    values = [
        value
        for run in runs(db, study.name)
        if run.variant_key == study.baseline.key and run.state == JobState.SUCCEEDED
        if (value := getattr(run, study.metric, None)) is not None
    ]
    return stdev(values) if len(values) > 1 else None
