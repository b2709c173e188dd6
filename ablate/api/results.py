"""The results of one study: data frames, verdicts, the report and its pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ablate.api.html import table_html
from ablate.errors import UsageError
from ablate.orchestrate.progress import Progress, progress
from ablate.recipe.signatures import did_you_mean
from ablate.report import export, frames
from ablate.store import Database, reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from ablate.report.write import Format
    from ablate.verdicts.analysis import Analysis


@dataclass(frozen=True, kw_only=True, repr=False)
class StudyResults:
    """What the database knows of one study. Made by `ablate.run`, `ablate.submit` and `ExperimentDatabase.results`.

    Every call reads the database anew, so that it tells of runs which ended a moment ago. Accuracies are fractions,
    losses are in nats, times in seconds. Frames carry the study's name and its ranked metric in `DataFrame.attrs`.
    In a notebook it shows itself as the table of all variants.
    """

    #: Name of the study.
    study: str
    #: Where it is stored.
    database: Database

    def runs(self) -> DataFrame:
        """A row for each variant and seed, whatever its state; the columns are those of `ablate export STUDY runs`.

        After them comes a column for each further value that runs reported at their end.

        Raises:
            DatabaseError: The database cannot be read.
        """
        rows = export.run_rows(reading.runs(self.database, self.study))
        return self._named(frames.of_rows(rows, export.RUN_COLUMNS))

    def epochs(self) -> DataFrame:
        """A row for each variant, seed and epoch; the columns are those of `ablate export STUDY epochs`.

        After them comes a column for each further value that epochs reported.

        Raises:
            DatabaseError: The database cannot be read.
        """
        rows = export.epoch_rows(reading.epochs(self.database, self.study))
        return self._named(frames.of_rows(rows, export.EPOCH_COLUMNS))

    def steps(self) -> DataFrame:
        """A row for each step whose loss was kept, or after which the validation images were measured.

        Raises:
            DatabaseError: The database cannot be read.
        """
        rows = export.step_rows(reading.steps(self.database, self.study))
        return self._named(frames.of_rows(rows, export.STEP_COLUMNS))

    def predictions(self) -> DataFrame:
        """A row for each test image of each run that succeeded: whether it was right, its class, its confidence.

        Images are counted from 0 in the order of the data set.

        Raises:
            DatabaseError: The database cannot be read.
        """
        rows = export.prediction_rows(reading.predictions(self.database, self.study))
        return self._named(frames.of_rows(rows, export.PREDICTION_COLUMNS))

    def comparisons(self) -> DataFrame:
        """A row for each variant but the baseline, with its difference and verdict; then the steps of ladders.

        The columns are those of `ablate report STUDY --json`. What stands around its list, as the baseline's mean, is
        in `DataFrame.attrs`.

        Raises:
            DatabaseError: The database cannot be read.
        """
        from ablate.report.comparisons import comparisons_of

        document = comparisons_of(self._analysis())
        frame = frames.of_records(document.pop("comparisons"), frames.COMPARISON_TYPES)
        document.pop("compute")  # of the study, not of its comparisons
        frame.attrs.update(document)
        return frame

    def compare(
        self,
        *variants: str,
        test: Literal["auto", "welch", "paired", "dunnett"] | None = None,
        alpha: float | None = None,
        margin: float | None = None,
    ) -> DataFrame:
        """A row for each named variant but the first, which they are compared with, as `ablate compare` does.

        What the study compares by itself has the study's verdict; all else was chosen after results were seen, and is
        exploratory: the column `basis` says which. What stands around the list of `--json` is in `DataFrame.attrs`.

        Args:
            *variants: Names as tables have them, the reference first; `STUDY:VARIANT` for those of another study.
            test: Another test than the study's.
            alpha: Another error rate than the study's.
            margin: Another margin than the study's, in the metric's unit.

        Raises:
            DatabaseError: The database cannot be read.
            UsageError: There is no such variant, or a setting is out of its range.
        """
        from ablate.report.contrast.document import document
        from ablate.report.contrast.judge import contrast
        from ablate.report.contrast.members import find_members

        members = find_members(self.database, variants, study=self.study)
        found = document(contrast(members, test=test, alpha=alpha, margin=margin))
        frame = frames.of_records(found.pop("comparisons"), frames.CONTRAST_TYPES)
        frame.attrs.update(found)
        return frame

    def status(self) -> Progress:
        """How many jobs are in each state, which are running, and how long the rest may take.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return progress(self.database, self.study)

    def report(
        self, out: str | Path | None = None, *, formats: Collection[Format] | None = None, lang: str = "en"
    ) -> Path:
        """Write `report.json`, its pictures, and the report in some formats, as `ablate report` does.

        Args:
            out: The folder; None means `reports/` and the study's name.
            formats: `markdown` for `report.md`, `latex` for `report.tex` and `tables/`, `pdf` for these and
                `report.pdf`; None means Markdown.
            lang: The language, `en` or `zh`.

        Returns:
            Path of `report.pdf`, else of `report.md`, else of `report.tex`, whichever was asked for.

        Raises:
            DatabaseError: The database cannot be read.
            UsageError: The folder cannot be written, there is no such language, or no LaTeX engine sets the report.
        """
        from ablate.report.write import DEFAULT, write_report
        from ablate.verdicts.results import Results

        folder = Path("reports") / self.study if out is None else Path(out)
        results = Results.load(self.database, self.study)
        return write_report(results, folder, DEFAULT if formats is None else formats, lang=lang)

    def figure(self, name: str = "overview") -> Figure:
        """One picture of the report. Needs no display, and does not touch the state of `matplotlib.pyplot`.

        Args:
            name: `overview`, `factor dropout`, `interaction grid` and so on: a key of `figures()`.

        Raises:
            DatabaseError: The database cannot be read.
            UsageError: The report has no such picture, or nothing to show in it yet.
        """
        from ablate.report.figures import gallery

        makers = {known: make for known, _, make in gallery.wanted(self._analysis())}
        if name not in makers:
            shown = ", ".join(repr(known) for known in makers if not known.startswith("steps of "))
            raise UsageError(
                f"the report of {self.study} has no picture {name!r}{did_you_mean(name, list(makers))}",
                cure=f"It may have {shown}, and each one's steps.",
            )
        figure = makers[name]()
        if figure is None:
            raise UsageError(
                f"there is nothing to show in {name!r} of {self.study}.",
                cure="`figures()` has what can be drawn of the runs so far.",
            )
        return figure

    def figures(self) -> dict[str, Figure]:
        """All pictures of the report that have something to show, by name, the overview first.

        Raises:
            DatabaseError: The database cannot be read.
        """
        from ablate.report.figures import gallery

        drawn = {name: make() for name, _, make in gallery.wanted(self._analysis())}
        return {name: figure for name, figure in drawn.items() if figure is not None}

    def __repr__(self) -> str:
        return f"StudyResults({self.study!r})"

    def _repr_html_(self) -> str:
        """The table of all variants, for notebooks."""
        from ablate.report.tables import all_table

        analysis = self._analysis()
        results = analysis.results
        title = results.outline.title
        head = self.study if title == self.study else f"{self.study}: {title}"
        return table_html(all_table(analysis), caption=f"{head} ({results.finished} of {len(results.runs)} runs done)")

    def _analysis(self) -> Analysis:
        from ablate.verdicts.analysis import analyse
        from ablate.verdicts.results import Results

        return analyse(Results.load(self.database, self.study))

    def _named(self, frame: DataFrame) -> DataFrame:
        frame.attrs.update(study=self.study, metric=reading.outline(self.database, self.study).metric)
        return frame
