"""Sheets become runs: rows of one run come together, from one sheet or several; contradictions are noted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ablate.orchestrate.imports import cells
from ablate.orchestrate.imports.cells import CellError
from ablate.orchestrate.imports.columns import Layout, Measure, layout
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.sheet import Cell, Faults, Sheet
from ablate.protocol import JobState
from ablate.recipe.signatures import did_you_mean
from ablate.study.outline import FIRST_TUNING_SEED

#: How the curve of a test metric is called: it is shown, and nothing is chosen by it.
ORACLE = "oracle_"


@dataclass(kw_only=True)
class Draft:
    """A run in the making."""

    variant: str
    #: Seed index.
    seed: int
    #: Where it is spoken of first.
    place: str
    #: None where no source says it.
    state: JobState | None = None
    #: Device, model of the device, error.
    texts: dict[str, str] = field(default_factory=dict)
    #: Of the whole run, by name.
    values: dict[str, float] = field(default_factory=dict)
    #: By number of the epoch, then by name.
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    #: Metrics that were no number, and when: `after epoch 3`.
    broken: dict[str, str] = field(default_factory=dict)
    #: Sources and the SHA-256 of each file.
    sources: dict[str, str] = field(default_factory=dict)
    #: Where each value of the whole run stands.
    places: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Described:
    """What rows say of a variant."""

    #: Level of each factor, and where it stands.
    levels: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: The metric as reported elsewhere, and where it stands.
    reported: tuple[float, str] | None = None


class Drafts:
    """The runs of all sheets.

    Args:
        options: How they are read.
        faults: Where mistakes go.
    """

    def __init__(self, options: ImportOptions, faults: Faults) -> None:
        self._options, self._faults = options, faults
        self._runs: dict[tuple[str, int], Draft] = {}
        self._unended: dict[tuple[str, int], str] = {}
        #: Variants in the order in which they are spoken of.
        self.variants: dict[str, Described] = {}
        #: What somebody should know who typed the command.
        self.notes: list[str] = []
        self._repeated: dict[tuple[str, int], dict[str, list[tuple[int, float, int]]]] = {}

    @property
    def runs(self) -> list[Draft]:
        """Those that have ended."""
        return [draft for key, draft in self._runs.items() if key not in self._unended]

    def add(self, sheets: Sequence[Sheet]) -> None:
        """Take all rows."""
        self._check_names(sheets)
        laid_out = [(sheet, found) for sheet in sheets if (found := layout(sheet, self._options, self._faults))]
        for sheet, found in laid_out:
            self._sheet(sheet, found)
            self._tell(sheet, found)
        if self._unended:
            states = Counter(self._unended.values())
            told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            self.notes.append(f"left out: runs that have not ended ({told})")

    def _check_names(self, sheets: Sequence[Sheet]) -> None:
        """See that what the options name is somewhere."""
        known = {column for sheet in sheets for column in sheet.columns}
        for ours, theirs in self._options.names.items():
            if sheets and theirs not in known:
                near = did_you_mean(theirs, sorted(known))
                self._faults.add(sheets[0].head, f"`--map {ours}={theirs}`: there is no {theirs!r}{near}")
        found = {factor for sheet in sheets for factor in _layout_levels(sheet, self._options)}
        for factor in self._options.factors:
            if sheets and factor not in found:
                near = did_you_mean(factor, sorted(known))
                self._faults.add(sheets[0].head, f"`--factors {factor}`: there is no column of this name{near}")

    def _tell(self, sheet: Sheet, found: Layout) -> None:
        if found.read_as:
            told = ", ".join(f"{column} as {name}" for name, column in found.read_as.items())
            self.notes.append(f"{sheet.source}: read {told}")
        if found.left_out:
            self.notes.append(f"{sheet.source}: left out columns of text: {', '.join(found.left_out)}")

    def _sheet(self, sheet: Sheet, found: Layout) -> None:
        drafts: dict[tuple[Cell, Cell], Draft] = {}
        seen: dict[tuple[str, int, int], int] = {}
        for number, row in sheet.rows:
            which = (row[found.variant], row[found.seed])
            if (draft := drafts.get(which) or self._draft(sheet, number, found, row)) is None:
                continue
            drafts[which] = draft
            epoch = 0 if found.epoch is None else self._epoch(sheet, number, row[found.epoch])
            if epoch is None:
                continue
            first = seen.setdefault((draft.variant, draft.seed, epoch), number)
            if first != number:
                what = f"variant {draft.variant!r}, seed {draft.seed}" + (f", epoch {epoch}" if epoch else "")
                self._faults.add(
                    sheet.place(number), f"{what} stands in {sheet.place(first)} already: take one of the two out"
                )
                continue
            self._words(sheet, number, found, row, draft)
            of_run = self._values(sheet, number, found.of_run, row, draft, epoch)
            if found.epoch is None:
                for name, value in of_run.items():
                    self._put(draft, name, value, sheet.place(number))
                continue
            for name, value in of_run.items():
                repeats = self._repeated.setdefault((draft.variant, draft.seed), {})
                repeats.setdefault(name, []).append((epoch, value, number))
            values = self._values(sheet, number, found.of_epoch, row, draft, epoch)
            if epoch in draft.epochs:
                values = self._joined(draft, epoch, values, sheet.place(number))
            draft.epochs[epoch] = values
        self._settle_repeated(sheet)

    def _draft(self, sheet: Sheet, number: int, found: Layout, row: Sequence[Cell]) -> Draft | None:
        """The run of a row; None where its variant or seed cannot be read, which is noted."""
        place = sheet.place(number)
        try:
            variant = cells.text(row[found.variant], guarded=sheet.guarded)
        except CellError as error:
            self._faults.add(place, f"variant: {error}")
            return None
        if not variant:
            self._faults.add(place, "variant: empty; write the name of the variant")
            return None
        try:
            seed = cells.whole(cells.number)(row[found.seed])
        except CellError:
            self._faults.add(place, f"seed: {str(row[found.seed])[:40]!r} is no seed: write a whole number from 0 on")
            return None
        if seed is None or seed >= FIRST_TUNING_SEED:
            what = "empty; write the run's seed" if seed is None else f"{seed:.0f} is above {FIRST_TUNING_SEED - 1:,}"
            self._faults.add(place, f"seed: {what}; without one, number the runs of each variant 0, 1, 2 and so on")
            return None
        self.variants.setdefault(variant, Described())
        draft = self._runs.setdefault((variant, int(seed)), Draft(variant=variant, seed=int(seed), place=place))
        draft.sources.setdefault(sheet.source, sheet.sha256)
        return draft

    def _epoch(self, sheet: Sheet, number: int, cell: Cell) -> int | None:
        try:
            epoch = cells.whole(cells.number)(cell)
        except CellError as error:
            self._faults.add(sheet.place(number), f"epoch: {error}")
            return None
        if not epoch:
            what = "empty" if epoch is None else "0, and epochs count from 1"
            self._faults.add(sheet.place(number), f"epoch: {what}; write the number of the epoch")
            return None
        return int(epoch)

    def _words(self, sheet: Sheet, number: int, found: Layout, row: Sequence[Cell], draft: Draft) -> None:
        """State, texts, levels and reported figure of a row."""
        described = self.variants[draft.variant]
        try:
            column = "state"
            if found.state is not None:
                state, ended = cells.state(row[found.state])
                if not ended:
                    self._unended[draft.variant, draft.seed] = str(row[found.state]).strip().lower()
                elif state is not None and draft.state not in (None, state):
                    raise CellError(f"{state} here, {draft.state} in an earlier row: its rows must agree")
                draft.state = state or draft.state
            for column, index in found.texts.items():
                read = cells.message if column == "error" else cells.text
                said = read(row[index], guarded=sheet.guarded)
                if said and draft.texts.setdefault(column, said) != said:
                    raise CellError(f"{said!r} here, {draft.texts[column]!r} in an earlier row: its rows must agree")
            for factor, index in found.levels.items():
                column = sheet.columns[index]
                level = cells.text(row[index], guarded=sheet.guarded)
                if level and described.levels.setdefault(factor, (level, sheet.place(number)))[0] != level:
                    raise CellError(
                        f"variant {draft.variant!r} has {level!r} here and {described.levels[factor][0]!r} in "
                        f"{described.levels[factor][1]}: a variant has one level of each factor"
                    )
            if found.reported is not None:
                column = "reported"
                figure = (
                    cells.with_comma(row[found.reported])
                    if self._options.decimal_comma
                    else cells.number(row[found.reported])
                )
                if figure is not None and math.isfinite(figure):
                    described.reported = described.reported or (figure, sheet.place(number))
                    if described.reported[0] != figure:
                        raise CellError(
                            f"{figure:g} here, {described.reported[0]:g} in {described.reported[1]}: a variant has one"
                        )
        except CellError as error:
            self._faults.add(sheet.place(number), f"{column}: {error}")

    def _values(
        self, sheet: Sheet, number: int, measures: Sequence[Measure], row: Sequence[Cell], draft: Draft, epoch: int
    ) -> dict[str, float]:
        """What a row measured; numbers that are none are kept apart."""
        values: dict[str, float] = {}
        for measure in measures:
            try:
                value = measure.read(row[measure.index])
            except CellError as error:
                self._faults.add(sheet.place(number), f"{measure.column}: {error}")
                continue
            if value is None:
                continue
            if math.isfinite(value):
                values[measure.name] = value
            else:
                draft.broken.setdefault(measure.name, f"after epoch {epoch}" if epoch else "at its end")
        return values

    def _put(self, draft: Draft, name: str, value: float, place: str) -> None:
        known = draft.values.setdefault(name, value)
        first = draft.places.setdefault(name, place)
        if known != value:
            self._faults.add(place, f"{name}: {value:g} here, {known:g} in {first}: a run has one value of it")

    def _joined(self, draft: Draft, epoch: int, values: Mapping[str, float], place: str) -> dict[str, float]:
        """Values of an epoch from two sheets."""
        known = draft.epochs[epoch]
        for name, value in values.items():
            if known.get(name, value) != value:
                self._faults.add(
                    place, f"{name}: {value:g} here, {known[name]:g} in another file: one of them is wrong"
                )
        return {**known, **values}

    def _settle_repeated(self, sheet: Sheet) -> None:
        """Values of whole runs from a sheet of epochs: one that differs between epochs is a curve of the test set."""
        curves: set[str] = set()
        for key, series in self._repeated.items():
            draft = self._runs[key]
            for name, points in series.items():
                if all(value == points[0][1] for _, value, _ in points):
                    self._put(draft, name, points[0][1], sheet.place(points[0][2]))
                elif name.startswith("test_"):
                    curves.add(name)
                    for epoch, value, _ in points:
                        draft.epochs[epoch].setdefault(ORACLE + name, value)
                else:
                    line = next(line for _, value, line in points if value != points[0][1])
                    self._faults.add(
                        sheet.place(line),
                        f"{name}: differs from {sheet.place(points[0][2])}; it is of the whole run: rows must agree",
                    )
        self._repeated.clear()
        for name in sorted(curves):
            self.notes.append(
                f"{sheet.source}: {name} after each epoch is kept as a curve (oracle); a run's own is that of its "
                "selected epoch"
            )


def _layout_levels(sheet: Sheet, options: ImportOptions) -> set[str]:
    found = layout(sheet, options, Faults())
    return set() if found is None else set(found.levels)
