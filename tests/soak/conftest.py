"""Long tests, left out unless `-m soak` asks for them: `pytest -m soak tests/soak tests/store`."""

from tests.store.conftest import server  # noqa: F401 - a private PostgreSQL server
