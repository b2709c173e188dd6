"""How fast a study goes: runs an hour, images a second, and how they are computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ablate.store.records import RunningRecord
from ablate.store.ways import EndedRecord, Way

#: How far back jobs count, seconds; further where runs are long.
WINDOW = 3600.0
#: So many times the longest run, at least: jobs of a pack end together, and a rate is made of several such ends.
ROUNDS = 3
#: Jobs that are looked at, however many ended within that time.
MOST = 512
#: Time without any run after which work was taken up anew, seconds.
PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """How fast a study goes now, or went when it ended."""

    #: Of those that ended lately, by the wall clock; None before the first.
    runs_per_hour: float | None = None
    #: Training images of all running jobs in their last epochs; None where none has told any.
    images_per_second: float | None = None
    #: How the jobs of `runs_per_hour` were computed and how many were so, the most frequent first; jobs that do not
    #: tell are left out.
    computed: tuple[tuple[Way, int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The entry `throughput` of a study in `ablate status --json`."""
        return {
            "runs_per_hour": self.runs_per_hour,
            "images_per_second": self.images_per_second,
            "computed": [{**asdict(way), "jobs": jobs} for way, jobs in self.computed],
        }


def paced(ended: Sequence[EndedRecord], running: Sequence[RunningRecord], now: datetime) -> Throughput:
    """How fast a study goes whose jobs are these.

    Args:
        ended: The last that ended, these first; as many as there are up to `MOST`.
        running: Those that run.
        now: The time.
    """
    rates = [job.images_per_second for job in running if job.images_per_second is not None]
    lately, seconds = _lately(ended, now if running else None)
    ways = Counter(job.way for job in lately if job.way is not None)
    return Throughput(
        runs_per_hour=3600 * len(lately) / seconds if lately and seconds > 0 else None,
        images_per_second=sum(rates) if rates else None,
        computed=tuple(sorted(ways.items(), key=lambda item: (-item[1], item[0]))),
    )


def _lately(ended: Sequence[EndedRecord], now: datetime | None) -> tuple[Sequence[EndedRecord], float]:
    """The jobs that count for the rate, and the time in which they ended, seconds.

    The time begins when work was last taken up, or so long ago that several rounds of runs have ended since. It goes up
    to the last end, not to now: between two ends of packs the rate would fall for no reason. Where an end is overdue,
    though, it does fall.

    Args:
        ended: The last first.
        now: None where nothing runs.
    """
    if not ended:
        return (), 0.0
    longest = max((job.ended_at - job.started_at).total_seconds() for job in ended)
    last = ended[0].ended_at
    stretch, begun = _stretch(ended)
    since = begun
    if len(stretch) == MOST:  # those before are not known, so that the first of these only says when they ended
        since = stretch[-1].ended_at
    reach = max(WINDOW, ROUNDS * longest)
    if (last - since).total_seconds() > reach:
        since = datetime.fromtimestamp(last.timestamp() - reach, UTC)
    until = now if now is not None and (now - last).total_seconds() > longest else last
    return [job for job in stretch if job.ended_at > since], (until - since).total_seconds()


def _stretch(ended: Sequence[EndedRecord]) -> tuple[Sequence[EndedRecord], datetime]:
    """The jobs since work was last taken up, the last first, and when that was."""
    begun = ended[0].started_at
    for number, (_, earlier) in enumerate(pairwise(ended), start=1):
        if (begun - earlier.ended_at).total_seconds() > PAUSE:
            return ended[:number], begun
        begun = min(begun, earlier.started_at)
    return ended, begun
