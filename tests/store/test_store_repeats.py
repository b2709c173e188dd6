"""Recipes that were trained twice outside the queue."""

from dataclasses import replace

from store_cases import recipe, rows, submit_small

from ablate.store import Database, reading
from ablate.store.merge import merge
from ablate.store.records import RepeatRecord
from ablate.store.repeats import keep_repeat

MADE = RepeatRecord(
    key=recipe(64).key,
    seed=0,
    device="cuda:0",
    device_name="A GPU",
    provenance={"torch": "2.9", "dirty": False},
    first={"test_accuracy": 0.9},
    second={"test_accuracy": 0.91},
    apart_from=2,
)


def test_of_each_recipe_and_device_model_the_last_is_told(db):
    keep_repeat(db, MADE)
    keep_repeat(db, replace(MADE, apart_from=None))
    keep_repeat(db, replace(MADE, device_name="B GPU"))
    keep_repeat(db, replace(MADE, key=recipe(32).key))
    assert reading.repeats(db, [MADE.key]) == (replace(MADE, apart_from=None), replace(MADE, device_name="B GPU"))
    assert reading.repeats(db, []) == ()


def test_a_merge_brings_them_once(db, tmp_path):
    with Database.open(tmp_path / "other.db", create=True) as other:
        submit_small(other)
        keep_repeat(other, MADE)
        merge(db, other)
        merge(db, other)
    assert reading.repeats(db, [MADE.key]) == (MADE,)
    assert rows(db, "SELECT count(*) FROM repeats") == [(1,)]
