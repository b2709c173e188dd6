"""Ablation studies of image classifiers: one TOML file in, trained variants, verdicts and a report out.

    import ablate

    study = ablate.load_study("studies/digits_net.toml")
    results = ablate.run(study)
    results.runs()  # a data frame

`import ablate` loads nothing else; what stands in `__all__` is imported when it is first used (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.api import (
        ExperimentDatabase,
        StudyResults,
        check,
        import_results,
        open,  # noqa: A004 - as gzip.open
        run,
        submit,
    )
    from ablate.errors import (
        AblateError,
        DatabaseAwayError,
        DatabaseError,
        DataMissingError,
        InterruptedRunError,
        JobsFailedError,
        ReportMismatchError,
        StudyError,
        UsageError,
    )
    from ablate.orchestrate.progress import Progress
    from ablate.statistics import Comparison, compare_values
    from ablate.study import Study, load_study, parse_study

    #: Version of the installed distribution `ablate-lab`; "unknown" in a checkout that was never installed.
    __version__: str

__all__ = [
    "AblateError",
    "Comparison",
    "DataMissingError",
    "DatabaseAwayError",
    "DatabaseError",
    "ExperimentDatabase",
    "InterruptedRunError",
    "JobsFailedError",
    "Progress",
    "ReportMismatchError",
    "Study",
    "StudyError",
    "StudyResults",
    "UsageError",
    "__version__",
    "check",
    "compare_values",
    "import_results",
    "load_study",
    "open",
    "parse_study",
    "run",
    "submit",
]

# Hidden from type checkers, which would take a module with `__getattr__` to have any name, misspelt ones too.
if not TYPE_CHECKING:
    #: Rooms of the names that are not errors.
    _ROOMS = {
        "ablate.api": ("ExperimentDatabase", "StudyResults", "check", "import_results", "open", "run", "submit"),
        "ablate.orchestrate.progress": ("Progress",),
        "ablate.statistics": ("Comparison", "compare_values"),
        "ablate.study": ("Study", "load_study", "parse_study"),
    }

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'ablate' has no attribute {name!r}")
        from importlib import import_module

        if name == "__version__":
            value = _version()
        else:
            room = next((room for room, names in _ROOMS.items() if name in names), "ablate.errors")
            value = getattr(import_module(room), name)
        globals()[name] = value
        return value

    def _version() -> str:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("ablate-lab")
        except PackageNotFoundError:
            return "unknown"

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
