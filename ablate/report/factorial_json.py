"""Grids and fractions as a whole in `ablate report --json`, under `factorial`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ablate.report.factorial import Crossed, crossed
from ablate.verdicts.analysis import Analysis


def factorial_json(analysis: Analysis) -> list[dict[str, Any]]:
    """An entry for each grid and fraction, in the order of the study; what cannot be computed is None."""
    return [_entry(part) for part in crossed(analysis)]


def _entry(part: Crossed) -> dict[str, Any]:
    found, aliases = part.found, part.aliases
    return {
        "design": part.design.name,
        "kind": part.design.kind,
        "exploratory": part.exploratory,
        "factors": [factor.name for factor in part.factors],
        "why": part.why or (found.why if found else "") or None,
        "cells": found and found.cells,
        "seeds": found and found.seeds,
        "n": found and found.n,
        "balanced": found and found.is_balanced,
        "errors": found and found.errors,
        "df": found and found.df,
        "resolution": aliases and aliases.resolution,
        "defining_relation": list(aliases.defining_relation) if aliases else [],
        "partly_confounded": [list(each) for each in aliases.partial] if aliases else [],
        "effects": [
            {
                **asdict(effect),
                "factors": list(effect.factors),
                "level": None if effect.level is None else part.level(effect.factors[0], effect.level)[0],
                "reference": None if effect.level is None else part.level(effect.factors[0], 0)[0],
                "aliases": [str(alias) for alias in effect.aliases],
            }
            for effect in (found.effects if found else ())
        ],
        "means": [
            {**asdict(mean), "level": part.level(mean.factor, mean.level)[0]} for mean in (found.means if found else ())
        ],
        "anova": [{**asdict(term), "factors": list(term.factors)} for term in (found.anova if found else ())],
        "lenth": asdict(found.lenth) if found and found.lenth else None,
    }
