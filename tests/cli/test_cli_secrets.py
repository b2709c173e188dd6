"""`--db @FILE`, and passwords that nobody is to see."""

import os
from pathlib import Path

import pytest

from tests.command import Ablate

_NOBODY_THERE = "postgresql://someone:secret-word@127.0.0.1:1/name"


@pytest.fixture
def address(folder: Path) -> Path:
    """A file with the URL of a database, as it should be."""
    file = folder / "address"
    file.write_text("results.db\n")
    file.chmod(0o600)
    return file


def test_a_file_tells_where_the_database_is(address: Path, ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml", "--db", "@address").returncode == 0
    assert (address.parent / "results.db").exists()
    assert "tiny" in ablate("status", ABLATE_DB="@address").stdout


def test_a_file_that_others_may_read_is_refused(address: Path, ablate: Ablate) -> None:
    address.write_text(_NOBODY_THERE)
    address.chmod(0o640)
    told = ablate("status", "--db", "@address")
    assert told.returncode == 6
    assert "chmod 600 address" in told.stderr
    assert "secret-word" not in told.stdout + told.stderr


def test_a_password_in_the_command_line_is_warned_of_and_never_repeated(address: Path, ablate: Ablate) -> None:
    told = ablate("status", "--db", _NOBODY_THERE)
    assert told.returncode == 6
    assert "warning: everybody on this machine" in told.stderr
    assert "127.0.0.1:1/name" in told.stderr
    quiet = ablate("status", ABLATE_DB=_NOBODY_THERE)
    assert "warning" not in quiet.stderr
    mangled = ablate("status", ABLATE_DB=_NOBODY_THERE.replace("secret-word", "se@secret-word"))
    assert "%40" in mangled.stderr
    assert "secret-word" not in "".join(one.stdout + one.stderr for one in (told, quiet, mangled))


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are those of POSIX")
@pytest.mark.parametrize("content", [None, "", "two words", b"\xff\xfe"])
def test_a_file_without_a_url(address: Path, ablate: Ablate, content: str | bytes | None) -> None:
    address.unlink()
    if content is not None:
        address.write_bytes(content if isinstance(content, bytes) else content.encode())
        address.chmod(0o600)
    assert ablate("status", "--db", "@address").returncode == 6
