r"""A report as LaTeX: a file for each table, which a paper takes in by `\input`, and `report.tex` around them."""

from ablate.report.latex.engine import ENGINES, compile_report, find_engines
from ablate.report.latex.render import Source, render
from ablate.report.latex.tables import MADE

__all__ = ["ENGINES", "MADE", "Source", "compile_report", "find_engines", "render"]
