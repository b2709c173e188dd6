"""The schema: every table, its keys, and the CHECK constraints that guard its states.

Times are seconds since 1970-01-01 UTC by the database's clock; `datetime(created_at, 'unixepoch')` (SQLite) and
`to_timestamp(created_at)` (PostgreSQL) show them. Shares such as accuracies are fractions in [0, 1]. A metric that is
not a number is NULL. A change here needs a migration under `migrations/versions`.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ablate.protocol import AttemptState, FailureKind, JobState

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

#: 64 bits on both databases; SQLite counts rows by themselves only in a column of type INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

#: Kinds of files beside the database.
CHECKPOINT = "checkpoint"
WEIGHTS = "weights"
#: States of a job that only `ablate retry` leaves.
ENDED = (JobState.SUCCEEDED, JobState.DIVERGED, JobState.FAILED, JobState.CANCELLED)


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _share(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN 0 AND 1", name=f"{column}_is_a_share")


#: At most one attempt of a job runs.
_RUNNING = text("state = 'running'")

studies = Table(
    "studies",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the study."),
    Column("name", String(64), nullable=False, unique=True, comment="Name in the study file."),
    Column("created_at", Double, nullable=False, comment="First submission, seconds since 1970 UTC."),
    comment="One row for each study.",
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the row."),
    Column("study", ForeignKey("studies.id"), nullable=False, comment="Its study."),
    Column("number", Integer, nullable=False, comment="Counted from 1 within the study."),
    Column("text", Text, nullable=False, comment="The study file, word for word."),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of the text, hexadecimal."),
    Column("settings", JSON, nullable=False, comment="List of the `--set` options given beside the file."),
    Column("outline", JSON, nullable=False, comment="Factors, designs and variants as the report shows them."),
    Column("execution", JSON, nullable=False, comment="Settings that change bits; those of the first revision."),
    Column("ablate_version", String(64), nullable=False, comment="Version of ablate that submitted it."),
    Column("created_at", Double, nullable=False, comment="Submission, seconds since 1970 UTC."),
    UniqueConstraint("study", "number"),
    CheckConstraint("number >= 1", name="number_counts_from_1"),
    comment="Every version of a study file that was submitted.",
)

calls = Table(
    "calls",
    metadata,
    Column("revision", ForeignKey("revisions.id"), primary_key=True, autoincrement=False, comment="Its revision."),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="Counted from 1 within the revision."),
    Column(
        "arguments",
        JSON,
        nullable=False,
        comment="List of words after `ablate run`: the file, and options that change results.",
    ),
    Column("created_at", Double, nullable=False, comment="When it was first typed, seconds since 1970 UTC."),
    CheckConstraint("number >= 1", name="number_counts_from_1"),
    comment="The commands by which a revision was submitted, each once.",
)

sources = Table(
    "sources",
    metadata,
    Column("revision", ForeignKey("revisions.id"), primary_key=True, comment="Its revision."),
    Column("path", String(1024), primary_key=True, comment="Path relative to the study file."),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of the text, hexadecimal."),
    Column("text", Text, nullable=False, comment="The file, word for word."),
    comment="Code of the user that a revision names, so that a worker elsewhere can run it.",
)

variants = Table(
    "variants",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the variant."),
    Column("study", ForeignKey("studies.id"), nullable=False, comment="Its study."),
    Column("key", String(64), nullable=False, comment="Hash of the recipe, or of (study, name) for imported results."),
    Column("name", Text, nullable=False, comment="Name for people, as the newest revision that lists it has it."),
    Column("recipe", JSON(none_as_null=True), comment="The recipe, defaults left out; NULL for imported results."),
    Column("levels", JSON, nullable=False, comment="Level of each factor; empty for named variants."),
    Column("position", Integer, nullable=False, comment="Place in the study, from 0; the baseline comes first."),
    Column("pack", String(64), comment="Jobs of equal packs may train as one stacked network; NULL: alone."),
    Column("pack_size", Integer, comment="Places of that network; NULL: alone."),
    UniqueConstraint("study", "key"),
    CheckConstraint("position >= 0", name="position_counts_from_0"),
    comment="Combinations of levels.",
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True, comment="uuid4, new at each start."),
    Column("host", Text, nullable=False, comment="Name of the machine."),
    Column("pid", BigInteger, nullable=False, comment="Process id on that machine."),
    Column("device", String(64), nullable=False, comment="`cpu` or `cuda:0`."),
    Column("device_name", Text, nullable=False, comment="Model of the processor or GPU."),
    Column("provenance", JSON, nullable=False, comment="Versions, git commit, dirty flag."),
    Column("started_at", Double, nullable=False, comment="Introduction, seconds since 1970 UTC."),
    # a claim that was given a job shows in jobs.started_at alone
    Column("seen_at", Double, nullable=False, comment="Last beat or claim, seconds since 1970 UTC."),
    Column("ended_at", Double, comment="Orderly end or noticed death, seconds since 1970 UTC."),
    comment="Processes that claim jobs.",
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the job."),
    Column("study", ForeignKey("studies.id"), nullable=False, comment="Its study."),
    Column("variant", ForeignKey("variants.id"), nullable=False, comment="Its variant."),
    Column("seed", Integer, nullable=False, comment="Seed index."),
    Column("position", BigInteger, nullable=False, comment="Order of claims: by seed, then by the variants' order."),
    Column("state", String(16), nullable=False, comment=", ".join(JobState) + "."),
    Column("listed", Boolean, nullable=False, comment="Whether the newest revision asks for it; else it waits."),
    Column("attempt", Id, comment="attempts.id of the running or last attempt; the fence. No foreign key: a cycle."),
    Column("attempt_count", Integer, nullable=False, comment="Attempts so far."),
    Column("worker", ForeignKey("workers.id"), comment="Who runs it; NULL when nobody does."),
    Column("lease_expires_at", Double, comment="When its worker counts as lost, seconds since 1970 UTC."),
    Column("fruitless_attempts", Integer, nullable=False, comment="Attempts since the last new epoch."),
    Column("furthest_epoch", Integer, nullable=False, comment="Highest epoch that any attempt recorded; 0: none."),
    Column("retried_after", Integer, nullable=False, comment="attempt_count at the last `ablate retry`, else 0."),
    Column("error", Text, comment="One line on why it failed, diverged, or was given up last; NULL: nothing."),
    Column("created_at", Double, nullable=False, comment="Submission, seconds since 1970 UTC."),
    Column("started_at", Double, comment="Start of the running or last attempt, seconds since 1970 UTC."),
    Column("ended_at", Double, comment="End of the job, seconds since 1970 UTC."),
    UniqueConstraint("study", "variant", "seed"),
    CheckConstraint(_one_of("state", JobState), name="state_is_known"),
    CheckConstraint("seed >= 0", name="seed_counts_from_0"),
    CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name="running_means_leased"),
    CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name="running_means_held"),
    CheckConstraint("state <> 'running' OR attempt IS NOT NULL", name="running_means_attempted"),
    CheckConstraint(f"({_one_of('state', ENDED)}) = (ended_at IS NOT NULL)", name="ended_means_dated"),
    CheckConstraint("attempt_count >= 0", name="attempt_count_counts_from_0"),
    CheckConstraint("fruitless_attempts >= 0", name="fruitless_attempts_counts_from_0"),
    Index("ix_jobs_queue", "state", "listed", "study", "position"),  # claims, rescues and counts read it alone
    comment="A variant with a seed: what is to be trained.",
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the attempt; with the job it is the fence."),
    Column("job", ForeignKey("jobs.id"), nullable=False, comment="Its job."),
    Column("number", Integer, nullable=False, comment="Counted from 1 within the job."),
    Column("worker", ForeignKey("workers.id"), comment="Who ran it; NULL for imported results."),
    Column("state", String(16), nullable=False, comment=", ".join(AttemptState) + "."),
    Column("started_at", Double, nullable=False, comment="Claim, seconds since 1970 UTC."),
    Column("ended_at", Double, comment="End, seconds since 1970 UTC."),
    Column("device", String(64), comment="`cpu` or `cuda:0`."),
    Column("device_name", Text, comment="Model of the processor or GPU."),
    Column("provenance", JSON(none_as_null=True), comment="Versions, git commit, dirty flag."),
    Column("resumed_from", Integer, comment="Epoch after which it went on; 0: from the start; NULL: no epoch yet."),
    Column("failure_kind", String(32), comment=", ".join(FailureKind) + "; NULL: it did not fail."),
    Column("failure_message", Text, comment="One line on the failure or the divergence."),
    Column("failure_details", Text, comment="The traceback or the end of the log."),
    Column("failure_facts", JSON(none_as_null=True), comment="Peak memory, batch size and the like."),
    Column("selected_epoch", Integer, comment="Epoch whose weights met the test set, from 1."),
    Column("test_loss", Double, comment="Mean loss over the test images, nats."),
    Column("test_accuracy", Double, comment="Share of the test images classified right."),
    Column("parameters", BigInteger, comment="Parameters, trained or not."),
    Column("trainable_parameters", BigInteger, comment="Parameters that were trained."),
    Column("flops", BigInteger, comment="Multiply-adds times two of one image's forward pass."),
    Column("seconds", Double, comment="Wall time of the run in all attempts that led to it, seconds."),
    Column(
        "execution", JSON(none_as_null=True), comment="How it was computed: tier, threads and the like; NULL: untold."
    ),
    UniqueConstraint("job", "number"),
    CheckConstraint(_one_of("state", AttemptState), name="state_is_known"),
    CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="running_means_open"),
    CheckConstraint(_one_of("failure_kind", FailureKind), name="failure_kind_is_known"),
    CheckConstraint("number >= 1", name="number_counts_from_1"),
    CheckConstraint("selected_epoch >= 1", name="selected_epoch_counts_from_1"),
    CheckConstraint("resumed_from >= 0", name="resumed_from_counts_from_0"),
    _share("test_accuracy"),
    Index("ix_attempts_running", "job", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    comment="One execution of a job by a worker, with what it measured at its end.",
)

epochs = Table(
    "epochs",
    metadata,
    Column("job", ForeignKey("jobs.id"), primary_key=True, comment="Its job."),
    Column("epoch", Integer, primary_key=True, autoincrement=False, comment="Counted from 1."),
    Column("attempt", ForeignKey("attempts.id"), nullable=False, comment="The accepted attempt."),
    Column("train_loss", Double, comment="Mean loss of the training images as trained on, nats."),
    Column("train_accuracy", Double, comment="Share of the training images classified right as trained on."),
    Column("val_loss", Double, comment="Mean loss of the validation images, nats; NULL without a split."),
    Column("val_accuracy", Double, comment="Share of the validation images classified right."),
    Column("lr", Double, comment="Learning rate of the first group in the epoch's last step."),
    Column("seconds", Double, comment="Wall time, validation included, seconds."),
    Column("images_per_second", Double, comment="Training images per second of training time."),
    Column("peak_memory_bytes", BigInteger, comment="Most memory in use so far, bytes."),
    CheckConstraint("epoch >= 1", name="epoch_counts_from_1"),
    _share("train_accuracy"),
    _share("val_accuracy"),
    sqlite_with_rowid=False,
    comment="One row for each epoch of each job, whichever attempts it took.",
)


def _of_epoch() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["job", "epoch"], ["epochs.job", "epochs.epoch"], ondelete="CASCADE")


steps = Table(
    "steps",
    metadata,
    Column("job", Id, primary_key=True, autoincrement=False, comment="Its job."),
    Column("step", BigInteger, primary_key=True, autoincrement=False, comment="Counted from 1 over the whole run."),
    Column("epoch", Integer, nullable=False, comment="Its epoch."),
    Column("loss", Double, comment="Loss of its batch before the step, nats; NULL where that is not kept."),
    Column("val_loss", Double, comment="Mean loss of the validation images after it, nats; NULL: not measured."),
    Column("val_accuracy", Double, comment="Share of the validation images classified right after it."),
    _of_epoch(),
    CheckConstraint("step >= 1", name="step_counts_from_1"),
    _share("val_accuracy"),
    Index("ix_steps_job_epoch", "job", "epoch"),
    sqlite_with_rowid=False,
    comment="What was measured at single optimizer steps, kept on request.",
)

custom_metrics = Table(
    "custom_metrics",
    metadata,
    Column("job", Id, primary_key=True, autoincrement=False, comment="Its job."),
    Column("epoch", Integer, primary_key=True, autoincrement=False, comment="Its epoch."),
    Column("name", String(128), primary_key=True, comment="Name, as `oracle_test_accuracy`."),
    Column("value", Double, comment="Value in the metric's own unit."),
    _of_epoch(),
    sqlite_with_rowid=False,
    comment="Further values of an epoch by name.",
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("attempt", ForeignKey("attempts.id"), primary_key=True, autoincrement=False, comment="Its attempt."),
    Column("name", String(128), primary_key=True, comment="Name, as `test_macro_f1`."),
    Column("value", Double, comment="Value in the metric's own unit."),
    comment="Further values of a whole run by name.",
)

test_sets = Table(
    "test_sets",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of class names and labels, hexadecimal."),
    Column("count", Integer, nullable=False, comment="Number of test images, N."),
    Column("classes", JSON, nullable=False, comment="List of the classes' names, in the order of their numbers."),
    Column("labels", LargeBinary, nullable=False, comment="True classes: little-endian uint16."),
    CheckConstraint("length(labels) = 2 * count", name="labels_is_packed"),
    comment="True classes of test images, once for all runs that met them.",
)

predictions = Table(
    "predictions",
    metadata,
    Column("attempt", ForeignKey("attempts.id"), primary_key=True, autoincrement=False, comment="Its attempt."),
    Column("test_set", ForeignKey("test_sets.digest"), comment="The true classes; NULL where they were not kept."),
    Column("count", Integer, nullable=False, comment="Number of test images, N."),
    Column("correct", LargeBinary, nullable=False, comment="Whether right: bits, most significant first."),
    Column("predicted", LargeBinary, nullable=False, comment="Predicted classes: little-endian uint16."),
    Column("confidence", LargeBinary, nullable=False, comment="Probability of that class: little-endian float16."),
    CheckConstraint("length(correct) = (count + 7) / 8", name="correct_is_packed"),
    CheckConstraint("length(predicted) = 2 * count", name="predicted_is_packed"),
    CheckConstraint("length(confidence) = 2 * count", name="confidence_is_packed"),
    comment="What the selected network said of each test image, in the order of the data set.",
)

labellings = Table(
    "labellings",
    metadata,
    Column("attempt", ForeignKey("attempts.id"), primary_key=True, autoincrement=False, comment="Its attempt."),
    Column("count", Integer, nullable=False, comment="Number of images."),
    Column("images", JSON, nullable=False, comment="List of [path, class, probability of that class]."),
    CheckConstraint("count >= 0", name="count_is_not_negative"),
    comment="What the selected network said of images that nobody has labelled.",
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("attempt", ForeignKey("attempts.id"), primary_key=True, autoincrement=False, comment="Its attempt."),
    Column("name", String(64), primary_key=True, comment="module_tree, optimizer_groups, transforms and others."),
    Column("value", Text, nullable=False, comment="A hash, or a number as text."),
    comment="What tells two recipes apart that train the same thing.",
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the file."),
    Column("job", ForeignKey("jobs.id"), nullable=False, comment="Its job."),
    Column("attempt", ForeignKey("attempts.id"), nullable=False, comment="The attempt that wrote it."),
    Column("kind", String(16), nullable=False, comment="checkpoint, weights."),
    Column("epoch", Integer, nullable=False, comment="Last epoch whose results it contains."),
    Column("name", String(512), nullable=False, unique=True, comment="Path relative to the artifacts folder."),
    Column("size", BigInteger, nullable=False, comment="Bytes."),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of the file, hexadecimal."),
    CheckConstraint(_one_of("kind", [CHECKPOINT, WEIGHTS]), name="kind_is_known"),
    CheckConstraint("epoch >= 1", name="epoch_counts_from_1"),
    CheckConstraint("size >= 0", name="size_is_not_negative"),
    Index("ix_artifacts_job_kind_epoch", "job", "kind", "epoch"),
    comment="Files beside the database that rows point at.",
)

tunings = Table(
    "tunings",
    metadata,
    Column("study", ForeignKey("studies.id"), primary_key=True, comment="Its study."),
    Column("key", String(64), primary_key=True, comment="Hash of the recipes that were tried and of the seeds."),
    Column("name", Text, nullable=False, comment="The retuned variant, as it was called when the choice was made."),
    Column("chosen", String(64), nullable=False, comment="Key of the recipe that was chosen."),
    Column("choice", JSON, nullable=False, comment="What was tried, on which seeds, with which validation accuracies."),
    Column("created_at", Double, nullable=False, comment="When, seconds since 1970 UTC."),
    comment="Choices of values for retuned levels; each is made once.",
)

repeats = Table(
    "repeats",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the row."),
    Column("key", String(64), nullable=False, comment="Hash of the recipe, as in variants.key."),
    Column("seed", Integer, nullable=False, comment="Seed index of both runs."),
    Column("device", String(64), nullable=False, comment="`cpu` or `cuda:0`."),
    Column("device_name", Text, nullable=False, comment="Model of the processor or GPU."),
    Column("provenance", JSON, nullable=False, comment="Versions, git commit, dirty flag."),
    Column("first", JSON, nullable=False, comment="Metrics of the first run by name."),
    Column("second", JSON, nullable=False, comment="Metrics of the second run by name."),
    Column("apart_from", Integer, comment="First epoch whose figures differ, from 1; NULL: none does."),
    Column("created_at", Double, nullable=False, comment="When, seconds since 1970 UTC."),
    CheckConstraint("apart_from >= 1", name="apart_from_counts_from_1"),
    Index("ix_repeats_key", "key"),
    comment="One recipe trained twice with one seed, outside the queue: the floor of what differences mean.",
)

notes = Table(
    "notes",
    metadata,
    Column("id", Id, primary_key=True, comment="Number of the note."),
    Column("study", ForeignKey("studies.id"), nullable=False, comment="Its study."),
    Column("job", ForeignKey("jobs.id"), comment="The job it is about; NULL: the study."),
    Column("text", Text, nullable=False, comment="What somebody wrote."),
    Column("created_at", Double, nullable=False, comment="When, seconds since 1970 UTC."),
    Index("ix_notes_study", "study"),
    comment="Remarks of people.",
)
