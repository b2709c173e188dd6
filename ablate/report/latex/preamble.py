r"""What stands before `\begin{document}`: packages, and where letters beyond Latin come from."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.language import spoken
from ablate.report.latex.letters import OTHER, RIGHT_TO_LEFT

#: Fonts that are tried, one after the other, for letters that the text's own font lacks. XeLaTeX and LuaLaTeX only.
FONTS = (
    "Noto Serif CJK SC",
    "Noto Sans CJK SC",
    "Source Han Serif SC",
    "Source Han Sans SC",
    "FandolSong",
    "Songti SC",
    "SimSun",
    "WenQuanYi Micro Hei",
    "Noto Naskh Arabic",
    "Noto Serif Hebrew",
    "Noto Emoji",
    "Symbola",
    "FreeSerif",
    "DejaVu Sans",
    "Arial Unicode MS",
)
#: What babel calls languages that break lines and name tables in their own way, and fonts for their text: the first
#: that is installed.
BABEL = {"zh": "chinese-simplified"}
HOME_FONTS = FONTS[: FONTS.index("WenQuanYi Micro Hei") + 1]
_CLASS = r"""\documentclass[a4paper,10pt]{article}
\usepackage{iftex}"""
_LATIN = r"""\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage{lmodern}
\else
  \usepackage{fontspec}
\fi"""
_PACKAGES = r"""\usepackage[margin=2cm]{geometry}
\usepackage{array}
\usepackage{booktabs}
\usepackage{caption}
\usepackage{float}
\usepackage{graphicx}
\usepackage{longtable}
\floatplacement{table}{H}
\floatplacement{figure}{H}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5\baselineskip}
\setlength{\emergencystretch}{3em}
\newsavebox{\AblateBox}
\newlength{\AblateWidth}
\newcommand{\AblatePicture}[1]{% no wider than the text, no higher than the page
  \sbox{\AblateBox}{\includegraphics{#1}}%
  \ifdim\wd\AblateBox>\linewidth\setlength{\AblateWidth}{\linewidth}\else\setlength{\AblateWidth}{\wd\AblateBox}\fi
  \includegraphics[width=\AblateWidth,height=0.88\textheight,keepaspectratio]{#1}}"""
#: Sets letters in the first font that has all of them, from right to left where they are written so.
_LETTERS = rf"""\ifPDFTeX
  \newcommand{{{OTHER}}}[2]{{#2}}
  \newcommand{{{RIGHT_TO_LEFT}}}[2]{{#2}}
\else
  \makeatletter
  \newcommand{{\Ablate@glyph}}[1]{{\iffontchar\font`#1 \else\def\Ablate@unknown{{1}}\fi}}
  \newcommand{{\Ablate@fonts}}{{\Ablate@try\empty}}
  \let\Ablate@print\@firstofone
  \protected\def{OTHER}#1#2{{%
    \global\let\Ablate@chosen\relax
    \def\Ablate@try##1{{\ifx\Ablate@chosen\relax
      {{##1\def\Ablate@unknown{{0}}%
      \@tfor\Ablate@letter:=#1\do{{\expandafter\Ablate@glyph\Ablate@letter}}%
      \ifnum\Ablate@unknown=0 \gdef\Ablate@chosen{{##1}}\fi}}\fi}}%
    \Ablate@fonts
    \ifx\Ablate@chosen\relax#2\else{{\Ablate@chosen\Ablate@print{{#1}}}}\fi}}
  \ifXeTeX
    \TeXXeTstate=1
    \newcommand{{\Ablate@right}}[1]{{\beginR#1\endR}}
  \else
    \newcommand{{\Ablate@right}}[1]{{\bgroup\textdir TRT #1\egroup}}
  \fi
  \protected\def{RIGHT_TO_LEFT}#1#2{{\begingroup\let\Ablate@print\Ablate@right{OTHER}{{#1}}{{#2}}\endgroup}}"""


def preamble(*, letters: bool) -> Iterator[str]:
    """The lines of the preamble.

    Args:
        letters: Whether the text has letters beyond Latin: only then are fonts looked for, which takes LuaLaTeX long.
    """
    yield _CLASS
    if spoken() in BABEL:
        yield from _own_letters(BABEL[spoken()])
    else:
        yield _LATIN
    yield _PACKAGES
    if not letters:
        return
    yield _LETTERS
    for number, font in enumerate(FONTS):
        name = rf"\AblateFont{chr(ord('A') + number)}"
        yield (
            rf"  \IfFontExistsTF{{{font}}}"
            rf"{{\newfontfamily{name}{{{font}}}\g@addto@macro\Ablate@fonts{{\Ablate@try{name}}}}}{{}}"
        )
    yield "  \\makeatother\n\\fi"


def _own_letters(language: str) -> Iterator[str]:
    """A font for the text of a report in Chinese, and its rules for lines; who has neither is told so."""
    yield rf"\ifPDFTeX\errmessage{{a report in {language} needs XeLaTeX or LuaLaTeX}}\fi"
    yield "\\usepackage{fontspec}"
    yield rf"\usepackage[{language},provide=*]{{babel}}"
    nothing = rf"\errmessage{{no font for {language} is installed, as {HOME_FONTS[0]}}}"
    chosen = (rf"\IfFontExistsTF{{{font}}}{{\babelfont{{rm}}[AutoFakeSlant]{{{font}}}}}" for font in HOME_FONTS)
    yield "".join(f"{one}{{%\n" for one in chosen) + nothing + "}" * len(HOME_FONTS)
