r"""Text in LaTeX's letters: what it reads as commands is escaped, so that no name breaks or changes a document.

Plain Latin letters and the symbols that reports use are set by every engine. A report in Chinese has a font for its own
letters, which stand as they are. Any other letter is written as
`\AblateLetters{letters}{replacement}`: XeLaTeX and LuaLaTeX set the letters in the first font that has them all;
pdfLaTeX, and engines without such a font, set the replacement. That is an ASCII letter where Unicode knows one (`Ａ` is
`A`), the name of a symbol (`[grinning face]`), or the code of a letter (`[U+5B66]`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Literal

from ablate.report.language import is_wide

#: The two commands; a file that uses them brings `PROVIDED`, which sets replacements unless a paper knows better.
OTHER, RIGHT_TO_LEFT = r"\AblateLetters", r"\AblateRightToLeft"
PROVIDED = rf"\providecommand{{{OTHER}}}[2]{{#2}}", rf"\providecommand{{{RIGHT_TO_LEFT}}}[2]{{#2}}"
#: What LaTeX reads as something else than itself.
SPECIAL: Mapping[str, str] = MappingProxyType(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "^": r"\textasciicircum{}",
        "_": r"\_",
        "%": r"\%",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\symbol{34}",
        "`": r"\textasciigrave{}",
    }
)
#: Symbols that every engine and every font set of LaTeX has.
SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "–": "--",
        "—": "---",
        "“": "``",
        "”": "''",
        "‘": "`",
        "’": "'",
        "…": r"\ldots{}",
        "²": r"\textsuperscript{2}",
        "³": r"\textsuperscript{3}",
        "§": r"\S{}",
        "©": r"\textcopyright{}",
    }
)
#: LaTeX's names of Greek letters that have no Latin twin.
GREEK = (
    r"\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \pi \rho \varsigma \sigma "
    r"\tau \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon \Phi \Psi \Omega"
)
#: The same in formulas.
FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        "−": "-",
        "±": r"\pm",
        "×": r"\times",
        "÷": r"\div",
        "·": r"\cdot",
        "°": r"^\circ",
        "≤": r"\leq",
        "≥": r"\geq",
        "≈": r"\approx",
        "≠": r"\neq",
        "∞": r"\infty",
        "√": r"\surd",
        "∑": r"\sum",
        "∂": r"\partial",
        "∇": r"\nabla",
        "←": r"\leftarrow",
        "→": r"\rightarrow",
        "↑": r"\uparrow",
        "↓": r"\downarrow",
        "µ": r"\mu",
        **dict(zip("αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", GREEK.split(), strict=True)),
    }
)
#: Letters beyond ASCII that LaTeX takes as they are, in any encoding; those that are made of an ASCII letter and one of
#: the accents below too.
PLAIN = frozenset("ßæœøåłÆŒØÅŁ¡¿£")
ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
#: Pairs that run together into another letter, in some engine; a kern between two letters parts them in all.
LIGATURES = frozenset(("--", "''", ",,", "<<", ">>", "!`", "?`"))
KERN = r"\kern0pt{}"
#: Letters of a word from which on it may be broken: behind such signs, else after so many letters.
LONG, SIGNS, PIECE = 24, frozenset("/_-=.,:;+@&?|\\"), 12
#: Wide letters that are set as one piece; lines break between pieces.
WIDE_PIECE = 6

#: Beside the letters that a report in Chinese, Japanese or Korean is written in: their punctuation, and full width.
HOME = re.compile("[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef\U00020000-\U0003ffff]")

Kind = Literal["plain", "home", "wide", "right", "other"]


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands, on one line of its source."""
    words = unicodedata.normalize("NFC", " ".join(text.split()))
    pieces = [_run(kind, "".join(run)) for kind, run in _runs(_kept(words))]
    found = "".join(pieces)
    return f"{{}}{found}" if found.startswith(("[", "*")) else found  # else an argument of what stands before


def replaced(text: str) -> str:
    """Letters that not every engine has, by letters that all have."""
    found: list[str] = []
    for letter in text:
        simple = "".join(one for one in unicodedata.normalize("NFKD", letter) if one.isascii() and one.isprintable())
        if simple.strip() or letter == " ":
            found.append(simple)
            continue
        name = unicodedata.name(letter, "") if unicodedata.category(letter).startswith("S") else ""
        found.append(f"[{name.lower() or f'U+{ord(letter):04X}'}]")
    return "".join(found).replace("][", " ").replace("] [", " ") if found else ""


def _kept(text: str) -> str:
    """Without what is never seen: control letters, joiners, and selectors of another look."""
    return "".join(
        letter
        for letter in text
        if unicodedata.category(letter) not in ("Cc", "Cf", "Cs") and not 0xFE00 <= ord(letter) <= 0xFE0F
    )


def is_home(letter: str) -> bool:
    """Whether a letter is one of the report's own language, which the text's font has."""
    return is_wide() and HOME.match(letter) is not None


def _kind(letter: str) -> Kind:
    if is_home(letter):
        return "home"
    if letter.isascii() or letter in SYMBOLS or letter in FORMULAS or letter in PLAIN:
        return "plain"
    parts = unicodedata.normalize("NFD", letter)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in ACCENTS and ord(letter) < 0x180:
        return "plain"
    if unicodedata.bidirectional(letter) in ("R", "AL"):
        return "right"
    return "wide" if unicodedata.east_asian_width(letter) in "WF" else "other"


def _runs(text: str) -> Iterator[tuple[Kind, str]]:
    """Neighbours of one kind; blanks between words that are written from right to left are part of these."""
    kinds = [_kind(letter) for letter in text]
    for place, letter in enumerate(text):
        if letter == " " and 0 < place < len(text) - 1 and kinds[place - 1] == kinds[place + 1] == "right":
            kinds[place] = "right"
    for kind, run in groupby(zip(kinds, text, strict=True), key=lambda pair: pair[0]):
        yield kind, "".join(letter for _, letter in run)


def _run(kind: Kind, run: str) -> str:
    if kind == "home":
        return run
    if kind == "plain":
        return _plain(run)
    command = RIGHT_TO_LEFT if kind == "right" else OTHER
    size = WIDE_PIECE if kind == "wide" else len(run)
    parts = [run[first : first + size] for first in range(0, len(run), size)]
    return r"\allowbreak{}".join(f"{command}{{{part}}}{{{_plain(replaced(part))}}}" for part in parts)


def _plain(text: str) -> str:
    return " ".join(_word(word) for word in text.split(" "))


def _word(word: str) -> str:
    """Escaped; a long word that has no syllables may be broken."""
    breaks = len(word) > LONG and (not word.isalpha() or len(word) > 2 * LONG)
    found, since = [], 0
    for place, letter in enumerate(word):
        after = word[place + 1 : place + 2]
        text = _letter(letter)
        if letter + after in LIGATURES:
            text += KERN
        since += 1
        if breaks and after and (letter in SIGNS or since >= PIECE):
            text, since = text + r"\allowbreak{}", 0
        found.append(text)
    return "".join(found)


def _letter(letter: str) -> str:
    if letter in FORMULAS:
        return f"${FORMULAS[letter]}$"
    return SPECIAL.get(letter) or SYMBOLS.get(letter) or letter
