"""Phases, frozen parts, early stopping, and what is measured within an epoch."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ablate.recipe import Recipe
from ablate.training import RecipeError
from tests.runs import run, timeless

MakeRecipe = Callable[..., Recipe]
SGD = {"name": "SGD", "lr": 0.05, "momentum": 0.9}
#: Three phases: the head alone, all but the first stage under Adam with a warm-up, all.
PHASES = [
    {"epochs": 2, "freeze": ["*"], "unfreeze": ["head.*"]},
    {"epochs": 2, "freeze": ["stage1.*"], "optimizer": {"name": "Adam", "lr": 0.01}, "warmup": {"epochs": 1}},
    {"epochs": 1, "scheduler": {"name": "StepLR", "step_size": 1}},
]


def phased(make_recipe: MakeRecipe, **changes: Any) -> Recipe:
    changes = {"training.phases": PHASES, "training.epochs": 5, "model.norm": "batch", **changes}
    return make_recipe(changes)


def moved(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Parts of the network that differ by a bit."""
    return {name for name in before["model"] if not torch.equal(before["model"][name], after["model"][name])}


def test_each_phase_moves_what_it_trains_and_no_bit_of_the_rest(make_recipe: MakeRecipe):
    _, rows, states = run(phased(make_recipe))
    assert [row.epoch for row in rows] == [1, 2, 3, 4, 5]
    assert moved(states[0], states[1]) == {"head.classes.weight", "head.classes.bias"}
    second = moved(states[1], states[2])
    assert {"stage2.conv1.weight", "stage2.norm1.running_mean", "stage2.norm1.num_batches_tracked"} <= second
    assert not any(name.startswith("stage1.") for name in second)
    assert {"stage1.conv1.weight", "stage1.norm1.running_var"} <= moved(states[3], states[4])


def test_each_phase_begins_with_an_optimizer_and_a_schedule_of_its_own(make_recipe: MakeRecipe):
    _, rows, states = run(phased(make_recipe))
    assert [row.lr for row in rows] == pytest.approx([0.05, 0.05, 0.01, 0.01, 0.05])
    moments = [set(next(iter(state["optimizer"]["state"].values()))) for state in states]
    assert moments[1] == {"momentum_buffer"}
    assert moments[2] >= {"exp_avg", "exp_avg_sq"}
    assert moments[4] == {"momentum_buffer"}


def test_trainable_parameters_are_those_of_any_phase(make_recipe: MakeRecipe):
    only_head = [{"epochs": 1, "freeze": ["stage*"]}]
    outcome, _, _ = run(make_recipe({"training.phases": only_head, "training.epochs": 1}))
    assert outcome.trainable_parameters == 8 * 2 * 2 * 10 + 10
    outcome, _, _ = run(phased(make_recipe))
    assert outcome.trainable_parameters == outcome.parameters


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5])
def test_a_run_goes_on_within_and_between_phases_bit_for_bit(make_recipe: MakeRecipe, after: int):
    recipe = phased(make_recipe, **{"training.early_stopping": {"patience": 2, "metric": "val_accuracy"}})
    outcome, rows, states = run(recipe)
    again, later, _ = run(recipe, resume=states[after - 1])
    assert timeless(again, later) == timeless(outcome, rows[after:])


def test_phases_of_equal_settings_are_not_one_long_phase(make_recipe: MakeRecipe):
    """The optimizer's momentum starts afresh."""
    _, whole, _ = run(make_recipe())
    _, parts, _ = run(make_recipe({"training.phases": [{"epochs": 1}, {"epochs": 1}]}))
    assert parts[0].train_loss == whole[0].train_loss
    assert parts[1].train_loss != whole[1].train_loss


def stops_at(losses: list[float], patience: int, min_delta: float) -> int:
    """The epoch after which a run with these validation losses ends, by the definition."""
    for end in range(1, len(losses) + 1):
        best = 0
        for epoch in range(1, end):
            if losses[epoch] < losses[best] - min_delta:
                best = epoch
        if end - 1 - best >= patience:
            return end
    return len(losses)


@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (2, 0.0), (1, 0.3), (3, 10.0)])
def test_a_run_ends_when_the_validation_loss_has_not_improved_for_so_long(
    make_recipe: MakeRecipe, patience: int, min_delta: float
):
    wild = {"training.epochs": 9, "training.optimizer": {"name": "SGD", "lr": 0.5, "momentum": 0.9}}
    _, full, _ = run(make_recipe(wild))
    stopping = {"training.early_stopping": {"patience": patience, "min_delta": min_delta}}
    _, rows, _ = run(make_recipe({**wild, **stopping}))
    losses = [row.val_loss for row in full]
    assert stops_at(losses, patience, min_delta) < 9
    assert [row.val_loss for row in rows] == losses[: stops_at(losses, patience, min_delta)]


def test_early_stopping_ends_a_phase_and_the_next_one_follows(make_recipe: MakeRecipe):
    still = {"name": "SGD", "lr": 1e-12}
    phases = [{"epochs": 5, "optimizer": still}, {"epochs": 2, "optimizer": SGD}]
    recipe = make_recipe(
        {"training.phases": phases, "training.epochs": 7, "training.early_stopping": {"patience": 1, "min_delta": 1e-4}}
    )
    _, rows, _ = run(recipe)
    assert [row.lr for row in rows] == [1e-12, 1e-12, 0.05, 0.05]


def test_the_smallest_validation_loss_can_select_the_epoch(make_recipe: MakeRecipe):
    recipe = make_recipe(
        {
            "select": "best_val_loss",
            "training.epochs": 6,
            "training.oracle_curve": True,
            "training.optimizer": {"name": "SGD", "lr": 0.3, "momentum": 0.9},
        }
    )
    outcome, rows, _ = run(recipe)
    best = 1 + int(np.argmin([row.val_loss for row in rows]))
    assert best not in (6, 1 + int(np.argmax([row.val_accuracy for row in rows])))
    assert outcome.selected_epoch == best
    assert outcome.test_loss == rows[best - 1].custom["oracle_test_loss"]


def test_losses_of_steps_are_kept_with_their_variance(make_recipe: MakeRecipe):
    """250 images in batches of 32: seven steps of 32 and one of 26."""
    _, plain, _ = run(make_recipe())
    _, rows, _ = run(make_recipe({"training.step_losses": 1}))
    _, third, _ = run(make_recipe({"training.step_losses": 3}))
    assert [row.train_loss for row in rows] == [row.train_loss for row in plain]
    assert plain[0].steps == ()
    assert plain[0].custom == {}
    losses = [[step.loss for step in row.steps] for row in rows]
    assert [step.step for row in rows for step in row.steps] == list(range(1, 17))
    for row, kept in zip(rows, losses, strict=True):
        assert np.average(kept, weights=[32] * 7 + [26]) == pytest.approx(row.train_loss)
        assert row.custom["train_loss_variance"] == pytest.approx(np.var(kept, ddof=1), rel=1e-4)
    assert [(step.step, step.loss) for row in third for step in row.steps] == [
        (number, loss) for number, loss in enumerate(itertools.chain(*losses), start=1) if number % 3 == 0
    ]
    assert [row.custom for row in third] == [row.custom for row in rows]


def test_validating_within_epochs_changes_no_number_of_the_run(make_recipe: MakeRecipe):
    changes = {"model.norm": "batch", "model.dropout": 0.2, "model.dropout_place": "both", "model.hidden": [8]}
    outcome, plain, _ = run(make_recipe(changes))
    again, rows, _ = run(make_recipe({**changes, "training.validate_every": 4}))
    assert replace(again, seconds=0) == replace(outcome, seconds=0)
    assert [(row.train_loss, row.val_loss) for row in rows] == [(row.train_loss, row.val_loss) for row in plain]
    assert [step.step for row in rows for step in row.steps] == [4, 8, 12, 16]
    ends = [row.steps[-1] for row in rows]  # the eighth step is the epoch's last
    assert [(step.val_loss, step.val_accuracy, step.loss) for step in ends] == [
        (row.val_loss, row.val_accuracy, None) for row in rows
    ]


def test_nll_of_own_families_is_cross_entropy(make_recipe: MakeRecipe):
    _, rows, _ = run(make_recipe())
    _, likelihood, _ = run(make_recipe({"training.loss": "nll"}))
    assert [row.val_loss for row in likelihood] == pytest.approx([row.val_loss for row in rows], rel=1e-5)


def test_everything_frozen_is_told_before_a_step(make_recipe: MakeRecipe):
    with pytest.raises(RecipeError, match="Every parameter of the network is frozen"):
        run(make_recipe({"training.phases": [{"epochs": 2, "freeze": ["*"]}]}))
