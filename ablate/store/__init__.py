"""The experiment database: the only room that speaks SQL.

`database` opens it, `tables` and `views` are its schema, `submission` adds a study's jobs, `queue` serves workers,
`reading` hands out frozen `records`.
"""

from ablate.store.database import Database, exists

__all__ = ["Database", "exists"]
