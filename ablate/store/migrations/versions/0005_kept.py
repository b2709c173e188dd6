"""What a run keeps: metrics of the whole run, true classes of test images, and final weights.

A frozen record: later changes of `ablate.store.tables` come as migrations of their own.
"""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0005"
down_revision = "ablate_0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = "kind IN ('checkpoint', 'weights')"

RUN_METRICS_VIEW = """\
CREATE VIEW run_metrics_view AS
SELECT studies.name AS study, variants.name AS variant, variants.key AS variant_key, jobs.seed AS seed,
       run_metrics.name AS name, run_metrics.value AS value
FROM run_metrics
JOIN attempts ON attempts.id = run_metrics.attempt
JOIN jobs ON jobs.id = attempts.job AND jobs.attempt = attempts.id
JOIN studies ON studies.id = jobs.study
JOIN variants ON variants.id = jobs.variant
WHERE jobs.listed AND jobs.seed < 1000000"""


def upgrade() -> None:
    """Add two tables and a view, let predictions name their test set, and artifacts be weights."""
    op.create_table(
        "run_metrics",
        sa.Column("attempt", ID, autoincrement=False, nullable=False, comment="Its attempt."),
        sa.Column("name", sa.String(length=128), nullable=False, comment="Name, as `test_macro_f1`."),
        sa.Column("value", sa.Double(), comment="Value in the metric's own unit."),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_run_metrics_attempt")),
        sa.PrimaryKeyConstraint("attempt", "name", name=op.f("pk_run_metrics")),
        comment="Further values of a whole run by name.",
    )
    op.create_table(
        "test_sets",
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of class names and labels, hexadecimal."),
        sa.Column("count", sa.Integer(), nullable=False, comment="Number of test images, N."),
        sa.Column("classes", sa.JSON(), nullable=False, comment="List of the classes' names, in the order of their numbers."),
        sa.Column("labels", sa.LargeBinary(), nullable=False, comment="True classes: little-endian uint16."),
        sa.CheckConstraint("length(labels) = 2 * count", name=op.f("ck_test_sets_labels_is_packed")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_test_sets")),
        comment="True classes of test images, once for all runs that met them.",
    )
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        _alter()
    op.execute(RUN_METRICS_VIEW)


def _alter() -> None:
    """Where a table can be changed as it stands."""
    op.add_column("predictions", sa.Column("test_set", sa.String(length=64), comment="The true classes; NULL where they were not kept."))
    op.create_foreign_key(op.f("fk_predictions_test_set"), "predictions", "test_sets", ["test_set"], ["digest"])
    op.drop_constraint(op.f("ck_artifacts_kind_is_known"), "artifacts", type_="check")
    op.create_check_constraint(op.f("ck_artifacts_kind_is_known"), "artifacts", KINDS)
    op.alter_column("artifacts", "kind", comment="checkpoint, weights.", existing_comment="checkpoint.", existing_type=sa.String(length=16), existing_nullable=False)


def _rebuild() -> None:
    """SQLite changes constraints only by building a table anew.

    Rows are laid aside and put back, so that no table is renamed: a renamed one keeps quotes around its name. Nothing
    refers to these two.
    """
    op.execute("CREATE TEMPORARY TABLE kept_predictions AS SELECT * FROM predictions")
    op.execute("CREATE TEMPORARY TABLE kept_artifacts AS SELECT * FROM artifacts")
    op.drop_table("predictions")
    op.drop_index("ix_artifacts_job_kind_epoch", table_name="artifacts")
    op.drop_table("artifacts")
    op.create_table(
        "predictions",
        sa.Column("attempt", ID, autoincrement=False, nullable=False, comment="Its attempt."),
        sa.Column("test_set", sa.String(length=64), comment="The true classes; NULL where they were not kept."),
        sa.Column("count", sa.Integer(), nullable=False, comment="Number of test images, N."),
        sa.Column("correct", sa.LargeBinary(), nullable=False, comment="Whether right: bits, most significant first."),
        sa.Column("predicted", sa.LargeBinary(), nullable=False, comment="Predicted classes: little-endian uint16."),
        sa.Column("confidence", sa.LargeBinary(), nullable=False, comment="Probability of that class: little-endian float16."),
        sa.CheckConstraint("length(confidence) = 2 * count", name=op.f("ck_predictions_confidence_is_packed")),
        sa.CheckConstraint("length(correct) = (count + 7) / 8", name=op.f("ck_predictions_correct_is_packed")),
        sa.CheckConstraint("length(predicted) = 2 * count", name=op.f("ck_predictions_predicted_is_packed")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_predictions_attempt")),
        sa.ForeignKeyConstraint(["test_set"], ["test_sets.digest"], name=op.f("fk_predictions_test_set")),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_predictions")),
        comment="What the selected network said of each test image, in the order of the data set.",
    )
    op.create_table(
        "artifacts",
        sa.Column("id", ID, nullable=False, comment="Number of the file."),
        sa.Column("job", ID, nullable=False, comment="Its job."),
        sa.Column("attempt", ID, nullable=False, comment="The attempt that wrote it."),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="checkpoint, weights."),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="Last epoch whose results it contains."),
        sa.Column("name", sa.String(length=512), nullable=False, comment="Path relative to the artifacts folder."),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Bytes."),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the file, hexadecimal."),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_artifacts_epoch_counts_from_1")),
        sa.CheckConstraint(KINDS, name=op.f("ck_artifacts_kind_is_known")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_artifacts_size_is_not_negative")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_artifacts_attempt")),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_artifacts_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("name", name=op.f("uq_artifacts_name")),
        comment="Files beside the database that rows point at.",
    )
    op.create_index("ix_artifacts_job_kind_epoch", "artifacts", ["job", "kind", "epoch"], unique=False)
    op.execute("INSERT INTO predictions (attempt, count, correct, predicted, confidence) SELECT attempt, count, correct, predicted, confidence FROM kept_predictions")
    op.execute("INSERT INTO artifacts (id, job, attempt, kind, epoch, name, size, sha256) SELECT id, job, attempt, kind, epoch, name, size, sha256 FROM kept_artifacts")
    op.execute("DROP TABLE kept_predictions")
    op.execute("DROP TABLE kept_artifacts")
