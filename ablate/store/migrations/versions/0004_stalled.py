"""Attempts that stall: a further kind of failure.

A frozen record: later changes of `ablate.store.tables` come as migrations of their own.
"""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0004"
down_revision = "ablate_0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KNOWN = "ck_attempts_failure_kind_is_known"
OLD_COMMENT = "user_error, out_of_memory, killed, cuda_fault, data_missing; NULL: it did not fail."
NEW_COMMENT = "user_error, out_of_memory, killed, cuda_fault, data_missing, stalled; NULL: it did not fail."


def _attempts() -> sa.Table:
    """The table as it was before: SQLite builds it anew from this description, since it does not tell its CHECKs."""
    return sa.Table(
        "attempts",
        sa.MetaData(),
        sa.Column("id", ID, nullable=False),
        sa.Column("job", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=64)),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.Column("device", sa.String(length=64)),
        sa.Column("device_name", sa.Text()),
        sa.Column("provenance", sa.JSON(none_as_null=True)),
        sa.Column("resumed_from", sa.Integer()),
        sa.Column("failure_kind", sa.String(length=32)),
        sa.Column("failure_message", sa.Text()),
        sa.Column("failure_details", sa.Text()),
        sa.Column("failure_facts", sa.JSON(none_as_null=True)),
        sa.Column("selected_epoch", sa.Integer()),
        sa.Column("test_loss", sa.Double()),
        sa.Column("test_accuracy", sa.Double()),
        sa.Column("parameters", sa.BigInteger()),
        sa.Column("trainable_parameters", sa.BigInteger()),
        sa.Column("flops", sa.BigInteger()),
        sa.Column("seconds", sa.Double()),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name=op.f("ck_attempts_running_means_open")),
        sa.CheckConstraint("failure_kind IN ('user_error', 'out_of_memory', 'killed', 'cuda_fault', 'data_missing')", name=op.f(KNOWN)),
        sa.CheckConstraint("state IN ('running', 'succeeded', 'diverged', 'failed', 'lost', 'released', 'preempted', 'cancelled')", name=op.f("ck_attempts_state_is_known")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_attempts_number_counts_from_1")),
        sa.CheckConstraint("resumed_from >= 0", name=op.f("ck_attempts_resumed_from_counts_from_0")),
        sa.CheckConstraint("selected_epoch >= 1", name=op.f("ck_attempts_selected_epoch_counts_from_1")),
        sa.CheckConstraint("test_accuracy BETWEEN 0 AND 1", name=op.f("ck_attempts_test_accuracy_is_a_share")),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_attempts_job")),
        sa.ForeignKeyConstraint(["worker"], ["workers.id"], name=op.f("fk_attempts_worker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("job", "number", name=op.f("uq_attempts_job_number")),
        sa.Index("ix_attempts_running", "job", unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'")),
    )


def upgrade() -> None:
    """Let attempts fail in one more way; on SQLite the views stand aside while the table is built anew."""
    connection = op.get_bind()
    on_sqlite = connection.dialect.name == "sqlite"
    views = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'view'")).all() if on_sqlite else []
    for name, _ in views:
        op.execute(f'DROP VIEW "{name}"')
    with op.batch_alter_table("attempts", copy_from=_attempts()) as attempts:
        attempts.drop_constraint(op.f(KNOWN), type_="check")
        attempts.create_check_constraint(op.f(KNOWN), "failure_kind IN ('user_error', 'out_of_memory', 'killed', 'cuda_fault', 'data_missing', 'stalled')")
        attempts.alter_column("failure_kind", existing_type=sa.String(length=32), existing_nullable=True, comment=NEW_COMMENT, existing_comment=OLD_COMMENT)
    for _, sql in views:
        op.execute(sql)
