"""Jobs that are trained together as one stacked network, and how each attempt was computed.

A frozen record: later changes of `ablate.store.tables` come as migrations of their own.
"""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0007"
down_revision = "ablate_0006"


def upgrade() -> None:
    """Add three columns, and drop one that nothing ever wrote into. Variants that are there stay alone."""
    op.add_column("variants", sa.Column("pack", sa.String(length=64), comment="Jobs of equal packs may train as one stacked network; NULL: alone."))
    op.add_column("variants", sa.Column("pack_size", sa.Integer(), comment="Places of that network; NULL: alone."))
    op.add_column("attempts", sa.Column("execution", sa.JSON(), comment="How it was computed: tier, threads and the like; NULL: untold."))
    op.drop_column("jobs", "group_key")
