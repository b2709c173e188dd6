"""The study language: a TOML file (or a mapping) -> factors, designs, and the variants to train."""

from __future__ import annotations

from ablate.study.growth import OutlineDiff, diff, mark_exploratory
from ablate.study.load import load_study, parse_study
from ablate.study.model import Budget, Design, Factor, Level, Seeds, Study, Variant
from ablate.study.outline import (
    FIRST_TUNING_SEED,
    Outline,
    OutlineCandidate,
    OutlineDesign,
    OutlineFactor,
    OutlineLevel,
    OutlineTuning,
    OutlineVariant,
    StatisticsSettings,
)
from ablate.study.overrides import retuned
from ablate.study.schema import schema
from ablate.study.tuning import Candidate, Tuning

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
    "OutlineFactor",
    "OutlineLevel",
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
