"""What a trainer of the user's own is given: its recipe, and ways to report, to save and to be stopped."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import OwnRecipe
from ablate.training.failures import Diverged, RecipeError, Stopped
from ablate.training.plain import packed, unpacked

if TYPE_CHECKING:
    from torch import nn

    from ablate.training.data import Dataset, Split

log = logging.getLogger(__name__)

#: What an epoch's row has columns for; everything else is a custom metric.
TYPED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")
#: What a whole run has columns for.
OF_RUN = ("test_loss", "test_accuracy", "parameters", "trainable_parameters", "flops")
#: Of these, what is counted.
COUNTS = ("parameters", "trainable_parameters", "flops")
#: Columns of exports that mean something else.
RESERVED = frozenset(
    {"variant", "variant_key", "seed", "state", "epoch", "selected_epoch", "seconds", "attempt", "device", "error"}
    | {"images_per_second", "peak_memory_bytes", "step"}
)
#: Longest name of a metric, characters.
MAX_NAME = 128
#: Raised when what a checkpoint of a trainer of the user's own holds changes.
FORMAT = 1

OnReport = Callable[[EpochMetrics, "Callable[[], dict[str, Any]] | None"], None]


class Context:
    """The one argument of a training function of the user's own.

        def train(ctx):
            state = ctx.restore() or start(ctx.recipe.params["width"], ctx.seed)
            for epoch in range(ctx.epoch + 1, ctx.recipe.training.epochs + 1):
                ...
                ctx.log(epoch=epoch, train_loss=0.3, val_accuracy=0.9, anything=1.5)
                ctx.save(state)
                if ctx.should_stop():
                    return
            ctx.log(test_accuracy=0.91)

    Attributes:
        recipe: The recipe; `ctx.recipe.params["x"]` are the trainer's own knobs.
        seed: Seed index; equal indices are meant as common random numbers across variants.
        device: `cpu` or `cuda:0`; several GPUs have commas between them.
        threads: Threads that the study grants a run on the CPU.
        data_root: Folder of data sets.
        folder: A folder of this job alone, which stays until the job has ended.
        epoch: Last epoch that was reported before this attempt began and that the restored state contains; 0 at first.
    """

    def __init__(
        self,
        recipe: OwnRecipe,
        *,
        seed: int,
        device: str,
        threads: int,
        data_root: Path,
        folder: Path,
        code_root: Path | None,
        on_epoch: OnReport | None,
        should_stop: Callable[[], bool],
        resume: Mapping[str, Any] | None,
    ) -> None:
        self.recipe = recipe
        self.seed = seed
        self.device = device
        self.threads = threads
        self.data_root = data_root
        self.folder = folder
        self.epoch = 0 if resume is None else int(resume["epoch"])
        self._code_root = code_root
        self._on_epoch = on_epoch
        self._asked_to_stop = should_stop
        self._resume = resume
        self._started = time.perf_counter() - (0.0 if resume is None else float(resume["seconds"]))
        self._epoch_started = time.perf_counter()
        #: What is known of the epoch that is being reported; None between two.
        self._current: dict[str, float] | None = None
        self._number = self.epoch
        #: Reported epochs and what they measured; of a resumed run those before it, too.
        self._history: dict[int, dict[str, float]] = {} if resume is None else dict(resume["history"])
        self._of_run: dict[str, float] = {} if resume is None else dict(resume["of_run"])
        self._stopping = False

    # -- reporting ---------------------------------------------------------------------------------------------------

    def log(self, *, epoch: int | None = None, **metrics: Any) -> None:  # noqa: ANN401 - numbers of any library
        """Report numbers: of an epoch, or without one of the whole run.

        `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy` and `lr` have columns of their own, as have
        `test_loss`, `test_accuracy`, `parameters`, `trainable_parameters` and `flops` of a whole run; everything else
        is a custom metric. What is reported of one epoch in several calls belongs together.

        Args:
            epoch: Counted from 1, rising.
            metrics: Numbers by name; accuracies are shares between 0 and 1.

        Raises:
            Stopped: The run is to stop, and an epoch before this one is over.
            Diverged: The training or validation loss of the epoch before is no number.
            RecipeError: A name or number is none.
        """
        values = {name: _number(name, value) for name, value in metrics.items()}
        if epoch is None:
            self._of_run |= values
            return
        if isinstance(epoch, bool) or int(epoch) != epoch or epoch < 1:
            raise RecipeError(f"`ctx.log(epoch={epoch!r})`: epochs are whole numbers that count from 1.")
        if epoch < self._number or (epoch == self._number and self._current is None):
            raise RecipeError(
                f"`ctx.log(epoch={epoch})` comes after epoch {self._number}: epochs rise.",
                cure="A run that goes on begins at `ctx.epoch + 1`.",
            )
        if epoch > self._number:
            self._flush()
            self._number = int(epoch)
            if self.should_stop():
                raise Stopped(self.epoch)
        self._current = {**(self._current or {}), **values}

    def save(self, state: Any) -> None:  # noqa: ANN401 - a tree of tensors, arrays and plain values
        """Hand over all that is needed to go on after the epoch that was reported last.

        It is written when checkpoints are due, with that epoch's row; they take at most a twentieth of a run's time.

        Args:
            state: Tensors, NumPy arrays, numbers, texts, None, and lists, tuples and dictionaries of them.

        Raises:
            RecipeError: It holds something else.
        """
        content = packed(state)
        self._flush(content)

    def restore(self) -> Any:  # noqa: ANN401 - what was saved
        """What was saved last, to go on after `ctx.epoch`; None where the run begins."""
        return None if self._resume is None else unpacked(self._resume["state"])

    def should_stop(self) -> bool:
        """Whether the run is to end now: save, then return. It goes on later from what was saved."""
        self._stopping = self._stopping or self._asked_to_stop()
        return self._stopping

    # -- what ablate can do for a trainer ----------------------------------------------------------------------------

    @cached_property
    def dataset(self) -> Dataset:
        """The data set of `[baseline.data]`, on the CPU.

        Raises:
            RecipeError: The recipe has no `data` table, or it does not fit.
            DataMissingError: The data set is nowhere.
        """
        from ablate.training.data import LATEST

        if self.recipe.data is None:
            raise RecipeError("`ctx.dataset` needs a table [baseline.data], and this recipe has none.")
        return LATEST.load(self.recipe.data, self.data_root, self._code_root)

    @cached_property
    def portions(self) -> Split:
        """Which of its images are for training, validation and test, as the `data` table says."""
        from ablate.training.data import split

        dataset = self.dataset
        if self.recipe.data is None:
            raise AssertionError
        return split(dataset, self.recipe.data)

    def build_model(self) -> nn.Module:
        """The network of `[baseline.model]` for the images of `ctx.dataset`, on the CPU, its weights drawn by the seed.

        Raises:
            RecipeError: The recipe has no `model` table, or it does not fit the images.
        """
        from ablate.training.batches import input_size
        from ablate.training.models import build_model

        if self.recipe.model is None or self.recipe.data is None:
            raise RecipeError("`ctx.build_model` needs the tables [baseline.model] and [baseline.data].")
        dataset = self.dataset
        shape = dataset.input_shape
        size = input_size(self.recipe.data, dataset.image_size) if dataset.holds_images else shape[1:]
        return build_model(
            self.recipe.model,
            channels=shape[0],
            image_size=size,
            classes=len(dataset.classes),
            seed=self.seed,
            code_root=self._code_root,
        )

    # -- for the caller ----------------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """What the run came to, once the trainer has returned.

        Raises:
            Stopped: It returned because it was told to stop.
            Diverged: The last loss is no number.
            RecipeError: It reported nothing, or not what `select` needs.
        """
        self._flush()
        if self._stopping:
            raise Stopped(self.epoch)
        if not self._history and not self._of_run:
            raise RecipeError(
                "the trainer has returned and reported nothing.",
                cure="Let it call `ctx.log(epoch=1, val_accuracy=...)` after each epoch, or "
                "`ctx.log(test_accuracy=...)` at its end.",
            )
        selected = self._selected()
        measured = {**self._history.get(selected or 0, {}), **self._of_run}
        whole = {name: value for name, value in self._of_run.items() if name not in OF_RUN and math.isfinite(value)}

        def count(name: str) -> int | None:
            return round(measured[name]) if name in measured and math.isfinite(measured[name]) else None

        return Outcome(
            selected_epoch=selected,
            test_loss=measured.get("test_loss"),
            test_accuracy=measured.get("test_accuracy"),
            parameters=count("parameters"),
            trainable_parameters=count("trainable_parameters"),
            flops=count("flops"),
            seconds=time.perf_counter() - self._started,
            fingerprints={},
            metrics=whole,
        )

    def _selected(self) -> int | None:
        """The epoch that counts; the earliest of equals."""
        if not self._history:
            return None
        if self.recipe.select == "last":
            return max(self._history)
        name, sign = ("val_accuracy", 1.0) if self.recipe.select == "best_val" else ("val_loss", -1.0)
        known = {
            epoch: sign * row[name] for epoch, row in self._history.items() if math.isfinite(row.get(name, math.nan))
        }
        if not known:
            raise RecipeError(
                f'`select = "{self.recipe.select}"` chooses by `{name}`, and the trainer reported none.',
                cure=f'Report it, as `ctx.log(epoch=1, {name}=...)`, or write `select = "last"`.',
            )
        return max(sorted(known), key=lambda epoch: known[epoch])

    def _flush(self, content: object = None) -> None:
        """Report the current epoch, with a checkpoint where a state was saved."""
        if self._current is None:
            return
        row, self._current = self._current, None
        self._history[self._number] = row
        now = time.perf_counter()
        typed: dict[str, Any] = {name: row.get(name) for name in TYPED}
        metrics = EpochMetrics(
            epoch=self._number,
            **typed,
            seconds=now - self._epoch_started,
            images_per_second=None,
            peak_memory_bytes=self._peak(),
            custom={name: value for name, value in row.items() if name not in TYPED},
        )
        self._epoch_started = now
        self.epoch = self._number
        state = None if content is None else (lambda: self._state(content))
        if self._on_epoch is not None:
            self._on_epoch(metrics, state)
        if not metrics.finite:
            raise Diverged(self._number, f"the trainer reported a loss that is no number in epoch {self._number}")

    def _state(self, content: object) -> dict[str, Any]:
        return {
            "format": f"own-{FORMAT}",
            "epoch": self.epoch,
            "seconds": time.perf_counter() - self._started,
            "history": self._history,
            "of_run": self._of_run,
            "state": content,
        }

    def _peak(self) -> int:
        from ablate.training.measure import peak_memory_bytes

        return peak_memory_bytes(self.device.partition(",")[0])


def usable(resume: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The checkpoint where this version of ablate reads it; a word in the log where it does not."""
    if resume is not None and resume.get("format") != f"own-{FORMAT}":
        log.warning("the checkpoint was written by another version of ablate; starting from the beginning")
        return None
    return resume


def _number(name: str, value: Any) -> float:  # noqa: ANN401 - numbers of any library
    if name in RESERVED or not name.isidentifier() or len(name) > MAX_NAME:
        raise RecipeError(
            f"`ctx.log({name}=...)`: a metric cannot be called {name!r}.",
            cure="Names are letters, digits and `_`, as `val_perplexity`, and none of ablate's own columns.",
        )
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise RecipeError(f"`ctx.log({name}=...)` got {type(value).__name__}, and a metric is one number.") from None
    if name in ("train_accuracy", "val_accuracy", "test_accuracy") and math.isfinite(number) and not 0 <= number <= 1:
        raise RecipeError(
            f"`ctx.log({name}={number:g})`: accuracies are shares between 0 and 1.", cure="Divide percentages by 100."
        )
    return number
