"""What may stand in a study file. The recipe's own keys are in `ablate.recipe`; here is everything around them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from ablate.metrics import METRICS, ORACLE, Direction, direction_of
from ablate.protocol import Keep
from ablate.recipe.signatures import did_you_mean
from ablate.study.designs import Kind
from ablate.study.designs.base import LevelValue, Table
from ablate.study.names import StudyName, Text
from ablate.study.outline import StatisticsSettings
from ablate.study.report_table import ReportTable

#: Keys of a level's table that are not paths.
LEVEL_KEYS = ("label", "requires", "excludes", "retune", "reported")
#: Most levels of all factors together.
MAX_LEVELS = 5_000
#: Values of a linspace or geomspace.
MAX_RANGE = 1_000

#: What a budget is counted in.
BudgetUnit = Literal["hours", "gpu-hours", "cpu-hours", "runs"]
_BUDGET = re.compile(rf"(\d+(?:\.\d+)?) ({'|'.join(get_args(BudgetUnit))})")


class SeedsTable(Table):
    """How many times each variant is trained."""

    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Seeds of every variant; 3 where nothing is said."""
    looks: Annotated[list[Annotated[int, Field(ge=2, le=100_000)]], Field(min_length=1, max_length=20)] | None = None
    """Numbers of seeds after which undecided comparisons get more, as `[5, 8, 12]`."""
    budget: str | None = None
    """Compute after which no more seeds are added, as `"6 gpu-hours"`, `"90 runs"`."""
    strict: bool = False
    """The baseline gets as many seeds as a variant at each look, where otherwise it gets twice as many."""
    retune_seeds: Annotated[int, Field(ge=1, le=1_000)] = 2
    """Seeds on which the values of retuned levels are tried; no comparison uses them."""

    @model_validator(mode="after")
    def _one_plan(self) -> SeedsTable:
        if self.count is not None and self.looks is not None:
            raise ValueError("`count` and `looks` exclude each other: leave one of them out")
        if self.looks is not None and self.looks != sorted(set(self.looks)):
            raise ValueError(f"`looks` must rise, as {sorted(set(self.looks))}")
        if self.budget is not None and self.looks is None:
            raise ValueError("`budget` limits the seeds that `looks` add: write `looks = [5, 8, 12]` as well")
        if self.strict and self.looks is None:
            raise ValueError("`strict` is about the baseline's seeds at `looks`: write these as well")
        if self.budget is not None and parsed_budget(self.budget) is None:
            raise ValueError(
                '`budget` is a number and a unit, as "6 gpu-hours"; units are hours, gpu-hours, cpu-hours and runs'
            )
        return self


def parsed_budget(text: str) -> tuple[float, BudgetUnit] | None:
    """Amount and unit of a budget; None where the text is none."""
    match = _BUDGET.fullmatch(text)
    unit: dict[str, BudgetUnit] = {name: name for name in get_args(BudgetUnit)}
    return (float(match[1]), unit[match[2]]) if match and float(match[1]) > 0 else None


class FactorTable(Table):
    """A component that is varied."""

    label: Text | None = None
    """Text for tables; the name where none is given."""
    path: str | None = None
    """The knob that the levels set, as `data.batch_size`; not for levels that set several."""
    levels: list[Any] | dict[str, Any]
    """Values for `path`; or a range, `{ linspace = [start, stop, n] }` or `{ geomspace = [start, stop, n] }`; or a
    table for each level."""
    labels: dict[str, Text] = Field(default_factory=dict)
    """Texts for tables by the name of the level."""
    remove: LevelValue | None = None
    """The level that removes the component, for leave-one-out; needed where there are several."""
    when: dict[str, Any] = Field(default_factory=dict, max_length=20)
    """The factor applies only where the recipe has these values, as `{ "model.name" = "convnet" }`."""
    requires: list[str] = Field(default_factory=list, max_length=100)
    """Levels of other factors without which no level of this one is run, as `["norm=batch"]`."""
    excludes: list[str] = Field(default_factory=list, max_length=100)
    """Levels of other factors with which no level of this one is run."""
    linked: str | None = None
    """Another factor, with which this one moves: first level with first level, and so on."""
    retune: dict[str, Annotated[list[Any], Field(min_length=1, max_length=100)]] = Field(
        default_factory=dict, max_length=20
    )
    """Values that are tried for each level (and the baseline) before it is compared, by path."""
    reported: dict[str, float] = Field(default_factory=dict)
    """Figures from elsewhere by the name of the level, shown beside ours."""


class LevelTable(Table):
    """What a level's table may hold beside the paths that it sets."""

    label: Text | None = None
    """Text for tables."""
    requires: list[str] = Field(default_factory=list, max_length=100)
    """Levels of other factors without which this one is not run, as `["norm=batch"]`."""
    excludes: list[str] = Field(default_factory=list, max_length=100)
    """Levels of other factors with which this one is not run."""
    retune: dict[str, Annotated[list[Any], Field(min_length=1, max_length=100)]] = Field(
        default_factory=dict, max_length=20
    )
    """Values that are tried for this level (and the baseline) before it is compared, by path."""
    reported: float | None = None
    """A figure from elsewhere, shown beside ours."""


class VariantTable(Table):
    """A variant with a name of its own."""

    name: Text
    """Name in tables."""
    base: str | None = None
    """The variant from which it starts; the baseline where none is named."""
    set: dict[str, Any] = Field(default_factory=dict, max_length=100)
    """What it sets, by path, as `{ "model.channels" = [64, 64] }`."""
    reported: float | None = None
    """A figure from elsewhere, shown beside ours."""


class StatisticsTable(StatisticsSettings):
    """How the report judges differences."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class StudyFile(Table):
    """A study: a baseline, what is varied, and how."""

    name: StudyName
    """Name of the study: letters, digits, `.`, `_` and `-`."""
    title: Text | None = None
    """The question, for the report's head."""
    metric: Annotated[str, Field(min_length=1, max_length=64)] = "test_accuracy"
    """What variants are ranked by."""
    direction: Direction | None = None
    """Whether more (`max`) or less (`min`) is better; follows from the metric's name where that tells."""
    select: Literal["best_val", "best_val_loss", "last"] | None = None
    """Which epoch meets the test set: the one with the best accuracy or the smallest loss on the validation images, or
    the last. `best_val` where nothing is said; with a trainer of your own `last`."""
    max_jobs: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """A study that would have more jobs is refused."""
    keep: Keep = "none"
    """Which final weights are kept of each run: those of the selected epoch (`best`), those of the last epoch too
    (`best+last`), or none. It changes no recipe."""
    seeds: SeedsTable = SeedsTable()
    """How many times each variant is trained."""
    baseline: dict[str, Any]
    """The recipe from which everything else departs."""
    factors: dict[str, FactorTable] = Field(default_factory=dict)
    """What is varied."""
    designs: Annotated[list[Kind], Field(max_length=100)] | None = None
    """Which combinations of levels are run; one-at-a-time over all factors where nothing is said."""
    variants: list[VariantTable] = Field(default_factory=list)
    """Single variants with names of their own."""
    statistics: StatisticsTable = StatisticsTable()
    """How the report judges differences."""
    report: ReportTable = ReportTable()
    """What the report shows beside its verdicts; it changes no result."""

    @model_validator(mode="after")
    def _known_direction(self) -> StudyFile:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", self.metric):
            raise ValueError("`metric` is a name of letters, digits and `_`, as `test_accuracy`")
        if self.metric.startswith(ORACLE):
            raise ValueError(
                f"`metric`: {self.metric} looks at the test set after every epoch, and nothing is ranked or chosen by "
                f"that; rank by {self.metric.removeprefix(ORACLE)}, which the selected epoch alone measures"
            )
        if self.direction is None and direction_of(self.metric) is None:
            near = did_you_mean(self.metric, list(METRICS))
            hint = near if "did you mean" in near else ""
            raise ValueError(
                f"`metric`: whether more or less {self.metric} is better does not follow from its name"
                f'{hint or ";"} for a metric of your own write `direction = "max"` or `"min"` too'
            )
        if self.seeds.looks is not None and self.statistics.test == "dunnett":
            raise ValueError(
                '`statistics.test`: Dunnett\'s test is for one look; with `seeds.looks` take "welch" or "paired"'
            )
        known = METRICS.get(self.metric)
        if known is not None and self.direction not in (None, known.direction):
            raise ValueError(f'`direction` of {self.metric} is "{known.direction}": leave the line out')
        accuracy = self.metric.endswith("accuracy")
        if accuracy and self.statistics.margin is not None and self.statistics.margin >= 1:
            raise ValueError("`statistics.margin` is a share, as accuracies are: half a percentage point is 0.005")
        return self
