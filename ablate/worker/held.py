"""The jobs that a worker holds: what its trainer reports of them is written down, until they end or are replaced."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from pathlib import Path

from ablate.protocol import AttemptState, Claim, Failure, FailureKind, JobQueue, ReplacedError, Ticket
from ablate.worker.messages import Broke, DivergedAway, EpochDone, Finished

_log = logging.getLogger(__name__)


class Held:
    """Claims of one worker by their attempts. Methods that write return the attempts that turned out to be replaced.

    Args:
        queue: The worker's side of the experiment database.
        artifacts: Folder of checkpoints and other files.
    """

    def __init__(self, queue: JobQueue, artifacts: Path) -> None:
        self._queue = queue
        self._artifacts = artifacts
        self._claims: dict[int, Claim] = {}
        #: Jobs whose data set or weights this worker could not get, with what was said of them.
        self.missing: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._claims)

    @property
    def tickets(self) -> Collection[Ticket]:
        """Of all jobs that are held."""
        return [claim.ticket for claim in self._claims.values()]

    def take(self, claims: Iterable[Claim]) -> None:
        """Hold these too."""
        self._claims.update((claim.ticket.attempt, claim) for claim in claims)

    def beat(self) -> Collection[int]:
        """Renew all leases."""
        return self._lose(self._queue.beat_all(self.tickets)) if self._claims else ()

    def record(self, reports: Iterable[EpochDone]) -> Collection[int]:
        """Write epochs; those of jobs that are no longer held are passed over."""
        items = [
            (self._claims[report.attempt].ticket, report.metrics, report.checkpoint)
            for report in reports
            if report.attempt in self._claims
        ]
        if not items:
            return ()
        done = self._queue.record_epochs(items)
        self._delete(done.unneeded)
        return self._lose(done.replaced)

    def end(self, report: Finished | DivergedAway | Broke) -> Collection[int]:
        """Write how one job ended, and hold it no longer."""
        claim = None if report.attempt is None else self._claims.pop(report.attempt, None)
        if claim is None:
            return ()
        try:
            match report:
                case Finished(outcome=outcome):
                    self._delete(self._queue.finish(claim.ticket, outcome))
                case DivergedAway(message=message, seconds=seconds, execution=how):
                    self._delete(self._queue.diverge(claim.ticket, message, seconds=seconds, execution=how))
                case Broke(kind=FailureKind.DATA_MISSING, message=message):
                    self._queue.release(claim.ticket)
                    self.missing[claim.ticket.job] = message
                    _log.warning("job %d (%s) waits: %s", claim.ticket.job, claim.variant, message)
                case Broke():
                    self._fail(claim, report)
        except ReplacedError:
            return self._lose([claim.ticket])
        return ()

    def fail(self, report: Broke) -> None:
        """Write that all jobs failed alike, whatever attempt the report names."""
        for claim in self._all():
            try:
                self._fail(claim, report)
            except ReplacedError:
                self._lose([claim.ticket])

    def release(self, state: AttemptState = AttemptState.RELEASED) -> None:
        """Give all jobs back, uncounted."""
        for claim in self._all():
            self._queue.release(claim.ticket, state)

    def _all(self) -> Iterable[Claim]:
        """Each job, held until it was dealt with."""
        for attempt in list(self._claims):
            yield self._claims[attempt]
            self._claims.pop(attempt, None)

    def _fail(self, claim: Claim, report: Broke) -> None:
        failure = Failure(kind=report.kind, message=report.message, details=report.details, facts=report.facts)
        state = self._queue.fail(claim.ticket, failure)
        name = f"job {claim.ticket.job} ({claim.variant}, seed {claim.seed})"
        _log.warning("%s is %s: %s", name, state, report.message)

    def _lose(self, replaced: Collection[Ticket]) -> Collection[int]:
        for ticket in replaced:
            self._claims.pop(ticket.attempt, None)
            _log.warning("job %d was taken away from this worker, which trains it no longer", ticket.job)
        return [ticket.attempt for ticket in replaced]

    def _delete(self, names: Collection[str]) -> None:
        for name in names:
            (self._artifacts / name).unlink(missing_ok=True)
