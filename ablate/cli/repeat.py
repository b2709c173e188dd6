"""The part of `ablate check --repeat` that trains: the baseline twice with one seed, in this process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ablate.cli.options import open_database

if TYPE_CHECKING:
    from ablate.metrics import EpochMetrics, Outcome
    from ablate.store.records import RepeatRecord
    from ablate.study import Study


def repeated(study: Study, db: str, data_root: Path | None) -> RepeatRecord:
    """Train the baseline twice on the first GPU, or the processor where there is none, and keep what came of it.

    Raises:
        UsageError: The baseline diverges, so that there is nothing to hold against each other.
        AblateError: It cannot be trained.
    """
    from ablate.errors import UsageError
    from ablate.orchestrate.repeat import repeat_baseline
    from ablate.store.repeats import keep_repeat
    from ablate.study.own_code import laid_out
    from ablate.worker.devices import cuda_names, device_name
    from ablate.worker.provenance import provenance

    training = import_module("ablate.training")
    recipe, seed = study.baseline, study.seeds[0]
    device = ",".join(f"cuda:{index}" for index in range(recipe.training.devices)) if cuda_names() else "cpu"
    typer.echo(f"training the baseline twice with seed {seed} on {device_name(device)}", err=True)
    with laid_out(study.sources) as code_root:

        def train() -> tuple[list[EpochMetrics], Outcome]:
            rows: list[EpochMetrics] = []
            outcome = training.train(
                recipe,
                seed=seed,
                device=device,
                data_root=data_root,
                on_epoch=lambda row, _: rows.append(row),
                code_root=code_root,
            )
            return rows, outcome

        try:
            made = repeat_baseline(
                study, train, device=device, device_name=device_name(device), provenance=provenance()
            )
        except training.Diverged as finding:
            raise UsageError(
                f"the baseline diverged with seed {seed} ({finding}): there is nothing to hold against it.",
                cure="Lower its learning rate, as by `--set training.optimizer.lr=0.01`.",
            ) from finding
    with open_database(db, create=True) as database:
        keep_repeat(database, made)
    return made
