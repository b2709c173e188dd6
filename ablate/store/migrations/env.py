"""How alembic runs: on the connection, and within the transaction, of `ablate.store.schema.migrate`."""

from __future__ import annotations

from alembic import context

from ablate.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes most things only by building a table anew
)
context.run_migrations()
