"""What a page makes of the blocks of a report; each kind has a template by the name of its class."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ablate.report.document import Block, Document, Picture
from ablate.report.figures import names
from ablate.report.html.classes import ClassesView
from ablate.report.html.tables import TableView
from ablate.report.language import english
from ablate.report.table import Table


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture that lies in the page."""

    address: str
    #: What it shows.
    text: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Curves that a script draws."""

    #: What it shows.
    text: str
    #: JSON: label of each variant, and its place in the study.
    entries: str
    #: A reader chooses which of them it shows.
    is_chosen: bool


View = Block | Image | Chart | ClassesView | TableView


@dataclass(frozen=True, kw_only=True)
class SectionView:
    """A heading with an address of its own."""

    #: Unique in the page.
    id: str
    title: str
    views: tuple[View, ...]


@dataclass(frozen=True, kw_only=True)
class Views:
    """Turns blocks into what a page shows."""

    #: Place of each variant in the study, by key.
    places: Mapping[str, int]
    #: Address of each picture that matplotlib drew, by name.
    images: Mapping[str, str]
    #: What stands for the picture of single classes.
    classes: ClassesView | None

    def sections(self, document: Document) -> Iterator[SectionView]:
        """The sections below the opening."""
        for number, section in enumerate(document.sections, start=1):
            views = tuple(self.of(section.blocks, f"section-{number}"))
            yield SectionView(
                id=f"section-{number}{names.slug(english(section.title))}", title=section.title, views=views
            )

    def of(self, blocks: Sequence[Block], place: str) -> Iterator[View]:
        """What stands for blocks; `place` begins the identifiers of what has one."""
        for number, block in enumerate(blocks, start=1):
            if isinstance(block, Table):
                yield TableView(id=f"{place}-table-{number}", table=block)
            elif not isinstance(block, Picture):
                yield block
            elif block.name in self.images:
                yield Image(address=self.images[block.name], text=block.text)
            elif block.name == names.CLASSES and self.classes is not None:
                yield self.classes
            else:
                yield self._chart(block)

    def _chart(self, picture: Picture) -> Chart:
        entries = [(label, self.places[key]) for label, key in picture.variants]
        return Chart(
            text=picture.text,
            entries=json.dumps(entries, ensure_ascii=False),
            is_chosen=picture.name == names.ALL_CURVES,
        )
