"""Text -> plain dict: the limits of a study file, its syntax, and what a value may be before anybody reads it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from ablate.errors import Problem, StudyError
from ablate.study.positions import Path

#: Largest study file, bytes.
MAX_BYTES = 1 << 20
#: Deepest nesting of tables and lists.
MAX_DEPTH = 8
#: Longest number or bare word, characters; Python's own integers become slow to print far above.
MAX_WORD = 256
#: Largest whole number, bits: it still fits a float, and Python still prints it.
MAX_BITS = 850
#: Most keys, values and brackets of a file.
MAX_ENTRIES = 50_000
#: Longest source line that is shown under a message, characters.
MAX_SHOWN = 200

_TOO_DEEP = f"tables and lists may be nested {MAX_DEPTH} deep, not deeper"
#: Strings and comments are swallowed whole, so that what is left is structure. Possessive, hence linear in the text.
_TOKEN = re.compile(
    r"""
      (?P<comment>\#[^\n]*+)
    | (?P<string>\"\"\"(?:[^"\\]|\\.|"(?!""))*+\"\"\""{0,2}
               | '''(?:[^']|'(?!''))*+''''{0,2}
               | "(?:[^"\\\n]|\\.)*+"
               | '[^'\n]*+')
    | (?P<open>[\[{])
    | (?P<close>[\]}])
    | (?P<dot>\.)
    | (?P<end>[=,\n])
    | (?P<word>[^\s"'\#\[\]{}=,.]++)
    """,
    re.VERBOSE | re.DOTALL,
)
_TOML_PLACE = re.compile(r"\s*\((?:at line (\d+), column (\d+)|at end of document)\)$")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A text with the name under which messages speak of it."""

    #: File name as the user gave it.
    name: str
    text: str

    def problem(self, message: str, line: int | None = None, column: int | None = None) -> Problem:
        """A mistake at a place of this text, with its line where that is short enough to show."""
        shown = ""
        if line is not None:
            lines = self.text.split("\n")
            raw = lines[line - 1].removesuffix("\r") if line <= len(lines) else ""
            shown = "".join(char if char.isprintable() else " " for char in raw) if len(raw) <= MAX_SHOWN else ""
        return Problem(message=message, source=self.name, line=line, column=column, text=shown)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character."""
        before = self.text.count("\n", 0, offset)
        return before + 1, offset - self.text.rfind("\n", 0, offset)


def decoded(raw: bytes, name: str) -> str:
    """The text of a file. A byte order mark is dropped.

    Raises:
        StudyError: Too large, or not UTF-8.
    """
    if len(raw) > MAX_BYTES:
        raise StudyError([Problem(message=_too_large(len(raw)), source=name)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = Source(name=name, text=raw[: error.start].decode("utf-8-sig", "replace"))
        line, column = before.place(len(before.text))
        raise StudyError(
            [
                before.problem(
                    f"this is not UTF-8 text (byte 0x{raw[error.start]:02X}): save the file as UTF-8 in your editor",
                    line,
                    column,
                )
            ]
        ) from None


def parsed(source: Source) -> dict[str, Any]:
    """The text as tables, lists and values.

    Raises:
        StudyError: Over a limit, or not TOML; with the place.
    """
    _check_limits(source)
    try:
        return tomllib.loads(source.text)
    except (ValueError, RecursionError) as error:
        raise StudyError([_syntax_problem(source, str(error))]) from None


class LimitError(ValueError):
    """A value goes over a limit; carries where it stands."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


def plain(value: object, path: Path = ()) -> Any:  # noqa: ANN401 - a tree of anything
    """A deep copy made of dicts, lists and single values, as TOML would give it.

    Raises:
        LimitError: Nested deeper than `MAX_DEPTH`, a number too long to print, or a value that no recipe can hold.
    """
    if isinstance(value, Mapping | list | tuple):
        if len(path) > MAX_DEPTH:
            raise LimitError(path, _TOO_DEEP)
        if isinstance(value, Mapping):
            return {str(key): plain(item, (*path, str(key))) for key, item in value.items()}
        return [plain(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise LimitError(path, f"a whole number may have {MAX_WORD} digits, not more")
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise LimitError(path, "a text may not hold half a character (a surrogate)")
    if value is None:
        raise LimitError(path, "None has no place in a study: leave the key out")
    if not isinstance(value, str | int | float):
        kind = "a date or time" if isinstance(value, date | time) else f"a {type(value).__name__}"
        raise LimitError(path, f"{kind} has no place in a study; a text stands in quotes")
    return value


def _too_large(size: int) -> str:
    return f"a study file may have {MAX_BYTES:,} bytes, this has {size:,}; is it the right file?"


def _check_limits(source: Source) -> None:
    """Refuse, in linear time, what would keep tomllib busy for long or overflow its stack."""
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise StudyError([source.problem(_too_large(size))])
    depth = dots = entries = 0
    for token in _TOKEN.finditer(source.text):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
            dots = 0
            entries += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "end":
            dots = 0
            entries += token[0] != "\n"
        elif kind == "dot":
            dots += 1
        message = ""
        if depth > MAX_DEPTH or dots >= MAX_DEPTH:
            message = _TOO_DEEP
        elif entries > MAX_ENTRIES:
            message = f"a study file may have {MAX_ENTRIES:,} keys and values, this has more; is it the right file?"
        elif kind == "word" and token.end() - token.start() > MAX_WORD:
            message = f"a number or bare word may have {MAX_WORD} characters, this has {token.end() - token.start():,}"
        if message:
            raise StudyError([source.problem(message, *source.place(token.start()))])


def _syntax_problem(source: Source, error: str) -> Problem:
    """Tomllib's message in the common format, with a hint where the usual reason is known."""
    place = _TOML_PLACE.search(error)
    if place is None:
        return source.problem(error)
    message = error[: place.start()]
    line, column = (int(place[1]), int(place[2])) if place[1] else source.place(len(source.text.rstrip()))
    if message.startswith("Cannot"):  # tomllib points behind the value
        row = source.text.split("\n")[line - 1]
        column = len(row) - len(row.lstrip()) + 1
    rest = (source.text.split("\n")[line - 1 : line] or [""])[0][column - 1 :]
    word = re.match(r"[^\s,\]}#]*", rest)
    return source.problem(f"{_hint(message, word[0] if word else '')}", line, column)


def _hint(message: str, word: str) -> str:
    if message == "Invalid value":
        if word.lower() in ("true", "false"):
            return f"true and false are written in small letters: `{word.lower()}`"
        if word.lower() in ("none", "null", "nil"):
            return "TOML has no empty value: leave the key out"
        if re.fullmatch(r"[A-Za-z_][\w.:/+-]*", word):
            return f'a text stands in quotes: `"{word}"`'
        if not word:
            return "a value is missing after `=`"
        return "this is not a value of TOML: a number, true, false, a text in quotes, a list or a table"
    if message == "Cannot overwrite a value":
        return "this key stands twice in its table, or is a table elsewhere: leave one of them out"
    if match := re.fullmatch(r"Cannot declare \((.*)\) twice", message):
        name = ".".join(re.findall(r"'([^']*)'", match[1]))
        return f"the table [{name}] stands twice: join the two"
    if message.startswith("Expected '='"):
        return (
            "a line is `key = value`; here `=` is missing (a key with other characters than A-Z a-z 0-9 _ - "
            "stands in quotes)"
        )
    if message in ("Unclosed array", "Unclosed inline table"):
        return (
            f"the {'list' if 'array' in message else 'table'} is not closed: "
            f"`{']' if 'array' in message else '}'}` is missing"
        )
    if message.startswith(("Illegal character", "Found invalid character")):
        return (
            f"{message[0].lower()}{message[1:]}: a text ends with its quote on the same line and holds no "
            f"control characters"
        )
    if message == "Expected newline or end of document after a statement":
        return "after the value the line should end: is a comma, quote, bracket or `#` missing before this?"
    return f"{message[0].lower()}{message[1:]}" if message else "this is not TOML"
