"""Recorded steps: all but the capture itself runs on a processor; the tests of the capture need a GPU."""

import logging
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ablate.recipe import Recipe
from ablate.training import train
from ablate.training.data import LATEST
from ablate.training.epoch import begin_epoch
from ablate.training.graphs import own_stream, recorder, why_eager
from ablate.training.graphs.recorder import Called, CudaGraphs, NotRecorded
from ablate.training.graphs.step import STEPS_BEFORE, RecordedStep
from ablate.training.setup import set_up
from ablate.training.update import Update
from tests.runs import run, timeless

MakeRecipe = Callable[..., Recipe]
RANDOM_LAYERS = {"model.norm": "batch", "model.dropout": 0.3, "model.stochastic_depth": 0.2, "model.blocks": 1}
#: Digits in batches of 32 with a smaller last one; what differs between recorded and eager steps in each.
RECIPES: dict[str, dict[str, Any]] = {
    "SGD": {"data.augment": ["random_crop", "horizontal_flip", "cutout"]},
    "SGD with dampening, which begins in another way": {
        "training.optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9, "dampening": 0.5, "weight_decay": 1e-3},
    },
    "Adam with a schedule by steps": {
        **RANDOM_LAYERS,
        "training.optimizer": {"name": "Adam", "lr": 0.003},
        "training.scheduler": {"name": "ExponentialLR", "gamma": 0.97, "interval": "step"},
    },
    "AdamW with a warm-up, clipping and an average": {
        **RANDOM_LAYERS,
        "training.epochs": 3,
        "training.optimizer": {"name": "AdamW", "lr": 0.003, "weight_decay": 0.1},
        "training.warmup": {"epochs": 1.5},
        "training.scheduler": {"name": "CosineAnnealingLR", "interval": "step"},
        "training.clip_grad_norm": 0.5,
        "training.clip_grad_value": 0.1,
        "training.ema": {"decay": 0.9},
    },
    "groups, phases and a schedule by epochs": {
        "training.epochs": 4,
        "model.norm": "batch",
        "training.no_weight_decay": ["norm", "bias"],
        "training.parameter_groups": [{"match": ["head.*"], "lr": 0.01}],
        "training.optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
        "training.scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5},
        "training.phases": [{"epochs": 2, "freeze": ["stage1.*"]}, {"epochs": 2}],
    },
    "half precision, a plateau and one batch an epoch": {
        "data.train_images": 40,
        "data.batch_size": 40,
        "training.epochs": 4,
        "training.precision": "bfloat16",
        "training.scheduler": {"name": "ReduceLROnPlateau", "patience": 0},
    },
    "another's network with its own dropout": {
        "data.train_images": 48,
        "data.batch_size": 16,
        "model": {"name": "torchvision:mobilenet_v3_small"},
    },
}


class Counting:
    """Records nothing, and counts what is replayed."""

    def __init__(self, refuses: int | None = None) -> None:
        self.records = self.replays = 0
        self._refuses = refuses

    def record(self, step: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """The function, counted; refused where it is the one of this number."""
        self.records += 1
        if self.records == self._refuses:
            raise NotRecorded("operation not permitted when stream is capturing")

        def replay() -> None:
            self.replays += 1
            step()

        return replay


@pytest.fixture
def on_processor(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Takes recorded steps on the processor."""
    counting = Counting()
    monkeypatch.setattr(recorder, "recorder_for", lambda device: counting)
    return counting


def same(one: Any, other: Any) -> bool:
    """Whether two checkpoints hold the same, whatever their clocks say."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one if key != "seconds")
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_recorded_steps_give_the_bits_of_the_eager_loop_and_resume(
    make_recipe: MakeRecipe, on_processor: Counting, changes: dict
) -> None:
    outcome, rows, states = run(make_recipe(changes))
    assert on_processor.records == 0
    recipe = make_recipe({**changes, "training.graphs": True})
    recorded, recorded_rows, recorded_states = run(recipe)
    assert timeless(recorded, recorded_rows) == timeless(outcome, rows)
    assert same(recorded_states, states)
    assert on_processor.replays > 0
    resumed, later, _ = run(recipe, resume=recorded_states[0])
    assert timeless(resumed, recorded_rows[:1] + later) == timeless(outcome, rows)


def test_all_but_the_first_steps_of_each_size_are_replayed(make_recipe: MakeRecipe, on_processor: Counting) -> None:
    recipe = make_recipe({"training.epochs": 3, "data.validation": 0.0, "select": "last", "training.graphs": True})
    run(recipe)
    full, rest = divmod(250, 32)
    assert rest
    assert on_processor.records == 2
    assert on_processor.replays == 3 * (full + 1) - 2 * STEPS_BEFORE


def test_chunks_of_few_batches_change_nothing(
    make_recipe: MakeRecipe, on_processor: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"data.augment": ["random_crop"]}
    whole = timeless(*run(make_recipe(changes))[:2])
    monkeypatch.setattr("ablate.training.batches.CHUNK_BYTES", {"cpu": 3 * 32 * 64 * 4})
    assert timeless(*run(make_recipe({**changes, "training.graphs": True}))[:2]) == whole


@pytest.mark.parametrize(("refused", "replays"), [(1, 0), (2, 2 * 7 - 2)], ids=["full batches", "the smaller last one"])
def test_where_a_size_cannot_be_recorded_all_steps_are_taken_one_by_one(
    make_recipe: MakeRecipe,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    refused: int,
    replays: int,
) -> None:
    refusing = Counting(refuses=refused)
    monkeypatch.setattr(recorder, "recorder_for", lambda device: refusing)
    changes = {**RANDOM_LAYERS, "training.epochs": 3}
    fallen_back = timeless(*run(make_recipe({**changes, "training.graphs": True}))[:2])
    assert fallen_back == timeless(*run(make_recipe(changes))[:2])
    assert (refusing.records, refusing.replays) == (refused, replays)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "taken one by one: operation not permitted" in warnings[0]


def test_a_processor_records_nothing_and_says_so(make_recipe: MakeRecipe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked = timeless(*run(make_recipe({"training.graphs": True}))[:2])
    assert asked == timeless(*run(make_recipe())[:2])
    assert "steps are taken one by one: they are recorded on a GPU only" in caplog.text


def test_a_loss_that_is_no_number_ends_the_epoch(make_recipe: MakeRecipe, on_processor: Counting) -> None:
    changes = {"training.optimizer": {"name": "SGD", "lr": 1e30}, "training.epochs": 1, "data.batch_size": 4}
    told = []
    for graphs in (False, True):
        with pytest.raises(Exception, match="training loss became") as caught:
            run(make_recipe({**changes, "training.graphs": graphs}))
        told.append(str(caught.value))
    assert told[0] == told[1]


class Operations(TorchDispatchMode):
    """Notes every operation of PyTorch with the numbers that the host gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        numbers = [one for one in torch.utils._pytree.tree_leaves((args, kwargs)) if not isinstance(one, Tensor)]
        self.seen.append((str(func), re.sub(r"0x[0-9a-f]+", "", repr(numbers))))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "changes",
    [RECIPES["Adam with a schedule by steps"], RECIPES["AdamW with a warm-up, clipping and an average"]],
    ids=["Adam", "AdamW"],
)
def test_each_step_is_the_same_work_and_asks_nothing_of_the_device(make_recipe: MakeRecipe, changes: dict) -> None:
    """What a graph would freeze must not differ from step to step, and what waits for the device cannot be recorded."""
    recipe = make_recipe({**changes, "training.ema": None, "training.graphs": True})
    steps = recorded_step(recipe, Called())
    begin_epoch(steps.run, 1)
    seen = []
    for size in steps.batches(1):
        with Operations() as operations:
            steps.take(size)
        seen.append(operations.seen)
    assert len(seen) > 5
    assert seen[2] == seen[3] == seen[4]
    names = {name for name, _ in seen[3]}
    assert "aten._fused_adam_.tensor_lr" in names or "aten._fused_adamw_.tensor_lr" in names
    assert not {name for name in names if "_local_scalar_dense" in name or "nonzero" in name}


@pytest.mark.parametrize(("rate", "used"), [(0.1, 0.10000000149011612), (1e39, math.inf)])
def test_on_a_gpu_steps_use_rates_of_single_precision_and_schedules_keep_theirs(
    make_recipe: MakeRecipe, rate: float, used: float
) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=rate, fused=True)
    seen: list[float] = []
    optimizer.register_step_pre_hook(lambda made, *_: seen.append(made.param_groups[0]["lr"]))
    for device in ("cpu", "cuda"):
        weight.grad = torch.zeros(3)
        Update(optimizer, make_recipe().training, torch.device(device)).step()
    assert seen == [rate, used]
    assert optimizer.param_groups[0]["lr"] == rate


def recorded_step(recipe: Recipe, how: Any, device: str = "cpu", seed: int = 0) -> RecordedStep:
    """The steps of a recipe's first phase."""
    place = torch.device(device)
    made = set_up(recipe, LATEST.load(recipe.data, None, None), seed=seed, device=place)
    return RecordedStep(made, made.begin(recipe.training.parts[0]), how)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"model": {"name": "resnet"}, "training.precision": "bfloat16"}, None),
        ({"data.augment": ["rand_augment"], "training.clip_grad_norm": 1.0, "training.ema": {}}, None),
        ({"training.scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "cycle_momentum": False}}, None),
        ({"training.scheduler": {"name": "OneCycleLR", "max_lr": 0.1}}, "moves the momentum"),
        ({"training.scheduler": {"name": "CyclicLR", "base_lr": 0.1, "max_lr": 0.2}}, "moves the momentum"),
        ({"training.optimizer": {"name": "RMSprop", "lr": 0.1}}, "RMSprop reads its learning rate"),
        (
            {"training.phases": [{"epochs": 1, "optimizer": {"name": "Rprop", "lr": 0.1}}], "training.epochs": 1},
            "Rprop",
        ),
        ({"training.precision": "float16"}, "scaled gradients"),
        ({"training.accumulate": 2}, "several batches"),
        ({"training.devices": 2}, "several devices"),
        ({"data.augment": ["mixup"]}, "mixed by numbers"),
        ({"training.step_losses": 1}, "between steps"),
        ({"training.validate_every": 2}, "between steps"),
        ({"model": {"name": "nets.py:Net"}}, "code of your own"),
        ({"training.loss": "losses.py:Loss"}, "code of your own"),
        ({"model": {"name": "timm:resnet18"}}, "timm"),
    ],
)
def test_which_recipes_are_recorded(make_recipe: MakeRecipe, changes: dict, reason: str | None) -> None:
    told = why_eager(make_recipe(changes))
    assert (told is None) == (reason is None)
    assert (reason or "") in (told or "")


# --- with a GPU


@pytest.fixture
def gpu_stream() -> Iterator[torch.device]:
    """The first GPU, on a stream of its own."""
    device = torch.device("cuda:0")
    with own_stream(device, True):
        yield device


@pytest.mark.cuda
@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_graphs_give_the_bits_of_the_eager_loop_and_resume_on_a_gpu(
    make_recipe: MakeRecipe, changes: dict, caplog: pytest.LogCaptureFixture
) -> None:
    outcome, rows, states = run(make_recipe(changes), device="cuda:0")
    recipe = make_recipe({**changes, "training.graphs": True})
    recorded, recorded_rows, recorded_states = run(recipe, device="cuda:0")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert timeless(recorded, recorded_rows) == timeless(outcome, rows)
    assert same(recorded_states, states)
    resumed, later, _ = run(recipe, device="cuda:0", resume=recorded_states[0])
    assert timeless(resumed, recorded_rows[:1] + later) == timeless(outcome, rows)


@pytest.mark.cuda
def test_two_jobs_on_two_streams_give_what_each_gives_alone(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe({**RANDOM_LAYERS, "data.augment": ["random_crop"], "training.graphs": True})
    device = torch.device("cuda:0")

    def weights(steps: RecordedStep) -> list[Tensor]:
        torch.cuda.synchronize()
        return [value.cpu() for value in steps.run.model.state_dict().values()]

    def trained(seeds: Sequence[int]) -> list[list[Tensor]]:
        streams = [torch.cuda.Stream(device) for _ in seeds]
        jobs = []
        for seed, stream in zip(seeds, streams, strict=True):
            with torch.cuda.stream(stream):
                jobs.append(recorded_step(recipe, CudaGraphs(stream), "cuda:0", seed))
        for epoch in (1, 2):
            sizes = []
            for job, stream in zip(jobs, streams, strict=True):
                with torch.cuda.stream(stream):
                    begin_epoch(job.run, epoch)
                    sizes.append(job.batches(epoch))
            for _ in range(jobs[0].run.training.steps):
                for job, stream, size in zip(jobs, streams, sizes, strict=True):
                    with torch.cuda.stream(stream):
                        job.take(next(size))
        return [weights(job) for job in jobs]

    together = trained([0, 1, 2])
    for seed, packed in enumerate(together):
        assert same(packed, trained([seed])[0])


@pytest.mark.cuda
def test_a_capture_that_fails_leaves_the_run_as_it_was(
    make_recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    changes = {"training.epochs": 3, "model": {"name": "torchvision:mobilenet_v3_small"}}
    alone = timeless(*run(make_recipe(changes), device="cuda:0")[:2])
    on_batch = RecordedStep._on_batch

    def waits(self: RecordedStep, size: int) -> None:
        on_batch(self, size)
        float(self.loss)  # what a graph cannot hold

    monkeypatch.setattr(RecordedStep, "_on_batch", waits)
    recipe = make_recipe({**changes, "training.graphs": True})
    assert timeless(*run(recipe, device="cuda:0")[:2]) == alone
    assert sum("taken one by one" in record.getMessage() for record in caplog.records) == 1
    monkeypatch.undo()
    assert timeless(*run(recipe, device="cuda:0")[:2]) == alone  # the process can record again


@pytest.mark.cuda
def test_a_stream_is_used_again_by_the_next_job(gpu_stream: torch.device, make_recipe: MakeRecipe) -> None:
    assert torch.cuda.current_stream(gpu_stream) != torch.cuda.default_stream(gpu_stream)
    train(make_recipe({"training.graphs": True, "training.epochs": 1}), seed=0, device="cuda:0")
    with own_stream(gpu_stream, True):
        first = torch.cuda.current_stream(gpu_stream)
    with own_stream(gpu_stream, True):
        assert torch.cuda.current_stream(gpu_stream) == first
