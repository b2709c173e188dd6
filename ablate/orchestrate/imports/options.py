"""What was asked of an import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from ablate.errors import UsageError
from ablate.metrics import Direction


class Form(StrEnum):
    """Kinds of sources."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How sources are read and what becomes of them. None: as the study has it already, else by a rule."""

    #: Name of the study.
    study: str
    #: Name of the variant that all others are compared with.
    baseline: str | None = None
    #: Kind of all sources; None: recognised from what each is.
    form: Form | None = None
    #: Names of columns, tags and parameters in the sources, by the name that ablate has for them.
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: How variant and seed stand in a folder's path or a run's name, as `{variant}/seed{seed}`.
    pattern: str | None = None
    #: Columns that hold the level of a factor; each is a factor of the study.
    factors: tuple[str, ...] = ()
    #: Factors that the study has already; their columns need not be there.
    known_factors: tuple[str, ...] = ()
    #: Optimizer steps of one epoch, for sources that count steps; 1: a step is an epoch.
    epoch_steps: int | None = None
    #: Accuracies of the sources are percentages.
    percent: bool = False
    #: Numbers of the sources have a comma as decimal point.
    decimal_comma: bool = False
    #: Runs that contradict stored ones take their place, whole.
    replace: bool = False
    #: Ranked metric.
    metric: str | None = None
    direction: Direction | None = None
    #: Which epoch counts where the sources do not say.
    select: Literal["best_val", "best_val_loss", "last"] | None = None
    title: str | None = None
    #: Error rate of a family of comparisons.
    alpha: float | None = None
    #: Difference below which variants are equivalent, in the metric's unit (accuracies: a fraction).
    margin: float | None = None
    test: Literal["auto", "welch", "paired", "dunnett"] | None = None


def renamed(pairs: Sequence[str]) -> dict[str, str]:
    """What `--map OURS=THEIRS` says.

    Raises:
        UsageError: It is no such pair, or says the same twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not (ours and equals and theirs):
            raise UsageError(f"--map {pair!r} is no pair.", cure="Write `--map val_accuracy=val/acc`.")
        if ours in found or theirs in found.values():
            raise UsageError(f"--map {pair!r} names what another `--map` names.", cure="Leave one of them out.")
        found[ours] = theirs
    return found
