"""Published data sets as a user meets them: written into a study, listed, fetched, verified and trained on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.cli.init import DATASETS, init
from ablate.study import load_study
from ablate.training.data import split, stand_in
from ablate.training.data.registry import SOURCES
from tests.command import Ablate
from tests.data_sets import PUBLISHED

STUDY = """\
name = "sets"
select = "last"

[seeds]
count = 1

[baseline.data]
name = "svhn"
resize = 16
validation = 0
batch_size = 16
augment = ["trivial_augment", { name = "random_erasing", value = "random" }]

[baseline.model]
name = "resnet"
channels = [4, 8]
blocks = 1
stochastic_depth = 0.2

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.05 }

[factors.set]
path = "data.name"
levels = [LEVELS]
"""


@pytest.mark.parametrize("dataset", DATASETS)
def test_what_init_writes_for_a_data_set_can_be_trained(tmp_path: Path, dataset: str) -> None:
    init(tmp_path / "mine.toml", dataset, "convnet", "dropout", seeds=1, epochs=1, force=False)
    data = load_study(tmp_path / "mine.toml").baseline.data
    assert data.name == dataset
    assert split(stand_in(data, 3000, tmp_path), data).test.count > 0
    assert (data.resize is None) == (dataset not in ("imagenette", "imagenette_160", "flowers102", "caltech101"))


def test_init_offers_all_data_sets() -> None:
    assert set(DATASETS) == SOURCES.keys() - {"image_folder", "synthetic"}


def test_published_sets_are_listed_fetched_verified_and_trained_on(
    folder: Path, ablate: Ablate, write_published: Callable[..., Path]
) -> None:
    root = folder / "data"
    for name in PUBLISHED:
        write_published(name, root)
    levels = ", ".join(f'"{name}"' for name in PUBLISHED)
    (folder / "sets.toml").write_text(STUDY.replace("LEVELS", levels), encoding="utf-8")

    ran = ablate("run", "sets.toml", "--data-root", "data", "--plain")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    rows = json.loads(ablate("export", "sets", "runs", "--format", "json").stdout)
    assert {row["state"] for row in rows} == {"succeeded"}
    assert len(rows) == len(PUBLISHED)

    fetched = ablate("data", "fetch", "sets.toml", "flowers102", "--data-root", "data")
    assert fetched.returncode == 0, fetched.stderr
    assert "svhn: 40 train, 20 test images of 16x16x3, 10 classes" in fetched.stdout
    assert "flowers102: 102 train, 102 validation, 102 test images of 16x16x3, 102 classes" in fetched.stdout
    assert "eurosat: 40 train images of 16x16x3" in fetched.stdout
    assert "flowers102: fetched, not decoded." in fetched.stdout

    verified = ablate("data", "verify", "--data-root", "data")
    assert verified.stdout.count("is what the files decode to") == len(PUBLISHED)
    # these small files are not the published ones
    assert verified.returncode == 5
    assert "train_32x32.mat has a wrong checksum" in verified.stdout

    listed = ablate("data", "list", "--data-root", "data", COLUMNS="80").stdout
    assert max(map(len, listed.splitlines())) <= 80
    assert all(f"\n{name} " in listed for name in PUBLISHED)
