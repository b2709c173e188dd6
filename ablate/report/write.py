"""Write a report into a folder, so that a reader never meets half a file."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ablate.errors import UsageError
from ablate.report.comparisons import comparisons_of
from ablate.report.figures import gallery, style
from ablate.report.figures.names import OURS
from ablate.report.language import ENGLISH, is_wide, speaking
from ablate.report.latex import MADE, compile_report, find_engines
from ablate.report.latex import render as render_latex
from ablate.report.markdown import render as render_markdown
from ablate.verdicts.analysis import Analysis, analyse
from ablate.verdicts.results import Results

#: What a report may be written as; `report.json` comes with any of them.
Format = Literal["markdown", "html", "latex", "pdf"]
#: The file that each format is read from.
FILES: Mapping[Format, str] = MappingProxyType(
    {"markdown": "report.md", "html": "report.html", "latex": "report.tex", "pdf": "report.pdf"}
)
#: What is written where nothing is said.
DEFAULT: tuple[Format, ...] = ("markdown",)


def write_report(
    results: Results,
    out: Path,
    formats: Collection[Format] = DEFAULT,
    *,
    lang: str = ENGLISH,
    warn: Callable[[str], None] = warnings.warn,
) -> Path:
    """Write `report.json`, `figures/`, and the report in some formats into `out`.

    Markdown is `report.md`; HTML is `report.html`, which needs no other file; LaTeX is `report.tex` and `tables/`; PDF
    is these and `report.pdf`. Everything is made in a temporary folder first and then moved file by file, what is shown
    before the text that shows it. Of what lies in `out` already, only files of an earlier report are replaced or
    removed.

    Args:
        results: The study.
        out: The folder.
        formats: Which to write.
        lang: The language of all but `report.json`, as `zh`.
        warn: Called with what the reader should know of how the report was written.

    Returns:
        The path of `report.pdf`, else of `report.md`, else of `report.html`, else of `report.tex`, whichever was asked
        for.

    Raises:
        UsageError: `out` cannot be written, there is no such language, there is no LaTeX engine, or it refuses the
            report.
    """
    with speaking(lang):
        if is_wide() and not style.wide_fonts():
            warn(
                f"no font with the letters of {lang!r} is installed: pictures keep English labels. Install one, as "
                f"{style.WIDE_FONTS[0]} (Debian and Ubuntu: fonts-noto-cjk)."
            )
        return _write(results, out, formats)


def _write(results: Results, out: Path, formats: Collection[Format]) -> Path:
    engines = find_engines() if "pdf" in formats else ()
    analysis = analyse(results)
    has_latex = bool({"latex", "pdf"} & set(formats))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as name:
            made = Path(name)
            pictures: Mapping[str, str] = {}
            if has_latex or "markdown" in formats:
                (made / "figures").mkdir()
                pictures = gallery.draw(analysis, made / "figures", pdf=has_latex)
            for file, text in _texts(analysis, pictures, formats, latex=has_latex):
                (made / file).parent.mkdir(exist_ok=True)
                (made / file).write_text(text, encoding="utf-8", newline="\n")
            _move(made, out)
            if engines:
                (made / "report.pdf").write_bytes(compile_report(out, engines))
                (made / "report.pdf").replace(out / "report.pdf")
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {out}: {error.strerror or error}.",
            cure="Name another folder with `--out DIR`.",
        ) from error
    ending = "pdf" if engines else "md" if "markdown" in formats else "html" if "html" in formats else "tex"
    return out / f"report.{ending}"


def _texts(
    analysis: Analysis, pictures: Mapping[str, str], formats: Collection[Format], *, latex: bool
) -> Iterator[tuple[str, str]]:
    """Path below the folder and text of each file that is no picture; what includes others comes last."""
    numbers = json.dumps(comparisons_of(analysis), indent=2, ensure_ascii=False, allow_nan=False)
    yield "report.json", numbers + "\n"
    if "markdown" in formats:
        yield "report.md", render_markdown(analysis, pictures)
    if "html" in formats:
        from ablate.report.html.page import render_page  # jinja2 is loaded for it alone

        yield "report.html", render_page(analysis)
    if latex:
        source = render_latex(analysis, pictures)
        yield from ((f"tables/{file}", text) for file, text in source.tables.items())
        yield "report.tex", source.report


def _move(made: Path, out: Path) -> None:
    """Move a report's files to where they belong, and remove those of the last report that it has no more."""
    for folder in ("figures", "tables", "."):
        if not (made / folder).is_dir():
            continue
        (out / folder).mkdir(exist_ok=True)
        written = sorted(path.name for path in (made / folder).iterdir() if path.is_file())
        for file in written:
            (made / folder / file).replace(out / folder / file)
        endings = {Path(file).suffix for file in written}
        for old in (out / folder).iterdir() if folder != "." else ():
            if old.suffix in endings and old.name not in written and _is_ours(old):
                old.unlink()


def _is_ours(file: Path) -> bool:
    """Whether a report wrote a picture or a table."""
    if file.suffix != ".tex":
        return OURS.fullmatch(file.name) is not None
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline().startswith(MADE)
