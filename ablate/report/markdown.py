"""`report.md`: Markdown as GitHub reads it. The same rows give the same text, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ablate.report.document import Block, Bullets, Commands, Pairs, Paragraph, Picture, compose
from ablate.report.language import say
from ablate.report.table import Cell, Table
from ablate.verdicts.analysis import Analysis

#: Letters that mean something to GitHub's Markdown wherever they stand.
SPECIAL = re.compile(r"([\\`*|\[\]~$])")
#: An underscore that could begin or end emphasis: not one between two letters or digits.
OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
#: Characters that steer a terminal, or turn the direction of all that follows them.
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escape(text: str) -> str:
    """Text that GitHub shows as it stands, in a table or out of it, on one line."""
    text = STEERING.sub("\ufffd", " ".join(text.split()))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return OUTER_UNDERSCORE.sub(r"\\_", SPECIAL.sub(r"\\\1", text))


def render(analysis: Analysis, pictures: Mapping[str, str]) -> str:
    """The whole report.

    Args:
        analysis: The study with its verdicts.
        pictures: File name without ending of each picture in `figures/`, as `gallery.draw` answers.
    """
    document = compose(analysis, pictures)
    parts = [f"# {escape(document.title)}"]
    parts += [text for block in document.opening for text in _block(block, pictures)]
    for section in document.sections:
        parts.append(f"## {escape(section.title)}")
        parts += [text for block in section.blocks for text in _block(block, pictures)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block, pictures: Mapping[str, str]) -> Iterator[str]:
    match block:
        case Paragraph(text=text):
            yield escape(text)
        case Bullets(items=items):
            yield "\n".join(f"- {escape(item)}" for item in items)
        case Pairs(left=left, right=right, pairs=pairs):
            rows = (_line((escape(name), escape(value))) for name, value in pairs)
            yield "\n".join([_line((left, right)), _line((":--", ":--")), *rows])
        case Picture(name=name, text=text):  # in PNG because every viewer shows it; the SVG lies beside it
            yield f"![{escape(text)}](figures/{pictures[name]}.png)"
            yield f"[{say('as SVG')}](figures/{pictures[name]}.svg)"
        case Commands(lines=lines):
            yield "\n".join(["```sh", *lines, "```"])
        case Table():
            yield _table(block)


def _table(table: Table) -> str:
    lines = [
        _line(escape(column.heading) for column in table.columns),
        _line("--:" if column.align == "right" else ":--" for column in table.columns),
    ]
    lines += [_line(_cell(cell) for cell in row.cells) for row in table.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return f"**{text}**" if cell.strong else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
