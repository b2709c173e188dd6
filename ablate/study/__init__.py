"""The study language: a TOML file (or a mapping) -> factors, designs, and the variants to train."""

from __future__ import annotations

from ablate.study.growth import OutlineDiff, diff, mark_exploratory
from ablate.study.load import load_study, parse_study
from ablate.study.model import Budget, Design, Factor, Level, Seeds, Study, Variant
from ablate.study.outline import (
    Outline,
    OutlineDesign,
    OutlineFactor,
    OutlineLevel,
    OutlineVariant,
    StatisticsSettings,
)
from ablate.study.overrides import retuned
from ablate.study.schema import schema

__all__ = [
    "Budget",
    "Design",
    "Factor",
    "Level",
    "Outline",
    "OutlineDesign",
    "OutlineDiff",
    "OutlineFactor",
    "OutlineLevel",
    "OutlineVariant",
    "Seeds",
    "StatisticsSettings",
    "Study",
    "Variant",
    "diff",
    "load_study",
    "mark_exploratory",
    "parse_study",
    "retuned",
    "schema",
]
