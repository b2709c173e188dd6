"""What a report and a status line need of a study, as plain values that are stored with each revision."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ablate.metrics import Direction


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


class Outline(_Stored):
    """A study as one revision of its file laid it out."""

    name: str
    title: str
    #: Ranked metric, as `test_accuracy`.
    metric: str
    direction: Direction
    select: Literal["best_val", "last"]
    #: Seed indices.
    seeds: tuple[int, ...]
    #: Key of the baseline variant.
    baseline: str
    factors: tuple[OutlineFactor, ...] = ()
    designs: tuple[OutlineDesign, ...] = ()
    #: The baseline first, then in the order of the designs.
    variants: tuple[OutlineVariant, ...]
    statistics: StatisticsSettings = StatisticsSettings()

    def variant(self, key: str) -> OutlineVariant:
        """The variant with this key. Raises KeyError."""
        for variant in self.variants:
            if variant.key == key:
                return variant
        raise KeyError(key)
