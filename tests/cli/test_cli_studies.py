"""Commands about study files: plan, check, init, schema."""

import json
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
from PIL import Image

from tests.command import TINY_STUDY, Ablate

FRACTION = """
[factors.norm]
path = "model.norm"
levels = ["batch"]

[factors.batch_size]
path = "data.batch_size"
levels = [128]

[factors.blocks]
path = "model.blocks"
levels = [1]

[[designs]]
kind = "fraction"
resolution = 4
"""


def test_plan_tells_what_a_fraction_cannot_tell_apart(folder: Path, ablate: Ablate) -> None:
    study = TINY_STUDY.replace('[[designs]]\nkind = "one-at-a-time"\n', FRACTION)
    (folder / "tiny.toml").write_text(study, encoding="utf-8")
    told = ablate("plan", "tiny.toml").stdout
    assert "8 runs, resolution 4" in told
    assert "I = dropout*norm*batch_size*blocks" in told
    planned = json.loads(ablate("plan", "tiny.toml", "--json").stdout)
    assert planned["designs"][0]["aliases"]["resolution"] == 4
    assert planned["jobs"] == 16
    assert planned["factors"][0] == {
        "name": "dropout", "label": "dropout", "reference": "0.0", "levels": ["0.0", "0.25"]
    }  # fmt: skip


def test_plan_tells_what_changed_and_what_can_be_found(folder: Path, ablate: Ablate) -> None:
    assert "there is none yet" in ablate("plan", "tiny.toml", "--diff").stdout
    assert ablate("submit", "tiny.toml").returncode == 0
    assert "nothing changed" in ablate("plan", "tiny.toml", "--diff").stdout
    study = TINY_STUDY.replace("levels = [0.25]", "levels = [0.25, 0.5]").replace("count = 2", "count = 3")
    (folder / "tiny.toml").write_text(study, encoding="utf-8")
    told = ablate("plan", "tiny.toml", "--diff", "--power").stdout
    assert "+ variant dropout=0.5" in told
    assert "+ seed 2" in told
    assert "one-at-a-time: 2 comparisons with 3 seeds each find differences of 4.5 standard deviations" in told


def test_a_study_is_known_by_its_name_once_submitted(folder: Path, ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml", "--set", "seeds.count=1").returncode == 0
    (folder / "tiny.toml").unlink()
    planned = json.loads(ablate("plan", "tiny", "--json").stdout)
    assert (planned["seeds"], planned["jobs"]) == ([0], 2)
    lost = ablate("plan", "tinny")
    assert lost.returncode == 2
    assert "Did you mean 'tiny'" in lost.stderr


def test_check_finds_what_would_fail_and_what_does_nothing(folder: Path, ablate: Ablate) -> None:
    study = TINY_STUDY.replace("hidden = [16]\n", "")  # dropout stands in the head's hidden layers: now there are none
    study += '\n[[variants]]\nname = "too deep"\nset = { "model.channels" = [4, 4, 4, 4, 4] }\n'
    study += '\n[[variants]]\nname = "all at once"\nset = { "data.batch_size" = 512 }\n'
    (folder / "tiny.toml").write_text(study, encoding="utf-8")
    checked = ablate("check", "tiny.toml", "--json")
    assert checked.returncode == 3
    assert "too deep cannot be trained" in checked.stderr
    assert "Traceback" not in checked.stderr
    variants = {variant["name"]: variant for variant in json.loads(checked.stdout)["variants"]}
    assert variants["baseline"]["parameters"] == 40 + 64 * 10 + 10
    assert variants["baseline"]["output_shape"] == [64, 10]
    assert variants["baseline"]["findings"] == []
    assert "changes nothing" in variants["dropout=0.25"]["findings"][0]
    assert "an epoch is a single step" in variants["all at once"]["findings"][0]
    assert variants["too deep"]["parameters"] is None


def test_check_needs_no_data_where_told_so(folder: Path, ablate: Ablate) -> None:
    study = TINY_STUDY.replace('name = "digits"', 'name = "cifar10"')
    study += (
        '\n[[variants]]\nname = "large"\nset = { "model" = { name = "torchvision:resnet18", weights = "DEFAULT" } }\n'
    )
    (folder / "tiny.toml").write_text(study, encoding="utf-8")
    nowhere = str(folder / "nowhere")
    checked = ablate("check", "tiny.toml", "--no-data", "--json", ABLATE_DATA=nowhere)
    assert checked.returncode == 0, checked.stderr
    variants = {variant["name"]: variant for variant in json.loads(checked.stdout)["variants"]}
    assert variants["large"]["parameters"] == 11_181_642
    assert not Path(nowhere).exists()


def test_init_writes_a_study_that_can_be_planned(folder: Path, ablate: Ablate) -> None:
    words = ["init", "mine.toml", "--dataset", "digits", "--factors", "dropout,lr_decay,residual,optimizer"]
    done = ablate(*words, "--seeds", "3", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(ablate("plan", "mine.toml", "--json").stdout)["jobs"] == 27
    written = (folder / "mine.toml").read_text(encoding="utf-8")
    assert ablate(*words).returncode == 2  # never writes over a file
    assert (folder / "mine.toml").read_text(encoding="utf-8") == written
    schema = json.loads((folder / "ablate.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(tomllib.loads(written), schema)
    assert json.loads(ablate("schema").stdout) == schema


def test_init_takes_a_folder_of_images(folder: Path, ablate: Ablate) -> None:
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (folder / "pets" / kind).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pets" / kind / f"{number}.png")
    done = ablate("init", "mine.toml", "--dataset", "pets", "--factors", "norm")
    assert done.returncode == 0, done.stderr
    done = ablate("check", "mine.toml", "--set", "data.batch_size=8")
    assert done.returncode == 0, done.stderr
    assert "norm=batch" in done.stdout


def test_init_refuses_what_it_does_not_know(folder: Path, ablate: Ablate) -> None:
    done = ablate("init", "mine.toml", "--factors", "dropuot")
    assert done.returncode == 2
    assert "did you mean 'dropout'" in done.stderr
    done = ablate("init", "mine.toml", "--model", "torchvision:resnet18", "--factors", "width")
    assert done.returncode == 2
    assert "needs the convnet" in done.stderr
    assert not (folder / "mine.toml").exists()
