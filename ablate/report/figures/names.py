"""Under which names pictures are known between those who draw them and those who show them."""

from __future__ import annotations

import re

OVERVIEW = "overview"
EFFECTS = "effects"
SCHEDULES = "learning rate"
GAP = "generalisation gap"
CONFUSION = "confusion"
NAMED = "named"
#: Curves of a study that has nothing to compare.
BASELINE_ALONE = "baseline"
#: Curves of whichever variants a reader chooses; only a page can show them.
ALL_CURVES = "all curves"
#: Single classes of the baseline and the best variant; only a page shows them.
CLASSES = "classes"
#: Files that a report may have left in `figures/`.
OURS = re.compile(
    r"(overview|effects|learning-rate|generalisation-gap|confusion|pareto-[a-z-]+"
    r"|(named|baseline|(factor|grid|interaction|mains|half-normal|ladder)-\d\d+[a-z0-9-]*)(-steps)?)\.(png|svg|pdf)"
)


def factor_name(factor: str) -> str:
    """Curves of one factor."""
    return f"factor {factor}"


def grid_name(design: str, number: int) -> str:
    """Curves of cells of a grid, its pictures counted from 1."""
    return f"grid {number} {design}"


def interaction_name(design: str) -> str:
    """How the factors of a grid act on each other."""
    return f"interaction {design}"


def mains_name(design: str) -> str:
    """Means at each level of the factors of a grid or a fraction."""
    return f"mains {design}"


def half_normal_name(design: str) -> str:
    """Effects of a grid or a fraction with one seed, against noise."""
    return f"half-normal {design}"


def ladder_name(design: str) -> str:
    """The steps of a ladder with what they cost."""
    return f"ladder {design}"


def steps_name(curves: str) -> str:
    """Losses over steps, beside the curves of this name."""
    return f"steps of {curves}"


def pareto_name(cost: str) -> str:
    """The ranked metric against one kind of cost."""
    return f"pareto {cost}"


def is_curves(name: str) -> bool:
    """Whether a picture shows curves over epochs."""
    return name in (NAMED, BASELINE_ALONE) or name.startswith(("factor ", "grid "))


def slug(name: str) -> str:
    """A name as part of a file name, with a hyphen before it; empty where no letter of it may stand in one."""
    kept = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:40]
    return f"-{kept}" if kept else ""
