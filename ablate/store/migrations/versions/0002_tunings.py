"""Choices for retuned levels; the views leave tuning runs out.

A frozen record: later changes of `ablate.store.tables` come as migrations of their own.
"""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0002"
down_revision = "ablate_0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

RUNS_VIEW = """\
CREATE VIEW runs_view AS
SELECT studies.name AS study, variants.name AS variant, variants.key AS variant_key, jobs.seed AS seed,
       jobs.state AS state, attempts.selected_epoch AS selected_epoch, last_epoch.train_loss AS train_loss,
       selected.val_accuracy AS val_accuracy, attempts.test_accuracy AS test_accuracy,
       attempts.test_loss AS test_loss, attempts.parameters AS parameters, attempts.flops AS flops,
       attempts.seconds AS seconds, attempts.device AS device, attempts.number AS attempt, jobs.error AS error
FROM jobs
JOIN studies ON studies.id = jobs.study
JOIN variants ON variants.id = jobs.variant
LEFT JOIN attempts ON attempts.id = jobs.attempt
LEFT JOIN epochs AS last_epoch ON last_epoch.job = jobs.id
     AND last_epoch.epoch = (SELECT max(epochs.epoch) FROM epochs WHERE epochs.job = jobs.id)
LEFT JOIN epochs AS selected ON selected.job = jobs.id AND selected.epoch = attempts.selected_epoch
WHERE jobs.listed AND jobs.seed < 1000000"""

EPOCHS_VIEW = """\
CREATE VIEW epochs_view AS
SELECT studies.name AS study, variants.name AS variant, variants.key AS variant_key, jobs.seed AS seed,
       epochs.epoch AS epoch, epochs.train_loss AS train_loss, epochs.train_accuracy AS train_accuracy,
       epochs.val_loss AS val_loss, epochs.val_accuracy AS val_accuracy, epochs.lr AS lr, epochs.seconds AS seconds,
       attempts.number AS attempt
FROM epochs
JOIN jobs ON jobs.id = epochs.job
JOIN studies ON studies.id = jobs.study
JOIN variants ON variants.id = jobs.variant
JOIN attempts ON attempts.id = epochs.attempt
WHERE jobs.listed AND jobs.seed < 1000000"""


def upgrade() -> None:
    """Add the table, and make the views anew."""
    op.create_table(
        "tunings",
        sa.Column("study", ID, nullable=False, comment="Its study."),
        sa.Column("key", sa.String(length=64), nullable=False, comment="Hash of the recipes that were tried and of the seeds."),
        sa.Column("name", sa.Text(), nullable=False, comment="The retuned variant, as it was called when the choice was made."),
        sa.Column("chosen", sa.String(length=64), nullable=False, comment="Key of the recipe that was chosen."),
        sa.Column("choice", sa.JSON(), nullable=False, comment="What was tried, on which seeds, with which validation accuracies."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="When, seconds since 1970 UTC."),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_tunings_study")),
        sa.PrimaryKeyConstraint("study", "key", name=op.f("pk_tunings")),
        comment="Choices of values for retuned levels; each is made once.",
    )
    op.execute("DROP VIEW runs_view")
    op.execute("DROP VIEW epochs_view")
    op.execute(RUNS_VIEW)
    op.execute(EPOCHS_VIEW)
