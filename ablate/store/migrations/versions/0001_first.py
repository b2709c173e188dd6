"""The first schema.

A frozen record, one column a line: later changes of `ablate.store.tables` come as migrations of their own.
"""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ablate_0001"
down_revision = None

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
WHERE jobs.listed"""

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
WHERE jobs.listed"""


def upgrade() -> None:
    """Make all tables and views."""
    op.create_table(
        "studies",
        sa.Column("id", ID, nullable=False, comment="Number of the study."),
        sa.Column("name", sa.String(length=64), nullable=False, comment="Name in the study file."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="First submission, seconds since 1970 UTC."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
        sa.UniqueConstraint("name", name=op.f("uq_studies_name")),
        comment="One row for each study.",
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=64), nullable=False, comment="uuid4, new at each start."),
        sa.Column("host", sa.Text(), nullable=False, comment="Name of the machine."),
        sa.Column("pid", sa.BigInteger(), nullable=False, comment="Process id on that machine."),
        sa.Column("device", sa.String(length=64), nullable=False, comment="`cpu` or `cuda:0`."),
        sa.Column("device_name", sa.Text(), nullable=False, comment="Model of the processor or GPU."),
        sa.Column("provenance", sa.JSON(), nullable=False, comment="Versions, git commit, dirty flag."),
        sa.Column("started_at", sa.Double(), nullable=False, comment="Introduction, seconds since 1970 UTC."),
        sa.Column("seen_at", sa.Double(), nullable=False, comment="Last beat or claim, seconds since 1970 UTC."),
        sa.Column("ended_at", sa.Double(), comment="Orderly end or noticed death, seconds since 1970 UTC."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        comment="Processes that claim jobs.",
    )
    op.create_table(
        "revisions",
        sa.Column("id", ID, nullable=False, comment="Number of the row."),
        sa.Column("study", ID, nullable=False, comment="Its study."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Counted from 1 within the study."),
        sa.Column("text", sa.Text(), nullable=False, comment="The study file, word for word."),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the text, hexadecimal."),
        sa.Column("settings", sa.JSON(), nullable=False, comment="List of the `--set` options given beside the file."),
        sa.Column("outline", sa.JSON(), nullable=False, comment="Factors, designs and variants as the report shows them."),
        sa.Column("execution", sa.JSON(), nullable=False, comment="Settings that change bits; those of the first revision."),
        sa.Column("ablate_version", sa.String(length=64), nullable=False, comment="Version of ablate that submitted it."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="Submission, seconds since 1970 UTC."),
        sa.CheckConstraint("number >= 1", name=op.f("ck_revisions_number_counts_from_1")),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_revisions_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("study", "number", name=op.f("uq_revisions_study_number")),
        comment="Every version of a study file that was submitted.",
    )
    op.create_table(
        "variants",
        sa.Column("id", ID, nullable=False, comment="Number of the variant."),
        sa.Column("study", ID, nullable=False, comment="Its study."),
        sa.Column("key", sa.String(length=64), nullable=False, comment="Hash of the recipe, or of (study, name) for imported results."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name for people, as the newest revision that lists it has it."),
        sa.Column("recipe", sa.JSON(none_as_null=True), comment="The recipe, defaults left out; NULL for imported results."),
        sa.Column("levels", sa.JSON(), nullable=False, comment="Level of each factor; empty for named variants."),
        sa.Column("position", sa.Integer(), nullable=False, comment="Place in the study, from 0; the baseline comes first."),
        sa.CheckConstraint("position >= 0", name=op.f("ck_variants_position_counts_from_0")),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_variants_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
        sa.UniqueConstraint("study", "key", name=op.f("uq_variants_study_key")),
        comment="Combinations of levels.",
    )
    op.create_table(
        "jobs",
        sa.Column("id", ID, nullable=False, comment="Number of the job."),
        sa.Column("study", ID, nullable=False, comment="Its study."),
        sa.Column("variant", ID, nullable=False, comment="Its variant."),
        sa.Column("seed", sa.Integer(), nullable=False, comment="Seed index."),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="Order of claims: by seed, then by the variants' order."),
        sa.Column("state", sa.String(length=16), nullable=False, comment="queued, running, succeeded, diverged, failed, cancelled."),
        sa.Column("listed", sa.Boolean(), nullable=False, comment="Whether the newest revision asks for it; else it waits."),
        sa.Column("attempt", ID, comment="attempts.id of the running or last attempt; the fence. No foreign key: a cycle."),
        sa.Column("attempt_count", sa.Integer(), nullable=False, comment="Attempts so far."),
        sa.Column("worker", sa.String(length=64), comment="Who runs it; NULL when nobody does."),
        sa.Column("lease_expires_at", sa.Double(), comment="When its worker counts as lost, seconds since 1970 UTC."),
        sa.Column("group_key", sa.String(length=64), comment="Jobs with equal keys can train as one stacked network; NULL: alone."),
        sa.Column("fruitless_attempts", sa.Integer(), nullable=False, comment="Attempts since the last new epoch."),
        sa.Column("furthest_epoch", sa.Integer(), nullable=False, comment="Highest epoch that any attempt recorded; 0: none."),
        sa.Column("retried_after", sa.Integer(), nullable=False, comment="attempt_count at the last `ablate retry`, else 0."),
        sa.Column("error", sa.Text(), comment="One line on why it failed, diverged, or was given up last; NULL: nothing."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="Submission, seconds since 1970 UTC."),
        sa.Column("started_at", sa.Double(), comment="Start of the running or last attempt, seconds since 1970 UTC."),
        sa.Column("ended_at", sa.Double(), comment="End of the job, seconds since 1970 UTC."),
        sa.CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name=op.f("ck_jobs_running_means_leased")),
        sa.CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name=op.f("ck_jobs_running_means_held")),
        sa.CheckConstraint("(state IN ('succeeded', 'diverged', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name=op.f("ck_jobs_ended_means_dated")),
        sa.CheckConstraint("state <> 'running' OR attempt IS NOT NULL", name=op.f("ck_jobs_running_means_attempted")),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'diverged', 'failed', 'cancelled')", name=op.f("ck_jobs_state_is_known")),
        sa.CheckConstraint("attempt_count >= 0", name=op.f("ck_jobs_attempt_count_counts_from_0")),
        sa.CheckConstraint("fruitless_attempts >= 0", name=op.f("ck_jobs_fruitless_attempts_counts_from_0")),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_jobs_seed_counts_from_0")),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_jobs_study")),
        sa.ForeignKeyConstraint(["variant"], ["variants.id"], name=op.f("fk_jobs_variant")),
        sa.ForeignKeyConstraint(["worker"], ["workers.id"], name=op.f("fk_jobs_worker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("study", "variant", "seed", name=op.f("uq_jobs_study_variant_seed")),
        comment="A variant with a seed: what is to be trained.",
    )
    op.create_index("ix_jobs_queue", "jobs", ["state", "listed", "study", "position"], unique=False)
    op.create_table(
        "sources",
        sa.Column("revision", ID, nullable=False, comment="Its revision."),
        sa.Column("path", sa.String(length=1024), nullable=False, comment="Path relative to the study file."),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the text, hexadecimal."),
        sa.Column("text", sa.Text(), nullable=False, comment="The file, word for word."),
        sa.ForeignKeyConstraint(["revision"], ["revisions.id"], name=op.f("fk_sources_revision")),
        sa.PrimaryKeyConstraint("revision", "path", name=op.f("pk_sources")),
        comment="Code of the user that a revision names, so that a worker elsewhere can run it.",
    )
    op.create_table(
        "attempts",
        sa.Column("id", ID, nullable=False, comment="Number of the attempt; with the job it is the fence."),
        sa.Column("job", ID, nullable=False, comment="Its job."),
        sa.Column("number", sa.Integer(), nullable=False, comment="Counted from 1 within the job."),
        sa.Column("worker", sa.String(length=64), comment="Who ran it; NULL for imported results."),
        sa.Column("state", sa.String(length=16), nullable=False, comment="running, succeeded, diverged, failed, lost, released, preempted, cancelled."),
        sa.Column("started_at", sa.Double(), nullable=False, comment="Claim, seconds since 1970 UTC."),
        sa.Column("ended_at", sa.Double(), comment="End, seconds since 1970 UTC."),
        sa.Column("device", sa.String(length=64), comment="`cpu` or `cuda:0`."),
        sa.Column("device_name", sa.Text(), comment="Model of the processor or GPU."),
        sa.Column("provenance", sa.JSON(none_as_null=True), comment="Versions, git commit, dirty flag."),
        sa.Column("resumed_from", sa.Integer(), comment="Epoch after which it went on; 0: from the start; NULL: no epoch yet."),
        sa.Column("failure_kind", sa.String(length=32), comment="user_error, out_of_memory, killed, cuda_fault, data_missing; NULL: it did not fail."),
        sa.Column("failure_message", sa.Text(), comment="One line on the failure or the divergence."),
        sa.Column("failure_details", sa.Text(), comment="The traceback or the end of the log."),
        sa.Column("failure_facts", sa.JSON(none_as_null=True), comment="Peak memory, batch size and the like."),
        sa.Column("selected_epoch", sa.Integer(), comment="Epoch whose weights met the test set, from 1."),
        sa.Column("test_loss", sa.Double(), comment="Mean loss over the test images, nats."),
        sa.Column("test_accuracy", sa.Double(), comment="Share of the test images classified right."),
        sa.Column("parameters", sa.BigInteger(), comment="Parameters, trained or not."),
        sa.Column("trainable_parameters", sa.BigInteger(), comment="Parameters that were trained."),
        sa.Column("flops", sa.BigInteger(), comment="Multiply-adds times two of one image's forward pass."),
        sa.Column("seconds", sa.Double(), comment="Wall time of the run in all attempts that led to it, seconds."),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name=op.f("ck_attempts_running_means_open")),
        sa.CheckConstraint("failure_kind IN ('user_error', 'out_of_memory', 'killed', 'cuda_fault', 'data_missing')", name=op.f("ck_attempts_failure_kind_is_known")),
        sa.CheckConstraint("state IN ('running', 'succeeded', 'diverged', 'failed', 'lost', 'released', 'preempted', 'cancelled')", name=op.f("ck_attempts_state_is_known")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_attempts_number_counts_from_1")),
        sa.CheckConstraint("resumed_from >= 0", name=op.f("ck_attempts_resumed_from_counts_from_0")),
        sa.CheckConstraint("selected_epoch >= 1", name=op.f("ck_attempts_selected_epoch_counts_from_1")),
        sa.CheckConstraint("test_accuracy BETWEEN 0 AND 1", name=op.f("ck_attempts_test_accuracy_is_a_share")),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_attempts_job")),
        sa.ForeignKeyConstraint(["worker"], ["workers.id"], name=op.f("fk_attempts_worker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("job", "number", name=op.f("uq_attempts_job_number")),
        comment="One execution of a job by a worker, with what it measured at its end.",
    )
    op.create_index("ix_attempts_running", "attempts", ["job"], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))
    op.create_table(
        "notes",
        sa.Column("id", ID, nullable=False, comment="Number of the note."),
        sa.Column("study", ID, nullable=False, comment="Its study."),
        sa.Column("job", ID, comment="The job it is about; NULL: the study."),
        sa.Column("text", sa.Text(), nullable=False, comment="What somebody wrote."),
        sa.Column("created_at", sa.Double(), nullable=False, comment="When, seconds since 1970 UTC."),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_notes_job")),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_notes_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        comment="Remarks of people.",
    )
    op.create_index("ix_notes_study", "notes", ["study"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("id", ID, nullable=False, comment="Number of the file."),
        sa.Column("job", ID, nullable=False, comment="Its job."),
        sa.Column("attempt", ID, nullable=False, comment="The attempt that wrote it."),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="checkpoint."),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="Last epoch whose results it contains."),
        sa.Column("name", sa.String(length=512), nullable=False, comment="Path relative to the artifacts folder."),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Bytes."),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the file, hexadecimal."),
        sa.CheckConstraint("kind IN ('checkpoint')", name=op.f("ck_artifacts_kind_is_known")),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_artifacts_epoch_counts_from_1")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_artifacts_size_is_not_negative")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_artifacts_attempt")),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_artifacts_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("name", name=op.f("uq_artifacts_name")),
        comment="Files beside the database that rows point at.",
    )
    op.create_index("ix_artifacts_job_kind_epoch", "artifacts", ["job", "kind", "epoch"], unique=False)
    op.create_table(
        "epochs",
        sa.Column("job", ID, nullable=False, comment="Its job."),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False, comment="Counted from 1."),
        sa.Column("attempt", ID, nullable=False, comment="The accepted attempt."),
        sa.Column("train_loss", sa.Double(), comment="Mean loss of the training images as trained on, nats."),
        sa.Column("train_accuracy", sa.Double(), comment="Share of the training images classified right as trained on."),
        sa.Column("val_loss", sa.Double(), comment="Mean loss of the validation images, nats; NULL without a split."),
        sa.Column("val_accuracy", sa.Double(), comment="Share of the validation images classified right."),
        sa.Column("lr", sa.Double(), comment="Learning rate of the first group in the epoch's last step."),
        sa.Column("seconds", sa.Double(), comment="Wall time, validation included, seconds."),
        sa.Column("images_per_second", sa.Double(), comment="Training images per second of training time."),
        sa.Column("peak_memory_bytes", sa.BigInteger(), comment="Most memory in use so far, bytes."),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_epochs_epoch_counts_from_1")),
        sa.CheckConstraint("train_accuracy BETWEEN 0 AND 1", name=op.f("ck_epochs_train_accuracy_is_a_share")),
        sa.CheckConstraint("val_accuracy BETWEEN 0 AND 1", name=op.f("ck_epochs_val_accuracy_is_a_share")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_epochs_attempt")),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name=op.f("fk_epochs_job")),
        sa.PrimaryKeyConstraint("job", "epoch", name=op.f("pk_epochs")),
        comment="One row for each epoch of each job, whichever attempts it took.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fingerprints",
        sa.Column("attempt", ID, autoincrement=False, nullable=False, comment="Its attempt."),
        sa.Column("name", sa.String(length=64), nullable=False, comment="module_tree, optimizer_groups, transforms and others."),
        sa.Column("value", sa.Text(), nullable=False, comment="A hash, or a number as text."),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_fingerprints_attempt")),
        sa.PrimaryKeyConstraint("attempt", "name", name=op.f("pk_fingerprints")),
        comment="What tells two recipes apart that train the same thing.",
    )
    op.create_table(
        "predictions",
        sa.Column("attempt", ID, autoincrement=False, nullable=False, comment="Its attempt."),
        sa.Column("count", sa.Integer(), nullable=False, comment="Number of test images, N."),
        sa.Column("correct", sa.LargeBinary(), nullable=False, comment="Whether right: bits, most significant first."),
        sa.Column("predicted", sa.LargeBinary(), nullable=False, comment="Predicted classes: little-endian uint16."),
        sa.Column("confidence", sa.LargeBinary(), nullable=False, comment="Probability of that class: little-endian float16."),
        sa.CheckConstraint("length(confidence) = 2 * count", name=op.f("ck_predictions_confidence_is_packed")),
        sa.CheckConstraint("length(correct) = (count + 7) / 8", name=op.f("ck_predictions_correct_is_packed")),
        sa.CheckConstraint("length(predicted) = 2 * count", name=op.f("ck_predictions_predicted_is_packed")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_predictions_attempt")),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_predictions")),
        comment="What the selected network said of each test image, in the order of the data set.",
    )
    op.create_table(
        "custom_metrics",
        sa.Column("job", ID, autoincrement=False, nullable=False, comment="Its job."),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False, comment="Its epoch."),
        sa.Column("name", sa.String(length=128), nullable=False, comment="Name, as `oracle_test_accuracy`."),
        sa.Column("value", sa.Double(), comment="Value in the metric's own unit."),
        sa.ForeignKeyConstraint(["job", "epoch"], ["epochs.job", "epochs.epoch"], name=op.f("fk_custom_metrics_job_epoch"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "epoch", "name", name=op.f("pk_custom_metrics")),
        comment="Further values of an epoch by name.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "steps",
        sa.Column("job", ID, autoincrement=False, nullable=False, comment="Its job."),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False, comment="Counted from 1 over the whole run."),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="Its epoch."),
        sa.Column("loss", sa.Double(), comment="Loss of the step, nats."),
        sa.CheckConstraint("step >= 1", name=op.f("ck_steps_step_counts_from_1")),
        sa.ForeignKeyConstraint(["job", "epoch"], ["epochs.job", "epochs.epoch"], name=op.f("fk_steps_job_epoch"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "step", name=op.f("pk_steps")),
        comment="Losses of single optimizer steps, kept on request.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_steps_job_epoch", "steps", ["job", "epoch"], unique=False)
    op.execute(RUNS_VIEW)
    op.execute(EPOCHS_VIEW)
