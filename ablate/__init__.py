"""Ablation studies of image classifiers: one TOML file in, trained variants, verdicts and a report out.

    import ablate

    study = ablate.load_study("studies/digits_net.toml")
    for variant in study.variants():
        print(variant.name, variant.key)

`import ablate` loads nothing else; what stands in `__all__` is imported when it is first used (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.errors import (
        AblateError,
        DatabaseError,
        DataMissingError,
        InterruptedRunError,
        JobsFailedError,
        ReportMismatchError,
        StudyError,
        UsageError,
    )
    from ablate.study import Study, load_study, parse_study

    #: Version of the installed distribution `ablate-lab`; "unknown" in a checkout that was never installed.
    __version__: str

__all__ = [
    "AblateError",
    "DataMissingError",
    "DatabaseAwayError",
    "DatabaseError",
    "InterruptedRunError",
    "JobsFailedError",
    "ReportMismatchError",
    "Study",
    "StudyError",
    "UsageError",
    "__version__",
    "load_study",
    "parse_study",
]

# Hidden from type checkers, which would take a module with `__getattr__` to have any name, misspelt ones too.
if not TYPE_CHECKING:

    def __getattr__(name):  # noqa: ANN001, ANN202
        if name not in __all__:
            raise AttributeError(f"module 'ablate' has no attribute {name!r}")
        from importlib import import_module

        if name == "__version__":
            value = _version()
        else:
            room = "ablate.study" if name in ("Study", "load_study", "parse_study") else "ablate.errors"
            value = getattr(import_module(room), name)
        globals()[name] = value
        return value

    def _version():  # noqa: ANN202
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("ablate-lab")
        except PackageNotFoundError:
            return "unknown"

    def __dir__():  # noqa: ANN202
        return sorted({*globals(), *__all__})
