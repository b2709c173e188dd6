"""`ablate.run` and `ablate.submit`: the commands of these names, for Python and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from ablate.api.arguments import device_names, is_study, part_of, stale_choice, worker_count
from ablate.api.database import opened
from ablate.api.results import StudyResults
from ablate.api.showing import audience
from ablate.errors import InterruptedRunError, JobsFailedError
from ablate.launch.local import place
from ablate.launch.run import run_study
from ablate.orchestrate.progress import Progress
from ablate.orchestrate.submit import submit_study
from ablate.study import Study
from ablate.worker.line import nursery


def run(
    study: Study,
    *,
    db: str | Path = "results.db",
    workers: int | Literal["auto"] = "auto",
    devices: str | Sequence[int | str] | None = None,
    data_root: str | Path | None = None,
    factors: Iterable[str] | None = None,
    variants: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    progress: bool | Callable[[Progress], None] | None = None,
    stale: Literal["refuse", "keep", "rerun"] = "refuse",
    check: bool = True,
) -> StudyResults:
    """Train what a study still lacks, and wait for it; a second run of a finished study trains nothing.

    As `ablate run` does: it submits the study, makes its data sets ready, and starts worker processes on this machine;
    this process never imports PyTorch. Ctrl-C, SIGTERM and a notebook's stop button stop it cleanly: running jobs are
    given back, and the same call goes on. Signals reach the main thread only; a run in another thread is stopped by a
    `progress` function that raises KeyboardInterrupt.

    Args:
        study: From `load_study`, `Study.from_dict` or `ExperimentDatabase.study`.
        db: The experiment database, made where there is none: a path, `sqlite:///results.db`, or
            `postgresql+psycopg://user@host/name`.
        workers: Worker processes on this machine, or `auto`: one for each core; on a GPU as many as get
            more done together.
        devices: GPUs to use, as `[0, 2]` or `"0,2"`, or `"cpu"`; None means all GPUs, or the processor.
        data_root: Where data sets lie or are downloaded to; None means `$ABLATE_DATA`, or the user's cache folder.
        factors: Run only variants that change these factors.
        variants: Run only the variants of these names.
        seeds: Run only these seeds.
        progress: True shows lines, False nothing; None shows a line that changes in a notebook, lines at a terminal,
            and nothing elsewhere. A function is called with the state of the study about twice a second, in the thread
            of the run; an exception that it raises ends the workers at once.
        stale: What becomes of results that were made with older versions of your own files: they are refused, kept, or
            run again.
        check: Raise where jobs failed. What was trained is stored either way. A job that diverged has not failed.

    Returns:
        The results of the whole study.

    Raises:
        DataMissingError: A data set or pretrained weights are not there and cannot be fetched.
        DatabaseError: The database cannot be opened, read or written.
        InterruptedRunError: It was stopped; nothing that was reported is lost.
        JobsFailedError: Jobs failed and `check` is true, or workers died one after the other.
        UsageError: An argument does not fit, or there are stale results and nothing was said about them.
    """
    is_study(study)
    part = part_of(study, factors=factors, variants=variants, seeds=seeds)
    each = max(variant.recipe.training.devices for variant in study.variants())
    placement = place(worker_count(workers), device_names(devices), each=each)
    choice, told = stale_choice(stale), audience(progress)
    root = None if data_root is None else Path(data_root)
    database = opened(db, create=True)
    try:
        with nursery() as line:
            now = run_study(database, study, part, placement, stale=choice, data_root=root, audience=told, line=line)
    except KeyboardInterrupt:  # before there were workers, or a second one that ended them at once
        raise InterruptedRunError(f"the run of {study.name} was stopped.", cure="The same call goes on.") from None
    if now.left:
        raise InterruptedRunError(
            f"stopped with {now.done} of {now.total} jobs of {study.name} done.", cure="The same call goes on."
        )
    if check and now.jobs["failed"]:
        raise JobsFailedError(
            f"{now.jobs['failed']} of {now.total} jobs of {study.name} failed.",
            cure=f"`ablate.open({database.place!r}).results({study.name!r}).runs()` tells why in its column `error`; "
            "`ablate.run(..., check=False)` returns the results without this error.",
        )
    return StudyResults(study=study.name, database=database)


def submit(
    study: Study,
    *,
    db: str | Path = "results.db",
    factors: Iterable[str] | None = None,
    variants: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    stale: Literal["refuse", "keep", "rerun"] = "refuse",
) -> StudyResults:
    """Queue the jobs that a study still lacks and return at once; `ablate worker` trains them, on any machine.

    Retuned levels are queued by a second call, when the runs that try their values have ended.

    Args:
        study: As for `run`.
        db: As for `run`.
        factors: As for `run`.
        variants: As for `run`.
        seeds: As for `run`.
        stale: As for `run`.

    Returns:
        The results of the study, whose `status()` counts what waits.

    Raises:
        DatabaseError: The database cannot be opened or written.
        UsageError: An argument does not fit, or there are stale results and nothing was said about them.
    """
    is_study(study)
    part = part_of(study, factors=factors, variants=variants, seeds=seeds)
    choice = stale_choice(stale)
    database = opened(db, create=True)
    submit_study(database, study, part, stale=choice)
    return StudyResults(study=study.name, database=database)
