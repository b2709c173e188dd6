"""The study language: a TOML file (or a mapping) -> factors, designs, and the variants to train.

Names are imported when they are first used: a status line needs the `Outline` and none of the language.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.study.growth import OutlineDiff, diff, mark_exploratory
    from ablate.study.json_schema import schema
    from ablate.study.load import load_study, parse_study
    from ablate.study.model import Design, Factor, Level, Study, Variant
    from ablate.study.outline import (
        FIRST_TUNING_SEED,
        Outline,
        OutlineCandidate,
        OutlineDesign,
        OutlineEpochs,
        OutlineFactor,
        OutlineLevel,
        OutlineReport,
        OutlineTuning,
        OutlineVariant,
        StatisticsSettings,
    )
    from ablate.study.overrides import retuned
    from ablate.study.seeds import Budget, Seeds
    from ablate.study.tuning import Candidate, Tuning

_PLACES = {
    "growth": ("OutlineDiff", "diff", "mark_exploratory"),
    "load": ("load_study", "parse_study"),
    "model": ("Design", "Factor", "Level", "Study", "Variant"),
    "seeds": ("Budget", "Seeds"),
    "outline": (
        "FIRST_TUNING_SEED",
        "Outline",
        "OutlineCandidate",
        "OutlineDesign",
        "OutlineEpochs",
        "OutlineFactor",
        "OutlineLevel",
        "OutlineReport",
        "OutlineTuning",
        "OutlineVariant",
        "StatisticsSettings",
    ),
    "tuning": ("Candidate", "Tuning"),
    "overrides": ("retuned",),
    "json_schema": ("schema",),
}

__all__ = [
    "FIRST_TUNING_SEED",
    "Budget",
    "Candidate",
    "Design",
    "Factor",
    "Level",
    "Outline",
    "OutlineCandidate",
    "OutlineDesign",
    "OutlineDiff",
    "OutlineEpochs",
    "OutlineFactor",
    "OutlineLevel",
    "OutlineReport",
    "OutlineTuning",
    "OutlineVariant",
    "Seeds",
    "StatisticsSettings",
    "Study",
    "Tuning",
    "Variant",
    "diff",
    "load_study",
    "mark_exploratory",
    "parse_study",
    "retuned",
    "schema",
]


def __getattr__(name: str) -> object:
    for place, names in _PLACES.items():
        if name in names:
            return getattr(importlib.import_module(f"ablate.study.{place}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
