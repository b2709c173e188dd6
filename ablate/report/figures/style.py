"""How all pictures look, and how they are written."""

from __future__ import annotations

import math
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ablate.report.language import ENGLISH, is_wide, say, speaking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
#: How many times as large as in the typical picture losses may be in one beside it that still has its say in the axis.
FAR = 10.0
#: Fonts that have Chinese, Japanese and Korean letters; the first that is installed stands in where DejaVu has none.
WIDE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Noto Sans CJK JP",  # the only face of Noto's collection that older versions of matplotlib find
)


def drawing() -> AbstractContextManager[None]:
    """The settings of matplotlib under which a picture is drawn and written."""
    import matplotlib as mpl

    settings: Any = {  # matplotlib's type for it lists the settings of one version
        "font.family": ["DejaVu Sans", *wide_fonts()[:1]],
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


def wide_fonts() -> list[str]:
    """Those of `WIDE_FONTS` that are installed."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [font for font in WIDE_FONTS if font in installed]


def legible() -> AbstractContextManager[None]:
    """The language of labels: English where no installed font has the letters of the report's."""
    return speaking(ENGLISH) if is_wide() and not wide_fonts() else nullcontext()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, whose parts are laid out so that they do not overlap."""
    from ablate.report.figures.picture import Picture

    return Picture(figsize=(width, height), layout="constrained", facecolor="white")


def save(figure: Figure, folder: Path, name: str, *, pdf: bool = False) -> None:
    """Write `name.png`, `name.svg`, and where it is asked for `name.pdf`, which has its fonts within.

    By the formats' own canvases, each of which draws once; `savefig` draws each file twice, and lays each out anew.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with drawing(), unknown_letters():
        figure.set_dpi(DOTS_PER_INCH)
        FigureCanvasAgg(figure).print_png(folder / f"{name}.png", metadata={"Software": None})  # type: ignore[no-untyped-call]
        figure.set_layout_engine("none")  # it has been laid out
        FigureCanvasSVG(figure).print_svg(folder / f"{name}.svg", metadata={"Date": None})  # type: ignore[no-untyped-call]
        if pdf:
            from matplotlib.backends.backend_pdf import FigureCanvasPdf

            with mpl.rc_context({"pdf.fonttype": _pdf_fonts(figure)}):
                FigureCanvasPdf(figure).print_pdf(folder / f"{name}.pdf", metadata={"CreationDate": None})  # type: ignore[no-untyped-call]


def _pdf_fonts(figure: Figure) -> int:
    """How letters are embedded: as TrueType (42), which publishers ask for, or as drawings (3) where some are Chinese.

    The usual fonts with Chinese letters (Noto CJK) have no TrueType outlines, and readers refuse them as such.
    """
    from matplotlib.text import Text

    letters = {letter for text in figure.findobj(Text) if isinstance(text, Text) for letter in text.get_text()}
    return 3 if any(unicodedata.east_asian_width(letter) in "WF" for letter in letters) else 42


@contextmanager
def unknown_letters() -> Iterator[None]:
    """A name in a script that no installed font has is drawn as boxes without a word; the tables have it in full."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def colours(count: int) -> Sequence[Any]:
    """So many colours beside the baseline's black; beyond six they run through one colour-blind-safe scale."""
    if count <= len(COLOURS):
        return COLOURS[:count]
    import matplotlib as mpl

    scale = mpl.colormaps["plasma"]
    return [scale(0.9 * index / (count - 1)) for index in range(count)]


def of_variants(black: Sequence[bool]) -> list[Any]:
    """A colour for each variant; black for baselines."""
    others = iter(colours(black.count(False)))
    return [BASELINE if is_black else next(others) for is_black in black]


def legend_rows(labels: Sequence[str], width: int) -> int:
    """Lines of a legend whose labels stand in columns, `width` letters in a line."""
    return math.ceil(len(labels) / max(1, min(5, width // (max(map(_cells, labels)) + 6))))


def legend_below(
    figure: Figure,
    labels: Sequence[str],
    chosen: Sequence[Any],
    width: int,
    *,
    markers: str = "",
    dashes: Sequence[Any] = ("-",),
) -> None:
    """The colours of variants, below the panels; with the markers and dashes that tell them apart, in turn."""
    from matplotlib.lines import Line2D

    figure.legend(
        [
            Line2D(
                [],
                [],
                color=colour,
                linewidth=2,
                linestyle=dashes[index % len(dashes)],
                marker=markers[index % len(markers)] if markers else "",
            )
            for index, colour in enumerate(chosen)
        ],
        labels,
        loc="outside lower center",
        ncols=math.ceil(len(labels) / legend_rows(labels, width)),
        columnspacing=1.6,
        handlelength=1.6,
    )


def limit_along(axes: Axes, first: float, last: float) -> None:
    """Set the limits of the horizontal axis, with room at both ends."""
    margin = 0.05 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)


def limit(
    axes: Axes,
    curves: Sequence[NDArray[np.float64]],
    *,
    free: Literal["top", "bottom"],
    ends: tuple[float, float] | None = None,
) -> None:
    """Set the limits of the vertical axis so that one run out of bounds does not stretch it; say how many leave it.

    Args:
        axes: The panel.
        curves: What is drawn there, each with at least one finite value.
        free: Where there is room for the remark.
        ends: Lowest and highest value to show, where other panels have a say in it.
    """
    if not curves:
        axes.text(0.5, 0.5, say("nothing recorded"), transform=axes.transAxes, ha="center", va="center", color=GREY)
        return
    low, high = limits(curves) if ends is None else ends
    margin = 0.04 * (high - low) or 0.02 * abs(high) or 0.5
    axes.set_ylim(low - margin, high + margin)
    hidden = sum(bool(np.nanmax(curve) > high + margin or np.nanmin(curve) < low - margin) for curve in curves)
    if hidden:
        text = say("{n} of {all} curves leave the picture", n=hidden, all=len(curves))
        height = 0.98 if free == "top" else 0.02
        axes.text(0.98, height, text, transform=axes.transAxes, ha="right", va=free, fontsize=7, color=GREY)


def common_limits(pictures: Sequence[Sequence[NDArray[np.float64]]], *, percent: bool) -> tuple[float, float]:
    """Lowest and highest value to show in pictures beside each other, each with its curves.

    All are seen as they would be alone; but losses of a picture that exploded do not flatten the others.

    Args:
        pictures: The curves of each, each with at least one finite value.
        percent: Whether values have bounds, so that none is out of them.
    """
    ends = [limits(curves) for curves in pictures]
    sizes = sorted(max(map(abs, one)) for one in ends)
    typical = sizes[(len(sizes) - 1) // 2]
    kept = [one for one in ends if percent or not typical or max(map(abs, one)) <= FAR * typical]
    return min(low for low, _ in kept), max(high for _, high in kept)


def limits(curves: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Lowest and highest value to show.

    Curves count that reach no further than one and a half times the span of the typical curve beyond its ends: at
    least half of them, and one that explodes does not flatten the others. Where one half lies above the other (99 % in
    training, 50 % in validation), the span is that from half to half.
    """
    tops = np.sort([np.nanmax(curve) for curve in curves])
    bottoms = np.sort([np.nanmin(curve) for curve in curves])
    middle = (len(curves) - 1) // 2
    bottom, top = sorted((tops[middle], bottoms[len(curves) - 1 - middle]))
    reach = 1.5 * max(top - bottom, 0.02 * abs(top))
    return float(bottoms[bottoms >= bottom - reach].min()), float(tops[tops <= top + reach].max())


def shortened(text: str, width: int) -> str:
    """Text of at most `width` letters, what is longer cut in the middle; wide letters (Chinese) count twice."""
    sizes = list(map(_cell, text))
    if sum(sizes) > width:
        half = (width - 1) // 2
        head, tail = _fitting(text, sizes, half), _fitting(text[::-1], sizes[::-1], width - 1 - half)
        return f"{text[:head].rstrip()}…{text[len(text) - tail :].lstrip()}"
    return text


def _cells(text: str) -> int:
    """Width of a text, a wide letter counted twice."""
    return sum(map(_cell, text))


def _cell(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _fitting(text: str, sizes: Sequence[int], width: int) -> int:
    """How many letters from the start fit into `width`."""
    used = 0
    for index in range(len(text)):
        used += sizes[index]
        if used > width:
            return index
    return len(text)
