"""Pictures that matplotlib draws, inside the page: SVG where it is small, PNG where it is not."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ablate.report.figures import gallery, names, style
from ablate.verdicts.analysis import Analysis

#: Bytes up to which a picture is SVG.
MOST_SVG = 150_000
#: What the page draws by itself.
OWN = (names.OVERVIEW, names.EFFECTS, names.CONFUSION)


def inlined(analysis: Analysis) -> Mapping[str, str]:
    """The address of each picture, with the picture in it, by its name.

    An address keeps the identifiers of one picture apart from those of the others, and its text can run no script.
    """
    found: dict[str, str] = {}
    with style.legible():
        for name, _, make in gallery.wanted(analysis):
            if name in OWN or names.is_curves(name):
                continue
            figure = make()
            if figure is not None:
                with tempfile.TemporaryDirectory(prefix="ablate-") as folder:
                    style.save(figure, Path(folder), "picture")
                    found[name] = _address(Path(folder))
    return found


def _address(folder: Path) -> str:
    drawn, kind = (folder / "picture.svg").read_bytes(), "svg+xml"
    if len(drawn) > MOST_SVG:
        drawn, kind = (folder / "picture.png").read_bytes(), "png"
    return f"data:image/{kind};base64,{base64.b64encode(drawn).decode()}"
