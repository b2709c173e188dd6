"""How often our verdicts are wrong, and how often they find what is there: simulated studies whose truth is known.

Run `python benchmarks/statistics.py`; `--quick` for a look in seconds. First the fast formulas of `simulation/` are
held against `ablate.statistics`, and the run ends with exit status 1 where they differ. Then error rates of fixed
designs and of adaptive seeds, power against fixed designs of as many runs, and for contrast what ablate leaves out.
Tables are printed and, except with `--quick`, written to `benchmarks/results/statistics.md`.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import sys
import sysconfig
import time
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "statistics.md"
STUDIES, QUICK, CHECKED = 40_000, 2_000, 300


def main() -> None:
    """Check, simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=None, help=f"simulated studies a figure; {STUDIES} by default")
    parser.add_argument("--seed", type=int, default=7, help="of all random numbers")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} studies a figure, and nothing is written")
    options = parser.parse_args()
    studies = options.studies or (QUICK if options.quick else STUDIES)

    sys.path[0] = str(Path(__file__).parents[1])  # of the repository, so that `benchmarks.simulation` is found
    from benchmarks.simulation import agreement, agreement_looks
    from benchmarks.simulation.draws import monte_carlo_error
    from benchmarks.simulation.tables import ALPHA, Tables

    started = time.perf_counter()
    try:
        agreed = [one.check(CHECKED, options.seed) for one in (agreement, agreement_looks)]
    except agreement.DisagreementError as error:
        raise SystemExit(f"the formulas of this benchmark are not those of ablate: {error}") from error
    error = monte_carlo_error(ALPHA, studies)
    words = " ".join(["python benchmarks/statistics.py", f"--studies {studies}", f"--seed {options.seed}"])
    parts = [
        "# Error rates and power, simulated",
        f"`{words}`\n(Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in ('numpy', 'scipy', 'statsmodels'))}).",
        f"Each figure is the share of {studies:,} studies with 10 comparisons; alpha is {ALPHA:g}, and the standard "
        f"error of a share of {ALPHA:g} is {error:.4f}. Values over seeds are normal; sd is their standard deviation, "
        f"rho the correlation of two variants of equal seed. {'. '.join(agreed)}.",
    ]
    print(*parts, sep="\n\n", flush=True)
    tables = Tables(studies=studies, seed=options.seed)
    for table in tables.all():
        parts.append(table)
        print(f"\n{table}", flush=True)
    parts.append(_summary(tables.above, len(tables.rates), error))
    print(f"\n{parts[-1]}")
    print(f"\n{time.perf_counter() - started:.0f} s", file=sys.stderr)
    if not options.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _summary(above: list[tuple[str, float]], rates: int, error: float) -> str:
    """Which error rates of what ablate does exceed alpha by more than chance."""
    head = f"## Above alpha\n\nOf the {rates} error rates of what ablate does, "
    if not above:
        return f"{head}none exceeds .05 by more than three standard errors ({3 * error:.4f})."
    lines = "\n".join(f"- {name}: {rate:.4f}" for name, rate in above)
    return f"{head}{len(above)} exceed .05 by more than three standard errors ({3 * error:.4f}):\n\n{lines}"


def stand_aside() -> None:
    """Let the standard library's `statistics` be imported in place of this file.

    The scripts beside this one have their folder first in the import path, and ablate means the library's module.
    """
    place = Path(sysconfig.get_path("stdlib")) / "statistics.py"
    spec = importlib.util.spec_from_file_location("statistics", place)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["statistics"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["statistics"])


if __name__ == "__main__":
    main()
elif __name__ == "statistics":
    stand_aside()
