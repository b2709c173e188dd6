"""The `[report]` table of a study file: what the report shows beside its verdicts. It changes no recipe and no key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from ablate.metrics import METRICS, Metric, named_metric
from ablate.recipe import AnyRecipe, Recipe
from ablate.recipe.signatures import did_you_mean
from ablate.study.designs.base import Table
from ablate.study.faults import Faults, printable, shown
from ablate.study.names import Text
from ablate.study.outline import OutlineEpochs, OutlineReport
from ablate.told import told

if TYPE_CHECKING:
    from ablate.study.model import Variant

#: What ablate itself measures after each epoch.
EPOCH_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        **{name: METRICS[name] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")},
        "oracle_test_loss": Metric(
            name="oracle_test_loss", direction="min", label=told("test loss (oracle)"), percent=False
        ),
        "oracle_test_accuracy": Metric(
            name="oracle_test_accuracy", direction="max", label=told("test accuracy (oracle)"), percent=True
        ),
        "train_loss_variance": Metric(
            name="train_loss_variance", direction="min", label=told("variance of the step losses"), percent=False
        ),
        "grad_norm": Metric(name="grad_norm", direction="min", label=told("gradient norm"), percent=False),
    }
)
_LR = Metric(name="lr", direction="max", label=told("learning rate"), percent=False)


def epoch_metric(name: str) -> Metric:
    """What is shown under a name: what ablate measures itself, or what somebody logged."""
    return _LR if name == _LR.name else EPOCH_METRICS.get(name) or named_metric(name)


def _named(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is no name of a metric: those are letters, digits and `_`, as `val_macro_f1`")
    return name


EpochMetric = Annotated[
    str,
    AfterValidator(_named),
    Field(min_length=1, max_length=128, examples=list(EPOCH_METRICS)),
]


class EpochsTable(Table):
    """A table with a row for each epoch and a column for each variant."""

    metric: EpochMetric
    """What is shown, the mean over seeds after each epoch: `val_loss` and the like, or a metric of your own."""
    variants: Annotated[list[str], Field(min_length=1, max_length=100)] | None = None
    """Names of the variants, as `["baseline", "optimizer=Adam"]`; all where none are named."""
    title: Text | None = None
    """Heading; made of the metric where none is given."""


class ReportTable(Table):
    """What the report shows beside its verdicts."""

    curves: Annotated[list[EpochMetric], Field(min_length=1)] | None = None
    """What the figures of factors show over epochs, metrics of your own too; everything that was measured where nothing
    is said."""
    epochs: Annotated[list[EpochsTable], Field(max_length=100)] = Field(default_factory=list)
    """Tables with a row for each epoch."""


def outlined(table: ReportTable) -> OutlineReport:
    """The table as it is stored with the revision."""
    return OutlineReport(
        curves=tuple(table.curves or ()),
        epochs=tuple(
            OutlineEpochs(metric=one.metric, variants=tuple(one.variants or ()), title=one.title or "")
            for one in table.epochs
        ),
    )


def check_report(table: ReportTable, variants: Sequence[Variant], faults: Faults) -> None:
    """Note variants that the study has not, and metrics that none of the variants measures.

    Args:
        table: The `[report]` table.
        variants: All variants of the study.
        faults: Where mistakes are noted.
    """
    named = {name: one for one in variants for name in one.names}
    for number, metric in enumerate(table.curves or ()):
        _check_metric(metric, ("report", "curves", number), variants, faults)
    for number, wanted in enumerate(table.epochs):
        for place, name in enumerate(wanted.variants or ()):
            if name not in named:
                faults.add(
                    ("report", "epochs", number, "variants", place),
                    f"there is no variant {shown(name)}{did_you_mean(name, [printable(one) for one in named])}",
                    value=True,
                )
        listed = variants if wanted.variants is None else [named[name] for name in wanted.variants if name in named]
        if listed:
            _check_metric(wanted.metric, ("report", "epochs", number, "metric"), listed, faults)


def _check_metric(metric: str, place: tuple[str | int, ...], variants: Sequence[Variant], faults: Faults) -> None:
    if metric not in EPOCH_METRICS:
        if meant := _misspelt(metric, [one.recipe for one in variants]):
            faults.add(place, f"no run measures `{metric}`; did you mean `{meant}`?", value=True)
    elif not any(_measures(one.recipe, metric) for one in variants):
        who = "none of these variants measures" if len(variants) > 1 else "the variant does not measure"
        faults.add(place, f"{who} `{metric}`: {_cure(metric)}", value=True)


def _misspelt(metric: str, recipes: Sequence[AnyRecipe]) -> str:
    """The name that was probably meant; empty where a metric may be called so.

    A trainer of the user's own logs what it likes: there only slips of the pen are taken for such.
    """
    known, is_free = dict.fromkeys(EPOCH_METRICS), False
    for recipe in recipes:
        if isinstance(recipe, Recipe):
            known |= dict.fromkeys(f"val_{one.title}" for one in recipe.training.metrics)
        else:
            is_free = True
    if metric in known or (is_free and (metric.count("_") != 1 or not metric.replace("_", "").isalpha())):
        return ""
    close = difflib.get_close_matches(metric.lower(), list(known), n=1, cutoff=0.88 if is_free else 0.7)
    return close[0] if close else ""


def _measures(recipe: AnyRecipe, metric: str) -> bool:
    if not isinstance(recipe, Recipe):
        return True
    if metric.startswith("val_"):
        return recipe.data.validation != 0
    if metric.startswith("oracle_"):
        return recipe.training.oracle_curve
    if metric == "grad_norm":
        return recipe.training.keeps_grad_norm
    return metric != "train_loss_variance" or recipe.training.step_losses > 0


def _cure(metric: str) -> str:
    if metric.startswith("val_"):
        return "hold images out by `data.validation`"
    if metric.startswith("oracle_"):
        return "write `oracle_curve = true` in [baseline.training]"
    if metric == "grad_norm":
        return "write `grad_norm = true` in [baseline.training]"
    return "keep losses of steps by `step_losses = 100` in [baseline.training]"
