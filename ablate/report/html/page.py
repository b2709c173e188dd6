"""`report.html`: the report as one page. The same rows give the same page, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ablate.report import numbers
from ablate.report.document import compose
from ablate.report.figures import gallery, names
from ablate.report.html.classes import classes_view
from ablate.report.html.curve_data import curve_data
from ablate.report.html.forest import forests
from ablate.report.html.pictures import inlined
from ablate.report.html.runs import run_panels
from ablate.report.html.tables import sort_key, verdict_word
from ablate.report.html.views import Views
from ablate.report.language import ENGLISH, say, say_number, spoken, tag
from ablate.report.words import word
from ablate.verdicts.analysis import Analysis

HERE = Path(__file__).parent
STYLES = (
    "uplot/uPlot.min.css",
    "page.css",
    "tables.css",
    "figures.css",
    "runs.css",
    "charts.css",
    "print.css",
)
#: What scripts say, as literals of JavaScript that are literals of JSON too.
SPOKEN = re.compile(r"""\bsay\(\s*("(?:[^"\\]|\\.)*")""")
#: Runs before anything is shown, so that no page flashes up in the wrong colours.
FIRST = ("theme.js",)
LIBRARY = ("uplot/LICENSE", "uplot/uPlot.iife.min.js")
SCRIPTS = ("say.js", "tables.js", "bundles.js", "chart_series.js", "charts.js", "page.js")


def render_page(analysis: Analysis) -> str:
    """The whole page, with its styles, scripts and data."""
    results = analysis.results
    data, images, classes = curve_data(analysis), inlined(analysis), classes_view(analysis)
    document = compose(
        analysis, _known(analysis, data, [*images, *([names.CLASSES] if classes else [])]), option="--html"
    )
    places = {variant.key: place for place, variant in enumerate(results.outline.variants)}
    views = Views(places=places, images=images, classes=classes)
    style, first, script = _assets(STYLES), _assets(FIRST), _assets(SCRIPTS)
    library = _library() if data else ""
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=document.title,
            facts=_facts(analysis),
            opening=tuple(views.of(document.opening, "opening")),
            forests=forests(analysis),
            sections=tuple(views.sections(document)),
            panels=run_panels(analysis),
            metric=numbers.heading(results.metric),
            lang=tag(),
            anchors={key: f"variant-{place}" for key, place in places.items()},
            policy=_policy(style, [one for one in (first, library, script) if one]),
            style=_trusted(style),
            first=_trusted(first),
            library=_trusted(library),
            script=_trusted(script),
            data=_trusted(data),
            messages=_trusted(_messages(script)),
        )
    )


def _trusted(text: str) -> Markup:
    """What a `<script>` or a `<style>` holds: files of our own, and JSON in which no `<` is left."""
    return Markup(text)  # noqa: S704 - escaping would break it


def _known(analysis: Analysis, data: str, drawn: Sequence[str]) -> frozenset[str]:
    """Names of the pictures that the page has: those that are drawn, and where anything was measured, curves."""
    curves = [name for name, _, _ in gallery.wanted(analysis) if names.is_curves(name)] if data else []
    if curves and names.BASELINE_ALONE not in curves:
        curves.append(names.ALL_CURVES)
    return frozenset((*drawn, *curves))


def _facts(analysis: Analysis) -> list[str]:
    """What stands below the title."""
    results = analysis.results
    return [
        results.outline.name,
        say_number(len(results.outline.variants), "{n} variant", "{n} variants"),
        say("{n} of {runs} in", n=f"{results.finished:,}", runs=say_number(len(results.runs), "{n} run", "{n} runs")),
        say("ranked by {metric}", metric=results.metric.label),
        say("revision {n}", n=results.revision),
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["template"] = lambda view: f"{type(view).__name__.lower()}.html"
    environment.filters["sort_key"] = sort_key
    environment.filters["known"] = lambda value: "" if value is None else value
    environment.globals["verdict_word"] = verdict_word
    environment.globals["say"] = say
    environment.globals["word"] = word
    return environment


def _messages(script: str) -> str:
    """JSON of what the scripts say, by what they say in English; empty where that is what the page speaks."""
    if spoken() == ENGLISH:
        return ""
    found = dict.fromkeys(json.loads(text) for text in SPOKEN.findall(script))
    return json.dumps({text: say(text) for text in found}, ensure_ascii=False).replace("<", "\\u003c")


def _assets(files: Sequence[str]) -> str:
    """The text of files, as a browser hashes it: with line feeds alone."""
    return "\n".join((HERE / "assets" / name).read_text(encoding="utf-8") for name in files)


def _library() -> str:
    """The library of the charts with its licence, which every copy must carry."""
    licence, code = (_assets([name]) for name in LIBRARY)
    return f"/*\n{licence.strip()}\n*/\n{code}"


def _policy(style: str, scripts: Sequence[str]) -> str:
    """A content security policy: no request to anywhere, and no script or style but the page's own."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
