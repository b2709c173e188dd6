"""How long 100,000 jobs take to plan and queue, and to submit again.

Run `python benchmarks/submit.py`. A grid of 10 x 10 x 10 x 10 levels with 10 seeds is submitted by the real command
into an empty database, then a second time, which must add nothing; each of ROUNDS rounds starts anew.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Spread, machine

ROUNDS = 3
STUDY = """\
name = "many"
max_jobs = 100_000

[seeds]
count = 10

[baseline.data]
name = "digits"

[baseline.model]
name = "convnet"
hidden = [32]

[baseline.training]
epochs = 10
optimizer = { name = "SGD", lr = 0.1 }

[factors.dropout]
path = "model.dropout"
levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

[factors.batch_size]
path = "data.batch_size"
levels = [8, 16, 24, 32, 40, 48, 56, 64, 72, 80]

[factors.epochs]
path = "training.epochs"
levels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

[factors.lr]
path = "training.optimizer.lr"
levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]

[[designs]]
kind = "grid"
"""


def main() -> None:
    """Submit, submit again, print."""
    times: dict[str, list[float]] = {"plan": [], "submit": [], "submit again": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "many.toml").write_text(STUDY, encoding="utf-8")
            for what, word in (("plan", "plan"), ("submit", "submit"), ("submit again", "submit")):
                started = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-m", "ablate", word, "many.toml"],
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                times[what].append(time.perf_counter() - started)
                last = done.stdout.strip().splitlines()[-1]
                expected = {"plan": "100000 jobs, 100000 to run", "submit": "100000 jobs queued"}
                if expected.get(what, "nothing new to run, 100000 already known") not in last:
                    raise SystemExit(f"{what}: {last}")
    print(f"{machine()} Seconds, median and range of {ROUNDS} rounds:")
    for what, seconds in times.items():
        print(f"{what:<13} {Spread.of(seconds).text()}")


if __name__ == "__main__":
    main()
