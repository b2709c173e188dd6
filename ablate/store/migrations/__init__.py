"""Changes of the schema, oldest first; alembic runs them on databases that an older ablate wrote."""
