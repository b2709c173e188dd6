"""docs/speed.md says what is so: its plans are the real ones, and what it names is there."""

import re
from pathlib import Path
from typing import get_args

import pytest

from ablate.recipe import Training
from ablate.recipe.packing import LEAST, SIZES
from ablate.report.computed import PASSES
from tests.docs.snippets import Reader, sections

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "speed.md"
TEXT = re.sub(r"\s+", " ", PAGE.read_text("utf-8"))


def test_what_the_page_shows_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for section in sections(PAGE):
        reader.read(section)


def test_benchmarks_and_numbers_of_the_page_are_those_of_the_code() -> None:
    named = re.findall(r"python (benchmarks/\w+\.py)", TEXT)
    assert len(named) > 5
    assert all((ROOT / name).is_file() for name in named)
    large, small = (size for _, _, size in SIZES)
    assert f"at most {large} where a step is small, {small} where it is larger" in TEXT
    assert f"with at least {LEAST} places" in TEXT
    assert PASSES == 3
    assert "training is counted as three forward passes" in TEXT
    tiers = {tier for part in get_args(Training.model_fields["tier"].annotation) for tier in get_args(part)}
    assert all(f'| `"{tier}"` |' in TEXT for tier in tiers)
    assert len(tiers) == 2
