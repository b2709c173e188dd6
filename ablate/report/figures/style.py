"""How all pictures look, and how they are written."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Okabe & Ito's colours, told apart with any colour vision; black is the baseline's.
BASELINE = "#000000"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#777777"
#: Colour and marker of each verdict: shape says what colour says.
VERDICTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "better": ("#009E73", "^"),
        "worse": ("#D55E00", "v"),
        "equivalent": ("#0072B2", "s"),
        "undecided": (GREY, "o"),
    }
)
DOTS_PER_INCH = 150
#: Fonts that have Chinese, Japanese and Korean letters; the first that is installed stands in where DejaVu has none.
WIDE_FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "SimHei", "PingFang SC")


def drawing() -> AbstractContextManager[None]:
    """The settings of matplotlib under which a picture is drawn and written."""
    import matplotlib as mpl
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    settings: Any = {  # matplotlib's type for it lists the settings of one version
        "font.family": ["DejaVu Sans", *[font for font in WIDE_FONTS if font in installed][:1]],
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e4e4e4",
        "grid.linewidth": 0.6,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "savefig.dpi": DOTS_PER_INCH,
        # the same rows give the same SVG, byte for byte
        "svg.hashsalt": "ablate",
        # names are no formulas
        "text.parse_math": False,
    }
    return mpl.rc_context(settings)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, whose parts are laid out so that they do not overlap."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write `name.png` and `name.svg`."""
    with drawing(), warnings.catch_warnings():
        # a name in a script that no installed font has is drawn as boxes; the tables have it in full
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def colours(count: int) -> Sequence[Any]:
    """So many colours beside the baseline's black; beyond six they run through one colour-blind-safe scale."""
    if count <= len(COLOURS):
        return COLOURS[:count]
    import matplotlib as mpl

    scale = mpl.colormaps["plasma"]
    return [scale(0.9 * index / (count - 1)) for index in range(count)]


def shortened(text: str, width: int) -> str:
    """Text of at most `width` letters, what is longer cut in the middle; wide letters (Chinese) count twice."""
    sizes = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text]
    if sum(sizes) > width:
        half = (width - 1) // 2
        head, tail = _fitting(text, sizes, half), _fitting(text[::-1], sizes[::-1], width - 1 - half)
        return f"{text[:head].rstrip()}…{text[len(text) - tail :].lstrip()}"
    return text


def _fitting(text: str, sizes: Sequence[int], width: int) -> int:
    """How many letters from the start fit into `width`."""
    used = 0
    for index in range(len(text)):
        used += sizes[index]
        if used > width:
            return index
    return len(text)
