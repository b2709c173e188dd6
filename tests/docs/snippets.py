"""Pages of documentation as code: cut into sections and snippets, each of which is executed and compared.

What a snippet is stands in a comment in front of it, which a reader of the page does not see:

    <!-- study: whole; file first.toml; 4 variants; 20 jobs -->   a study file; `file` keeps it for later snippets
    <!-- study: fragment; 6 variants; 24 cells; 2 left out -->    completed by the baseline of the page
    <!-- study: mistake -->                                       a fragment that is refused; its message follows
    <!-- diff: first.toml; 5 variants -->                         an edit of a file that is there already
    <!-- text: error | variants | output -->                      what the snippet before it gives
    <!-- console: exit 3 -->                                      commands that end with another status than 0
    <!-- file: my_models.py -->                                   code or a table that is kept in a file, not executed

`baseline` beside `whole` makes its [baseline] tables complete the fragments of the page, and `keep` beside `fragment`
makes its tables complete the later fragments of its section. Blocks of `python`, `sh` and `console` need no comment.
"""

import contextlib
import doctest
import io
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from ablate.errors import AblateError
from ablate.study import Study, load_study, parse_study
from tests.command import call_here

#: Commands that are cheap enough to be run for each page: they train nothing.
CHEAP = {"plan", "submit", "schema", "init", "check", "import", "report", "export"}
_FENCE = re.compile(r"^( *)```(.*)$")
_MARK = re.compile(r"^<!-- (study|diff|text|console|file): (.*) -->$")


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A fenced block of a page."""

    #: Of its opening fence, counted from 1.
    line: int
    language: str
    #: Kind of the comment in front of it; empty where there is none.
    kind: str
    #: The words of that comment between its semicolons.
    marks: tuple[str, ...]
    text: str


@dataclass(kw_only=True)
class Section:
    """A page from one `##` heading to the next."""

    title: str
    #: Text outside of blocks and comments, on one line.
    prose: str = ""
    snippets: list[Snippet] = field(default_factory=list)


def sections(page: Path) -> list[Section]:
    """The sections of a page; what stands above the first `##` heading is the first of them."""
    found = [Section(title=page.stem)]
    lines = page.read_text("utf-8").splitlines()
    number, kind, marks = 0, "", ()
    while number < len(lines):
        line = lines[number]
        if fence := _FENCE.match(line):
            assert not fence[1], f"{page.name}:{number + 1}: an indented block would not be executed"
            end = lines.index("```", number + 1)
            text = "\n".join(lines[number + 1 : end]) + "\n"
            found[-1].snippets.append(
                Snippet(line=number + 1, language=fence[2], kind=kind, marks=tuple(marks), text=text)
            )
            kind, marks, number = "", (), end
        elif mark := _MARK.match(line):
            kind, marks = mark[1], mark[2].split("; ")
        elif line.strip():
            assert not kind, f"{page.name}:{number}: this comment belongs right in front of a block"
            assert not line.startswith("<!--"), f"{page.name}:{number + 1}: no kind of comment that is known"
            if line.startswith("## "):
                found.append(Section(title=line[3:]))
            else:
                found[-1].prose += f" {line.strip()}"
        number += 1
    return found


def tables(text: str) -> dict[str, str]:
    """The tables of a study's text by their headers; what stands above the first has none. `[[x]]` are joined."""
    parts = re.split(r"(?m)^(?=\[\[?[A-Za-z])", text)
    found = {"": parts[0]}
    for part in parts[1:]:
        header = part.partition("\n")[0].partition("#")[0].strip()
        found[header] = found.get(header, "") + part
    return found


class Reader:
    """Follows a page through its snippets, in a folder, as somebody who types everything that it shows.

    Args:
        folder: An empty folder, which is the working directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: Tables that complete the fragments of the page, and of the section.
        self.baseline: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        #: What the last snippet gave, for the text that follows it.
        self.error = self.output = ""
        self.study: Study | None = None
        self.names: dict[str, object] = {}

    def catch_up(self, section: Section) -> None:
        """Write the files of a section that stands before the one to be read."""
        for snippet in section.snippets:
            if snippet.kind in ("study", "diff"):
                self._file(snippet)
            elif snippet.kind == "file":
                self._keep(snippet)
        self.kept = {}

    def read(self, section: Section) -> None:
        """Execute the snippets of a section in their order.

        Raises:
            AssertionError: One of them does not do what the page says.
        """
        self.kept = {}
        for number, snippet in enumerate(section.snippets):
            following = section.snippets[number + 1] if number + 1 < len(section.snippets) else None
            self._one(snippet, following, section)

    def _one(self, snippet: Snippet, following: Snippet | None, section: Section) -> None:
        shown = following.marks[0] if following is not None and following.kind == "text" else ""
        match snippet.language, snippet.kind:
            case ("toml", "study") | ("diff", "diff"):
                self._study(snippet, section)
                if snippet.marks[0] == "mistake":
                    assert shown == "error", f"line {snippet.line}: the message of this mistake is not shown"
            case (("python" | "csv"), "file"):
                self._keep(snippet)
            case "python", "":
                self._python(snippet)
                assert bool(self.output) == (shown == "output"), f"line {snippet.line}: it printed {self.output!r}"
            case "sh", "":
                for line in snippet.text.splitlines():
                    if not line.startswith("#"):
                        self._command(line, 0)
            case "console", ("" | "console"):
                self._console(snippet)
            case "text", "text":
                self._text(snippet)
            case _:
                raise AssertionError(f"line {snippet.line}: nobody executes a block of {snippet.language!r}")

    # --- studies

    def _file(self, snippet: Snippet) -> tuple[str, str]:
        """The whole text of a study, and the name of its file where it has one; the file is written."""
        if snippet.kind == "diff":
            name = snippet.marks[0]
            text = (self.folder / name).read_text("utf-8")
            for hunk in snippet.text.split("\n\n"):
                lines = hunk.splitlines()
                old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
                new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
                assert old, f"line {snippet.line}: where this is added does not show"
                assert text.count(old) == 1, f"line {snippet.line}: {name} has this {text.count(old)} times:\n{old}"
                text = text.replace(old, new)
        else:
            name = next((mark.removeprefix("file ") for mark in snippet.marks if mark.startswith("file ")), "")
            text = snippet.text
            own = tables(text)
            if "baseline" in snippet.marks:
                self.baseline = {header: table for header, table in own.items() if header.startswith("[baseline.")}
            if snippet.marks[0] != "whole":
                base = self.kept | {header: table for header, table in self.baseline.items() if header not in own}
                text += "\n" + "\n".join(table for header, table in base.items() if header not in own)
            if "keep" in snippet.marks:
                self.kept |= {header: table for header, table in own.items() if header}
        if name:
            named = text if re.match(r"(?m)\A(#.*\n|\n)*name = ", text) else f'name = "{Path(name).stem}"\n{text}'
            (self.folder / name).write_text(named, "utf-8")
        return text, name

    def _study(self, snippet: Snippet, section: Section) -> None:
        text, name = self._file(snippet)
        mistake = snippet.marks[0] == "mistake"
        settings = [] if snippet.marks[0] == "whole" or name else ["name=page"]
        self.error, self.study = "", None
        try:
            self.study = load_study(name) if name else parse_study(text, settings=settings)
        except AblateError as error:
            self.error = str(error)
        assert bool(self.error) == mistake, f"line {snippet.line}: {self.error or 'this is no mistake'}"
        for mark in snippet.marks[1:]:
            if claim := re.fullmatch(r"(\d+) (variants?|jobs|cells|left out)", mark):
                self._claim(int(claim[1]), claim[2], snippet, section)
            else:
                known = mark in ("baseline", "keep") or mark.startswith("file ")
                assert known, f"line {snippet.line}: what is {mark!r}?"

    def _claim(self, amount: int, what: str, snippet: Snippet, section: Section) -> None:
        assert self.study is not None
        study = self.study
        true = {
            "variants": len(study.variants()),
            "variant": len(study.variants()),
            "jobs": len(study.variants()) * len(study.seeds),
            "cells": study.designs[-1].cells if study.designs else 0,
            "left out": study.designs[-1].left_out if study.designs else 0,
        }[what]
        assert true == amount, f"line {snippet.line}: {true} {what}, not {amount}"
        assert f"{amount} {what}" in section.prose, f"line {snippet.line}: the text does not say `{amount} {what}`"

    def _keep(self, snippet: Snippet) -> None:
        (self.folder / snippet.marks[0]).write_text(snippet.text, "utf-8")

    # --- what is run

    def _python(self, snippet: Snippet) -> None:
        code = compile("\n" * snippet.line + snippet.text, "page", "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.names)
        self.output = printed.getvalue()

    def _console(self, snippet: Snippet) -> None:
        status = int(snippet.marks[0].removeprefix("exit ")) if snippet.marks else 0
        assert snippet.text.startswith("$ "), f"line {snippet.line}: a console begins with `$ ablate ...`"
        for call in re.split(r"(?m)^\$ ", snippet.text)[1:]:
            command, _, wanted = call.partition("\n")
            _same(wanted.rstrip("\n") + "\n" * bool(wanted), self._command(command, status), snippet)

    def _command(self, line: str, status: int) -> str:
        """What a command prints, both streams together."""
        program, command, *words = shlex.split(line)
        assert program == "ablate", f"only `ablate` is run, not {line!r}"
        assert command in CHEAP, f"`ablate {command}` is not cheap"
        assert command != "check" or "--no-data" in words, f"without --no-data this needs images: {line}"
        done = call_here((command, *words), self.folder, {})
        told = done.stdout + done.stderr
        assert done.returncode == status, f"`{line}` ended with {done.returncode}:\n{told}"
        return told

    def _text(self, snippet: Snippet) -> None:
        what = snippet.marks[0]
        if what == "variants":
            assert self.study is not None, f"line {snippet.line}: no study stands before this"
            _same(snippet.text, "".join(f"{variant.name}\n" for variant in self.study.variants()), snippet)
        else:
            given = {"error": f"{self.error}\n", "output": self.output}[what]
            assert given.strip(), f"line {snippet.line}: nothing gives this text"
            _same(snippet.text, given, snippet)
            self.output = ""


def _same(wanted: str, given: str, snippet: Snippet) -> None:
    """Compare as doctest does: `...` stands for anything; spaces at the ends of lines do not count."""
    bare = "".join(f"{line.rstrip()}\n" for line in given.splitlines())
    if not doctest.OutputChecker().check_output(wanted, bare, doctest.ELLIPSIS):
        raise AssertionError(f"line {snippet.line}: the page shows\n{wanted}\nand it really is\n{bare}")
