"""The training loop: one recipe, one seed, one device in; a row after each epoch and one outcome out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import AnyRecipe, OwnRecipe, Recipe
from ablate.training.context import OnReport
from ablate.training.data import LATEST
from ablate.training.device import determinism, prepare_process
from ablate.training.ending import divergence, ended
from ablate.training.evaluate import Measured, evaluate
from ablate.training.execution import execution
from ablate.training.failures import Diverged, Stopped
from ablate.training.graphs import epochs_of, own_stream, why_eager
from ablate.training.group import ALONE, Group
from ablate.training.measure import peak_memory_bytes
from ablate.training.own_code import own_code
from ablate.training.progress import FORMAT, Progress, resumed
from ablate.training.setup import Setup, set_up
from ablate.training.weights import Keeping

log = logging.getLogger(__name__)


OnEpoch = Callable[[EpochMetrics, Callable[[], dict[str, Any]]], None]


def never() -> bool:
    """No, do not stop."""
    return False


def train(
    recipe: AnyRecipe,
    *,
    seed: int,
    device: str = "cpu",
    data_root: Path | None = None,
    on_epoch: OnReport | None = None,
    should_stop: Callable[[], bool] = never,
    resume: Mapping[str, Any] | None = None,
    threads: int = 1,
    code_root: Path | None = None,
    folder: Path | None = None,
    keeping: Keeping | None = None,
) -> Outcome:
    """Train one recipe with one seed and test the selected weights once.

    On the CPU the same recipe, seed, number of threads and PyTorch give the same bits, also after a resume.
    PyTorch's thread count, its treatment of denormals and all global random generators are set for the process.

    Args:
        recipe: What to train.
        seed: Seed index; equal indices are common random numbers across recipes.
        device: `cpu` or `cuda:0`; for a recipe with several devices as many GPUs, as `cuda:0,cuda:1`.
        data_root: Folder of the data sets; None means the default one.
        on_epoch: Called after each epoch with its metrics and a function that makes a checkpoint of that moment:
            tensors and plain values, fit for `torch.save` and `torch.load(weights_only=True)`. A trainer of the user's
            own may have saved none: then it is None.
        should_stop: Asked before each step, and before each batch of evaluations.
        resume: A checkpoint to go on from; its epochs are not run again. One of another version is not used.
        threads: Threads of PyTorch on the CPU; part of what the bits depend on.
        code_root: Folder from which files of the user's own are meant; their code is imported anew and forgotten.
        folder: A folder of this job alone, for a trainer of the user's own; None makes one for this call.
        keeping: Which final weights are written, and where; None means none. A trainer of the user's own keeps what it
            saves itself.

    Raises:
        Diverged: The loss is no longer finite; `on_epoch` has got that epoch's metrics.
        Stopped: `should_stop` said so.
        DataMissingError: The data set is nowhere.
        RecipeError: The recipe does not fit the data set, or PyTorch refuses a part of it.
    """
    if isinstance(recipe, OwnRecipe):
        from ablate.training.own_trainer import train_own

        return train_own(
            recipe,
            seed=seed,
            device=device,
            data_root=data_root,
            on_epoch=on_epoch,
            should_stop=should_stop,
            resume=resume,
            threads=threads,
            code_root=code_root,
            folder=folder,
        )
    if resume is not None and resume.get("format") != FORMAT:
        log.warning("the checkpoint was written by another version of ablate; starting from the beginning")
        resume = None
    outcome: Outcome | None
    if recipe.training.devices > 1:
        from ablate.training import distributed  # a tenth of a second, which most runs need not spend

        outcome = distributed.train_spread(
            distributed.Order(
                recipe=recipe,
                seed=seed,
                devices=distributed.spread(device, recipe.training.devices),
                data_root=data_root,
                resume=None if resume is None else distributed.packed(resume),
                threads=threads,
                code_root=code_root,
                keeping=keeping,
            ),
            on_epoch=on_epoch,
            should_stop=should_stop,
        )
    else:
        outcome = train_here(
            recipe,
            seed=seed,
            device=torch.device(device.partition(",")[0]),
            data_root=data_root,
            on_epoch=on_epoch,
            should_stop=should_stop,
            resume=resume,
            threads=threads,
            code_root=code_root,
            group=ALONE,
            keeping=keeping,
        )
    if outcome is None:
        raise AssertionError("only processes beside the first have no outcome")
    return outcome


def train_here(
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    data_root: Path | None,
    on_epoch: OnEpoch | None,
    should_stop: Callable[[], bool],
    resume: Mapping[str, Any] | None,
    threads: int,
    code_root: Path | None,
    group: Group,
    keeping: Keeping | None = None,
) -> Outcome | None:
    """Train in this process, alone or as one of a group; the first of a group has the outcome, the others None."""
    begun = time.perf_counter()
    prepare_process(device, threads, tf32=recipe.training.tf32)
    with own_code(code_root), own_stream(device, recipe.training.graphs and why_eager(recipe) is None):
        dataset = LATEST.load(recipe.data, data_root, code_root)
        run = set_up(recipe, dataset, seed=seed, device=device, code_root=code_root, group=group)
        with determinism(recipe.training.deterministic):
            return run_phases(
                run, begun=begun, on_epoch=on_epoch, should_stop=should_stop, resume=resume, keeping=keeping
            )


def run_phases(
    run: Setup,
    *,
    begun: float,
    on_epoch: OnEpoch | None,
    should_stop: Callable[[], bool],
    resume: Mapping[str, Any] | None,
    keeping: Keeping | None = None,
) -> Outcome | None:
    """All phases of a run that is set up, and in the first process of its group the test of the selected weights."""
    recipe = run.recipe
    progress = Progress(
        run.model,
        average=run.average,
        select=recipe.select,
        stopping=recipe.training.early_stopping,
        started=begun,
    )
    if resume is not None:
        progress.load_state_dict(resume)

    def check() -> None:
        if should_stop():
            raise Stopped(progress.epoch)

    for phase in recipe.training.parts[progress.phase :]:
        stage = run.begin(phase)
        if resume is not None:
            resumed(stage, resume)
            resume = None
        train_epoch = epochs_of(run, stage)
        while progress.phase_epoch < phase.epochs and not progress.exhausted:
            started = time.perf_counter()
            epoch = progress.epoch + 1
            trained = train_epoch(progress, epoch, check)
            trained_seconds = time.perf_counter() - started
            validated, custom = None, trained.custom
            if math.isfinite(trained.measured.loss):
                validated, own = _validated(run, check)
                stage.schedule.after_epoch(validated.loss if validated else None)
                custom = {**_oracle(run, check), **custom, **own}
            progress.complete(validated)
            metrics = EpochMetrics(
                epoch=epoch,
                train_loss=trained.measured.loss,
                train_accuracy=trained.measured.accuracy,
                val_loss=validated.loss if validated else None,
                val_accuracy=validated.accuracy if validated else None,
                lr=trained.lr,
                seconds=time.perf_counter() - started,
                images_per_second=run.training.count / trained_seconds,
                peak_memory_bytes=peak_memory_bytes(run.device),
                custom=custom,
                steps=trained.steps,
            )
            if on_epoch is not None:
                on_epoch(metrics, lambda stage=stage: progress.state_dict(stage))  # type: ignore[misc]
            if not metrics.finite:
                raise Diverged(epoch, divergence(metrics), execution(run))
        progress.next_phase()

    if run.group.rank > 0:
        return None
    return ended(run, progress, check, computed=execution(run), keeping=keeping)


def _validated(run: Setup, check: Callable[[], None]) -> tuple[Measured | None, Mapping[str, float]]:
    """Loss and accuracy on the validation images, known to every process of the group; None where there are none.

    The first process also gets the metrics of the user's own.
    """
    if run.validation.count == 0:
        return None, {}
    measured: Measured | None = None
    own: Mapping[str, float] = {}
    if run.group.rank == 0:
        measured, _, own = evaluate(run.judged, run.validation, run.loss, check, run.metrics, "val_")
    return Measured(*run.group.told(measured)), own


def _oracle(run: Setup, check: Callable[[], None]) -> dict[str, float]:
    """What the test images would say of this epoch, where the recipe asks for that curve."""
    if not run.recipe.training.oracle_curve or run.group.rank > 0:
        return {}
    seen, _, _ = evaluate(run.tested, run.test, run.loss, check)
    return {"oracle_test_accuracy": seen.accuracy, "oracle_test_loss": seen.loss}
