"""The digits study while a random worker or trainer is killed every three seconds: the same results, row by row."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import clean_environment

STUDY = Path(__file__).parents[2] / "studies" / "digits_net.toml"
PART = ("--seeds", "0-1")
#: Seconds between two kills.
EVERY = 3.0
#: What depends on time, processes or chance, and on nothing that was computed.
OF_THE_MACHINE = {"seconds", "attempt", "error"}


def _run(folder: Path, seed: int | None) -> int:
    """Type the same command until the study is done; how many processes were killed on the way."""
    command = [sys.executable, "-m", "ablate", "run", str(STUDY), *PART, "--workers", "2", "--plain"]
    chance, killed = random.Random(seed), 0
    for _ in range(20):  # a launch gives up after three deaths in a row without a job done
        process = subprocess.Popen(command, cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL)
        due = time.monotonic() + EVERY
        while process.poll() is None:
            time.sleep(0.05)
            if seed is not None and time.monotonic() >= due and (there := _below(process.pid)):
                os.kill(chance.choice(there), signal.SIGKILL)
                killed, due = killed + 1, time.monotonic() + EVERY
        if process.returncode == 0:
            return killed
        # a job that was killed three times before its first new epoch has failed, and is given another chance
        again = [sys.executable, "-m", "ablate", "retry", "digits_net"]
        subprocess.run(again, cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL, check=True)
    raise AssertionError("the study was not done after twenty calls")


def _below(parent: int) -> list[int]:
    """Workers of a launcher, and their trainers."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if fields[0] != "Z":
            parents[int(entry.parent.name)] = int(fields[1])
    workers = [pid for pid, above in parents.items() if above == parent]
    return workers + [pid for pid, above in parents.items() if above in workers]


def _exported(folder: Path, what: str) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "ablate", "export", "digits_net", what, "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True)
    return [{key: value for key, value in row.items() if key not in OF_THE_MACHINE} for row in json.loads(done.stdout)]


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_digits_study_under_kills_has_the_results_of_an_undisturbed_one(tmp_path):
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    for folder in (calm, wild):
        folder.mkdir()
    assert _run(calm, None) == 0
    killed = _run(wild, 1)
    assert killed >= 5
    for what in ("runs", "epochs", "predictions"):
        expected = _exported(calm, what)
        assert expected
        assert _exported(wild, what) == expected
