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
