"""Optimizers and schedules by class name."""

import copy
import io
import json
from importlib.resources import files

import pytest
import torch
from torch import nn

from ablate.recipe import Optimizer, Phase, Scheduler, Warmup
from ablate.recipe.signatures import names
from ablate.training import RecipeError
from ablate.training.optim import Schedule, build_optimizer
from ablate.training.signatures import signatures

#: The arguments without which a class cannot be built.
REQUIRED = {
    "ConstantLR": {"total_iters": 2},
    "CosineAnnealingWarmRestarts": {"T_0": 2},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2},
    "ExponentialLR": {"gamma": 0.9},
    "MultiStepLR": {"milestones": [1, 3]},
    "OneCycleLR": {"max_lr": 0.1},
    "StepLR": {"step_size": 2},
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))


def step(model: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    images = torch.randn(5, 1, 2, 3, generator=torch.Generator().manual_seed(number))
    loss = nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2, 0, 1]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def saved(state: object) -> dict:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("name", names("optimizers"))
def test_every_optimizer_steps_and_goes_on_from_its_saved_state(name: str):
    recipe = Optimizer.model_validate({"name": name, "lr": 0.01})
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimizer = build_optimizer(recipe, model.parameters())
    for number in (1, 2):
        step(model, optimizer, number)
    assert not torch.equal(model[1].weight, before["1.weight"])

    other = network()
    other.load_state_dict(saved(model.state_dict()))
    resumed = build_optimizer(recipe, other.parameters())
    resumed.load_state_dict(saved(optimizer.state_dict()))
    step(model, optimizer, 3)
    step(other, resumed, 3)
    assert torch.equal(model[1].weight, other[1].weight)
    assert torch.equal(model[3].bias, other[3].bias)


@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("name", names("schedulers"))
def test_every_schedule_moves_and_goes_on_from_its_saved_state(name: str, interval: str):
    if name == "ReduceLROnPlateau" and interval == "step":
        with pytest.raises(ValueError, match="leave `interval` out"):
            Scheduler.model_validate({"name": name, "interval": interval})
        return
    recipe = Scheduler.model_validate({"name": name, "interval": interval, **REQUIRED.get(name, {})}).resolved(3)

    def start() -> tuple[nn.Module, torch.optim.Optimizer, Schedule]:
        model = network()
        optimizer = build_optimizer(
            Optimizer.model_validate({"name": "SGD", "lr": 0.05, "momentum": 0.9}), model.parameters()
        )
        return model, optimizer, Schedule(Phase(epochs=3, scheduler=recipe), optimizer, steps_per_epoch=2)

    def epoch(model: nn.Module, optimizer: torch.optim.Optimizer, schedule: Schedule) -> list[float]:
        seen = []
        for number in (1, 2):
            step(model, optimizer, number)
            seen.append(schedule.lr)
            schedule.after_step()
        schedule.after_epoch(1.0)
        return seen

    run = start()
    lrs = epoch(*run)
    states = [saved(part.state_dict()) for part in run]
    for _ in range(2):
        lrs += epoch(*run)

    resumed = start()
    for part, state in zip(resumed, states, strict=True):
        part.load_state_dict(state)
    assert [lr for _ in range(2) for lr in epoch(*resumed)] == lrs[2:]
    assert torch.equal(run[0][1].weight, resumed[0][1].weight)
    if interval == "epoch":
        assert lrs[0::2] == lrs[1::2]
    if name != "ReduceLROnPlateau":
        assert len(set(lrs)) > 1


def lrs(scheduler: dict, epochs: int, steps: int, warmup: Warmup | None = None) -> list[float]:
    """Learning rates of all steps."""
    model = network()
    optimizer = build_optimizer(Optimizer.model_validate({"name": "SGD", "lr": 1.0}), model.parameters())
    recipe = Scheduler.model_validate(scheduler).resolved(epochs)
    schedule = Schedule(Phase(epochs=epochs, scheduler=recipe, warmup=warmup), optimizer, steps_per_epoch=steps)
    found = []
    for _ in range(epochs):
        for number in range(steps):
            step(model, optimizer, number)
            found.append(schedule.lr)
            schedule.after_step()
        schedule.after_epoch(1.0)
    return found


def test_step_lr_halves_after_epochs():
    assert lrs({"name": "StepLR", "step_size": 2, "gamma": 0.5}, 5, 2) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_cosine_over_steps_gets_the_runs_number_of_steps():
    expected = [(1 + torch.cos(torch.tensor(torch.pi * k / 6, dtype=torch.float64)).item()) / 2 for k in range(6)]
    assert lrs({"name": "CosineAnnealingLR", "interval": "step"}, 3, 2) == pytest.approx(expected)


def test_cosine_over_epochs_gets_the_runs_number_of_epochs():
    assert lrs({"name": "CosineAnnealingLR"}, 4, 1) == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])


def test_one_cycle_over_steps_peaks_and_ends_with_the_run():
    found = lrs({"name": "OneCycleLR", "interval": "step", "max_lr": 2.0}, 5, 4)
    assert max(found) == pytest.approx(2.0)
    assert found[-1] == pytest.approx(2.0 / 25 / 1e4)


def test_a_warm_up_rises_to_the_rate_at_which_the_schedule_begins():
    assert lrs({"name": "StepLR", "step_size": 1, "gamma": 0.5}, 4, 2, Warmup(epochs=2.0)) == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5]
    )


def test_a_warm_up_may_begin_above_0_and_end_within_an_epoch():
    assert lrs({"name": "none"}, 2, 4, Warmup(epochs=0.5, start=0.5)) == pytest.approx([0.75, 1, 1, 1, 1, 1, 1, 1])


def test_a_cosine_after_a_warm_up_gets_the_steps_that_are_left():
    found = lrs({"name": "CosineAnnealingLR", "interval": "step"}, 3, 2, Warmup(epochs=1.0))
    rest = [(1 + torch.cos(torch.tensor(torch.pi * k / 4, dtype=torch.float64)).item()) / 2 for k in range(4)]
    assert found == pytest.approx([0.5, 1, *rest])


def test_a_warm_up_goes_up_to_where_one_cycle_begins():
    found = lrs({"name": "OneCycleLR", "interval": "step", "max_lr": 2.0}, 5, 5, Warmup(epochs=1.0))
    assert found[:5] == pytest.approx([0.016, 0.032, 0.048, 0.064, 0.08])
    assert max(found) == pytest.approx(2.0)
    assert found[-1] == pytest.approx(2.0 / 25 / 1e4)


def test_plateau_waits_for_the_validation_loss():
    assert lrs({"name": "ReduceLROnPlateau", "patience": 0, "factor": 0.5}, 3, 1) == [1, 1, 0.5]


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ({"name": "SGD", "lr": 0.1, "nesterov": True}, "refuses `training.optimizer`: SGD: Nesterov"),
        ({"name": "Adam", "lr": 0.1, "betas": [0.9, 1.5]}, "refuses `training.optimizer`: Adam: .*beta"),
    ],
)
def test_what_an_optimizer_refuses_is_told_with_its_name(optimizer: dict, message: str):
    with pytest.raises(RecipeError, match=message):
        build_optimizer(Optimizer.model_validate(optimizer), network().parameters())


def test_what_a_schedule_refuses_is_told_with_its_name():
    optimizer = build_optimizer(Optimizer.model_validate({"name": "Adagrad", "lr": 0.1}), network().parameters())
    recipe = Scheduler.model_validate({"name": "CyclicLR", "base_lr": 0.1, "max_lr": 1.0})
    with pytest.raises(RecipeError, match=r"refuses `training.scheduler`: CyclicLR: .*momentum"):
        Schedule(Phase(epochs=1, scheduler=recipe), optimizer, steps_per_epoch=1)


def test_a_schedule_shorter_than_the_run_is_told_with_its_name():
    with pytest.raises(RecipeError, match=r"OneCycleLR: .*step"):
        lrs({"name": "OneCycleLR", "max_lr": 1.0, "total_steps": 2}, 5, 1)


def test_a_network_without_anything_to_train_is_refused():
    model = network().requires_grad_(False)
    with pytest.raises(RecipeError, match="Every parameter of the network is frozen"):
        build_optimizer(Optimizer.model_validate({"name": "SGD", "lr": 0.1}), model.parameters())


@pytest.mark.parametrize("kind", ["optimizers", "schedulers"])
def test_the_table_of_signatures_agrees_with_the_installed_pytorch(kind: str):
    """Newer versions may know more; what the table promises must be there, with the same defaults."""
    table = json.loads((files("ablate.recipe") / "signatures.json").read_text("utf-8"))[kind]
    installed = json.loads(json.dumps(signatures()[kind]))
    assert len(table) >= 11
    for name, arguments in table.items():
        assert {key: installed[name].get(key, "gone") for key in arguments} == arguments, name
