"""docs/statistics.md is executed, and each of its figures stands in the results of the benchmarks that it names."""

import re
from pathlib import Path

from benchmarks.simulation import agreement, agreement_looks
from tests.docs.snippets import Reader, sections

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "statistics.md"
RESULTS = ROOT / "benchmarks" / "results"


def test_what_the_page_shows_is_so(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.baseline = {
        "[baseline.data]": '[baseline.data]\nname = "digits"\n',
        "[baseline.model]": '[baseline.model]\nname = "convnet"\nchannels = [4]\n',
        "[baseline.training]": '[baseline.training]\nepochs = 1\noptimizer = { name = "SGD", lr = 0.1 }\n',
    }
    for section in sections(PAGE):
        reader.read(section)


def test_every_figure_was_measured() -> None:
    """Rows of figures are rows of the results of the commands that the page names, and so are figures of the text."""
    page = "\n".join(part for part in re.split(r"(?ms)^```.*?^```", PAGE.read_text("utf-8")))
    commands = {name: f"python benchmarks/{name}.py" for name in re.findall(r"benchmarks/results/(\w+)\.md", page)}
    results = {name: (RESULTS / f"{name}.md").read_text("utf-8") for name in commands}
    rows = re.findall(r"(?m)^\|.*\b[01]\.\d{3,4}\b.*$", page)
    figures = re.findall(r"\b0\.\d{4}\b", page)
    assert len(rows) > 10
    for what in (*rows, *figures):
        assert any(what in text for text in results.values()), what
    for name, command in commands.items():
        assert f"`{command}" in results[name]
        assert command in page


def test_the_simulation_judges_as_ablate_does() -> None:
    """What the figures were simulated with is what reports use."""
    assert "have the same" in agreement.check(20, seed=1)


def test_the_simulated_looks_are_those_of_ablate() -> None:
    assert "have the same" in agreement_looks.check(20, seed=1)


def test_the_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / target).exists(), target
