"""`report.pdf`: the report set by a LaTeX engine that is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ablate.errors import UsageError
from ablate.report.language import is_wide

#: What is called, by engine, in the order in which they are looked for: first those that know all letters, tectonic
#: after the installed ones because it downloads its packages. No engine may call other programs. latexmk only calls one
#: of these.
_QUIET = ("-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "report.tex")
ENGINES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "xelatex": _QUIET,
        "lualatex": _QUIET,
        "tectonic": ("--untrusted", "--keep-logs", "report.tex"),
        "pdflatex": _QUIET,
    }
)
#: Engines that know Latin letters alone.
LATIN = frozenset({"pdflatex"})
#: Runs after which columns of long tables have found their widths, for sure.
MOST_RUNS = 4
AGAIN = ("Rerun LaTeX", "Rerun to get", "Table widths have changed")
#: Longest run, seconds: the first of LuaLaTeX lists all fonts.
PATIENCE = 300.0
#: Lines of the log that are shown from the first error on.
LOG_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A program that makes PDF of LaTeX."""

    name: str
    path: str


def find_engines() -> tuple[Engine, ...]:
    """The engines that are installed and know the letters of the report's language, in the order of trying them.

    Raises:
        UsageError: There is none.
    """
    fit = [name for name in ENGINES if name not in LATIN or not is_wide()]
    found = tuple(Engine(name=name, path=path) for name in fit if (path := shutil.which(name)) is not None)
    if not found:
        raise UsageError(
            f"no LaTeX engine is found: neither {', '.join(fit)}.",
            cure="Install one (Debian and Ubuntu: `apt-get install texlive-xetex lmodern`; elsewhere TeX Live, MiKTeX "
            "or tectonic), or write `--latex` and set report.tex on another machine.",
        )
    return found


def compile_report(folder: Path, engines: Sequence[Engine]) -> bytes:
    """Set `report.tex` of a folder with its tables and figures, in a temporary copy.

    An engine may be there without the packages that it needs, so that the next one is tried.

    Args:
        folder: Where the report lies.
        engines: What `find_engines` found.

    Raises:
        UsageError: They all refuse it; the message has the part of each log that says why.
    """
    faults = []
    for engine in engines:
        with tempfile.TemporaryDirectory(prefix="ablate-latex-") as name:
            made = Path(name)
            shutil.copy(folder / "report.tex", made)
            for part, pattern in (("tables", "*.tex"), ("figures", "*.pdf")):
                (made / part).mkdir()
                for file in sorted((folder / part).glob(pattern)):
                    shutil.copy(file, made / part)
            for _ in range(MOST_RUNS):
                log, fault = _run(engine, made)
                if fault or not any(words in log for words in AGAIN):
                    break
            if not fault:
                return (made / "report.pdf").read_bytes()
            faults.append(f"{engine.name} cannot set report.tex:\n{fault}")
    raise UsageError(
        "\n".join(faults),
        cure=f"report.tex is written; `{engines[-1].name} report.tex` in {folder} shows the whole log.",
    )


def _run(engine: Engine, made: Path) -> tuple[str, str]:
    """One run: its log, and what is wrong, which is nothing where all went well."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and neither has the engine
            [engine.path, *ENGINES[engine.name]],
            cwd=made,
            env={**os.environ, "openout_any": "p", "max_print_line": "1000"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"  It did not end within {PATIENCE:g} seconds."
    path = made / "report.log"
    log = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if done.returncode == 0 and (made / "report.pdf").exists():
        return log, ""
    return log, _fault(log or (done.stdout + done.stderr).decode(errors="replace"))


def _fault(log: str) -> str:
    """The lines from the first error on; the last ones where no line looks like one."""
    lines = log.splitlines()
    first = next((place for place, line in enumerate(lines) if line.startswith("!") or ".tex:" in line), -LOG_LINES)
    return "\n".join(f"  {line}" for line in lines[first:][:LOG_LINES])
