"""SQL that the two databases spell differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Now(FunctionElement[float]):
    """Seconds since 1970-01-01 UTC by the database's own clock, the only one that leases trust."""

    type = Double()
    inherit_cache = True
    name = "ablate_now"


class NextAttempt(FunctionElement[int]):
    """The id of an attempt that is about to be opened, so that one statement can hand a job over to it.

    SQLite computes it under its single write lock; attempts are never deleted, so the largest id is the last one.

    Args:
        place: Which of several that one statement opens, from 1; one where it opens a single one.
    """

    type = BigInteger()
    inherit_cache = True
    name = "ablate_next_attempt"


@compiles(Now, "sqlite")
def _now_on_sqlite(_element: Now, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return "((julianday('now') - 2440587.5) * 86400.0)"  # `subsec` is NULL before SQLite 3.42


@compiles(Now, "postgresql")
def _now_on_postgresql(_element: Now, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - as above
    return "extract(epoch FROM clock_timestamp())::double precision"


@compiles(NextAttempt, "sqlite")
def _next_attempt_on_sqlite(element: NextAttempt, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - as above
    place = compiler.process(element.clauses, **more) or "1"
    return f"((SELECT coalesce(max(attempts.id), 0) FROM attempts) + {place})"  # noqa: S608 - a column or a number


@compiles(NextAttempt, "postgresql")
def _next_attempt_on_postgresql(_element: NextAttempt, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - as above
    return "nextval(pg_get_serial_sequence('attempts', 'id'))"
