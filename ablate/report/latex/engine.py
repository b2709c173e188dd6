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
#: Runs after which columns of long tables have found their widths, for sure.
MOST_RUNS = 4
#: Longest run, seconds: the first of LuaLaTeX lists all fonts.
PATIENCE = 300.0
#: Lines of the log that are shown from the first error on.
LOG_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A program that makes PDF of LaTeX."""

    name: str
    path: str


def find_engine() -> Engine:
    """The first engine that is installed.

    Raises:
        UsageError: There is none.
    """
    for name in ENGINES:
        if (path := shutil.which(name)) is not None:
            return Engine(name=name, path=path)
    raise UsageError(
        f"no LaTeX engine is found: neither {', '.join(ENGINES)}.",
        cure="Install one (Debian: `apt-get install texlive-xetex lmodern`; any system: https://tectonic-typesetting.github.io), "
        "or write `--latex` and compile report.tex elsewhere.",
    )


def compile_report(folder: Path, engine: Engine) -> bytes:
    """Set `report.tex` of a folder with its tables and figures, in a temporary copy.

    Raises:
        UsageError: The engine refuses it; the message has the part of its log that says why.
    """
    with tempfile.TemporaryDirectory(prefix="ablate-latex-") as name:
        made = Path(name)
        shutil.copy(folder / "report.tex", made)
        for part, pattern in (("tables", "*.tex"), ("figures", "*.pdf")):
            (made / part).mkdir()
            for file in sorted((folder / part).glob(pattern)):
                shutil.copy(file, made / part)
        for _ in range(MOST_RUNS):
            log = _run(engine, made)
            if "Rerun LaTeX" not in log and "Table widths have changed" not in log:
                break
        return (made / "report.pdf").read_bytes()


def _run(engine: Engine, made: Path) -> str:
    """One run; answers with its log."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of ours, no shell
            [engine.path, *ENGINES[engine.name]],
            cwd=made,
            env={**os.environ, "openout_any": "p", "max_print_line": "1000"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"{engine.name} did not end within {PATIENCE:g} seconds.", cure="Compile report.tex by hand to see why."
        ) from error
    path = made / "report.log"
    log = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if done.returncode or not (made / "report.pdf").exists():
        said = log or (done.stdout + done.stderr).decode(errors="replace")
        raise UsageError(
            f"{engine.name} cannot set report.tex:\n{_fault(said)}",
            cure=f"report.tex is written; run `{engine.name} report.tex` in its folder for the whole log.",
        )
    return log


def _fault(log: str) -> str:
    """The lines from the first error on; the last ones where no line looks like one."""
    lines = log.splitlines()
    first = next((place for place, line in enumerate(lines) if line.startswith("!") or ".tex:" in line), -LOG_LINES)
    return "\n".join(f"  {line}" for line in lines[first:][:LOG_LINES])
