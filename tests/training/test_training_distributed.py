"""One job over two processes of the CPU (gloo) against the same job in one."""

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import Recipe
from ablate.training import Diverged, Killed, RecipeError, Stopped, train
from ablate.training.models import Dropout, reseed_dropout

MakeRecipe = Callable[..., Recipe]
TWO = {"training.devices": 2}


def run(recipe: Recipe, **options: Any) -> tuple[Outcome, list[EpochMetrics], list[dict[str, Any]]]:
    """Outcome, metrics and checkpoints of a run."""
    rows: list[EpochMetrics] = []
    states: list[dict[str, Any]] = []

    def on_epoch(metrics: EpochMetrics, state: Callable[[], dict[str, Any]]) -> None:
        rows.append(metrics)
        states.append(state())

    return train(recipe, seed=0, on_epoch=on_epoch, **options), rows, states


def losses(rows: list[EpochMetrics]) -> list[float]:
    return [value for row in rows for value in (row.train_loss, row.val_loss, *(step.loss for step in row.steps))]


@pytest.mark.parametrize("batch_size", [32, 31])  # the last batch has 26 images, or 2; 31 are divided as 15 and 16
def test_two_processes_compute_what_one_computes(make_recipe: MakeRecipe, batch_size: int):
    changes = {
        "data.batch_size": batch_size,
        "data.augment": ["random_crop", "horizontal_flip"],
        "training.step_losses": 2,
        "training.phases": [{"epochs": 1, "freeze": ["stage1.*"]}, {"epochs": 2}],
        "training.epochs": 3,
    }
    outcome, rows, _ = run(make_recipe(changes))
    spread, spread_rows, states = run(make_recipe({**changes, **TWO}))
    assert losses(spread_rows) == pytest.approx(losses(rows), rel=1e-5)
    assert [row.train_accuracy for row in spread_rows] == pytest.approx([row.train_accuracy for row in rows], abs=0.01)
    assert spread.test_loss == pytest.approx(outcome.test_loss, rel=1e-5)
    if batch_size == 32:  # goes on from its own checkpoint
        _, later, _ = run(make_recipe({**changes, **TWO}), resume=states[1])
        assert losses(later) == losses(spread_rows)[-len(losses(later)) :]
        assert [row.epoch for row in later] == [3]


KNOBS = {
    "training.label_smoothing": 0.1,
    "training.class_weights": "balanced",
    "training.accumulate": 3,  # the last step of an epoch has two batches
    "training.clip_grad_norm": 0.5,
    "training.parameter_groups": [{"match": ["head.*"], "lr": 0.01}],
    "training.ema": {"decay": 0.8},
    "training.test_time_augmentation": "flip",
    "training.step_losses": 1,
}


def test_two_processes_turn_every_knob_as_one_does(make_recipe: MakeRecipe):
    """All but those that look at a process's own part of a batch: batch normalisation, and mixed images."""
    outcome, rows, _ = run(make_recipe(KNOBS))
    spread, spread_rows, _ = run(make_recipe({**KNOBS, **TWO}))
    assert losses(spread_rows) == pytest.approx(losses(rows), rel=1e-5)
    norms = [row.custom["grad_norm"] for row in rows]
    assert [row.custom["grad_norm"] for row in spread_rows] == pytest.approx(norms, rel=1e-5)
    assert spread.test_loss == pytest.approx(outcome.test_loss, rel=1e-5)


def test_two_processes_mix_their_images_in_half_precision_and_go_on(make_recipe: MakeRecipe):
    changes = {
        "data.augment": ["mixup", "cutmix"],
        "model.norm": "batch",
        "training.precision": "float16",
        "training.accumulate": 2,
        "training.deterministic": True,
    }
    _, rows, states = run(make_recipe({**changes, **TWO}))
    _, alone, _ = run(make_recipe(changes))
    assert losses(rows) == pytest.approx(losses(alone), rel=0.2)
    assert losses(rows) != losses(alone)
    assert states[0]["update"]["scale"] > 1
    _, later, _ = run(make_recipe({**changes, **TWO}), resume=states[0])
    assert losses(later) == losses(rows[1:])


def test_the_processes_drop_different_activations():
    """Equal masks on both halves of a batch would make the noise of one half that of the other."""
    masks = []
    for rank in (0, 1, 0):
        network = torch.nn.Sequential(Dropout(0.5))
        reseed_dropout(network, seed=0, epoch=1, device=torch.device("cpu"), rank=rank)
        masks.append(network(torch.ones(64)))
    assert torch.equal(masks[0], masks[2])
    assert not torch.equal(masks[0], masks[1])


def test_a_run_over_two_processes_stops_when_asked_and_leaves_nothing_behind(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    done: list[int] = []
    recipe = make_recipe({**TWO, "training.epochs": 500})
    with pytest.raises(Stopped) as stopped:
        train(recipe, seed=0, on_epoch=lambda row, _: done.append(row.epoch), should_stop=lambda: len(done) >= 2)
    assert stopped.value.epoch == done[-1] >= 2
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())


def test_divergence_is_a_finding_of_the_whole_group(make_recipe: MakeRecipe):
    recipe = make_recipe({**TWO, "training.optimizer": {"name": "SGD", "lr": 1e30}})
    with pytest.raises(Diverged, match="the training loss became nan in epoch 1"):
        train(recipe, seed=0)


NET = """
import os
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
    def forward(self, images):
        if self.training and os.environ.get("RANK") == "1":
            raise KeyError("only here")
        return self.inner(images.flatten(1))
"""


def test_an_error_in_any_process_is_told_with_its_traceback(make_recipe: MakeRecipe, tmp_path: Path):
    (tmp_path / "nets.py").write_text(NET, encoding="utf-8")
    recipe = make_recipe({**TWO, "model": {"name": "nets.py:Net"}})
    with pytest.raises(KeyError, match="only here") as caught:
        train(recipe, seed=0, code_root=tmp_path)
    assert 'raise KeyError("only here")' in caught.value.__notes__[0]


def test_a_process_that_is_killed_ends_the_others(make_recipe: MakeRecipe):
    def kill(_row: EpochMetrics, _state: object) -> None:
        os.kill(max(child.pid or 0 for child in multiprocessing.active_children()), signal.SIGKILL)

    with pytest.raises(Killed, match="ended by SIGKILL"):
        train(make_recipe({**TWO, "training.epochs": 500}), seed=0, on_epoch=kill)
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_while_it_makes_a_checkpoint_blocks_nobody(make_recipe: MakeRecipe):
    def kill(_row: EpochMetrics, state: Callable[[], dict[str, Any]]) -> None:
        first = min(multiprocessing.active_children(), key=lambda child: child.pid or 0)
        os.kill(first.pid or 0, signal.SIGKILL)
        first.join()
        state()

    with pytest.raises(Killed, match="ended by SIGKILL"):
        train(make_recipe({**TWO, "training.epochs": 500}), seed=0, on_epoch=kill)
    assert not multiprocessing.active_children()


TRAIN = """
import multiprocessing, sys
from ablate.recipe import Recipe
from ablate.training import train
if __name__ == "__main__":
    def told(row, state):
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    train(Recipe.model_validate_json(sys.argv[1]), seed=0, on_epoch=told)
"""


def test_no_process_outlives_the_one_that_started_it(make_recipe: MakeRecipe, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(TRAIN, encoding="utf-8")
    recipe = make_recipe({**TWO, "training.epochs": 5000})
    with subprocess.Popen(
        [sys.executable, str(script), recipe.model_dump_json()], stdout=subprocess.PIPE, text=True
    ) as process:
        pids = [int(word) for word in (process.stdout or io.StringIO()).readline().split()]
        process.kill()
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, pids
        time.sleep(0.05)


def test_fewer_gpus_than_devices_are_told_in_words(make_recipe: MakeRecipe):
    with pytest.raises(RecipeError, match=r"`training.devices = 2`, but this worker has cuda:0") as caught:
        train(make_recipe(TWO), seed=0, device="cuda:0")
    assert "ablate worker --device 0,1" in caught.value.cure


@pytest.mark.cuda
def test_two_gpus_compute_what_one_computes(make_recipe: MakeRecipe):
    if torch.cuda.device_count() < 2:
        pytest.fail("this machine has one GPU: run this test on one with two")
    _, rows, _ = run(make_recipe(), device="cuda:0")
    _, spread, _ = run(make_recipe(TWO), device="cuda:0,cuda:1")
    assert losses(spread) == pytest.approx(losses(rows), rel=1e-4)
