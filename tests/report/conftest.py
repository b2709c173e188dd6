"""Golden files: `ABLATE_REGENERATE=1 pytest tests/report` writes them anew; read the difference before you keep it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], str]:
    """Called with a file's name and the text it should have; answers with the text it has."""

    def read(name: str, text: str) -> str:
        path = GOLDEN / name
        if os.environ.get("ABLATE_REGENERATE") == "1":
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        return path.read_text(encoding="utf-8")

    return read
