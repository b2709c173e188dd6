"""Models from the user's own files: stored with the study, told apart by their SHA-256, and never run by it."""

import hashlib
from pathlib import Path

import pytest

from ablate.errors import StudyError, UsageError
from ablate.study import Study, load_study, parse_study
from ablate.study.own_code import MAX_FILE_BYTES, laid_out

STUDY = """\
name = "own"

[baseline.data]
name = "digits"

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.1 }

[baseline.model]
name = "nets.py:Net"

[factors.width]
path = "model.width"
levels = [8, 16]

[factors.net.levels.other]
"model" = { name = "other/wide.py:Wide" }

[factors.net.levels.builtin]
"model" = { name = "convnet" }
"""
NETS = "import blocks\nraise RuntimeError('a study never runs this')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "study.toml": STUDY,
        "nets.py": NETS,
        "blocks.py": "from shared import parts, depth\nimport torch\n",
        "shared/__init__.py": "from . import parts\n",
        "shared/parts.py": "from .sizes import big\n",
        "shared/sizes.py": "big = 3\n",
        "other/wide.py": "def wide(:\n",
        "unused.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def hashes(study: Study) -> dict[str, dict[str, str]]:
    return {variant.name: study.hashes(variant) for variant in study.variants()}


def test_a_study_carries_the_files_that_it_names_and_those_that_they_import(folder: Path) -> None:
    study = load_study(folder / "study.toml")
    needed = ["blocks.py", "nets.py", "shared/__init__.py", "shared/parts.py", "shared/sizes.py"]
    assert list(study.sources) == [*needed[:2], "other/wide.py", *needed[2:]]
    assert study.sources["nets.py"] == NETS
    told = hashes(study)
    assert list(told["width=8"]) == needed
    assert told["baseline"]["nets.py"] == hashlib.sha256(NETS.encode()).hexdigest()
    assert list(told["net=other"]) == ["other/wide.py"]
    assert told["net=builtin"] == {}


def test_a_changed_file_changes_only_the_variants_that_need_it(folder: Path) -> None:
    before = load_study(folder / "study.toml")
    (folder / "shared" / "sizes.py").write_text("big = 4\n", encoding="utf-8")
    (folder / "unused.py").write_text("changed = True\n", encoding="utf-8")
    after = load_study(folder / "study.toml")
    assert [variant.key for variant in after.variants()] == [variant.key for variant in before.variants()]
    changed = [name for name, found in hashes(after).items() if found != hashes(before)[name]]
    assert changed == ["baseline", "width=8", "width=16"]


def test_stored_files_take_the_place_of_the_folder(folder: Path) -> None:
    study = load_study(folder / "study.toml")
    again = parse_study(study.text, sources=study.sources)
    assert again.sources == study.sources
    assert hashes(again) == hashes(study)


def test_a_path_is_the_same_however_it_is_written(folder: Path) -> None:
    other = STUDY.replace('"nets.py:Net"', '"./other/../nets.py:Net"')
    again = parse_study(other, folder=folder)
    assert again.baseline.key == load_study(folder / "study.toml").baseline.key


def large(folder: Path) -> None:
    (folder / "shared" / "sizes.py").write_text("#" * (MAX_FILE_BYTES + 1), encoding="utf-8")


def outside(folder: Path) -> None:
    (folder / "nets.py").unlink()
    (folder / "nets.py").symlink_to(__file__)


def latin(folder: Path) -> None:
    (folder / "nets.py").write_bytes("# gr\xf6\xdfe\n".encode("latin-1"))


def empty(folder: Path) -> None:
    (folder / "nets.py").write_bytes(b"a = '\0'\n")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (large, "`shared/sizes.py` has 1,048,577 bytes, and a file that is stored has at most 1,048,576"),
        (outside, "`nets.py` is a link that leads out of the study's folder"),
        (latin, "`nets.py` is not UTF-8"),
        (empty, "`nets.py` holds a NUL character"),
    ],
)
def test_a_file_that_cannot_be_stored_is_told_at_its_line(folder: Path, spoil, told: str) -> None:
    spoil(folder)
    with pytest.raises(StudyError) as caught:
        load_study(folder / "study.toml")
    problem = caught.value.problems[0]
    assert told in problem.message
    assert (problem.line, problem.column) == (11, 8)


def test_a_study_without_a_folder_says_that_it_needs_one(folder: Path) -> None:
    with pytest.raises(StudyError, match="give its `folder`"):
        parse_study(STUDY)


def test_files_are_laid_out_while_they_are_needed_and_never_outside(tmp_path: Path) -> None:
    with laid_out({"a/b.py": "x = 1\r\n"}, under=tmp_path / "artifacts") as root:
        assert root is not None
        assert (root / "a" / "b.py").read_bytes() == b"x = 1\r\n"
    assert list((tmp_path / "artifacts").iterdir()) == []
    with laid_out({}) as nothing:
        assert nothing is None
    with pytest.raises(UsageError, match="leads out"), laid_out({"../evil.py": ""}, under=tmp_path):
        pass
    assert not (tmp_path / "evil.py").exists()


EVERYWHERE = """\
name = "everywhere"
metric = "test_f1"
direction = "max"

[baseline.data]
name = "parts/data.py:load"
augment = ["parts/noise.py:Noise"]

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.1 }
loss = "parts/losses.py:Focal"
metrics = ["parts/metrics.py:f1"]

[factors.loss]
path = "training.loss"
levels = ["cross_entropy"]
"""

TRAINED = """\
name = "trained"

[baseline.training]
trainer = { command = "python run.py --config settings.yaml", files = ["settings.yaml"] }

[baseline.params]
lr = 0.1

[factors.how]
path = "training.trainer"
levels = ["mine.py:train"]
"""


@pytest.fixture
def everywhere(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    for name in ("data", "noise", "losses", "metrics"):
        (tmp_path / "parts" / f"{name}.py").write_text(f"import common  # {name}\n", "utf-8")
    (tmp_path / "common.py").write_text("", "utf-8")
    (tmp_path / "everywhere.toml").write_text(EVERYWHERE, "utf-8")
    (tmp_path / "trained.toml").write_text(TRAINED, "utf-8")
    (tmp_path / "run.py").write_text("import helper\n", "utf-8")
    (tmp_path / "helper.py").write_text("", "utf-8")
    (tmp_path / "mine.py").write_text("", "utf-8")
    (tmp_path / "settings.yaml").write_text("import: nothing\n", "utf-8")
    return tmp_path


def test_every_part_of_a_recipe_stores_its_file_and_what_that_imports(everywhere: Path) -> None:
    study = load_study(everywhere / "everywhere.toml")
    parts = {f"parts/{name}.py" for name in ("data", "noise", "losses", "metrics")}
    assert set(study.sources) == parts | {"common.py"}
    baseline, plain = study.variants()
    assert set(study.hashes(baseline)) == parts | {"common.py"}
    assert set(study.hashes(plain)) == parts - {"parts/losses.py"} | {"common.py"}
    before = study.hashes(baseline)
    (everywhere / "parts" / "losses.py").write_text("import common  # another\n", "utf-8")
    changed = load_study(everywhere / "everywhere.toml")
    assert {path for path, now in changed.hashes(baseline).items() if now != before[path]} == {"parts/losses.py"}
    assert changed.variants()[0].key == baseline.key


def test_trainers_store_scripts_what_they_import_and_further_files(everywhere: Path) -> None:
    study = load_study(everywhere / "trained.toml")
    command, function = study.variants()
    assert set(study.hashes(command)) == {"run.py", "helper.py", "settings.yaml"}
    assert set(study.hashes(function)) == {"mine.py"}


def test_a_missing_file_is_told_at_the_name_that_needs_it(everywhere: Path) -> None:
    (everywhere / "parts" / "noise.py").unlink()
    (everywhere / "settings.yaml").unlink()
    with pytest.raises(StudyError) as caught:
        load_study(everywhere / "everywhere.toml")
    (problem,) = caught.value.problems
    assert (problem.line, "parts/noise.py" in problem.message) == (7, True)
    with pytest.raises(StudyError, match=r"no file `settings.yaml`"):
        load_study(everywhere / "trained.toml")


def test_knobs_of_a_trainer_are_no_keys_of_ablate_and_the_other_way_round() -> None:
    own = {"name": "x", "baseline": {"training": {"trainer": "package.module:train"}, "params": {"lr": 0.1}}}
    study = Study.from_dict({**own, "factors": {"lr": {"path": "params.lr", "levels": [0.2]}}})
    assert [variant.name for variant in study.variants()] == ["baseline", "lr=0.2"]
    assert study.select == "last"
    with pytest.raises(StudyError, match=r"there is no key `training\.lr`"):
        Study.from_dict({**own, "factors": {"lr": {"path": "training.lr", "levels": [0.2]}}})
    ours = {"data": {"name": "digits"}, "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}}}
    with pytest.raises(StudyError, match="`params` are the knobs of a trainer of your own"):
        Study.from_dict({"name": "x", "baseline": ours, "factors": {"a": {"path": "params.a", "levels": [1]}}})
    with pytest.raises(StudyError, match="`params`; it is for a trainer of your own"):
        Study.from_dict({"name": "x", "baseline": {**ours, "params": {"a": 1}}})
