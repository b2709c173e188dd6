r"""`report.tex` and the files of its tables. The same rows give the same text, byte for byte."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ablate.report.document import Block, Bullets, Commands, Document, Pairs, Paragraph, Picture, Section, compose
from ablate.report.figures.names import slug
from ablate.report.language import english, say
from ablate.report.latex.letters import OTHER, RIGHT_TO_LEFT, escape
from ablate.report.latex.preamble import preamble
from ablate.report.latex.tables import MADE, table_file
from ablate.report.reading import in_short
from ablate.report.table import Column, Row, Table, words
from ablate.verdicts.analysis import Analysis


@dataclass(frozen=True, kw_only=True)
class Source:
    """A report in LaTeX."""

    #: Text of `report.tex`, which includes the tables and the pictures in `figures/` as PDF.
    report: str
    #: Text of each table by its file's name, as `dropout.tex`; they lie in `tables/`.
    tables: Mapping[str, str]


def render(analysis: Analysis, pictures: Mapping[str, str]) -> Source:
    """The whole report.

    Args:
        analysis: The study with its verdicts.
        pictures: File name without ending of each picture in `figures/`, as `gallery.draw` answers.
    """
    document = compose(analysis, pictures)
    writer = _Writer(analysis, pictures)
    body = "\n\n".join(writer.body(document))
    others = any(command in text for command in (OTHER, RIGHT_TO_LEFT) for text in (body, *writer.tables.values()))
    head = [f"{MADE} {writer.study} --latex`. XeLaTeX and LuaLaTeX set letters beyond Latin; pdfLaTeX replaces them."]
    return Source(
        report="\n".join([*head, *preamble(letters=others), r"\begin{document}", body, r"\end{document}", ""]),
        tables=MappingProxyType(writer.tables),
    )


class _Writer:
    """Writes blocks, and keeps the tables that are met on the way."""

    def __init__(self, analysis: Analysis, pictures: Mapping[str, str]) -> None:
        self.study = analysis.results.outline.name
        self.tables: dict[str, str] = {}
        self._reading = in_short(analysis)
        self._pictures = pictures

    def body(self, document: Document) -> Iterator[str]:
        yield rf"\title{{{escape(document.title)}}}" "\n" r"\author{}" "\n" r"\date{}" "\n" r"\maketitle"
        for block in document.opening:
            yield self._block(block, say("In short"))
        for section in document.sections:
            yield rf"\section{{{escape(section.title)}}}"
            yield from (self._block(block, section.title) for block in _without_notes(section))

    def _block(self, block: Block, title: str) -> str:
        match block:
            case Paragraph(text=text):
                return escape(text)
            case Bullets(items=items):
                lines = (rf"  \item {escape(item)}" for item in items)
                return "\n".join([r"\begin{itemize}", *lines, r"\end{itemize}"])
            case Pairs():
                return self._table(_of_pairs(block, title))
            case Picture(name=name, text=text):
                return _figure(self.study, self._pictures[name], text)
            case Commands(lines=lines):
                straight = (escape(line).replace("'", r"\textquotesingle{}") for line in lines)
                typed = (rf"\noindent\texttt{{{line}}}\par" for line in straight)
                return "\n".join([r"{\raggedright", *typed, "}"])
            case Table():
                return self._table(self._told(block))

    def _told(self, table: Table) -> Table:
        """With how to read its verdicts, since a paper takes the table alone."""
        judged = any(column.name == "verdict" or column.name.startswith("level ") for column in table.columns)
        return replace(table, notes=(*table.notes, self._reading)) if judged and self._reading else table

    def _table(self, table: Table) -> str:
        stem = slug(english(table.title)).removeprefix("-") or "table"
        name = next(one for one in _names(stem) if f"{one}.tex" not in self.tables)
        self.tables[f"{name}.tex"] = table_file(table, label=f"{self.study}-{name}", command=f" {self.study} --latex")
        return rf"\input{{tables/{name}}}"


def _names(stem: str) -> Iterator[str]:
    """Names for a table: the stem, then the stem with numbers."""
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))


def _without_notes(section: Section) -> Iterator[Block]:
    """The blocks of a section without the notes of its table, which stand below it in its own file."""
    notes: tuple[str, ...] = ()
    for block in section.blocks:
        if isinstance(block, Paragraph) and block.text in notes:
            continue
        if isinstance(block, Table):
            notes = block.notes
        yield block


def _of_pairs(pairs: Pairs, title: str) -> Table:
    return Table(
        title=title,
        columns=(
            Column(name="name", heading=pairs.left, align="left"),
            Column(name="value", heading=pairs.right, align="left"),
        ),
        rows=tuple(Row(cells=(words(name), words(value))) for name, value in pairs.pairs),
    )


def _figure(study: str, file: str, text: str) -> str:
    return "\n".join(
        [
            r"\begin{figure}",
            r"  \centering",
            rf"  \AblatePicture{{figures/{file}.pdf}}",
            rf"  \caption{{{escape(text)}}}",
            rf"  \label{{fig:{study}-{file}}}",
            r"\end{figure}",
        ]
    )
