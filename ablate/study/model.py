"""The nouns of a study: Study, Factor, Level, Design, Variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ablate.errors import UsageError
from ablate.metrics import Direction
from ablate.protocol import Keep
from ablate.recipe import AnyRecipe
from ablate.recipe.signatures import did_you_mean
from ablate.study.designs import Aliases
from ablate.study.names import BASELINE
from ablate.study.outline import (
    FIRST_TUNING_SEED,
    Outline,
    OutlineDesign,
    OutlineFactor,
    OutlineLevel,
    OutlineReport,
    OutlineTuning,
    OutlineVariant,
    StatisticsSettings,
)
from ablate.study.own_code import named_files, sha256, used
from ablate.study.seeds import Seeds, seed_ranges

if TYPE_CHECKING:
    from ablate.study.tuning import Tuning


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Level:
    """One setting of a factor."""

    #: Unique within the factor; of a plain value as TOML would print it.
    name: str
    #: Text for tables.
    label: str
    #: What it sets, by dotted path; the reference level sets nothing.
    overrides: Mapping[str, Any] = field(default_factory=_empty)
    #: Levels of other factors, as (factor, level), without which it is not run.
    requires: tuple[tuple[str, str], ...] = ()
    #: Levels of other factors, as (factor, level), with which it is not run.
    excludes: tuple[tuple[str, str], ...] = ()
    #: Values that are tried before it is compared, by dotted path.
    retune: Mapping[str, tuple[Any, ...]] = field(default_factory=_empty)
    #: The ranked metric as reported elsewhere for this level alone.
    reported: float | None = None


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A component that is varied."""

    name: str
    #: Text for tables.
    label: str
    #: Dotted path that its levels set; None where a level sets several.
    path: str | None
    #: In the order of the file; the reference first where the file does not list it.
    levels: tuple[Level, ...]
    #: Name of the level that the baseline has.
    reference: str
    #: Name of the level that removes the component; None where several could be meant.
    remove: str | None = None
    #: The factor applies only where the recipe has these values, by dotted path.
    when: Mapping[str, Any] = field(default_factory=_empty)
    #: Factor with which it moves, level by level.
    linked: str | None = None

    @property
    def others(self) -> tuple[Level, ...]:
        """The levels beside the reference."""
        return tuple(level for level in self.levels if level.name != self.reference)

    def level(self, name: str) -> Level:
        """The level of this name. Raises KeyError."""
        for level in self.levels:
            if level.name == name:
                return level
        raise KeyError(name)


@dataclass(frozen=True, kw_only=True)
class Design:
    """A rule that picked level combinations."""

    #: Unique within the study.
    name: str
    kind: str
    #: Names of the factors that it combines, in its order.
    factors: tuple[str, ...]
    #: Number of cells before constraints.
    cells: int
    #: Cells that `when`, `requires` and `excludes` leave out.
    left_out: int = 0
    #: What a fraction cannot tell apart.
    aliases: Aliases | None = None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One combination of levels, or one that was listed by name."""

    #: Unique within the study: `baseline`, `dropout=0.3`, or a name of its own.
    name: str
    recipe: AnyRecipe
    #: Level name of every factor; empty for a variant that only `[[variants]]` lists.
    levels: Mapping[str, str] = field(default_factory=_empty)
    #: Names of the designs that ask for it.
    designs: tuple[str, ...] = ()
    #: Names under which `[[variants]]` lists the same recipe.
    also: tuple[str, ...] = ()
    #: The ranked metric as reported elsewhere.
    reported: float | None = None
    #: Values to choose from before the variant is compared, by dotted path; see `ablate.study.tuning`.
    retune: Mapping[str, tuple[Any, ...]] = field(default_factory=_empty)
    #: Key of the tuning that chose some of its values; empty where nothing was retuned.
    tuning: str = ""
    #: The retuned baseline, with which retuned levels are compared.
    is_reference: bool = False
    #: Key of the variant with which each design compares it, by the design's name, where that is not the baseline.
    references: Mapping[str, str] = field(default_factory=_empty)

    @property
    def key(self) -> str:
        """Hash of the recipe."""
        return self.recipe.key

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which it can be asked for."""
        return (self.name, *self.also, *([f"{self.name} (retuned)"] if self.retune else []))


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study file, read, checked and expanded. Made by `load_study`, `parse_study` or `Study.from_dict`."""

    name: str
    title: str
    #: Ranked metric, as `test_accuracy`.
    metric: str
    direction: Direction
    select: Literal["best_val", "best_val_loss", "last"]
    #: Seed indices that are run at first.
    seeds: tuple[int, ...]
    seed_plan: Seeds
    baseline: AnyRecipe
    factors: tuple[Factor, ...]
    designs: tuple[Design, ...]
    statistics: StatisticsSettings
    #: What the report shows beside its verdicts.
    report: OutlineReport
    #: Jobs above which the study is refused.
    max_jobs: int
    #: Which final weights are kept of each run.
    keep: Keep
    #: The file's text; of a study written in Python the same as TOML.
    text: str = field(repr=False)
    #: What `--set` changed, as written.
    settings: tuple[str, ...] = ()
    #: Options of the command that ask for this part of the study, as `--seeds`, `0-2`; empty for the whole.
    part: tuple[str, ...] = ()
    #: The file; None where there is none.
    path: Path | None = None
    #: Folder from which relative names in the study are meant.
    folder: Path | None = None
    #: All variants, the baseline first.
    expanded: tuple[Variant, ...] = field(repr=False)
    #: Variants by product, before constraints and shared cells.
    product: int
    #: Text of the user's own files that its variants need, by path relative to the study file.
    sources: Mapping[str, str] = field(default_factory=_empty, repr=False)

    def variants(self) -> tuple[Variant, ...]:
        """The baseline, then the cells in the order of the designs, then the listed variants; equal recipes once.

        Retuned levels are as they were before retuning; see `settled`.
        """
        return self.expanded

    @cached_property
    def tunings(self) -> tuple[Tuning, ...]:
        """What is to be chosen before retuned levels are compared: for the baseline, then for each level."""
        from ablate.study.tuning import tuning_seeds, tunings_of

        return tunings_of(self.expanded, tuning_seeds(self.seed_plan.retune_seeds))

    def settled(self, decided: Mapping[str, OutlineTuning]) -> tuple[Variant, ...]:
        """The variants that can be compared, given the choices that were made, by the tuning's key."""
        from ablate.study.tuning import settled

        return settled(self.expanded, self.tunings, decided)

    def asks_for(self, seed: int) -> bool:
        """Whether this study, or this part of one, runs a seed, at first or at a later look."""
        later = bool(self.seed_plan.looks) and "--seeds" not in self.part and seed < FIRST_TUNING_SEED
        return seed in self.seeds or (later and seed >= self.seed_plan.count)

    def seeds_of(self, key: str, given: Mapping[str, int]) -> tuple[int, ...]:
        """The seeds of this study, or of this part of one, that a variant is run with so far.

        Args:
            key: Of the variant.
            given: Number of seeds that looks have given variants, by key.
        """
        more = range(self.seed_plan.count, given.get(key, 0))
        return (*self.seeds, *(seed for seed in more if self.asks_for(seed)))

    def unsettled(self, decided: Mapping[str, OutlineTuning]) -> tuple[Tuning, ...]:
        """The tunings whose variants still wait for choices."""
        from ablate.study.tuning import unsettled

        return unsettled(self.tunings, decided)

    def hashes(self, variant: Variant) -> dict[str, str]:
        """SHA-256 of each of the user's own files that a variant needs, by path; empty where it needs none."""
        return {path: sha256(text) for path, text in used(named_files(variant.recipe), self.sources).items()}

    def call(self) -> tuple[str, ...]:
        """What stands after `ablate run` to ask for this study or this part of it, as far as it changes results.

        Of a file that was named by its place on a machine, only the name is kept.
        """
        file = f"{self.name}.toml" if self.path is None else self.path.as_posix()
        if self.path is not None and (self.path.is_absolute() or file.startswith("~")):
            file = self.path.name
        return (file, *(word for setting in self.settings for word in ("--set", setting)), *self.part)

    def count(self) -> int:
        """Jobs by product: before constraints, and before designs share cells; so an upper bound."""
        return self.product * len(self.seeds)

    def outline(self, decided: Mapping[str, OutlineTuning] = MappingProxyType({})) -> Outline:
        """The study as plain values for the database and the report.

        Args:
            decided: What became of the tunings so far, by their keys.
        """
        return Outline(
            name=self.name,
            title=self.title,
            metric=self.metric,
            direction=self.direction,
            select=self.select,
            seeds=self.seeds,
            looks=self.seed_plan.looks,
            strict=self.seed_plan.strict,
            budget=self.seed_plan.budget_text,
            baseline=self.baseline.key,
            factors=tuple(
                OutlineFactor(
                    name=factor.name,
                    label=factor.label,
                    levels=tuple(OutlineLevel(name=level.name, label=level.label) for level in factor.levels),
                    reference=factor.reference,
                )
                for factor in self.factors
            ),
            designs=tuple(
                OutlineDesign(name=design.name, kind=design.kind, factors=design.factors) for design in self.designs
            ),
            variants=tuple(
                OutlineVariant(
                    name=variant.name,
                    key=variant.key,
                    levels=dict(variant.levels),
                    designs=variant.designs,
                    reported=variant.reported,
                    also=variant.also,
                    tuning=variant.tuning,
                    is_reference=variant.is_reference,
                    references=dict(variant.references),
                )
                for variant in self.settled(decided)
            ),
            tunings=tuple(
                decided[tuning.key].model_copy(update={"name": tuning.name, "reference": tuning.reference})
                if tuning.key in decided
                else tuning.outline()
                for tuning in self.tunings
            ),
            statistics=self.statistics,
            report=self.report,
            keep=self.keep,
        )

    def only(
        self,
        factors: Sequence[str] | None = None,
        variants: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Study:
        """A part of the study; the baseline always belongs to it.

        Args:
            factors: Keep the variants in which no other factor is off its reference.
            variants: Keep the variants of these names; with `factors`, both.
            seeds: Keep these seeds.

        Raises:
            UsageError: A name or seed that the study has not.
        """
        kept = self.expanded
        if factors is not None or variants is not None:
            names = {name: variant.key for variant in self.expanded for name in variant.names}
            references = {factor.name: factor.reference for factor in self.factors}
            self._check("factor", factors or (), list(references))
            self._check("variant", variants or (), list(names))
            keys = {names[name] for name in (BASELINE, *(variants or ()))}
            for variant in self.expanded if factors is not None else ():
                off = {name for name, level in variant.levels.items() if level != references[name]}
                if off and off <= set(factors or ()):
                    keys.add(variant.key)
            kept = tuple(variant for variant in self.expanded if variant.key in keys)
        if seeds is not None and (unknown := sorted(set(seeds) - set(self.seeds))):
            raise UsageError(
                f"study {self.name} has no seed {unknown[0]}",
                cure=f"Its seeds are {self.seeds[0]} to {self.seeds[-1]}; `[seeds] count` in the study file "
                f"sets how many.",
            )
        return replace(
            self,
            expanded=kept,
            product=min(self.product, len(kept)) if kept is not self.expanded else self.product,
            seeds=tuple(seed for seed in self.seeds if seeds is None or seed in seeds),
            part=(
                *(("--factors", ",".join(factors)) if factors is not None else ()),
                *(("--variants", ";".join(variants)) if variants is not None else ()),
                *(("--seeds", seed_ranges(seeds)) if seeds is not None else ()),
            ),
        )

    def _check(self, what: str, given: Sequence[str], known: list[str]) -> None:
        for name in given:
            if name not in known:
                raise UsageError(
                    f"study {self.name} has no {what} {name!r}{did_you_mean(name, known)}",
                    cure=f"`ablate plan {self.path or self.name}` lists what it has.",
                )

    @staticmethod
    def from_dict(
        mapping: Mapping[str, Any], *, source: str = "study", folder: Path | None = None, settings: Sequence[str] = ()
    ) -> Study:
        """A study written in Python, with the same keys as a study file and the same checks.

        Args:
            mapping: What the file would hold.
            source: Name of the study in messages, which carry the dotted path of a mistake.
            folder: Folder from which relative names in the study are meant.
            settings: As `--set path=value`.

        Raises:
            StudyError: All mistakes at once.
            UsageError: A setting that is not of the form path=value.
        """
        from ablate.study.load import study_of_mapping

        return study_of_mapping(mapping, source=source, folder=folder, settings=settings)
