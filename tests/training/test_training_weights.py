"""Final weights: written for those who ask, read back bit for bit, refused where they do not fit."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import Recipe, read_recipe
from ablate.training import Keeping, RecipeError, build_model, load_weights, train
from ablate.training.weights import save_weights, weights_of

MakeRecipe = Callable[..., Recipe]


def kept(recipe: Recipe, folder: Path, keep: str = "best+last") -> tuple[Outcome, list[dict[str, Any]]]:
    """The outcome of a run that keeps weights, and its checkpoint after each epoch."""
    states: list[dict[str, Any]] = []

    def on_epoch(metrics: EpochMetrics, state: Callable[[], dict[str, Any]]) -> None:
        states.append(state())

    keeping = Keeping(keep=keep, artifacts=folder, stem="weights/study/key-7")  # type: ignore[arg-type]
    return train(recipe, seed=7, on_epoch=on_epoch, keeping=keeping), states


def network(recipe: Recipe, **options: Any) -> nn.Module:
    return build_model(recipe.model, channels=1, image_size=(8, 8), classes=10, seed=0, **options)


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_the_selected_and_the_last_weights_are_written_and_read_back(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    rising = {"name": "ExponentialLR", "gamma": 8.0}  # so that the last epoch is not the best one
    recipe = make_recipe({"training.epochs": 4, "training.scheduler": rising, "model.norm": "batch"})
    outcome, states = kept(recipe, tmp_path)
    best, last = outcome.weights
    assert outcome.selected_epoch is not None
    assert outcome.selected_epoch < 4
    assert (best.which, best.epoch, last.which, last.epoch) == ("best", outcome.selected_epoch, "last", 4)
    assert best.name == "weights/study/key-7-best.safetensors"
    for file in (best, last):
        content = (tmp_path / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
        model = network(recipe).to(memory_format=torch.channels_last)
        info = load_weights(model, tmp_path / file.name)
        assert same(model.state_dict(), states[file.epoch - 1]["model"])
        assert (info.epoch, info.seed, info.classes) == (file.epoch, 7, tuple("0123456789"))
        assert read_recipe(info.recipe) == recipe
    assert sorted(path.name for path in (tmp_path / "weights/study").iterdir()) == [
        "key-7-best.safetensors",
        "key-7-last.safetensors",
    ]


def test_keeping_changes_no_number(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    outcome, _ = kept(make_recipe(), tmp_path, "best")
    plain = train(make_recipe(), seed=7)
    assert [one.which for one in outcome.weights] == ["best"]
    assert plain.weights == ()
    assert (outcome.test_loss, outcome.predictions) == (plain.test_loss, plain.predictions)


def test_predictions_know_the_true_classes(make_recipe: MakeRecipe) -> None:
    import numpy as np

    said = train(make_recipe({"training.epochs": 1}), seed=0).predictions
    assert said is not None
    assert said.labels is not None
    truth, predicted = (np.frombuffer(part, dtype="<u2") for part in (said.labels, said.predicted))
    correct = np.unpackbits(np.frombuffer(said.correct, dtype=np.uint8), count=said.count)
    assert said.classes == tuple("0123456789")
    assert ((truth == predicted) == correct).all()
    assert len(set(truth.tolist())) == 10


def test_the_first_of_several_devices_writes_for_all(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = make_recipe({"training.epochs": 1, "training.devices": 2})
    outcome, states = kept(recipe, tmp_path, "best")
    [best] = outcome.weights
    model = network(recipe)
    load_weights(model, tmp_path / best.name)
    assert same(model.state_dict(), states[0]["model"])


class Tied(nn.Module):
    """Two layers that share a weight, and a state that is no tensor."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.second.weight = self.first.weight

    def get_extra_state(self) -> dict[str, int]:
        return {"calls": 1}

    def set_extra_state(self, state: dict[str, int]) -> None:
        raise AssertionError(state)


def written(model: nn.Module, recipe: Recipe, folder: Path) -> Path:
    keeping = Keeping(keep="best", artifacts=folder, stem="w")
    about: dict[str, Any] = {"recipe": recipe, "classes": ("a", "ü"), "epoch": 3, "seed": 0}
    return folder / save_weights(weights_of(model), keeping, "best", **about).name


def test_shared_weights_are_kept_and_extra_state_is_left_out(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    model, other = Tied(), Tied()
    info = load_weights(other, written(model, make_recipe(), tmp_path))
    assert info.classes == ("a", "ü")
    assert torch.equal(other.first.weight, model.first.weight)
    assert other.second.weight is other.first.weight


def test_a_second_run_replaces_the_file(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    first, second, read = Tied(), Tied(), Tied()
    written(first, make_recipe(), tmp_path)
    load_weights(read, written(second, make_recipe(), tmp_path))
    assert torch.equal(read.first.weight, second.first.weight)
    assert len(list(tmp_path.iterdir())) == 1


def test_weights_that_do_not_fit_are_told_and_change_nothing(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = make_recipe()
    file = written(Tied(), recipe, tmp_path)
    model = network(recipe)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(RecipeError, match=r"another network: they differ in .*first\.bias"):
        load_weights(model, file)
    assert same(model.state_dict(), before)
    with pytest.raises(RecipeError, match="another network"):
        load_weights(Tied(width=4), file)
    with pytest.raises(RecipeError, match="`ablate show JOB`"):
        load_weights(model, tmp_path / "absent.safetensors")
    (tmp_path / "text").write_text(json.dumps({"a": 1}), encoding="utf-8")
    with pytest.raises(RecipeError, match="no safetensors file"):
        load_weights(model, tmp_path / "text")
    save_file(weights_of(model), str(tmp_path / "foreign.safetensors"))
    with pytest.raises(RecipeError, match="not written by ablate"):
        load_weights(model, tmp_path / "foreign.safetensors")
