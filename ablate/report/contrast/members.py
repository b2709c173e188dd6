"""Which variants of which studies the words of `ablate compare` mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.errors import UsageError
from ablate.recipe.signatures import did_you_mean
from ablate.report.columns import BASELINE
from ablate.store import Database, reading
from ablate.study.outline import Outline, OutlineVariant
from ablate.verdicts.analysis import Analysis, analyse
from ablate.verdicts.results import Results


@dataclass(frozen=True, kw_only=True)
class Member:
    """A variant that is compared."""

    #: Its name; with the study's before it where several studies are compared.
    label: str
    #: Its study, judged.
    analysis: Analysis
    variant: OutlineVariant
    #: Its recipe in canonical form; empty for results from elsewhere.
    recipe: Mapping[str, Any]

    @property
    def study(self) -> str:
        """Name of its study."""
        return self.analysis.results.outline.name


def find_members(db: Database, words: Sequence[str], *, study: str | None = None) -> tuple[Member, ...]:
    """The variants that words mean, in their order.

    Args:
        db: The experiment database.
        words: Names of variants as tables have them, or `STUDY:VARIANT`; the first is the reference.
        study: Name of the study that plain names belong to; None: the one that was submitted last.

    Raises:
        UsageError: There is no such study or variant, one is named twice, fewer than two are named, or their studies
            rank by different metrics.
    """
    if len(words) < 2:
        raise UsageError("one variant alone is compared with nothing.", cure="Name two: `ablate compare A B`.")
    known = [record.name for record in reading.studies(db)]
    if study is not None or not known:
        reading.outline(db, study or "")  # refuses a study that is not there
    default = study or known[-1]
    outlines = {name: reading.outline(db, name) for name in known}
    places = [_place(word, default, outlines) for word in words]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise UsageError(
                f"{words[index]!r} is named twice: a variant is not compared with itself.", cure="Name each once."
            )
    studies = list(dict.fromkeys(name for name, _ in places))
    _same_metric([outlines[name] for name in studies])
    analyses = {name: analyse(Results.load(db, name)) for name in studies}
    return tuple(
        Member(
            label=variant.name if len(studies) == 1 else f"{name}:{variant.name}",
            analysis=analyses[name],
            variant=variant,
            recipe=reading.recipe(db, name, variant.key),
        )
        for name, key in places
        for variant in (outlines[name].variant(key),)
    )


def _place(word: str, default: str, outlines: Mapping[str, Outline]) -> tuple[str, str]:
    """Study and key of a word. A whole name comes first: names of variants may hold colons, names of studies none."""
    if (variant := _named(outlines[default], word)) is not None:
        return default, variant.key
    study, colon, name = word.partition(":")
    if colon and study in outlines:
        if (variant := _named(outlines[study], name)) is not None:
            return study, variant.key
        raise _unknown(outlines[study], name)
    elsewhere = [other for other, outline in outlines.items() if _named(outline, word) is not None]
    raise _unknown(outlines[default], word, elsewhere[-1] if elsewhere else "")


def _named(outline: Outline, name: str) -> OutlineVariant | None:
    """The variant of a name; as tables mark it, and `baseline` whatever the baseline is called."""
    found = outline.named(name) or outline.named(name.removesuffix(BASELINE))
    return outline.variant(outline.baseline) if found is None and name == "baseline" else found


def _unknown(outline: Outline, name: str, elsewhere: str = "") -> UsageError:
    names = [variant.name for variant in outline.variants]
    cure = f"`ablate show {outline.name}` lists what it has."
    if elsewhere:
        cure = f"The study {elsewhere} has one: write `{elsewhere}:{name}`, or `--study {elsewhere}` for all names."
    return UsageError(f"study {outline.name} has no variant {name!r}{did_you_mean(name, names)}", cure=cure)


def _same_metric(outlines: Sequence[Outline]) -> None:
    first = outlines[0]
    for other in outlines[1:]:
        if (other.metric, other.direction) != (first.metric, first.direction):
            raise UsageError(
                f"{first.name} ranks by {first.metric} and {other.name} by {other.metric}: they cannot be compared.",
                cure="Write the same `metric` at the top of both studies and type `ablate run` again: nothing is "
                "trained anew.",
            )
