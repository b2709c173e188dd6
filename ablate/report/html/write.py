"""Write the page into a folder, so that a reader never meets half a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ablate.errors import UsageError
from ablate.report.html.page import render_page
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results


def write_page(results: Results, out: Path) -> Path:
    """Write `report.html` into `out`, and return its path.

    Raises:
        UsageError: `out` cannot be written.
    """
    text = render_page(analyse(results))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as name:
            made = Path(name) / "report.html"
            made.write_text(text, encoding="utf-8", newline="\n")
            made.replace(out / made.name)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {out}: {error.strerror or error}.",
            cure="Name another folder with `--out DIR`.",
        ) from error
    return out / "report.html"
