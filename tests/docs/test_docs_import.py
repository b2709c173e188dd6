"""docs/import.md is executed, beside folders of the tools that it speaks of; it names every column."""

import inspect
import re
from pathlib import Path

import pytest

import ablate
from ablate.cli.import_ import import_
from ablate.orchestrate.imports.columns import TEXTS
from ablate.store.imported import OF_ATTEMPTS, OF_EPOCHS
from tests.docs.snippets import Reader, sections
from tests.orchestrate.import_cases import mlflow_run, torch_events

PAGE = Path(__file__).parents[2] / "docs" / "import.md"


def test_what_the_page_shows_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variant in ("resnet", "wide"):
        for seed in (0, 1):
            torch_events(tmp_path / "logs" / variant / f"seed{seed}", {"Accuracy/val": {1: 0.5, 2: 0.6 + seed / 10}})
    for seed in (0, 1):
        curves = {"val_accuracy": {99: 0.5, 199: 0.6}, "train_loss": {0: 2.0, 49: 1.5, 99: 1.0, 149: 0.5}}
        torch_events(tmp_path / "lightning" / f"resnet-{seed}" / "version_0", curves)
        params = {"arch": "resnet", "seed": str(seed)}
        mlflow_run(tmp_path / "mlruns" / "7", f"{seed}", name="x", params=params, metrics={"val_acc": {0: 0.5, 1: 0.6}})
    reader = Reader(tmp_path)
    for section in sections(PAGE):
        reader.read(section)


def test_the_page_names_every_column() -> None:
    text = PAGE.read_text("utf-8")
    told = set(re.findall(r"`([a-z_]+)`", text.partition("| column | holds |")[2].partition("\n\n")[0]))
    columns = {*OF_EPOCHS, *OF_ATTEMPTS, *TEXTS, "variant", "seed", "epoch", "state", "reported"}
    assert columns <= told


def test_python_and_the_command_take_the_same() -> None:
    ours = set(inspect.signature(ablate.import_results).parameters)
    theirs = set(inspect.signature(import_).parameters)
    assert ours - {"format"} == theirs - {"form"}


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / target).exists(), target
