"""What only some jobs keep: single steps and labels for images without; and how a study was asked for."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from store_cases import claim, expire, metrics, outcome, recipe, rows, submit_small

from ablate.metrics import Labelling, StepMetrics
from ablate.store import Database, reading, schema

LABELLING = Labelling(
    files=("a/1.png", "b 2.png", "ü.png"), classes=("rose", "tulip", "rose"), confidence=(0.5, 1, 0.2)
)


def step(number: int, loss: float | None = 0.5, **more: float) -> StepMetrics:
    return StepMetrics(step=number, loss=loss, **more)


def test_steps_come_back_by_variant_seed_and_step(db, queue):
    submit_small(db)
    first, second = claim(queue).ticket, claim(queue).ticket
    queue.record_epoch(second, metrics(1, steps=(step(10, loss=None, val_loss=0.7, val_accuracy=0.25),)))
    queue.record_epoch(first, metrics(1, steps=(step(1), step(2, loss=float("nan")))))
    queue.record_epoch(first, metrics(2, steps=(step(3, val_loss=1.5, val_accuracy=1.0),)))
    found = reading.steps(db, "small")
    assert [(one.variant, one.seed, one.epoch, one.step) for one in found] == [
        ("batch 64", 0, 1, 1),
        ("batch 64", 0, 1, 2),
        ("batch 64", 0, 2, 3),
        ("batch 32", 0, 1, 10),
    ]
    assert [(one.loss, one.val_loss, one.val_accuracy) for one in found] == [
        (0.5, None, None),
        (None, None, None),
        (0.5, 1.5, 1.0),
        (None, 0.7, 0.25),
    ]
    assert [one.step for one in reading.steps(db, "small", [recipe(32).key])] == [10]
    assert reading.steps(db, "small", []) == ()


def test_steps_of_replaced_epochs_are_replaced_with_them(db, queue):
    submit_small(db, batch_sizes=(64,), seeds=(0,))
    lost = claim(queue).ticket
    for epoch, steps in ((1, (1, 2)), (2, (3, 4)), (3, (5, 6))):
        queue.record_epoch(lost, metrics(epoch, steps=tuple(step(number, 9.0) for number in steps)))
    expire(db, lost.job)
    again = claim(queue).ticket
    queue.record_epoch(again, metrics(2, steps=(step(3, 1.0), step(4, 1.0))))
    assert [(one.step, one.loss) for one in reading.steps(db, "small")] == [(1, 9.0), (2, 9.0), (3, 1.0), (4, 1.0)]


def test_an_epoch_and_its_steps_are_written_together_or_not_at_all(db, queue):
    submit_small(db, batch_sizes=(64,), seeds=(0,))
    ticket = claim(queue).ticket
    with pytest.raises(IntegrityError):
        queue.record_epoch(ticket, metrics(1, steps=(step(1), step(2, val_accuracy=97.0))))
    assert (reading.epochs(db, "small"), reading.steps(db, "small")) == ((), ())


def test_labels_for_images_without_come_back_in_their_order(db, queue):
    submit_small(db, batch_sizes=(64, 32), seeds=(0,))
    queue.finish(claim(queue).ticket, outcome(labelling=LABELLING))
    queue.finish(claim(queue).ticket, outcome())
    [record] = reading.labellings(db, "small")
    assert (record.variant, record.variant_key, record.seed) == ("batch 64", recipe(64).key, 0)
    assert record.labelling == LABELLING


def test_every_command_that_asked_for_a_revision_is_kept_once(db):
    whole, part = ["studies/small.toml"], ["studies/small.toml", "--seeds", "0"]
    assert submit_small(db, call=part).new_revision
    for call in (part, whole, part, ()):
        assert not submit_small(db, call=call).new_revision
    assert reading.calls(db, "small") == (tuple(part), tuple(whole))
    submit_small(db, text="name = 'small' # changed")
    assert reading.calls(db, "small") == ()


def test_an_outline_that_an_older_ablate_stored_makes_no_new_revision(db):
    submit_small(db)
    with db.write() as connection:
        _forget(connection, "statistics")
    assert not submit_small(db).new_revision


def _forget(connection, key):
    """Take a key out of the stored outlines, as if it had not been there when they were written."""
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"UPDATE revisions SET outline = json_remove(outline, '$.{key}')"))
    else:
        connection.execute(text(f"UPDATE revisions SET outline = (outline::jsonb - '{key}')::json"))


@pytest.fixture
def second_schema(empty_url, monkeypatch):
    """A database as the ablate before this one left it."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")

    def older(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, "ablate_0002")
        connection.execute(text("INSERT INTO studies (id, name, created_at) VALUES (1, 'old', 0)"))

    monkeypatch.setattr(schema, "create", older)
    with monkeypatch.context() as context:
        context.setattr(schema, "REVISIONS", ("ablate_0001", "ablate_0002"))
        Database.open(empty_url, create=True).close()
    return empty_url


def test_a_database_of_the_second_schema_is_migrated(second_schema):
    with Database.open(second_schema) as db:
        assert rows(db, "SELECT name FROM studies") == [("old",)]
        assert rows(db, "SELECT version_num FROM alembic_version") == [(schema.REVISIONS[-1],)]
        assert rows(db, "SELECT val_loss, val_accuracy FROM steps") == []
        assert reading.labellings(db, "old") == ()
