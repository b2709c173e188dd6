"""Pages taken apart, as far as that needs no browser; and a study whose every word is hostile."""

from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
from report_cases import attempt, factor, results, shapes, variant, whole, wounded

from ablate.report.html.page import render_page
from ablate.study.outline import OutlineDesign
from ablate.verdicts.analysis import analyse
from ablate.verdicts.class_counts import ClassCounts
from ablate.verdicts.results import Results

#: Elements without an end tag.
VOID = {"meta", "input", "img", "br", "link", "path", "circle", "line", "rect"}
#: Elements whose text stands apart from the next one's.
CELLS = {"th", "td", "dt", "dd"}
HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1"> "so" & {{ 7 * 7 }} '
ARABIC, EMOJI = "عربي 123", "👩‍🔬"


@dataclass
class Element:
    """One element with what it says."""

    tag: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """Its text, and that of everything in it, without needless blanks."""
        return " ".join("".join(self.text).split())


class Reader(HTMLParser):
    """All elements of a page in the order of their beginnings; an end tag that fits nothing is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open, f"<{self._open[-1].tag}> has no end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        one = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(one)
        if tag not in VOID:
            self._open.append(one)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        # HTML lets paragraphs of list items and cells end by themselves; this page does not
        assert self._open, f"</{tag}> ends nothing"
        assert self._open[-1].tag == tag, f"</{tag}> within <{self._open[-1].tag}>"
        self._open.pop()
        if tag in CELLS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.text.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements of a kind with such attributes; `class_` is one of its classes."""
        kind = attributes.pop("class_", "")
        return [
            one
            for one in self.elements
            if one.tag == tag
            and (not kind or kind in one.attributes.get("class", "").split())
            and all(one.attributes.get(name.replace("_", "-")) == value for name, value in attributes.items())
        ]


def page_of(given: Results) -> str:
    return render_page(analyse(given))


@cache
def whole_page() -> str:
    """Of the finished study, drawn once."""
    return page_of(whole())


@cache
def wounded_page() -> str:
    return page_of(wounded())


def hostile() -> Results:
    """A title, labels, names and errors that would be commands if they were not escaped."""
    words = {"dropout": f"{HOSTILE} {ARABIC}", "0.3": f"{HOSTILE} {EMOJI}"}
    design = OutlineDesign(name="one-at-a-time", kind="one-at-a-time")
    outline = shapes(
        title=f"{HOSTILE} {ARABIC}",
        factors=(factor("dropout", ["0", words["0.3"]], "0", label=words["dropout"]),),
        designs=(design,),
        variants=(
            variant("baseline", "b", levels={"dropout": "0"}, designs=(design.name,)),
            variant(words["0.3"], "k", levels={"dropout": words["0.3"]}, designs=(design.name,)),
        ),
    )
    given = results(outline, {})
    spoiled = {"state": wounded().failures[0].state, "error": HOSTILE, "test_accuracy": None}
    runs = tuple(replace(one, **spoiled) if (one.variant_key, one.seed) == ("k", 4) else one for one in given.runs)
    job = next(one.job for one in runs if one.error)
    failure = replace(wounded().failures[0], job=job, error=HOSTILE)
    told = {"failure_message": HOSTILE, "printed": HOSTILE, "failure_details": f"Traceback\n{HOSTILE}"}
    changes = {"b": (), "k": ((HOSTILE, HOSTILE, HOSTILE),)}
    seen = ClassCounts(classes=(HOSTILE, ARABIC), counts=np.array([[8, 2], [0, 10]]))
    classes = {(one.variant_key, one.seed): seen for one in runs}
    return replace(
        given, runs=runs, failures=(failure,), attempts={job: (attempt(**told),)}, changes=changes, classes=classes
    )
