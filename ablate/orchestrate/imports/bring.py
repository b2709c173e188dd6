"""Bring results of other tools into the database, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ablate.errors import UsageError
from ablate.orchestrate.imports.drafts import Drafts
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.outlines import choose_metric, lay_out
from ablate.orchestrate.imports.settle import Select, settle
from ablate.orchestrate.imports.sheet import Faults
from ablate.orchestrate.imports.sources import read_sources
from ablate.store import Database
from ablate.store.imported import Stored, bring_in, stored
from ablate.study import mark_exploratory
from ablate.study.names import checked_study_name, checked_text
from ablate.study.outline import StatisticsSettings

if TYPE_CHECKING:
    from pandas import DataFrame

    from ablate.orchestrate.imports.drafts import Draft


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did."""

    #: Name of the study.
    study: str
    #: Number of the study's newest revision.
    revision: int
    #: Runs that are new, that have changed, and that were there already.
    added: int
    changed: int
    unchanged: int
    #: Epochs of the runs that are new or have changed.
    epochs: int
    #: Variants that are new since results were seen, by name.
    exploratory: tuple[str, ...] = ()
    #: What ranks the variants, and the baseline's name.
    metric: str
    baseline: str
    #: What somebody should know who typed the command.
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """A few lines for people."""
        counts = [
            f"{number:,} runs {what}"
            for number, what in ((self.added, "imported"), (self.changed, "changed"), (self.unchanged, "known already"))
            if number
        ]
        if not self.added and not self.changed:
            counts.append("nothing is new")
        epochs = f" ({self.epochs:,} epochs)" if self.epochs else ""
        lines = [f"{self.study}, revision {self.revision}: {', '.join(counts)}{epochs}"]
        lines.append(f"ranked by {self.metric}, compared with {self.baseline}")
        if self.exploratory:
            lines.append(f"new since results were seen, so exploratory: {', '.join(self.exploratory)}")
        return "\n".join([*lines, *self.notes])


def import_results(db: Database, sources: Sequence[Path | DataFrame], options: ImportOptions) -> Imported:
    """Read sources, check all of them, and store what is new; a second time nothing is.

    Args:
        db: The experiment database.
        sources: Files and folders of other tools, or data frames.
        options: How they are read, and what becomes of them.

    Raises:
        StudyError: Rows are wrong or contradict what is stored; all are named, up to a limit, and nothing is stored.
        UsageError: A source is not there, ablate itself runs the study, or an option does not fit.
        DatabaseError: The database cannot be read or written; nothing is stored.
    """
    _check(options)
    before = stored(db, options.study)
    if before is not None:
        options = replace(options, known_factors=tuple(factor.name for factor in before.outline.factors))
    faults = Faults()
    drafts = Drafts(options, faults)
    drafts.add(read_sources(sources, options, faults))
    faults.settle()
    if not drafts.runs:
        raise UsageError("the sources hold no run that has ended.", cure="Import them when some have.")
    _bare(drafts.runs, faults)
    faults.settle()
    previous = None if before is None else before.outline
    metric = choose_metric(options, previous, _measured(drafts.runs, before))
    select = _select(options, before, drafts.runs)
    known = {} if before is None else before.runs
    settled = settle(drafts.runs, known, metric=metric[0], select=select, may_replace=options.replace, faults=faults)
    named = {draft.variant for draft in drafts.runs}
    outline = lay_out(
        options,
        previous,
        metric=metric,
        select=select,
        variants={name: one for name, one in drafts.variants.items() if name in named},
        seeds=sorted({draft.seed for draft in drafts.runs} | {seed for _, seed in known}),
        faults=faults,
    )
    faults.settle()
    outline = mark_exploratory(outline, previous, results_seen=bool(known))
    new = [*settled.added, *settled.changed]
    revision = 0 if before is None else before.revision
    if new or outline != previous:
        revision = bring_in(db, outline, new, after=None if before is None else before.revision)
    old = set() if previous is None else {variant.key for variant in previous.variants}
    return Imported(
        study=options.study,
        revision=revision,
        added=len(settled.added),
        changed=len(settled.changed),
        unchanged=settled.unchanged,
        epochs=sum(len(run.epochs) for run in new),
        exploratory=tuple(one.name for one in outline.variants if one.exploratory and one.key not in old),
        metric=f"{outline.metric} ({outline.direction})",
        baseline=outline.variant(outline.baseline).name,
        notes=tuple(drafts.notes),
    )


def _check(options: ImportOptions) -> None:
    """Refuse options that can be judged by themselves."""
    try:
        checked_study_name(options.study)
        if options.title is not None:
            checked_text(options.title)
    except ValueError as error:
        raise UsageError(f"{error}.", cure="Name it otherwise.") from error
    given = {"alpha": options.alpha, "margin": options.margin, "test": options.test}
    try:
        StatisticsSettings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"--{first['loc'][0]} {first['input']}: {first['msg'].lower()}.", cure="Write another value."
        ) from error
    if options.epoch_steps is not None and options.epoch_steps < 1:
        raise UsageError(f"--epoch-steps {options.epoch_steps} makes no epoch.", cure="Write 1 or more.")


def _measured(runs: Sequence[Draft], before: Stored | None) -> list[str]:
    """Names of what any run or epoch measured, in the order of their appearance."""
    found: dict[str, None] = {}
    for run in runs:
        found.update(dict.fromkeys([*run.values, *run.broken]))
        for values in run.epochs.values():
            found.update(dict.fromkeys(values))
    for old in () if before is None else before.runs.values():
        found.update(dict.fromkeys(old.values))
        for known in old.epochs.values():
            found.update(dict.fromkeys(known))
    found.update(dict.fromkeys(name.removeprefix("oracle_") for name in list(found) if name.startswith("oracle_test_")))
    return list(found)


def _select(options: ImportOptions, before: Stored | None, runs: Sequence[Draft]) -> Select:
    """Which epoch counts: as asked for, as before, or by validation accuracy where there is one."""
    if options.select is not None:
        return options.select
    if before is not None:
        return before.outline.select
    has_validation = any("val_accuracy" in values for run in runs for values in run.epochs.values())
    return "best_val" if has_validation else "last"


def _bare(runs: Sequence[Draft], faults: Faults) -> None:
    """Note runs that have ended well and measured nothing."""
    for run in runs:
        if run.state is None and not run.values and not run.epochs and not run.broken:
            faults.add(run.place, f"{run.variant}, seed {run.seed}: nothing is measured; write a metric, or its state")
