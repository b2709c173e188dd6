"""How wide text is, about, without asking a font: enough to choose columns and sizes."""

from __future__ import annotations

import unicodedata
from functools import cache

from ablate.report.latex.letters import FORMULAS, SYMBOLS, is_home, replaced

#: Widths in em, after Computer Modern.
NARROW, DIGIT, USUAL, CAPITAL, WIDER = 0.31, 0.5, 0.53, 0.74, 0.85
#: Of a Chinese letter in a font for Chinese, against an em of Computer Modern.
HOME = 1.1
#: Bold letters are so much wider.
BOLD = 1.15


def width(text: str, *, bold: bool = False) -> float:
    """Width of a line of text, em."""
    return sum(HOME if is_home(letter) else _letter(letter) for letter in text) * (BOLD if bold else 1.0)


def wrapped(text: str, most: float) -> list[str]:
    """Text in lines of at most so many em; a word that is wider is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        together = f"{line} {word}" if line else word
        if width(together) <= most:
            line = together
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if line and width(line + letter) > most:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line] if line or not lines else lines


@cache
def _letter(letter: str) -> float:
    if letter in "fijltI.,:;'|()[]!/ ":
        return NARROW
    if letter.isdigit() and letter.isascii():
        return DIGIT
    if letter in "mwMW%@—":
        return WIDER
    if letter in FORMULAS or letter in "+=<>~":
        return 0.8
    if letter.isascii() or letter in SYMBOLS:
        return CAPITAL if letter.isupper() else USUAL
    if unicodedata.normalize("NFD", letter)[0].isascii():
        return CAPITAL
    return max(1.1, sum(map(_letter, replaced(letter))))
