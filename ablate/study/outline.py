"""What a report and a status line need of a study, as plain values that are stored with each revision."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ablate.metrics import Direction
from ablate.protocol import Keep

#: Seeds from here on belong to the tuning of retuned levels: no comparison uses them, no report counts their runs.
FIRST_TUNING_SEED = 1_000_000


class _Stored(BaseModel):
    """Frozen, read back from JSON; keys that a later version wrote are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class OutlineLevel(_Stored):
    """One setting of a factor."""

    name: str
    #: Text for tables; the name where the study gives none.
    label: str


class OutlineFactor(_Stored):
    """A component that is varied."""

    name: str
    label: str
    levels: tuple[OutlineLevel, ...]
    #: Name of the level that the baseline has.
    reference: str


class OutlineDesign(_Stored):
    """A rule that picked level combinations; each design is one family of comparisons."""

    #: Unique within the study; the kind, numbered where a kind comes twice.
    name: str
    kind: str
    #: Names of the factors that it combines, in its order.
    factors: tuple[str, ...] = ()
    #: Added after results were seen.
    exploratory: bool = False


class OutlineVariant(_Stored):
    """One combination of levels."""

    #: Free text, unique within the study, as `dropout=0.3` or `best of the same depth`.
    name: str
    #: Hash of its recipe, or of (study, name) for imported results.
    key: str
    #: Level of each factor; empty for named variants.
    levels: dict[str, str] = {}
    #: Names of the designs that ask for it.
    designs: tuple[str, ...] = ()
    #: The ranked metric as reported elsewhere, in the metric's own unit (accuracies as fractions).
    reported: float | None = None
    #: Names under which the study lists the same recipe once more.
    also: tuple[str, ...] = ()
    #: Added after results were seen.
    exploratory: bool = False
    #: Key of the tuning that chose some of its values; empty where nothing was retuned.
    tuning: str = ""
    #: The retuned baseline: others are compared with it, itself it is compared with nothing.
    is_reference: bool = False
    #: Key of the variant with which each design compares it, by the design's name, where that is not the baseline.
    references: dict[str, str] = {}
    #: Number of seeds that looks have given it so far, counted from seed 0; 0: those of the study.
    seeds: int = 0


class OutlineCandidate(_Stored):
    """Values that were tried for a retuned level."""

    #: Hash of the recipe with them.
    key: str
    #: Text for people, as `training.optimizer.lr = 0.1`.
    label: str
    #: By dotted path.
    values: dict[str, Any]
    #: State of its run on each tuning seed, as `succeeded`; empty before all runs of the tuning have ended.
    states: tuple[str, ...] = ()
    #: Validation accuracy of each run at its selected epoch, a fraction; None where there is none.
    accuracies: tuple[float | None, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """Mean over the tuning seeds; None unless every run succeeded: a candidate that diverged or failed loses."""
        known = [value for value in self.accuracies if value is not None]
        if not known or len(known) < len(self.accuracies) or set(self.states) != {"succeeded"}:
            return None
        return math.fsum(known) / len(known)


class OutlineTuning(_Stored):
    """The choice of values for one retuned level, or for the baseline that such levels are compared with."""

    #: Hash of the recipes that are tried and of the seeds.
    key: str
    #: Name of the variant that comes of it, as `norm=batch (retuned)`.
    name: str
    candidates: tuple[OutlineCandidate, ...]
    #: Seed indices of the tuning runs.
    seeds: tuple[int, ...]
    #: Key of the tuning of the baseline that it is compared with; empty for that one itself.
    reference: str = ""
    #: Key of the candidate that was chosen; None before all runs have ended, and where none succeeded.
    chosen: str | None = None
    #: All runs have ended, and no candidate succeeded on every seed.
    failed: bool = False
    #: Added after results were seen.
    exploratory: bool = False

    @property
    def choice(self) -> OutlineCandidate | None:
        """The candidate that was chosen."""
        return next((one for one in self.candidates if one.key == self.chosen), None)


class OutlinePlan(_Stored):
    """How many seeds are planned; what is planned before results are seen is confirmatory."""

    #: Seed indices; with looks those of the first one.
    seeds: tuple[int, ...]
    #: Numbers of seeds after which undecided comparisons get more; empty for a fixed number.
    looks: tuple[int, ...] = ()
    #: The baseline gets as many seeds as a variant at each look, never twice as many.
    strict: bool = False


class StatisticsSettings(_Stored):
    """How the report judges differences."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Error rate that a family of comparisons keeps."""
    margin: Annotated[float, Field(gt=0)] | None = None
    """Difference below which two variants count as equivalent, in the metric's unit; None: never said."""
    test: Literal["auto", "welch", "paired", "dunnett"] = "auto"
    """Which test; `auto` decides by the intraclass correlation over seeds."""
    on_diverged: Literal["bar", "score_as_chance"] = "bar"
    """Diverged seeds bar a verdict, or score as chance."""


class OutlineEpochs(_Stored):
    """A table with a row for each epoch."""

    #: What is measured after each epoch, as `oracle_test_accuracy`.
    metric: str
    #: Names of the variants; empty means all.
    variants: tuple[str, ...] = ()
    #: Heading; empty: made of the metric.
    title: str = ""


class OutlineReport(_Stored):
    """What the report shows beside its verdicts."""

    #: What the figures of factors show over epochs; empty means everything that was measured.
    curves: tuple[str, ...] = ()
    epochs: tuple[OutlineEpochs, ...] = ()


class Outline(_Stored):
    """A study as one revision of its file laid it out."""

    name: str
    title: str
    #: Ranked metric, as `test_accuracy`.
    metric: str
    direction: Direction
    select: Literal["best_val", "best_val_loss", "last"]
    #: Seed indices.
    seeds: tuple[int, ...]
    #: Numbers of seeds after which undecided comparisons get more; empty for a fixed number.
    looks: tuple[int, ...] = ()
    #: The baseline gets as many seeds as a variant at each look, never twice as many.
    strict: bool = False
    #: Where adding seeds ends, as `6 gpu-hours`; empty: at the last look.
    budget: str = ""
    #: The plan of seeds under which results were first seen, where it was another one.
    confirmed: OutlinePlan | None = None
    #: Key of the baseline variant.
    baseline: str
    factors: tuple[OutlineFactor, ...] = ()
    designs: tuple[OutlineDesign, ...] = ()
    #: The baseline first, then in the order of the designs.
    variants: tuple[OutlineVariant, ...]
    #: What is chosen before retuned levels are compared; those without a choice have no variant yet.
    tunings: tuple[OutlineTuning, ...] = ()
    statistics: StatisticsSettings = StatisticsSettings()
    report: OutlineReport = OutlineReport()
    #: Which final weights workers keep.
    keep: Keep = "none"

    @property
    def plan(self) -> OutlinePlan:
        """How many seeds this revision plans."""
        return OutlinePlan(seeds=self.seeds, looks=self.looks, strict=self.strict)

    def seeds_of(self, variant: OutlineVariant) -> tuple[int, ...]:
        """Seed indices that a variant is run with so far."""
        return tuple(range(variant.seeds)) if variant.seeds else self.seeds

    def reference(self, variant: OutlineVariant, design: str = "") -> OutlineVariant:
        """What a variant is compared with: the baseline, or for a retuned level the equally retuned baseline.

        Args:
            variant: The variant.
            design: Name of the design that compares; the first one that has another reference where none is named.
        """
        key = variant.references.get(design) if design else next(iter(variant.references.values()), None)
        return self.variant(self.baseline if key is None else key)

    def changed(self, variant: OutlineVariant) -> dict[str, str]:
        """The factors in which a variant differs from the baseline, with its level of each; empty for named ones."""
        references = {factor.name: factor.reference for factor in self.factors}
        return {name: level for name, level in variant.levels.items() if references.get(name, level) != level}

    def named(self, name: str) -> OutlineVariant | None:
        """The variant of this name, retuned where it was, or listed under it; None where there is none yet."""
        for wanted in (name, f"{name} (retuned)"):
            for variant in self.variants:
                if wanted == variant.name or wanted in variant.also:
                    return variant
        return None

    def variant(self, key: str) -> OutlineVariant:
        """The variant with this key. Raises KeyError."""
        for variant in self.variants:
            if variant.key == key:
                return variant
        raise KeyError(key)
