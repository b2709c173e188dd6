"""Which runs are trained together, as a plan tells before any is."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ablate.orchestrate import submit, together
from ablate.orchestrate.plan import plan_study
from ablate.orchestrate.submit import submit_study
from ablate.store import Database
from ablate.store.reading import packs
from ablate.study import Study, parse_study

STUDY = """
name = "tiny"
[seeds]
count = 5
[baseline.data]
name = "digits"
[baseline.model]
name = "convnet"
channels = [8, 16]
[baseline.training]
epochs = 2
optimizer = { name = "SGD", lr = 0.05 }
[factors.dropout]
path = "model.dropout"
levels = [0.25]
[factors.pool]
path = "model.pool"
levels = ["average"]
"""
NORM = '[factors.norm]\npath = "model.norm"\nlevels = ["batch"]\n'
LARGE = '[[variants]]\nname = "large"\nset = { "data.resize" = 64 }\n'


def tiny(more: str = "", *settings: str) -> Study:
    return parse_study(STUDY + more, settings=settings)


@pytest.mark.parametrize(
    ("more", "settings", "line"),
    [
        (
            "",
            (),
            "15 runs in 3 packs of up to 5 on a processor, each trained as one stacked network (tier fused)",
        ),
        (
            LARGE,
            ['training.tier="fused"', "seeds.count=1"],
            "4 runs in 4 packs of up to 2, each trained as one stacked network (tier fused)",
        ),
        (
            LARGE,
            (),
            "15 runs in 3 packs of up to 5 on a processor, each trained as one stacked network (tier fused); "
            "5 alone: the steps are too large to gain by it",
        ),
        (
            "",
            ["training.accumulate=2"],
            "each run is trained alone: `training.accumulate` has no stacked form",
        ),
        ("", ['training.tier="exact"'], 'each run is trained alone: `training.tier = "exact"`'),
        (
            '[[variants]]\nname = "slower"\nset = { "training.accumulate" = 2 }',
            (),
            "15 runs in 3 packs of up to 5 on a processor, each trained as one stacked network (tier fused); "
            "5 alone: `training.accumulate` has no stacked form",
        ),
    ],
)
def test_a_plan_tells_packs_and_why_there_are_none(more: str, settings: Sequence[str], line: str) -> None:
    assert plan_study(tiny(more, *settings), None).together.line() == line


def test_packs_are_those_that_the_runs_get(tmp_path: Path) -> None:
    with Database.open(tmp_path / "results.db", create=True) as db:
        whole, part = tiny(), tiny().only(variants=["dropout=0.25"], seeds=[0])
        planned = plan_study(part, db, whole).packs
        submit_study(db, whole, part)
        assert {key: planned.get(key) for key in packs(db, "tiny")} == packs(db, "tiny")
        grown = tiny(NORM, "seeds.count=7")
        planned = plan_study(grown, db).packs
        submit_study(db, grown)
        assert {key: planned.get(key) for key in packs(db, "tiny")} == packs(db, "tiny")
        entries = {one["name"]: one["pack"] for one in plan_study(grown, db).as_json()["variants"]}
        assert entries["baseline"] == entries["dropout=0.25"] | {"key": entries["baseline"]["key"]}
        assert entries["baseline"]["size"] == 5


def test_a_study_that_began_without_packs_stays_so_and_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(tmp_path / "results.db", create=True) as db:
        monkeypatch.setattr(submit, "execution_rule", lambda: {"threads": 1})
        submit_study(db, tiny())
        told = plan_study(tiny(), db).together
    assert told.line() == f"each run is trained alone: {together.OLDER}"
