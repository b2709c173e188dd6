"""Queue what a study still lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ablate.orchestrate.rounds import Round, given_so_far, next_round, with_seeds
from ablate.orchestrate.stale import Stale, refuse, stale_cells
from ablate.orchestrate.tuning import decide
from ablate.protocol import ENDED
from ablate.recipe import AnyRecipe
from ablate.store import Database
from ablate.store.code import rerun
from ablate.store.reading import calls, outline, states
from ablate.store.submission import Submission, submit
from ablate.study import FIRST_TUNING_SEED, OutlineTuning, Study, mark_exploratory


def submit_study(
    db: Database,
    study: Study,
    part: Study | None = None,
    *,
    stale: Stale = Stale.REFUSE,
    coming: Round | None = None,
) -> Submission:
    """Bring the database up to the study: a new revision if the file changed, and the jobs that are missing.

    Cells that an earlier revision or another design already asked for are not queued again. What a study gains after
    results were there is marked exploratory. Retuned levels are queued when their values are chosen, which is done here
    as soon as their tuning runs have ended.

    Args:
        db: The experiment database.
        study: The whole study, whose outline the report follows.
        part: What of it to run now, see `Study.only`; None means all.
        stale: What becomes of cells whose results were made with other files of the user's own than the study has now.
        coming: What looks add; None: it is computed here.

    Raises:
        UsageError: There are such cells, and nothing was said about them.
    """
    coming = next_round(db, study) if coming is None else coming
    given = {**given_so_far(db, study), **coming.seeds}
    decided = decide(db, study)
    outdated = stale_cells(db, part or study, decided)
    if stale is Stale.REFUSE:
        refuse(outdated)
    while True:
        revision, known = states(db, study.name)
        previous = None if revision is None else outline(db, study.name)
        seen = any(state in ENDED and seed < FIRST_TUNING_SEED for (_, seed), state in known.items())
        recipes = recipes_of(study, decided)
        laid_out = mark_exploratory(study.outline(decided), previous, results_seen=seen)
        laid_out = with_seeds(laid_out, given)
        done = submit(
            db,
            outline=laid_out,
            recipes=recipes,
            text=study.text,
            settings=study.settings,
            sources=study.sources,
            execution=execution_rule(),
            only=None if part is None else cells(part, decided, {one.key: one.seeds for one in laid_out.variants}),
            call=_call(db, part or study, is_known=revision is not None),
        )
        before, decided = decided, decide(db, study)
        if decided == before:  # else a tuning ended meanwhile, and another process may have queued what follows from it
            break
    if stale is Stale.RERUN and outdated:  # after the new files are stored, so that no worker takes the old ones
        rerun(db, [cell.job for cell in outdated])
        return replace(done, rerun=len(outdated))
    return done


def _call(db: Database, study: Study, *, is_known: bool) -> tuple[str, ...]:
    """The command that asks for a study; one that was recalled by its name comes from the file of the last command."""
    words = study.call()
    if study.path is None and is_known and (earlier := calls(db, study.name)):
        return (earlier[-1][0], *words[1:])
    return words


def cells(study: Study, decided: Mapping[str, OutlineTuning], given: Mapping[str, int]) -> set[tuple[str, int]]:
    """The jobs of a study, or a part of one, that can be queued: variant key and seed, tuning runs too.

    Args:
        study: The study or a part of it.
        decided: What was chosen for retuned levels, by the tuning's key.
        given: Number of seeds that looks have given variants, by key.
    """
    compared = {(one.key, seed) for one in study.settled(decided) for seed in study.seeds_of(one.key, given)}
    return compared | {
        (one.recipe.key, seed) for tuning in study.tunings for one in tuning.candidates for seed in tuning.seeds
    }


def recipes_of(study: Study, decided: Mapping[str, OutlineTuning]) -> dict[str, AnyRecipe]:
    """All that a study trains, as far as it is known: recipes by key.

    Args:
        study: The study.
        decided: What was chosen for retuned levels, by the tuning's key.
    """
    recipes = {variant.key: variant.recipe for variant in study.settled(decided)}
    return recipes | {one.recipe.key: one.recipe for tuning in study.tunings for one in tuning.candidates}


class Advance:
    """Queues what follows from runs that have ended: retuned levels, and the seeds of the next look.

    It is called again and again while a study is trained.

    Args:
        db: The experiment database.
        study: The whole study.
        part: What of it to run now.
        say: Called with a line on what a look adds, and why.
    """

    def __init__(
        self, db: Database, study: Study, part: Study | None = None, *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._db, self._study, self._part, self._say = db, study, part, say
        #: None before the first call, so that this one queues what was chosen since the study was submitted.
        self._decided: Mapping[str, OutlineTuning] | None = None
        self._looking = bool(study.seed_plan.looks)

    @property
    def waiting(self) -> bool:
        """Whether levels still wait for their values, or comparisons for their next look."""
        tunings = (self._part or self._study).tunings
        return self._looking or any(self._decided is None or tuning.key not in self._decided for tuning in tunings)

    def __call__(self) -> None:
        """Make the choices that can be made, and queue what follows from them."""
        now = decide(self._db, self._study)
        coming = next_round(self._db, self._study) if self._looking else Round()
        for line in coming.lines():
            self._say(line)
        if now != self._decided or coming.given:
            # What was stale was settled when the study was first submitted.
            submit_study(self._db, self._study, self._part, stale=Stale.KEEP, coming=coming)
        elif not coming.waiting:
            self._looking = False
        self._decided = now


def execution_rule() -> Mapping[str, Any]:
    """Settings that change bits, chosen once when a study is first submitted and reused ever after.

    One thread a worker: two one-thread workers train more runs an hour than one with two threads, and the number of
    threads changes the order of float additions. `packing` is the version of the rule that says which jobs are trained
    together.
    """
    return {"threads": 1, "packing": 1}
