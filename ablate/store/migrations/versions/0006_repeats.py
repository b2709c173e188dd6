"""One job trained twice outside the queue: how far apart two runs of the same recipe and seed come out.

A frozen record: later changes of `ablate.store.tables` come as migrations of their own.
"""
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0006"
down_revision = "ablate_0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "repeats",
        sa.Column("id", ID, nullable=False, comment="Number of the row."),
        sa.Column("key", sa.String(length=64), nullable=False, comment="Hash of the recipe, as in variants.key."),
        sa.Column("seed", sa.Integer(), nullable=False, comment="Seed index of both runs."),
        sa.Column("device", sa.String(length=64), nullable=False, comment="`cpu` or `cuda:0`."),
        sa.Column("device_name", sa.Text(), nullable=False, comment="Model of the processor or GPU."),
        sa.Column("provenance", sa.JSON(), nullable=False, comment="Versions, git commit, dirty flag."),
        sa.Column("first", sa.JSON(), nullable=False, comment="Metrics of the first run by name."),
        sa.Column("second", sa.JSON(), nullable=False, comment="Metrics of the second run by name."),
        sa.Column("apart_from", sa.Integer(), comment="First epoch whose figures differ, from 1; NULL: none does."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="When, seconds since 1970 UTC."),
        sa.CheckConstraint("apart_from >= 1", name=op.f("ck_repeats_apart_from_counts_from_1")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeats")),
        comment="One recipe trained twice with one seed, outside the queue: the floor of what differences mean.",
    )
    op.create_index(op.f("ix_repeats_key"), "repeats", ["key"])
