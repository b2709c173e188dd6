"""A run on a server: its password is in no command line, file, report or export."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.command import TINY_STUDY, clean_environment

_SECRET = "secret-word"  # of the URLs that `server` hands out


def _command_lines() -> set[bytes]:
    found = set()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.add(process.read_bytes())
    return found


def test_the_password_is_found_nowhere(server, tmp_path):
    url = server.new()
    assert _SECRET in url
    (tmp_path / "tiny.toml").write_text(TINY_STUDY.replace("count = 2", "count = 1"), encoding="utf-8")
    environment = clean_environment() | {"ABLATE_DB": url}
    lines, said = set(), b""

    def ablate(*words: str) -> int:
        nonlocal said
        with subprocess.Popen(
            [sys.executable, "-m", "ablate", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            os.set_blocking(process.stdout.fileno(), False)
            while process.poll() is None:
                lines.update(_command_lines())
                said += process.stdout.read() or b""
                time.sleep(0.05)
            said += process.stdout.read() or b""
        return process.returncode

    assert ablate("run", "tiny.toml", "--workers", "1", "--plain") == 0, said
    for words in (("status", "--json"), ("export", "tiny", "runs"), ("show", "1"), ("doctor",), ("db", "backup", "x")):
        ablate(*words)
    assert any(b"worker" in line for line in lines)
    assert b"pg_dump" in said
    ours = url.split("//")[1].encode()  # other tests may run on this machine
    assert [line for line in lines if ours in line] == []
    assert _SECRET.encode() not in said
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any("worker-" in file.name for file in files)
    assert [file for file in files if _SECRET.encode() in file.read_bytes()] == []
