"""The studies of the lab reports, end to end: the real command on tiny data that lie as the real sets do.

`--set` alone makes them small. Every variant is trained, and every table and picture that a lab shows is in the report.
"""

import csv
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision

from ablate.study import load_study
from tests.command import Ablate
from tests.data_sets import WriteImages, batches

STUDIES = Path(__file__).parents[2] / "studies"
Write = Callable[..., object]


class Report:
    """A `report.md`, by its sections."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.text = (folder / "report.md").read_text("utf-8")
        parts = re.split(r"(?m)^## (.*)\n", self.text)
        self.titles = parts[1::2]
        self._sections = dict(zip(self.titles, parts[2::2], strict=True))

    def rows(self, title: str) -> list[dict[str, str]]:
        """The first table of a section, a row by its headings; bold and escapes taken away."""
        lines = [line for line in self._sections[title].splitlines() if line.startswith("|")]
        head, _, *body = ([re.sub(r"\*\*|\\", "", cell) for cell in line[2:-2].split(" | ")] for line in lines)
        return [dict(zip(head, cells, strict=True)) for cells in body]

    def column(self, title: str, heading: str) -> dict[str, str]:
        """A column of a section's table, by the text of the first one."""
        return {next(iter(row.values())): row[heading] for row in self.rows(title)}

    def settings(self) -> dict[str, str]:
        return self.column("Settings", "value")

    def pictures(self, title: str) -> list[str]:
        """What the pictures of a section are said to show; every file must be there, as PNG and as SVG."""
        found = re.findall(r"!\[(.*?)\]\((.*?)\.png\)", self._sections[title])
        for _, path in found:
            assert (self._folder / f"{path}.png").read_bytes().startswith(b"\x89PNG")
            assert "<svg" in (self._folder / f"{path}.svg").read_text("utf-8")
        return [text for text, _ in found]


def run(folder: Path, ablate: Ablate, study: str, *settings: str, seeds: str = "0", **environment: str) -> Report:
    """Train all variants of a study, and read its report."""
    file = STUDIES / f"{study}.toml"
    words = [word for setting in settings for word in ("--set", setting)]
    call = ["run", str(file), "--data-root", "data", "--workers", "1", "--plain", "--seeds", seeds]
    done = ablate(*call, *words, **environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    with sqlite3.connect(folder / "results.db") as connection:
        ended = connection.execute("select variant, seed, state, test_loss is not null from runs_view").fetchall()
    variants = [variant.name for variant in load_study(file, settings=settings).variants()]
    wanted = [(variant, int(seed), "succeeded", 1) for variant in variants for seed in seeds.split(",")]
    assert sorted(ended) == sorted(wanted)
    return Report(folder / "reports" / study)


def lay_weights(home: Path, *names: str) -> dict[str, str]:
    """Made-up weights where torchvision keeps those it has downloaded; the environment that makes it look there."""
    (home / "hub" / "checkpoints").mkdir(parents=True)
    for name in names:
        with torch.device("meta"):
            shapes = torchvision.models.get_model(name).state_dict()
        weights = {
            key: 0.05 * torch.randn(value.shape) if value.dim() > 1 else torch.ones(value.shape, dtype=value.dtype)
            for key, value in shapes.items()
        }
        url = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].url
        torch.save(weights, home / "hub" / "checkpoints" / url.rpartition("/")[2])
    return {"TORCH_HOME": str(home), "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def test_lab_a_compares_networks_on_tiny_imagenet(folder: Path, ablate: Ablate, write_tiny_imagenet: Write) -> None:
    write_tiny_imagenet(folder / "data", tested=10)
    report = run(
        folder, ablate, "tiny_imagenet", "data.validation=0.03", "data.train_images=8", "data.batch_size=4",
        "training.epochs=2", "training.early_stopping={ patience = 1 }", "training.step_losses=1",
    )  # fmt: skip
    networks = report.column("Named variants", "parameters")
    assert networks == {
        "baseline": "1.31 M",
        "first network of the report": "23.56 M",
        "LeNet-like": "354,636",
        "AlexNet-like": "7.49 M",
        "ResNet 3-4-4-3": "19.02 M",
    }
    reported = report.column("Named variants", "reported (%)")
    assert (reported["baseline"], reported["ResNet 3-4-4-3"]) == ("28.67", "22.81")
    for row in report.rows("All variants"):
        assert float(row["test loss"].replace(",", "")) > 0
        assert 0 <= float(row["test accuracy (%)"]) <= 100
    for factor in ("dropout", "normalisation", "learning-rate decay", "stages"):
        assert report.pictures(factor) == [
            f"Loss, validation accuracy and variance of the step losses over epochs: {factor}",
            f"Loss over steps: {factor}",
        ]
    told = report.settings()
    assert told["learning rate"] == "ReduceLROnPlateau(min_lr=1e-5)"
    assert "without a smaller validation loss" in told["early stopping"]
    assert "smallest loss on the validation images" in told["epoch selected"]


def test_lab_b_trains_an_alexnet_on_caltech101(folder: Path, ablate: Ablate, write_caltech: Write) -> None:
    write_caltech(folder / "data", images=10)
    report = run(
        folder, ablate, "caltech101_alexnet", "data.resize=[64, 64]", "data.train_images=64", "training.epochs=3",
        "factors.epochs.levels=[1, 2]", "model.channels=[8, 16, 16, 16, 16]", "model.hidden=[32, 32]",
    )  # fmt: skip
    assert list(report.column("learning rate", "n")) == ["0.0001 (baseline)", "0.01", "0.001"]
    assert report.column("epochs", "n") == {"3 (baseline)": "1", "1": "1", "2": "1"}
    assert report.column("learning rate", "reported (%)")["0.0001 (baseline)"] == "51.00"
    for factor in ("learning rate", "epochs"):
        assert report.pictures(factor) == [f"Loss and accuracy over epochs: {factor}"]
    assert {"test accuracy (%)", "test loss"} <= set(report.rows("All variants")[0])
    told = report.settings()
    assert "10 % held out for validation, 10 % held out as the test set" in told["split"]
    assert told["optimizer"] == "Adam(lr=0.0001)"
    assert "best accuracy on the validation images" in told["epoch selected"]


def test_lab_bs_network_has_its_full_width(ablate: Ablate) -> None:
    small = ["--no-data", "--set", "data.resize=[64, 64]", "--set", "data.batch_size=2"]  # the head averages to 6x6
    checked = ablate("check", str(STUDIES / "caltech101_alexnet.toml"), "--factors", "lr", "--json", *small)
    assert checked.returncode == 0, checked.stderr
    for variant in json.loads(checked.stdout)["variants"]:
        assert variant["parameters"] == 2_469_696 + 37_752_832 + 16_781_312 + 413_797  # convolutions, linear layers
        assert variant["output_shape"] == [2, 101]


def test_lab_c_asks_its_questions_of_cifar10(folder: Path, ablate: Ablate, write_cifar: Write) -> None:
    write_cifar(folder / "data" / "cifar10", archive=True, filled=batches(30))
    report = run(folder, ablate, "cifar_net", "training.epochs=2", **lay_weights(folder / "home", "resnet18"))
    assert report.column("batch size", "reported (%)") == {
        "64 (baseline)": "56.00", "16": "65.00", "32": "63.00", "128": "47.00"
    }  # fmt: skip
    assert report.column("batch normalisation", "parameters") == {
        "none (baseline)": "62,006", "three batch normalisations": "62,290"
    }  # fmt: skip
    grid = report.rows("optimizer × learning-rate schedule")
    assert [next(iter(row.values())) for row in grid] == ["SGD", "Adam"]
    assert list(grid[0])[1:] == ["0.001 all the way", "from 0.002, halved every 5 epochs", "0.002 all the way"]
    assert report.pictures("optimizer × learning-rate schedule")[0].startswith("Interaction: ")
    (epochs,) = (title for title in report.titles if "after each epoch" in title)
    assert [(row["epoch"], len(row)) for row in report.rows(epochs)] == [("1", 3), ("2", 3)]
    assert report.column("Named variants", "parameters") == {
        "baseline": "62,006",
        "Adam, halved every 5 epochs": "62,006",
        "best of the same depth": "2.44 M",
        "ResNet-18": "11.18 M",
        "ResNet-18, pretrained and frozen": "11.18 M",
    }
    assert report.column("Cost", "trained parameters")["ResNet-18, pretrained and frozen"] == "5,130"  # 512 * 10 + 10
    for factor in ("batch size", "augmentation", "optimizer", "initial weights", "channels"):
        assert report.pictures(factor) == [f"Loss and test accuracy (oracle) over epochs: {factor}"]
    told = report.settings()
    assert told["split"] == "no validation images"
    assert told["epoch selected"].startswith("the last;")


def short(*phases: str) -> str:
    """Phases of one epoch each."""
    return f"[{', '.join(f'{{ epochs = 1, {phase} }}' for phase in phases)}]"


def test_lab_d_trains_pretrained_networks_in_phases(folder: Path, ablate: Ablate, write_images: WriteImages) -> None:
    kinds = ["daisy", "dandelion", "rose", "sunflower", "tulip"]
    labelled = {f"train/{kind}/{number}.jpg": (40 + number, 50) for kind in kinds for number in range(10)}
    unlabelled = {f"test/{number:04}.jpg": (45, 60) for number in (7, 3, 11)}
    write_images(folder / "data" / "flowers", labelled | unlabelled)
    halved = 'scheduler = { name = "StepLR", step_size = 2, gamma = 0.5 }'
    head, rest = f'freeze = ["*"], {halved}', 'freeze = ["conv1.*"], optimizer = { name = "Adam", lr = 1e-4 }'
    last = 'freeze = ["conv1.*"], optimizer = { name = "SGD", lr = 1e-8, momentum = 0.8 }'
    levels = ", ".join(
        f'{name} = {{ "training.phases" = {short(*phases)} }}'
        for name, phases in {"head": [head], "all": [rest], "two": [head, rest]}.items()
    )
    report = run(
        folder, ablate, "flowers_resnet", "data.resize=36", "data.crop=32", "data.batch_size=10",
        "training.validate_every=2", f"training.phases={short(head, rest, last)}",
        'factors.weights.levels.random={ "model.weights" = "none", "training.phases" = [], "training.epochs" = 1 }',
        f"factors.phases.levels={{ {levels} }}",
        **lay_weights(folder / "home", "resnet50", "resnet101"),
    )  # fmt: skip
    phases = report.rows("Phases")
    assert [row["phase"] for row in phases] == ["1", "2", "3"]
    assert [row["frozen"] for row in phases] == ["*", "conv1.*", "conv1.*"]
    assert [row["optimizer"] for row in phases] == ["Adam(lr=0.001)", "Adam(lr=0.0001)", "SGD(lr=1e-8, momentum=0.8)"]
    assert phases[0]["learning rate"] == "StepLR(step_size=2, gamma=0.5)"
    networks = {name: (row["parameters"], row["reported (%)"]) for name, row in by_name(report.rows("network")).items()}
    assert networks == {"ResNet-50 (baseline)": ("24.56 M", "87.40"), "ResNet-101": ("43.55 M", "93.70")}
    assert report.pictures("network") == ["Loss and accuracy over epochs: network", "Loss over steps: network"]
    trained = report.column("Cost", "trained parameters")
    assert trained["phases=head"] == "1.05 M"
    assert trained["baseline"] == "24.55 M"  # all but the first convolution
    assert report.settings()["loss"] == "negative log-likelihood of log-softmax"

    made = ablate(
        "export", "flowers_resnet", "submission", "--variant", "baseline", "--columns", "id,label", "--out", "s.csv"
    )
    assert made.returncode == 0, made.stderr
    rows = list(csv.reader((folder / "s.csv").read_text("utf-8").splitlines()))
    assert rows[0] == ["id", "label"]
    assert [name for name, _ in rows[1:]] == sorted(Path(name).name for name in unlabelled)
    assert {kind for _, kind in rows[1:]} <= set(kinds)


def by_name(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Rows by the text of their first cell."""
    return {next(iter(row.values())): row for row in rows}


def test_lab_e_tells_losses_of_single_steps(folder: Path, ablate: Ablate, write_idx: Write) -> None:
    write_idx(folder / "data" / "mnist")
    report = run(
        folder, ablate, "mnist_resnet", "training.epochs=2", "data.batch_size=8", "training.step_losses=2", seeds="0,1"
    )
    depth = "blocks after each pooling"
    assert report.column(depth, "parameters") == {
        "1 (baseline)": "41,706", "0": "18,378", "2": "65,034", "3": "88,362"
    }  # fmt: skip
    assert report.column(depth, "reported (%)")["1 (baseline)"] == "99.10"
    for factor in ("skip connections", "normalisation in the blocks", "dropout", depth):
        assert report.pictures(factor) == [
            f"Loss and test accuracy (oracle) over epochs: {factor}",
            f"Loss over steps: {factor}",
        ]
        assert {"test accuracy (%)", "test loss"} <= {*report.rows(factor)[0], *report.rows("All variants")[0]}
    assert report.pictures(f"{depth} × skip connections")[0] == f"Interaction: {depth} × skip connections"
    assert "the loss of every 2nd step" in report.settings()["also measured"]


def test_the_degradation_study_ranks_by_the_training_loss(folder: Path, ablate: Ablate, write_idx: Write) -> None:
    write_idx(folder / "data" / "fashion_mnist")
    report = run(
        folder, ablate, "degradation", "training.epochs=2", "data.batch_size=16", "model.channels=[4, 8, 8]",
        "model.stem={ channels = 4, stride = 2 }", seeds="0,1",
    )  # fmt: skip
    grid = report.rows("depth × skip connections")
    assert [next(iter(row.values())) for row in grid] == ["8 layers", "20 layers", "32 layers", "56 layers"]
    assert list(grid[0])[1:] == ["with", "without"]
    assert report.pictures("depth × skip connections") == [
        "Interaction: depth × skip connections",
        "Training loss and training accuracy over epochs: depth, skip connections: with",
        "Training loss and training accuracy over epochs: depth, skip connections: without",
    ]
    assert report.settings()["ranked by"] == "training loss (less is better)"
