"""A study of 32 small runs on digits: how long ablate takes for it, and what people use instead.

Run `python benchmarks/peers.py`. Eight variants of the network of `studies/digits_net.toml`, four seeds each, by a
plain loop in one process, Optuna (two processes, a grid in SQLite), Hydra (joblib launcher, two jobs), Ray Tune (two at
a time), all on `by_hand/digits.py`; and by `ablate run`. Each side is a whole command, from the start of its process to
its end, in a new folder: ablate's fills a database, judges and writes its report. What is not installed is left out
with a word: `pip install "ablate-lab[benchmarks]"` brings all of it.

All sides have the same images, networks (their numbers of parameters are compared), batches, epochs and optimizers.
Where the accuracies of a side are others than the plain loop's by more than chance, the script ends with status 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import ablate
from ablate.training import load_dataset, split
from ablate.worker.devices import usable_cores

from measuring import Spread, Target, arguments, interleaved, machine, publish, table

BY_HAND, STUDY = Path(__file__).parent / "by_hand", Path(__file__).parent / "digits.toml"
#: Scripts and what each needs, by names for people.
PEERS = {
    "Optuna, 2 processes": ("with_optuna.py", ("optuna",)),
    "Hydra, joblib launcher, 2 jobs": ("with_hydra.py", ("hydra", "hydra_plugins.hydra_joblib_launcher")),
    "Ray Tune, 2 at a time": ("with_ray.py", ("ray.tune",)),
}
LOOP, OURS = "plain loop", "ablate run"
#: Of the plain loop's time.
LOOP_TARGET = Target(limit=0.45, at_least=False)
#: Of a peer's time.
PEER_TARGET = Target(limit=1.0, at_least=False)
#: Standard errors by which the mean accuracy of two sides may differ.
ERRORS = 4.0

#: A side's runs: (variant, seed) to test accuracy and number of parameters.
Runs = dict[tuple[str, int], tuple[float, int]]


def write_images(path: Path) -> None:
    """Write the images that the study trains, validates and tests on, for the scripts by hand."""
    recipe = ablate.load_study(STUDY).baseline
    parts = split(load_dataset(recipe.data), recipe.data)
    arrays = {}
    for name in ("train", "validation", "test"):
        part = getattr(parts, name)
        arrays[f"{name}_images"] = part.images[part.index].numpy()
        arrays[f"{name}_labels"] = part.labels[part.index].numpy()
    np.savez(path, **arrays)


class Side:
    """A whole command and what it found.

    Args:
        command: What is typed, without where its results go.
        read: Reads the runs in the folder where it was typed.
        environment: Added to that of this process.
    """

    def __init__(self, command: Sequence[str], read: Callable[[Path], Runs], environment: dict[str, str]) -> None:
        self._command = list(command)
        self._read = read
        self._environment = {**os.environ, **environment}
        #: The runs of the last round.
        self.runs: Runs = {}

    def seconds(self) -> float:
        """Run it in a new folder."""
        with tempfile.TemporaryDirectory() as name:
            started = time.perf_counter()
            done = subprocess.run(self._command, cwd=name, env=self._environment, capture_output=True, text=True)
            taken = time.perf_counter() - started
            if done.returncode != 0:
                raise SystemExit(
                    f"{' '.join(self._command)} ended with status {done.returncode}:\n{done.stderr[-4000:]}"
                )
            self.runs = self._read(Path(name))
        return taken


def by_hand(folder: Path) -> Runs:
    """What a script by hand has written."""
    found = json.loads((folder / "found.json").read_text("utf-8"))
    return {(run["variant"], run["seed"]): (run["test_accuracy"], run["parameters"]) for run in found}


def by_ablate(folder: Path) -> Runs:
    """What a database holds."""
    with ablate.open(folder / "results.db") as database:
        frame = database.results("digits").runs()
    return {(run.variant, int(run.seed)): (float(run.test_accuracy), int(run.parameters)) for run in frame.itertuples()}


def sides(images: Path, epochs: int) -> dict[str, Side]:
    """All that are installed."""
    found, told = {}, {"DIGITS": str(images), "EPOCHS": str(epochs)}
    for threads in sorted({1, usable_cores()}):
        words = [sys.executable, str(BY_HAND / "digits.py"), "found.json", str(threads)]
        found[f"{LOOP}, {threads} {'thread' if threads == 1 else 'threads'}"] = Side(words, by_hand, told)
    for name, (script, needed) in PEERS.items():
        if absent := [module for module in needed if not installed(module)]:
            print(f"{name}: left out, {absent[0]} is not installed", file=sys.stderr)
        else:
            found[name] = Side([sys.executable, str(BY_HAND / script), "found.json"], by_hand, told)
    ours = [sys.executable, "-m", "ablate", "run", str(STUDY), "--devices", "cpu", "--set", f"training.epochs={epochs}"]
    found[OURS] = Side(ours, by_ablate, {})
    found[f"{OURS}, each run by itself"] = Side([*ours, "--set", "training.tier=exact"], by_ablate, {})
    return found


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def disagreements(all_sides: dict[str, Side], reference: str) -> list[str]:
    """Whoever trained other runs, other networks, or to other accuracies than chance allows."""
    runs, found = all_sides[reference].runs, []
    for name, side in all_sides.items():
        if side.runs.keys() != runs.keys():
            found.append(f"{name}: {len(side.runs)} runs, of which {len(side.runs.keys() & runs.keys())} are asked for")
        elif any(side.runs[cell][1] != runs[cell][1] for cell in runs):
            found.append(f"{name}: other networks")
        else:
            shift, error = difference(side.runs, runs)
            if abs(shift) > ERRORS * error:
                found.append(f"{name}: mean accuracy differs by {shift:+.4f}, standard error {error:.4f}")
    return found


def difference(one: Runs, other: Runs) -> tuple[float, float]:
    """By how much mean accuracies differ, and the standard error of that, from the scatter within variants."""
    variants = sorted({variant for variant, _ in other})
    groups = [
        [np.array([runs[cell][0] for cell in runs if cell[0] == name]) for name in variants] for runs in (one, other)
    ]
    shift = np.mean([a.mean() - b.mean() for a, b in zip(*groups, strict=True)])
    variance = sum(group.var(ddof=1) / len(group) for side in groups for group in side)
    return float(shift), float(np.sqrt(variance) / len(variants))


def without(words: Sequence[str], all_sides: dict[str, Side]) -> dict[str, Side]:
    """The sides whose names have none of some words; one loop and ablate stay in any case."""
    left_out = {name for name in all_sides if any(word.lower() in name.lower() for word in words)}
    return {name: all_sides[name] for name in all_sides if name not in left_out - {f"{LOOP}, 1 thread", OURS}}


def row(name: str, all_sides: dict[str, Side], seconds: dict[str, list[float]], loop: str) -> list[str]:
    """What is said of a side."""
    runs = all_sides[name].runs
    to_loop, to_ours = (
        Spread.ratio(*pair) for pair in ((seconds[name], seconds[loop]), (seconds[OURS], seconds[name]))
    )
    is_ours = name.startswith(OURS)
    judged = LOOP_TARGET.told(to_loop) if is_ours else PEER_TARGET.told(to_ours) if name in PEERS else ""
    shift, error = difference(runs, all_sides[loop].runs)
    return [
        name,
        Spread.of(seconds[name]).text(1),
        to_loop.text(),
        "" if is_ours else to_ours.text(),
        judged,
        f"{np.mean([accuracy for accuracy, _ in runs.values()]):.4f}",
        "" if name == loop else f"{shift:+.4f} +- {error:.4f}",
    ]


def main() -> None:
    """Compare, check, print and write."""
    parser = arguments(__doc__, rounds=5)
    parser.add_argument("--without", nargs="+", default=[], metavar="WORD", help="leave sides out; nothing is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "digits.npz"
        write_images(images)
        epochs = 2 if options.quick else ablate.load_study(STUDY).baseline.training.epochs
        installed_ones = sides(images, epochs)
        chosen = without(options.without, installed_ones)
        timed = {name: side.seconds for name, side in chosen.items()}
        seconds = interleaved(timed, options.rounds, warm_up=0 if options.quick else 1, said="seconds, ")
    loop = min((name for name in chosen if name.startswith(LOOP)), key=lambda name: Spread.of(seconds[name]).median)
    rows = [row(name, chosen, seconds, loop) for name in chosen]
    head = ["side", "s", "x plain loop", "ablate run / this", "target", "mean test accuracy", "less plain loop's"]
    absent = [name for name in PEERS if name not in installed_ones]
    wrong = disagreements(chosen, loop)
    publish(
        "Thirty-two runs on digits, whole commands",
        [
            machine(("torch", "optuna", "hydra-core", "hydra-joblib-launcher", "ray", "ablate-lab")),
            f"`benchmarks/digits.toml`: 8 variants x 4 seeds, 600 images, {epochs} epochs. Medians and ranges of "
            f"{options.rounds} interleaved rounds, each in a new folder; `ablate run` fills a database and writes its "
            "report. Of the plain loop's ways the faster one counts. Accuracies are those of the last round; their "
            "difference stands with its standard error, from the scatter within variants.",
            table(head, rows),
            *([f"Left out, since it is not installed: {', '.join(absent)}."] if absent else []),
            f"Differences beyond {ERRORS:g} standard errors, in runs or in networks: {'; '.join(wrong) or 'none'}.",
        ],
        write=not options.quick and not options.without and not wrong,
    )
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
