"""How long the commands that only read take to answer, against a bare `python -c pass`.

Run `python benchmarks/startup.py`. Rounds are interleaved; medians and the ratio to the bare
interpreter are printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 9
STUDY = Path(__file__).parents[1] / "studies" / "digits_net.toml"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "ablate --help": ["-m", "ablate", "--help"],
    "ablate plan": ["-m", "ablate", "plan", str(STUDY)],
    "ablate status": ["-m", "ablate", "status"],
}


def main() -> None:
    """Print a table of medians in seconds."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS + 1):  # the first warms the file cache
        for name, words in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=False)
            times[name].append(time.perf_counter() - started)
    bare = statistics.median(times["python -c pass"][1:])
    print(f"{'command':<18} {'median s':>9} {'min':>6} {'max':>6} {'ratio':>6}   (n = {ROUNDS})")
    for name, seconds in times.items():
        kept = seconds[1:]
        middle = statistics.median(kept)
        print(f"{name:<18} {middle:>9.3f} {min(kept):>6.3f} {max(kept):>6.3f} {middle / bare:>6.1f}")


if __name__ == "__main__":
    main()
