"""Draw every picture of a report into a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ablate.report.analysis import Analysis
from ablate.report.figures import style
from ablate.report.figures.curves import factor_figure
from ablate.report.figures.overview import overview_figure
from ablate.report.tables import members, named_members

#: Names under which `draw` answers for pictures that belong to no factor.
OVERVIEW = "overview"
NAMED = "named"


def draw(analysis: Analysis, folder: Path) -> Mapping[str, str]:
    """Write all pictures as PNG and SVG.

    Returns:
        File name without its ending, by factor name; `overview` and `named` for the others. What has nothing to show
        is left out.
    """
    results = analysis.results
    written: dict[str, str] = {}
    wanted = [(OVERVIEW, OVERVIEW, overview_figure(analysis))]
    for number, factor in enumerate(results.outline.factors, start=1):
        if variants := members(results, factor):
            wanted.append(
                (f"factor {factor.name}", f"factor-{number:02}{slug(factor.name)}", factor_figure(results, variants))
            )
    if variants := named_members(results):
        wanted.append((NAMED, NAMED, factor_figure(results, variants)))
    for name, file, figure in wanted:
        if figure is not None:
            style.save(figure, folder, file)
            written[name] = file
    return written


def slug(name: str) -> str:
    """A name as part of a file name, with a hyphen before it; empty where no letter of it may stand in one."""
    kept = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:40]
    return f"-{kept}" if kept else ""
