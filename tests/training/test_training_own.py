"""Models from the user's own files: called with checked arguments, reproducible, and told where they go wrong."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.recipe import Recipe
from ablate.training import ModelError, RecipeError, build_model, probe, train

NETS = """\
import torch
from torch import nn
from blocks import Head


class Net(nn.Module):
    def __init__(self, image_size, classes, width=8, *, depth):
        super().__init__()
        body = [nn.Flatten(), nn.Linear(image_size[0] * image_size[1], width), nn.ReLU()]
        for _ in range(depth):
            body += [nn.Linear(width, width), nn.ReLU()]
        self.body = nn.Sequential(*body)
        self.head = Head(width, classes)

    def forward(self, images):
        import late
        return self.head(self.body(images)) * late.SCALE


def lazy(classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))


def anything(**arguments):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, arguments["outputs"]))


def number():
    return 3


def breaks(classes):
    raise KeyError("deep inside")


class Fails(nn.Linear):
    def __init__(self):
        super().__init__(64, 10)

    def forward(self, images):
        if self.training:
            raise LookupError("only in training")
        return super().forward(images.flatten(1))


class Squeezed(nn.Linear):
    def __init__(self):
        super().__init__(64, 10)

    def forward(self, images):
        return super().forward(images.squeeze().flatten(-2))


class Hidden(nn.Linear):
    def __init__(self):
        super().__init__(64, 12)

    def forward(self, images):
        return super().forward(images.flatten(1))


made = nn.Linear(1, 1)
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(NETS, encoding="utf-8")
    (tmp_path / "blocks.py").write_text(
        "from torch import nn\n\n\nclass Head(nn.Linear):\n    pass\n", encoding="utf-8"
    )
    (tmp_path / "late.py").write_text("SCALE = 1.0\n", encoding="utf-8")
    return tmp_path


def recipe(name: str = "nets.py:Net", **arguments: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"name": "digits", "batch_size": 32, "train_images": 250},
            "model": {"name": name, **arguments},
            "training": {"epochs": 3, "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9}},
        }
    )


def built(code: Path, name: str, seed: int = 0, **arguments: Any) -> torch.nn.Module:
    given = recipe(name, **arguments).model
    return build_model(given, channels=1, image_size=(8, 8), classes=10, seed=seed, code_root=code)


def test_an_own_model_trains_and_leaves_nothing_behind(code: Path) -> None:
    before = list(sys.path), {"blocks", "late"} & set(sys.modules)
    losses: list[float] = []
    outcome = train(
        recipe(depth=1, width=32), seed=0, code_root=code, on_epoch=lambda row, _: losses.append(row.train_loss)
    )
    assert losses[-1] < losses[0]
    assert outcome.test_accuracy > 0.3
    assert outcome.parameters == (64 * 32 + 32) + (32 * 32 + 32) + (32 * 10 + 10)
    assert (list(sys.path), {"blocks", "late"} & set(sys.modules)) == before
    assert not [name for name in sys.modules if name.startswith("ablate_own_")]
    again = train(recipe(depth=1, width=32), seed=0, code_root=code)
    assert (again.test_loss, again.predictions) == (outcome.test_loss, outcome.predictions)


def test_what_runs_is_what_lies_in_the_folder_now(code: Path) -> None:
    first = probe(recipe(depth=1), code_root=code, real_data=False)
    (code / "late.py").write_text("SCALE = 0.0\n", encoding="utf-8")
    second = probe(recipe(depth=1), code_root=code, real_data=False)
    assert first.losses[0] != second.losses[0]
    assert second.losses[0] == pytest.approx(torch.tensor(10.0).log().item())


@pytest.mark.parametrize("name", ["nets.py:lazy", "nets.py:Hidden"])
def test_initial_weights_follow_the_seed_and_nothing_else(code: Path, name: str) -> None:
    if name.endswith("Hidden"):
        (code / "nets.py").write_text(NETS.replace("(64, 12)", "(64, 10)"), encoding="utf-8")
    torch.manual_seed(1)
    one = built(code, name).state_dict()
    torch.manual_seed(2)
    drawn = torch.rand(1)
    torch.manual_seed(2)
    two = built(code, name).state_dict()
    assert torch.rand(1) == drawn
    assert all(torch.equal(one[key], two[key]) for key in one)
    other = built(code, name, seed=1).state_dict()
    assert not any(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("nets.py:Net", {}, "nets.py:Net needs depth"),
        ("nets.py:Net", {"dpeth": 2}, "nets.py:Net takes no argument 'dpeth'; did you mean 'depth'?"),
        ("nets.py:net", {}, "nets.py has nothing called 'net'; did you mean 'Net'?"),
        ("nets.py:made", {}, "nets.py has no class or function 'made'"),
        ("nets.py:number", {}, "nets.py:number gives a int, and a network is a torch.nn.Module"),
        ("nets.py:breaks", {}, "nets.py:breaks cannot be built: nets.py:33: KeyError: 'deep inside'"),
        ("nets.py:anything", {"outputs": 7}, r"of shape (2, 7) for images of shape (2, 1, 8, 8); logits of 10 classes"),
        ("nets.py:Hidden", {}, "of shape (2, 12)"),
        ("nets.py:Squeezed", {}, "of shape (10,) for images of shape (1, 1, 8, 8)"),
        ("gone.py:Net", {}, "There is no file gone.py"),
        ("no_such_module:Net", {}, "no_such_module:Net cannot be imported: ModuleNotFoundError"),
        ("torch.nn:Net", {}, "torch.nn has nothing called 'Net'"),
    ],
)
def test_a_model_that_does_not_fit_is_told(code: Path, name: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError) as caught:
        probe(recipe(name, **arguments), code_root=code, real_data=False)
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nclass Net(:\n", "broken.py:2: SyntaxError: invalid syntax"),
        ("\n\nNet = nn.Linear\n", "broken.py:3: NameError: name 'nn' is not defined"),
        ("import sys\nsys.exit(3)\n", "broken.py:2: SystemExit: 3"),
        ("import no_such_thing\n", "broken.py:1: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import helper\n", "helper.py:2: ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(code: Path, text: str, told: str) -> None:
    (code / "broken.py").write_text(text, encoding="utf-8")
    (code / "helper.py").write_text("\n1 / 0\n", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        probe(recipe("broken.py:Net"), code_root=code, real_data=False)
    assert caught.value.message == f"broken.py:Net cannot be imported: {told}"
    assert caught.value.__cause__ is not None


def test_an_argument_of_the_recipe_goes_before_what_is_known_of_the_images(code: Path) -> None:
    with pytest.raises(ModelError, match=r"of shape \(2, 4\)"):
        built(code, "nets.py:lazy", classes=4)


def test_an_installed_class_is_called_without_a_folder() -> None:
    with pytest.raises(ModelError, match=r"torch\.nn:Linear needs in_features and out_features"):
        build_model(recipe("torch.nn:Linear").model, channels=1, image_size=(8, 8), classes=10, seed=0)


def test_a_step_that_fails_is_told_with_its_line(code: Path) -> None:
    with pytest.raises(RecipeError, match=r"fails: nets.py:42: LookupError: only in training"):
        probe(recipe("nets.py:Fails"), code_root=code, real_data=False)
