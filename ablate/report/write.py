"""Write a report into a folder, so that a reader never meets half a file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from ablate.errors import UsageError
from ablate.report.comparisons import comparisons_of
from ablate.report.figures import gallery
from ablate.report.figures.names import OURS
from ablate.report.markdown import render
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results


def write_report(results: Results, out: Path) -> Path:
    """Write `report.md`, `report.json` and `figures/` into `out`, and return the path of `report.md`.

    Everything is made in a temporary folder first and then moved file by file, pictures before the text that shows
    them. Of what lies in `out` already, only files of an earlier report are replaced or removed.

    Raises:
        UsageError: `out` cannot be written.
    """
    analysis = analyse(results)
    try:
        figures = out / "figures"
        figures.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as name:
            made = Path(name)
            pictures = gallery.draw(analysis, made)
            drawn = sorted(path.name for path in made.iterdir())
            text = json.dumps(comparisons_of(analysis), indent=2, ensure_ascii=False, allow_nan=False)
            (made / "report.json").write_text(text + "\n", encoding="utf-8", newline="\n")
            (made / "report.md").write_text(render(analysis, pictures), encoding="utf-8", newline="\n")
            for file in drawn:
                (made / file).replace(figures / file)
            for file in ("report.json", "report.md"):
                (made / file).replace(out / file)
        for old in figures.iterdir():
            if OURS.fullmatch(old.name) and old.name not in drawn:
                old.unlink()
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {out}: {error.strerror or error}.",
            cure="Name another folder with `--out DIR`.",
        ) from error
    return out / "report.md"
