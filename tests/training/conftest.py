"""Recipes that are trained in no time, a web server for downloads, and networks that cannot be reached."""

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.recipe import Recipe
from tests.server import Server, serving

MakeRecipe = Callable[..., Recipe]
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests for a GPU are left out where there is none."""
    if torch.cuda.is_available():
        return
    left_out = [item for item in items if item.get_closest_marker("cuda")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("cuda")]


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root that all tests of the session may fill."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _data_root(shared_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(shared_root))


@pytest.fixture
def make_recipe() -> MakeRecipe:
    """A recipe on digits; dotted paths change it: `make_recipe({"training.epochs": 3})`."""

    def make(changes: dict[str, Any] | None = None) -> Recipe:
        tables: dict[str, Any] = {
            "data": {"name": "digits", "batch_size": 32, "train_images": 250},
            "model": {"name": "convnet", "channels": [4, 8]},
            "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}},
        }
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            table = tables
            for parent in parents:
                table = table[parent]
            table[last] = value
        return Recipe.model_validate(tables)

    return make


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are reached directly."""
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def no_network(no_proxy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download is refused at once: nothing listens at the proxy's port."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real web server that offers what lies in the folder `www`."""
    (tmp_path / "www").mkdir()
    with serving(tmp_path / "www") as running:
        yield running


@pytest.fixture(autouse=True)
def _denormals_afterwards() -> Iterator[None]:
    """A run flushes denormals for its whole process; the tests of other rooms share ours."""
    yield
    torch.set_flush_denormal(False)
