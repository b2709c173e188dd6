"""A study from submission to its last job, for whoever asks for it: the command line or Python."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ablate.errors import DataMissingError
from ablate.launch.ahead import Ahead
from ablate.launch.local import Placement
from ablate.launch.session import train_queued
from ablate.orchestrate.data import prepare
from ablate.orchestrate.progress import Progress, progress
from ablate.orchestrate.stale import Stale
from ablate.orchestrate.submit import Advance, submit_study
from ablate.orchestrate.tuning import failed_choices, waiting_text
from ablate.store import Database
from ablate.study import Study
from ablate.training.data.progress import SILENT
from ablate.training.data.progress import Progress as DataProgress
from ablate.worker.line import Line
from ablate.worker.watchdog import STALL_SECONDS

#: Said at the first Ctrl-C.
STOPPING = "stopping: running jobs are given back (Ctrl-C again ends them at once)"
#: Said when the time that a run was given is over.
TIME_OVER = "the time is over: running jobs are given back (Ctrl-C ends them at once)"


def _silent(*_told: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What a run shows of itself while workers train."""

    #: Called with the state of the study about twice a second.
    show: Callable[[Progress], None] = _silent
    #: Called with a sentence for the user.
    say: Callable[[str], None] = _silent


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who hears of a run; nobody by default."""

    #: Called with a line on what is about to be done.
    say: Callable[[str], None] = _silent
    #: Called with a line on what went wrong without ending the run.
    warn: Callable[[str], None] = _silent
    #: Entered while data sets are made ready.
    data: Callable[[], AbstractContextManager[DataProgress]] = lambda: nullcontext(SILENT)
    #: Entered while workers train.
    live: Callable[[], AbstractContextManager[View]] = lambda: nullcontext(View())
    #: Called in another thread when a first job has ended: what `conclude` needs may be imported meanwhile.
    ahead: Callable[[], None] = _silent
    #: Called when all is trained that can be, before what is wrong with the rest is raised or told.
    conclude: Callable[[], None] = _silent


def run_study(
    db: Database,
    study: Study,
    part: Study | None,
    placement: Placement,
    *,
    stale: Stale = Stale.REFUSE,
    data_root: Path | None = None,
    stall_timeout: float | None = STALL_SECONDS,
    time_over: float | None = None,
    audience: Audience,
    line: Line | None = None,
) -> Progress:
    """Submit what a study still lacks, make its data sets ready, and train it with workers of this machine.

    Args:
        db: The experiment database.
        study: The whole study, whose outline the report follows.
        part: What of it to run now, see `Study.only`; None means all.
        placement: How many workers, and where.
        stale: What becomes of cells whose results were made with other files of the user's own than the study has now.
        data_root: Where data sets lie; None for the default.
        stall_timeout: Time without a sign of life after which a job fails, seconds; None for never.
        time_over: When running jobs are given back, by `time.monotonic`; None: never.
        audience: Who hears of it.
        line: To the nursery that trainers come from, closed when all is trained; None has every worker start one of
            its own.

    Returns:
        Where the study stands at the end; jobs are left if the user interrupted, or the time was over.

    Raises:
        DataMissingError: A data set is nowhere, or the jobs that are left lack theirs or their weights.
        DatabaseError: The database failed.
        JobsFailedError: Workers die one after the other.
        UsageError: There are stale cells, and nothing was said about them.
    """
    submission = submit_study(db, study, part, stale=stale)
    now = progress(db, study.name)
    to_run = f"{now.left} of {now.total} jobs to run" if now.left else f"nothing to run, all {now.total} jobs are done"
    audience.say(f"{study.name}, revision {submission.revision}: {to_run}")
    if text := waiting_text(db, part or study):
        audience.say(text)
    if now.left:
        with audience.data() as told:
            prepare([variant.recipe for variant in (part or study).variants()], data_root, told)
        ahead = Ahead(audience.ahead, now.done)
        try:
            with audience.live() as view:

                def watch(now: Progress) -> None:
                    view.show(now)
                    ahead.look(now.done)

                now = train_queued(
                    db,
                    study.name,
                    placement,
                    data_root=data_root,
                    watch=watch,
                    stall_timeout=stall_timeout,
                    time_over=time_over,
                    on_interrupt=lambda: view.say(STOPPING),
                    on_time_over=lambda: view.say(TIME_OVER),
                    advance=Advance(db, study, part, say=view.say),
                    line=line,
                )
        except DataMissingError:
            if progress(db, study.name).done:
                audience.conclude()
            raise
        ahead.join()
    if line is not None:
        line.close()  # what follows needs the processor more than the nursery does
    if not now.left:
        audience.conclude()
        for text in failed_choices(db, part or study):
            audience.warn(text)
    return now
