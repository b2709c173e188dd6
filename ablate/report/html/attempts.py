"""How a run came to its end, where that took several attempts or went wrong; bounded, so that a page stays small."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ablate.protocol import AttemptState
from ablate.report import numbers
from ablate.report.language import say, say_number
from ablate.report.private import without_machine
from ablate.store.history import AttemptRecord
from ablate.told import told

#: Newest attempts of a run that have a row, and of those the newest whose last words are there too.
MOST_ATTEMPTS, MOST_TOLD = 6, 3
#: Letters that are kept from the end of a traceback or of what was printed; of one, and of all in a page together.
MOST_LETTERS, ALL_LETTERS = 4_000, 2_000_000
#: Letters of a message.
MOST_MESSAGE = 300
#: Characters that are no text, and those that turn the direction of all that follows them.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: What became of attempts that left no message.
BECAME = {
    AttemptState.LOST: told("its worker gave no sign of life"),
    AttemptState.RELEASED: told("given back to the queue"),
    AttemptState.PREEMPTED: told("given back to the queue: the machine was needed, or the time was over"),
}


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """One attempt; everything is text."""

    number: str
    state: str
    started: str
    #: From its start to its end.
    seconds: str
    #: Epoch after which it went on; empty where it began at the start.
    resumed: str
    device: str
    #: One line on what became of it.
    message: str
    #: The ends of what it printed and of its traceback; empty where there is nothing.
    printed: str
    details: str


@dataclass(frozen=True, kw_only=True)
class History:
    """The attempts of one run."""

    #: As `3 attempts`, and how many of them are left out.
    told: str
    attempts: tuple[AttemptView, ...]


def moment(when: datetime | None) -> str:
    """A time, UTC, to the second."""
    return numbers.UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def device(kind: str | None, model: str | None) -> str:
    """As `cuda:0 · NVIDIA H200`."""
    return " · ".join(part for part in (kind, model) if part) or numbers.UNKNOWN


def letters_each(histories: Sequence[Sequence[AttemptRecord]]) -> int:
    """Letters that each text may have, so that all of a page together stay within bounds."""
    texts = sum(bool(text) for tries in histories for one in tries[-MOST_TOLD:] for text in _texts(one))
    return min(MOST_LETTERS, ALL_LETTERS // max(texts, 1))


def history(attempts: Sequence[AttemptRecord], letters: int) -> History | None:
    """The attempts of one run, the oldest first; None where the only one goes well."""
    is_quiet = all(one.state in (AttemptState.RUNNING, AttemptState.SUCCEEDED) for one in attempts)
    if len(attempts) < 2 and is_quiet:
        return None
    count = say_number(len(attempts), "{n} attempt", "{n} attempts")
    views = [_view(one, letters if place < MOST_TOLD else 0) for place, one in enumerate(reversed(attempts))]
    return History(
        told=say("{attempts}, the last {n} of them here", attempts=count, n=MOST_ATTEMPTS)
        if len(attempts) > MOST_ATTEMPTS
        else count,
        attempts=tuple(reversed(views[:MOST_ATTEMPTS])),
    )


def _view(attempt: AttemptRecord, letters: int) -> AttemptView:
    is_over = attempt.worker is not None and attempt.ended_at is not None  # results from elsewhere were only stored
    seconds = (attempt.ended_at - attempt.started_at).total_seconds() if is_over and attempt.ended_at else None
    printed, details = (_end(text, letters) for text in _texts(attempt))
    return AttemptView(
        number=str(attempt.number),
        state=str(attempt.state),
        started=moment(attempt.started_at),
        seconds=numbers.significant(seconds),
        resumed=str(attempt.resumed_from or ""),
        device=device(attempt.device, attempt.device_name),
        message=said(attempt.failure_message) or say(BECAME.get(attempt.state, "")),
        printed=printed,
        details=details,
    )


def said(message: str | None) -> str:
    """A message on one line, as a page shows it."""
    text = " ".join(_shown(message or "").split())
    return text if len(text) <= MOST_MESSAGE else f"{text[:MOST_MESSAGE]}…"


def _texts(attempt: AttemptRecord) -> tuple[str, str]:
    return attempt.printed, (attempt.failure_details or "").strip()


def _shown(text: str) -> str:
    return STEERING.sub("\ufffd", without_machine(text))


def _end(text: str, letters: int) -> str:
    shown = _shown(text) if letters else ""
    return shown if len(shown) <= letters else f"… {shown[-letters:]}"
