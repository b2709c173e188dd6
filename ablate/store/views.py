"""The public face of the database for people who write SQL: read-only views with the columns of `ablate export`.

`run_metrics_view` has a row for each further metric of a whole run, which `ablate export` shows as columns of its run.

They show the jobs that the newest revision of each study asks for, without those that only tune retuned levels
(`ablate.study.FIRST_TUNING_SEED`). Their columns only ever grow.
"""

from __future__ import annotations

from sqlalchemy import DDL, event

from ablate.store.tables import metadata

RUNS = """\
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

EPOCHS = """\
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

RUN_METRICS = """\
CREATE VIEW run_metrics_view AS
SELECT studies.name AS study, variants.name AS variant, variants.key AS variant_key, jobs.seed AS seed,
       run_metrics.name AS name, run_metrics.value AS value
FROM run_metrics
JOIN attempts ON attempts.id = run_metrics.attempt
JOIN jobs ON jobs.id = attempts.job AND jobs.attempt = attempts.id
JOIN studies ON studies.id = jobs.study
JOIN variants ON variants.id = jobs.variant
WHERE jobs.listed AND jobs.seed < 1000000"""

for _view in (RUNS, EPOCHS, RUN_METRICS):
    event.listen(metadata, "after_create", DDL(_view))  # type: ignore[no-untyped-call]
