"""What is measured within epochs, labels for images without, and how a study was asked for.

A frozen record: later changes of `ablate.store.tables` come as migrations of their own.
"""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0003"
down_revision = "ablate_0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make `steps` anew (nothing wrote into it before), and add the other tables."""
    op.drop_index("ix_steps_job_epoch", table_name="steps")
    op.drop_table("steps")
    op.create_table(
        "steps",
        sa.Column("job", ID, autoincrement=False, nullable=False, comment="Its job."),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False, comment="Counted from 1 over the whole run."),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="Its epoch."),
        sa.Column("loss", sa.Double(), comment="Loss of its batch before the step, nats; NULL where that is not kept."),
        sa.Column("val_loss", sa.Double(), comment="Mean loss of the validation images after it, nats; NULL: not measured."),
        sa.Column("val_accuracy", sa.Double(), comment="Share of the validation images classified right after it."),
        sa.CheckConstraint("step >= 1", name=op.f("ck_steps_step_counts_from_1")),
        sa.CheckConstraint("val_accuracy BETWEEN 0 AND 1", name=op.f("ck_steps_val_accuracy_is_a_share")),
        sa.ForeignKeyConstraint(["job", "epoch"], ["epochs.job", "epochs.epoch"], name=op.f("fk_steps_job_epoch"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "step", name=op.f("pk_steps")),
        comment="What was measured at single optimizer steps, kept on request.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_steps_job_epoch", "steps", ["job", "epoch"], unique=False)
    op.create_table(
        "labellings",
        sa.Column("attempt", ID, autoincrement=False, nullable=False, comment="Its attempt."),
        sa.Column("count", sa.Integer(), nullable=False, comment="Number of images."),
        sa.Column("images", sa.JSON(), nullable=False, comment="List of [path, class, probability of that class]."),
        sa.CheckConstraint("count >= 0", name=op.f("ck_labellings_count_is_not_negative")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_labellings_attempt")),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_labellings")),
        comment="What the selected network said of images that nobody has labelled.",
    )
    op.create_table(
        "calls",
        sa.Column("revision", ID, autoincrement=False, nullable=False, comment="Its revision."),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="Counted from 1 within the revision."),
        sa.Column("arguments", sa.JSON(), nullable=False, comment="List of words after `ablate run`: the file, and options that change results."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="When it was first typed, seconds since 1970 UTC."),
        sa.CheckConstraint("number >= 1", name=op.f("ck_calls_number_counts_from_1")),
        sa.ForeignKeyConstraint(["revision"], ["revisions.id"], name=op.f("fk_calls_revision")),
        sa.PrimaryKeyConstraint("revision", "number", name=op.f("pk_calls")),
        comment="The commands by which a revision was submitted, each once.",
    )
