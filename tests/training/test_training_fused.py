"""Jobs of one architecture as one stacked network: what each computes is its own affair."""

import io
import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import ConvNet, Recipe, ResNet
from ablate.training import Diverged, RecipeError, Stopped, build_model, train
from ablate.training.fused import Member, Unpackable, train_pack
from ablate.training.fused.certify import certify
from ablate.training.fused.network import Network
from ablate.training.optim import build_optimizer

MakeRecipe = Callable[..., Recipe]

#: Every layer that ablate's own networks may have, in some network.
NETWORKS = {
    "plain": (ConvNet(channels=(8, 16), blocks=1, hidden=(32,)), 1, 32),
    "batch": (ConvNet(channels=(8, 16), blocks=1, norm="batch", hidden=(8, 16), hidden_norm=True), 3, 20),
    "group": (ConvNet(channels=(8, 16), blocks=(0, 1), norm="group", head="global_average", pool="average"), 1, 16),
    "dropped": (
        ConvNet(
            channels=(8, 8),
            blocks=1,
            norm="batch",
            hidden=(16,),
            dropout=0.3,
            dropout_place=("stages", "norm", "conv", "head"),
            stochastic_depth=0.4,
            activation="gelu",
        ),
        3,
        16,
    ),
    "even kernels": (ConvNet(channels=(8,), kernel_size=4, convs=2, padding="same", activation="elu"), 1, 16),
    "padded shortcuts": (ResNet(channels=(8, 16), blocks=1, dropout=0.2), 3, 8),
    "projections": (ResNet(channels=(8, 16), blocks=1, shortcut="projection", norm_place="before"), 3, 8),
    "bottlenecks": (ResNet(channels=(8, 16), blocks=1, block="bottleneck", norm="layer"), 1, 8),
}


def network(recipe: ConvNet | ResNet, channels: int, seed: int = 0) -> nn.Module:
    """One network for images of 12x12 pixels, as a run has it."""
    model = build_model(recipe, channels=channels, image_size=(12, 12), classes=4, seed=seed)
    return model.to(memory_format=torch.channels_last)


def seen(channels: int) -> torch.Tensor:
    """An image as a run's normalisation lays it out."""
    return torch.zeros(1, channels, 12, 12).to(memory_format=torch.channels_last)


class Crew:
    """Sends members in as places become free, and writes down what it hears."""

    def __init__(self, members: Sequence[Member] = ()) -> None:
        self.coming = list(members)
        self.places = 0
        self.results: dict[int, Outcome | Diverged | Exception] = {}
        self.unwanted: set[int] = set()
        self.steps_left = math.inf

    def ended(self, number: int, result: Outcome | Diverged | Exception) -> None:
        self.results[number] = result

    def free(self, places: int) -> None:
        self.places += places

    def joining(self, wait: bool) -> Sequence[Member]:
        came, self.coming = self.coming[: self.places], self.coming[self.places :]
        self.places = 0
        return came

    def left(self) -> Collection[int]:
        return self.unwanted

    def should_stop(self) -> bool:
        self.steps_left -= 1
        return self.steps_left < 0


class Told:
    """What a member reports, its checkpoints as bytes."""

    def __init__(self) -> None:
        self.rows: list[EpochMetrics] = []
        self.checkpoints: list[bytes] = []

    def __call__(self, metrics: EpochMetrics, checkpoint: Callable[[], dict[str, Any] | None]) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint(), buffer)
        self.rows.append(metrics)
        self.checkpoints.append(buffer.getvalue())

    def resume(self, epoch: int) -> dict[str, Any]:
        """The checkpoint after an epoch."""
        state: dict[str, Any] = torch.load(io.BytesIO(self.checkpoints[epoch - 1]), weights_only=True)
        return state


class Packed:
    """A pack that was trained to its end."""

    def __init__(self, jobs: Sequence[tuple[Recipe, int]], size: int, crew: Crew | None = None, **resumes: Any) -> None:
        self.told = [Told() for _ in jobs]
        members = [
            Member(number=i, recipe=recipe, seed=seed, on_epoch=self.told[i], resume=resumes.get(f"job{i}"))
            for i, (recipe, seed) in enumerate(jobs)
        ]
        self.crew = crew or Crew()
        self.crew.coming = members[size:]
        train_pack(members[:size], self.crew, size=size, device="cpu", data_root=None, threads=1)

    def numbers(self, job: int) -> tuple[object, ...]:
        """What a job measured, without what a clock did."""
        rows = [replace(row, seconds=0.0, images_per_second=0.0, peak_memory_bytes=0) for row in self.told[job].rows]
        result = self.crew.results[job]
        return (replace(result, seconds=0.0, execution={}) if isinstance(result, Outcome) else repr(result), *rows)

    def outcome(self, job: int) -> Outcome:
        result = self.crew.results[job]
        assert isinstance(result, Outcome), result
        return result


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_as_one_are_the_networks(name: str) -> None:
    """In double precision to 1e-10, and bit by bit the same in each of eight places."""
    recipe, channels, batch_size = NETWORKS[name]
    certify(network(recipe, channels), seen(channels), 8, [batch_size])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dropout(0.5),
        nn.BatchNorm2d(4, momentum=None),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.LocalResponseNorm(2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_without_a_stacked_form_is_refused(layer: nn.Module) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), layer, nn.Flatten(), nn.Linear(4 * 12 * 12, 4))
    with pytest.raises(Unpackable):
        certify(model, seen(1), 8, [16])


def test_a_stack_that_pairs_channels_wrongly_is_refused() -> None:
    """A pooling over all channels together has a stacked form for nobody, whatever it is called."""

    class Block(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs - inputs.mean(dim=1, keepdim=True)

    with pytest.raises(Unpackable, match="differ from single ones"):
        certify(nn.Sequential(nn.Conv2d(1, 8, 3), Block(), nn.Flatten(), nn.Linear(800, 4)), seen(1), 8, [16])


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        {"name": "Adam", "lr": 0.01, "weight_decay": 0.01},
        {"name": "AdamW", "lr": 0.01, "amsgrad": True},
        {"name": "RMSprop", "lr": 0.01, "momentum": 0.5},
    ],
    ids=lambda optimizer: optimizer["name"],
)
def test_ten_steps_in_double_precision(optimizer: dict[str, Any], make_recipe: MakeRecipe) -> None:
    """An optimizer over a row of weights moves them as one over the parameters does."""
    recipe, _, _ = NETWORKS["plain"]
    table = make_recipe({"training.optimizer": optimizer}).training.optimizer
    alone = [network(recipe, 3, seed).double() for seed in range(3)]
    together = Network(alone[0], 3)
    fused = [network(recipe, 3, seed).double() for seed in range(3)]
    for place, model in enumerate(fused):
        together.place(place, model)
    rows = [nn.Parameter(row) for row in together.rows]
    ours = [build_optimizer(table, [row]) for row in rows]
    theirs = [build_optimizer(table, model.parameters()) for model in alone]
    labels = torch.arange(6) % 4
    for step in range(10):
        images = [
            torch.randn(6, 3, 12, 12, generator=torch.Generator().manual_seed(7 * step + k)).double() for k in (0, 1, 2)
        ]
        outputs = together(images)
        gradients = together.gradients(torch.stack([F.cross_entropy(one, labels) for one in outputs]).sum())
        for place in range(3):
            rows[place].grad = gradients[place]
            ours[place].step()
            theirs[place].zero_grad()
            F.cross_entropy(alone[place](images[place]), labels).backward()
            theirs[place].step()
    for mine, other in zip(fused, alone, strict=True):
        for name, value in mine.state_dict().items():
            torch.testing.assert_close(value, other.state_dict()[name], rtol=1e-10, atol=1e-10)


DIFFERENT = [
    {},
    {"training.optimizer": {"name": "Adam", "lr": 0.002}, "training.clip_grad_norm": 0.5},
    {"training.scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "interval": "step"}, "training.label_smoothing": 0.1},
    {"training.ema": {"decay": 0.9}, "data.augment": [{"name": "random_crop", "padding": 1}]},
    {"data.augment": [{"name": "mixup"}], "training.warmup": {"epochs": 1}, "training.oracle_curve": True},
    {"training.class_weights": "balanced", "select": "best_val_loss", "training.clip_grad_value": 0.1},
    {"model.dropout": 0.5, "training.optimizer.weight_decay": 0.01, "model.init": "orthogonal"},
]


def test_members_of_any_kind_train_as_they_would_alone(make_recipe: MakeRecipe) -> None:
    """Up to rounding: optimizers, schedules, losses, draws, averages, clipping and selection are each member's own."""
    base = {"model.norm": "batch", "model.dropout": 0.2, "model.hidden": [16], "model.channels": [8, 8]}
    recipes = [make_recipe(base | change) for change in DIFFERENT]
    packed = Packed([(recipe, seed) for seed, recipe in enumerate(recipes)], size=8)
    for job, recipe in enumerate(recipes):
        alone = Told()
        outcome = train(recipe, seed=job, on_epoch=alone)
        for ours, theirs in zip(packed.told[job].rows, alone.rows, strict=True):
            assert ours.epoch == theirs.epoch
            assert ours.lr == theirs.lr
            assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
            assert ours.val_loss == pytest.approx(theirs.val_loss, rel=1e-3)
            assert dict(ours.custom) == pytest.approx(dict(theirs.custom), rel=1e-2)
        ours_at_end = packed.outcome(job)
        assert ours_at_end.test_loss == pytest.approx(outcome.test_loss, rel=1e-3)
        same = ("parameters", "trainable_parameters", "flops")
        assert [getattr(ours_at_end, key) for key in same] == [getattr(outcome, key) for key in same]
        for name in ("module_tree", "optimizer_groups", "transforms", "data"):
            assert ours_at_end.fingerprints[name] == outcome.fingerprints[name]


def test_packing_moves_a_run_no_further_than_one_bit_in_its_weights_does(make_recipe: MakeRecipe) -> None:
    """In single precision tiers add in another order; what grows of that is held against a twin of a lone run.

    From its first checkpoint each of ten runs goes on alone, in a pack, and alone with every weight moved to a
    neighbouring number.
    """
    recipe = make_recipe({"training.epochs": 6, "training.optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}})
    seeds, alone, twins = range(10), [Told() for _ in range(10)], [Told() for _ in range(10)]
    for seed in seeds:
        train(recipe, seed=seed, on_epoch=alone[seed])
        train(recipe, seed=seed, on_epoch=twins[seed], resume=nudged(alone[seed].resume(1)))
    packed = Packed([(recipe, seed) for seed in seeds], 8, **{f"job{n}": alone[n].resume(1) for n in seeds})
    of_pack = [distance(packed.told[seed].rows, alone[seed].rows[1:]) for seed in seeds]
    of_twin = [distance(twins[seed].rows, alone[seed].rows[1:]) for seed in seeds]
    assert min(of_twin) > 0
    assert statistics.median(of_pack) <= 4 * statistics.median(of_twin)


def nudged(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint whose weights are the numbers next to them, up or down in turn."""
    for weight in checkpoint["model"].values():
        up = torch.arange(weight.numel()).reshape(weight.shape) % 2 == 0
        weight.copy_(torch.where(up, torch.nextafter(weight, weight + 1), torch.nextafter(weight, weight - 1)))
    return checkpoint


def distance(ones: Sequence[EpochMetrics], others: Sequence[EpochMetrics]) -> float:
    """Mean relative difference of the training losses of five epochs."""
    pairs = [(one.train_loss, other.train_loss) for one, other in zip(ones, others, strict=True)]
    assert len(pairs) == 5
    return statistics.fmean(abs(one - other) / other for one, other in pairs)


def test_bits_depend_neither_on_neighbours_nor_on_places_nor_on_when_a_job_joins(make_recipe: MakeRecipe) -> None:
    """One of the others diverges, others are shorter: the job of whom we ask computes the same bits."""
    base = {"model.norm": "batch", "model.dropout": 0.2, "model.channels": [8, 8]}
    job = (make_recipe(base), 3)
    short = (make_recipe(base | {"training.epochs": 1}), 0)
    wild = (make_recipe(base | {"training.optimizer": {"name": "SGD", "lr": 1e20}}), 1)
    adam = (make_recipe(base | {"training.optimizer": {"name": "Adam", "lr": 0.01}}), 2)
    lonely = Packed([job], size=4)
    first = Packed([job, wild, adam, short], size=4)
    last = Packed([short, wild, adam, job], size=4)
    late = Packed([short, short, adam, wild, adam, job], size=4)
    assert isinstance(first.crew.results[1], Diverged)
    assert not first.told[1].rows[-1].finite
    assert lonely.numbers(0) == first.numbers(0) == last.numbers(3) == late.numbers(5)
    assert first.numbers(2) == last.numbers(2) == late.numbers(4)


def test_a_member_that_is_resumed_goes_on_with_the_same_bits(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe(
        {"training.epochs": 3, "training.optimizer": {"name": "Adam", "lr": 0.01}, "model.dropout": 0.2}
    )
    whole = Packed([(recipe, 0), (recipe, 1)], size=2)
    again = Packed([(recipe, 5), (recipe, 1)], size=2, job1=whole.told[1].resume(2))
    assert again.numbers(1) == (whole.numbers(1)[0], whole.numbers(1)[3])


def test_a_checkpoint_of_a_pack_is_one_of_a_lone_run_and_the_other_way_round(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe({"training.epochs": 2, "training.optimizer": {"name": "Adam", "lr": 0.01}})
    packed, alone = Packed([(recipe, 0)], size=2), Told()
    outcome = train(recipe, seed=0, on_epoch=alone)
    to_lone = train(recipe, seed=0, resume=packed.told[0].resume(1))
    to_pack = Packed([(recipe, 0)], size=2, job0=alone.resume(1)).outcome(0)
    for one in (to_lone, to_pack, packed.outcome(0)):
        assert one.test_loss == pytest.approx(outcome.test_loss, rel=1e-3)


def test_a_member_may_stop_early_and_its_place_goes_on(make_recipe: MakeRecipe) -> None:
    hopeless = {"training.early_stopping": {"patience": 1, "min_delta": 9.0}, "training.epochs": 9}
    packed = Packed([(make_recipe(hopeless), 0), (make_recipe(), 1), (make_recipe(), 2)], size=2)
    assert [len(told.rows) for told in packed.told] == [2, 2, 2]
    assert set(packed.crew.results) == {0, 1, 2}


def test_a_member_that_is_not_wanted_any_more_leaves(make_recipe: MakeRecipe) -> None:
    crew = Crew()
    crew.unwanted = {0}
    packed = Packed([(make_recipe(), 0), (make_recipe(), 1)], size=2, crew=crew)
    assert set(packed.crew.results) == {1}


def test_a_member_whose_set_up_fails_ends_alone(make_recipe: MakeRecipe) -> None:
    wrong = make_recipe({"training.class_weights": [1.0, 2.0]})
    packed = Packed([(wrong, 0), (make_recipe(), 1)], size=2)
    assert isinstance(packed.crew.results[0], RecipeError)
    assert packed.outcome(1).selected_epoch


def test_a_pack_stops_between_two_steps(make_recipe: MakeRecipe) -> None:
    crew = Crew()
    crew.steps_left = 12  # of 8 steps and one batch of validation images in an epoch
    with pytest.raises(Stopped):
        Packed([(make_recipe(), 0)], size=2, crew=crew)
    assert crew.results == {}


def test_a_step_that_fails_for_all_sends_them_home(make_recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of something")

    monkeypatch.setattr(Network, "gradients", fail)
    monkeypatch.setattr("ablate.training.fused.pack.certify", lambda *_: None)
    with pytest.raises(Unpackable, match="out of something"):
        Packed([(make_recipe(), 0)], size=2)
