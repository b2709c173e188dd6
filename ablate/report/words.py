"""Words that data hold and reports say: verdicts, states, kinds. Here they are marked, so that languages have them."""

from __future__ import annotations

from ablate.report.language import say
from ablate.told import told

WORDS = frozenset(
    {
        # verdicts and what stands for them
        told("better"),
        told("worse"),
        told("equivalent"),
        told("undecided"),
        told("interact"),
        told("not run"),
        told("baseline"),
        # how runs went
        told("queued"),
        told("running"),
        told("succeeded"),
        told("diverged"),
        told("failed"),
        told("cancelled"),
        # and attempts
        told("lost"),
        told("released"),
        told("preempted"),
        # how grave a finding is
        told("error"),
        told("warning"),
        told("note"),
        # on what a verdict rests
        told("confirmatory"),
        told("exploratory"),
        # kinds of designs, which name them where nobody does, and the family of what no design asks for
        told("one-at-a-time"),
        told("leave-one-out"),
        told("grid"),
        told("ladder"),
        told("fraction"),
        told("pairs"),
        told("random"),
        told("variants"),
    }
)


def word(text: str) -> str:
    """A word of the list in the report's language; anything else, as a name that somebody gave, stays as it is."""
    return say(text) if text in WORDS else text
