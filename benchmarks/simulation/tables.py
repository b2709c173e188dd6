"""The tables of `benchmarks/results/statistics.md`, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.simulation.contrast import bootstrap_error, dunnett_error
from benchmarks.simulation.draws import Bools, World, monte_carlo_error, world
from benchmarks.simulation.formulas import LOSS, Tested, holm
from benchmarks.simulation.looks import Plan, uncalibrated
from benchmarks.simulation.measures import Judge, by_looks, fixed

ALPHA, K = 0.05, 10
SEEDS = (3, 5, 10)
RHOS = (0.0, 0.25, 0.5, 0.8)
#: Standard deviations of the variants, in the baseline's.
SPREADS: dict[str, tuple[float, ...]] = {
    "all x 1/3": (1 / 3,),
    "equal": (1.0,),
    "all x 3": (3.0,),
    "1/3, 1, 3 mixed": (1 / 3, 1.0, 3.0),
}
#: Of the table that tells what the smaller alpha does.
CALIBRATED_SEEDS = (3, 5, 10, 20)
CALIBRATED_SPREADS: dict[str, tuple[float, ...]] = {
    "equal": (1.0,),
    "all x 2": (2.0,),
    "all x 3": (3.0,),
    "all x 5": (5.0,),
    "half x 5": (1.0, 5.0),
    "1/5, 1, 5 mixed": (1 / 5, 1.0, 5.0),
}
LOOK_SPREADS = SPREADS | {"all x 2": (2.0,), "all x 4": (4.0,)}
#: Margin of the tables that have one, in standard deviations of the baseline.
MARGIN = 3.0
TRUTHS: dict[str, tuple[float, ...]] = {
    "all equal to the baseline": (0.0,),
    "half equal, half at the margin": (0.0, MARGIN),
    "all at the margin": (MARGIN,),
}
#: Differences in standard deviations, the same for all variants or mixed.
EFFECTS: dict[str, tuple[float, ...]] = {
    "all .5": (0.5,),
    "all 1": (1.0,),
    "all 2": (2.0,),
    "mix": (0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0),
}


@dataclass(kw_only=True)
class Tables:
    """Counts, and remembers which error rates of ablate's own procedures lie above alpha."""

    studies: int
    seed: int
    #: Each error rate of a procedure that ablate uses, with what it is the rate of.
    rates: list[tuple[str, float]] = field(default_factory=list)
    _tables: int = 0

    def all(self) -> Iterator[str]:
        """One table after the other."""
        for table in (
            self.fixed_designs,
            self.margins,
            self.looks,
            self.looks_by_rho,
            self.looks_with_margin,
            self.power,
            self.calibration,
            self.dunnett,
            self.bootstrap,
        ):
            yield table()

    @property
    def above(self) -> list[tuple[str, float]]:
        """The error rates that exceed alpha by more than three of their standard errors."""
        return [(name, rate) for name, rate in self.rates if rate - ALPHA > 3 * monte_carlo_error(ALPHA, self.studies)]

    def fixed_designs(self) -> str:
        """Family-wise error of a fixed number of seeds."""
        rng, rows = self._generator(), []
        for name, sds in SPREADS.items():
            for n in SEEDS:
                rates = [fixed(world(K, sds=sds, rho=rho), n, self.studies, rng).wrong for rho in RHOS]
                self._keep([(f"fixed, {name}, n = {n}, rho = {rho:g}", r) for rho, r in zip(RHOS, rates, strict=True)])
                rows.append([name, str(n), *map(_rate, rates)])
        head = ["sd of the variants", "n", *(f"rho {rho:g}" for rho in RHOS)]
        return _table("Fixed designs: any false difference", "No variant differs from the baseline.", head, rows)

    def margins(self) -> str:
        """Wrong verdicts of both kinds where a margin is declared."""
        rng, rows = self._generator(), []
        for truth, shifts in TRUTHS.items():
            for n in SEEDS:
                worlds = [world(K, shifts, SPREADS[name]) for name in ("equal", "all x 3")]
                rates = [fixed(one, n, self.studies, rng, margin=MARGIN).wrong for one in worlds]
                self._keep(
                    [(f"margin, {truth}, {s}, n = {n}", r) for s, r in zip(("equal", "all x 3"), rates, strict=True)]
                )
                apart = fixed(worlds[0], n, self.studies, rng, margin=MARGIN, judge=_each_kind_alone).wrong
                rows.append([truth, str(n), *map(_rate, rates), _rate(apart)])
        note = (
            f"The margin is {MARGIN:g} sd of the baseline; a wrong verdict is a false difference, one of the wrong "
            "sign, or a false `equivalent`. Last column: what each kind alone at alpha (Holm) would do; not used."
        )
        head = ["truth", "n", "equal sd", "all x 3", "each kind alone, equal sd"]
        return _table("Fixed designs with a margin: any wrong verdict", note, head, rows)

    def looks(self) -> str:
        """Family-wise error of looks, with and without what calibrates them."""
        rng, rows, plan = self._generator(), [], Plan()
        for name, sds in LOOK_SPREADS.items():
            truth = world(K, sds=sds)
            ours = by_looks(truth, plan, self.studies, rng, test="welch").wrong
            strict = by_looks(truth, Plan(strict=True), self.studies, rng, test="welch").wrong
            whole = by_looks(truth, uncalibrated(plan), self.studies, rng, test="welch").wrong
            self._keep([(f"looks, {name}", ours), (f"looks, strict, {name}", strict)])
            rows.append([name, _rate(ours), _rate(strict), _rate(whole)])
        note = f"Looks at {list(plan.looks)}, Welch's test. No variant differs from the baseline."
        head = ["sd of the variants", "default (.85 alpha)", "`strict` (alpha)", "not used: default at alpha"]
        return _table("Adaptive seeds: any false difference", note, head, rows)

    def looks_by_rho(self) -> str:
        """Family-wise error of looks where seeds are shared luck."""
        rng, rows = self._generator(), []
        for name, sds in SPREADS.items():
            rates = [by_looks(world(K, sds=sds, rho=rho), Plan(), self.studies, rng).wrong for rho in RHOS]
            self._keep([(f"looks, auto, {name}, rho = {rho:g}", r) for rho, r in zip(RHOS, rates, strict=True)])
            rows.append([name, *map(_rate, rates)])
        note = "The test is chosen after the first look. No variant differs from the baseline."
        head = ["sd of the variants", *(f"rho {rho:g}" for rho in RHOS)]
        return _table("Adaptive seeds with the automatic test: any false difference", note, head, rows)

    def looks_with_margin(self) -> str:
        """Wrong verdicts of looks of both kinds."""
        rng, rows, plan = self._generator(), [], Plan(margin=MARGIN)
        for truth, shifts in TRUTHS.items():
            rates = [by_looks(world(K, shifts, sds), plan, self.studies, rng).wrong for sds in SPREADS.values()]
            self._keep([(f"looks, margin, {truth}, {name}", r) for name, r in zip(SPREADS, rates, strict=True)])
            rows.append([truth, *map(_rate, rates)])
        note = f"The margin is {MARGIN:g} sd of the baseline, rho is 0."
        return _table("Adaptive seeds with a margin: any wrong verdict", note, ["truth", *SPREADS], rows)

    def power(self) -> str:
        """What looks find and cost, against fixed designs of as many runs."""
        rng, rows = self._generator(), []
        for rho in (0.0, 0.5):
            for name, shifts in EFFECTS.items():
                truth = world(K, shifts, rho=rho)
                ours = by_looks(truth, Plan(), self.studies, rng)
                whole = by_looks(truth, uncalibrated(Plan()), self.studies, rng)
                n = max(2, round(ours.runs / (K + 1)))
                other = fixed(truth, n, self.studies, rng)
                for what, chosen in _sizes(truth):
                    first = what == "all" or len(set(shifts)) == 1
                    rows.append(
                        [
                            f"{rho:g}",
                            name if first else f"{name}: {what}",
                            f"{ours.power[chosen].mean():.3f}",
                            f"{whole.power[chosen].mean():.3f}",
                            f"{ours.runs:.0f}",
                            f"{ours.seeds:.1f}",
                            f"{other.power[chosen].mean():.3f}",
                            f"{other.runs:.0f}",
                            str(n),
                        ]
                    )
        note = (
            "Share of real differences that are found; effects are in standard deviations of a run. The mix has four "
            "variants without effect and two each of .5, 1 and 2; its first row is over the six that differ."
        )
        head = ["rho", "effects", "adaptive", "at alpha", "runs", "seeds a variant", "fixed", "runs", "n"]
        return _table("Power and runs: adaptive seeds against a fixed design of about as many runs", note, head, rows)

    def calibration(self) -> str:
        """What Welch's test costs where it is held to less than alpha, and what it would do at alpha."""
        rng, rows = self._generator(), []
        for n in CALIBRATED_SEEDS:
            share = 1 - LOSS / n
            rules: dict[str, Judge | None] = {
                "not used: alpha": _at(1.0),
                f"not used: {share:.2f} alpha": _at(share),
                f"{share:.2f} alpha where the variant scatters more": None,
            }
            for name, judge in rules.items():
                errors = [
                    fixed(world(K, sds=sds), n, self.studies, rng, judge=judge).wrong
                    for sds in CALIBRATED_SPREADS.values()
                ]
                if judge is None:
                    spreads = zip(CALIBRATED_SPREADS, errors, strict=True)
                    self._keep([(f"calibration, {spread}, n = {n}", error) for spread, error in spreads])
                mix = fixed(world(K, EFFECTS["mix"]), n, self.studies, rng, judge=judge).power[4:].mean()
                rows.append([str(n), name, *map(_rate, errors), f"{mix:.3f}"])
        note = (
            "Welch's test is too ready to claim where all variants scatter more than the baseline: ablate judges a "
            f"variant that scatters more by (1 - {LOSS:g}/n) alpha. No variant differs but for the last column, the "
            "power in the mix above. rho is 0."
        )
        head = ["n", "judged by", *CALIBRATED_SPREADS, "power, mix"]
        return _table("Fixed designs: what the smaller alpha mends, and costs", note, head, rows)

    def dunnett(self) -> str:
        """Family-wise error of pooled variances."""
        rng, rows = self._generator(), []
        spreads = SPREADS | {"one x 3, the others equal": (3.0, *[1.0] * (K - 1))}
        for name, sds in spreads.items():
            rows.append([name, *(_rate(dunnett_error(world(K, sds=sds), n, self.studies, rng)) for n in SEEDS)])
        note = 'Why `test = "dunnett"` is opt-in: it pools the variances of all arms. No variant differs.'
        return _table("For contrast: Dunnett's test", note, ["sd of the variants", *(f"n = {n}" for n in SEEDS)], rows)

    def bootstrap(self) -> str:
        """Error of a single comparison by the percentile bootstrap."""
        rng, counts = self._generator(), (3, 5, 10, 20)
        studies = min(self.studies, 20_000)
        rates = [_rate(bootstrap_error(n, studies, rng)) for n in counts]
        note = (
            "Why it is not offered: one comparison, no family; share of 95 % percentile intervals of the difference "
            f"between two equal arms that leave out 0 ({studies:,} studies)."
        )
        return _table("For contrast: the bootstrap", note, [f"n = {n}" for n in counts], [rates])

    def _generator(self) -> np.random.Generator:
        """Random numbers of the next table, which do not depend on the tables before it."""
        self._tables += 1
        return np.random.default_rng((self.seed, self._tables))

    def _keep(self, rates: Sequence[tuple[str, float]]) -> None:
        self.rates += rates


def _each_kind_alone(tested: Tested) -> tuple[Bools, Bools]:
    kinds = tested.p, tested.p_equivalence(MARGIN)
    differs, equivalent = (holm(tested.held(p)) <= ALPHA for p in kinds)
    return differs, equivalent


def _at(share: float) -> Judge:
    """Judge all comparisons by the same share of alpha."""

    def judge(tested: Tested) -> tuple[Bools, Bools]:
        return holm(np.minimum(1, tested.p / share)) <= ALPHA, np.zeros(tested.delta.shape, dtype=bool)

    return judge


def _sizes(truth: World) -> Iterator[tuple[str, Bools]]:
    """The variants that differ, and where they differ by several sizes those of each."""
    shifts = np.asarray(truth.shifts)
    sizes = sorted({shift for shift in truth.shifts if shift != 0})
    yield "all", shifts != 0
    if len(sizes) > 1:
        for size in sizes:
            yield f"{size:g}".lstrip("0"), shifts == size


def _rate(share: float) -> str:
    return f"{share:.4f}"


def _table(title: str, note: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"## {title}", "", note, "", *lines])
