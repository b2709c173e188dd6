"""Each command in a process of its own: it imports what it needs, and its status and streams are those of a shell."""

from pathlib import Path

import pytest

from tests.command import TINY_STUDY, call_apart, call_here


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of four queued jobs, which the commands of this file leave as they are."""
    folder = tmp_path_factory.mktemp("submitted")
    (folder / "tiny.toml").write_text(TINY_STUDY, encoding="utf-8")
    assert call_here(("submit", "tiny.toml"), folder, {}).returncode == 0
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "--version",
        "plan tiny.toml --power",
        "check tiny.toml --no-data",
        "submit tiny.toml",
        "status",
        "show tiny",
        "show 1",
        "compare baseline dropout=0.25",
        "export tiny runs",
        "report tiny --markdown",
        "retry tiny --failed",
        "init made.toml --dataset digits --factors dropout",
        "schema",
        "data list --data-root nowhere",
        "logs 1",  # exit status 2
        "plan tiny.toml --set training.epochs=-1",  # 3
        "status --db mysql://x/y",  # 6
    ],
)
def test_a_fresh_process_says_what_this_one_says(submitted: Path, line: str) -> None:
    words = tuple(line.split())
    apart = call_apart(words, submitted, {})
    (submitted / "made.toml").unlink(missing_ok=True)
    here = call_here(words, submitted, {})
    (submitted / "made.toml").unlink(missing_ok=True)
    assert (apart.returncode, apart.stdout, apart.stderr) == (here.returncode, here.stdout, here.stderr)
    assert apart.stdout or apart.stderr
