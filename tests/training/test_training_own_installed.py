"""Networks that installed packages offer by a plain name: a real distribution, found by a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = """\
from torch import nn


class Tiny(nn.Sequential):
    def __init__(self, classes, width=4):
        super().__init__(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, classes))


weights = nn.Linear(1, 1)
"""
ENTRY_POINTS = """\
[ablate.models]
tiny = tiny_nets:Tiny
gone = tiny_nets:Gone
missing = no_such_package:Net
made = tiny_nets:weights
twice = tiny_nets:Tiny
"""
BUILD = """\
import json, sys
from ablate.errors import AblateError
from ablate.recipe import Recipe
from ablate.training import build_model

def built(model):
    try:
        recipe = Recipe.model_validate({
            "data": {"name": "digits"},
            "model": model,
            "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}},
        })
        network = build_model(recipe.model, channels=1, image_size=(8, 8), classes=10, seed=0)
        return {"parameters": sum(p.numel() for p in network.parameters())}
    except AblateError as error:
        return {"message": error.message, "cure": error.cure}

print(json.dumps([built(model) for model in json.loads(sys.argv[1])]))
"""
GOOD = {"name": "tiny", "width": 6}
#: Models, and what is said of them: message and cure.
BROKEN: list[tuple[dict[str, object], str, str]] = [
    ({"name": "tiny", "wdith": 6}, "tiny takes no argument 'wdith'; did you mean 'width'?", ""),
    (
        {"name": "gone"},
        "gone cannot be loaded: it stands for tiny_nets:Gone of tiny-nets 1.2, and AttributeError",
        "Repair or reinstall that package.",
    ),
    (
        {"name": "missing"},
        "missing cannot be loaded: it stands for no_such_package:Net of tiny-nets 1.2, and ModuleNotFoundError",
        "Repair or reinstall that package.",
    ),
    ({"name": "made"}, "made stands for tiny_nets:weights of tiny-nets 1.2, and that is no class or function", ""),
    (
        {"name": "twice"},
        "Several installed packages offer a network called 'twice'",
        'Say which by its module, as `name = "other_nets:Net"`.',
    ),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What a fresh process says of `GOOD` and of each of `BROKEN`, with two distributions installed on its path."""
    site = tmp_path_factory.mktemp("site")
    (site / "tiny_nets.py").write_text(PACKAGE, encoding="utf-8")
    install(site, "tiny-nets", "1.2", ENTRY_POINTS)
    install(site, "other-nets", "3.4", "[ablate.models]\ntwice = other_nets:Net\n")
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", BUILD, json.dumps([GOOD, *(model for model, _, _ in BROKEN)])],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[dict[str, object]] = json.loads(done.stdout)
    return answers


def install(folder: Path, name: str, version: str, entry_points: str) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def test_an_installed_network_is_called_by_its_plain_name_with_arguments(built: list[dict[str, object]]):
    assert built[0] == {"parameters": (64 * 6 + 6) + (6 * 10 + 10)}


@pytest.mark.parametrize("number", range(len(BROKEN)), ids=[str(model["name"]) for model, _, _ in BROKEN])
def test_a_broken_offer_is_told_with_its_package(built: list[dict[str, object]], number: int):
    _, message, cure = BROKEN[number]
    assert message in str(built[1 + number]["message"])
    assert built[1 + number]["cure"] == cure
