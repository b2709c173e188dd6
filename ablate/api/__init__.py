"""What `import ablate` offers beside the study language: run a study, open a database, read results as data frames.

The layer beside the command line, and like it without logic: it reads arguments, calls, and hands out. It imports no
PyTorch; pandas and matplotlib are imported when the first frame or figure is made.
"""

from ablate.api.checking import check
from ablate.api.database import ExperimentDatabase, open  # noqa: A004 - as gzip.open
from ablate.api.importing import import_results
from ablate.api.results import StudyResults
from ablate.api.running import run, submit

__all__ = ["ExperimentDatabase", "StudyResults", "check", "import_results", "open", "run", "submit"]
