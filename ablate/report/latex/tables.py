r"""One table as a file that a paper takes in by `\input`: caption, label, booktabs, notes; no preamble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ablate.report.latex.layout import Layout, Placed, lay_out
from ablate.report.latex.letters import OTHER, PROVIDED, RIGHT_TO_LEFT, escape
from ablate.report.table import Cell, Column, Row, Table, together

#: First words of each file, by which the next report knows its own.
MADE = "% Made by `ablate report"


def table_file(table: Table, *, label: str, command: str) -> str:
    """The file of one table.

    Args:
        table: What is shown; its notes stand below it.
        label: What follows `tab:` in its label.
        command: What was typed to make it.
    """
    layout = lay_out(table)
    body = "\n".join(_long(table, layout, label) if layout.long else _float(table, layout, label))
    packages = "booktabs, array and longtable; one column of text" if layout.long else "booktabs, array and graphicx"
    head = [f"{MADE}{command}`: the next report writes it anew. Needs the packages {packages}."]
    if OTHER in body or RIGHT_TO_LEFT in body:
        head += PROVIDED
    if not layout.long:
        head.append(
            r"\providecommand{\AblateFit}[1]"
            r"{\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{#1}}"
        )
    return "\n".join([*head, body, ""])


def _float(table: Table, layout: Layout, label: str) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"  \centering"
    yield rf"  \caption{{{escape(table.title)}}}"
    yield rf"  \label{{tab:{label}}}"
    yield f"  {_size(layout)}"
    for number, part in enumerate(layout.parts):
        if number:
            yield r"  \par\medskip"
        yield r"  \AblateFit{%"
        yield rf"  \begin{{tabular}}{{@{{}}{_specification(table, part)}@{{}}}}"
        yield r"    \toprule"
        yield f"    {_headings(table.columns, part)}"
        yield r"    \midrule"
        yield from (f"    {_row(row, part)}" for row in table.rows)
        yield r"    \bottomrule"
        yield r"  \end{tabular}}"
    if table.notes:
        yield r"  \par\smallskip"
        yield rf"  \parbox{{\linewidth}}{{\footnotesize\raggedright {_notes(table)}}}"
    yield r"\end{table}"


def _long(table: Table, layout: Layout, label: str) -> Iterator[str]:
    yield r"\begingroup"
    yield _size(layout)
    yield r"\setlength{\LTcapwidth}{\linewidth}"
    for number, part in enumerate(layout.parts):
        if number:
            yield r"\addtocounter{table}{-1}"
        yield rf"\begin{{longtable}}{{@{{}}{_specification(table, part)}@{{}}}}"
        head = [r"  \toprule", f"  {_headings(table.columns, part)}", r"  \midrule"]
        if number == 0:
            yield rf"  \caption{{{escape(table.title)}}}\label{{tab:{label}}}\\"
            yield from (*head, r"  \endfirsthead")
        yield from (*head, r"  \endhead")
        yield r"  \bottomrule"
        yield r"  \endfoot"
        yield from (f"  {_row(row, part)}" for row in table.rows)
        yield r"\end{longtable}"
    if table.notes:
        yield rf"\noindent\parbox{{\linewidth}}{{\footnotesize\raggedright {_notes(table)}}}\par\medskip"
    yield r"\endgroup"


def _size(layout: Layout) -> str:
    return rf"\{layout.size.name}\setlength{{\tabcolsep}}{{{layout.size.apart:g}pt}}"


def _notes(table: Table) -> str:
    return escape(together(table.notes))


def _specification(table: Table, part: Sequence[Placed]) -> str:
    """The letters by which LaTeX aligns columns."""
    found = []
    for one in part:
        right = table.columns[one.index].align == "right"
        if one.broken:
            ragged = r"\raggedleft" if right else r"\raggedright"
            found.append(rf">{{{ragged}\arraybackslash\hspace{{0pt}}}}p{{{one.width:.1f}em}}")
        else:
            found.append("r" if right else "l")
    return "".join(found)


def _headings(columns: Sequence[Column], part: Sequence[Placed]) -> str:
    return " & ".join(_heading(columns[one.index], one) for one in part) + r" \\"


def _heading(column: Column, one: Placed) -> str:
    """A heading whose lines stand on the rule below it."""
    if len(one.heading) == 1:
        return escape(one.heading[0])
    side = "r" if column.align == "right" else "l"
    lines = r" \\ ".join(escape(line) for line in one.heading)
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{lines}\end{{tabular}}"


def _row(row: Row, part: Sequence[Placed]) -> str:
    cells = (_cell(row.cells[one.index], marked=row.baseline and one.index == 0) for one in part)
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell, *, marked: bool) -> str:
    text = escape(cell.text)
    if cell.strong:
        return rf"\textbf{{{text}}}"
    return rf"\textit{{{text}}}" if marked else text
