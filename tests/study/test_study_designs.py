"""Properties of the designs, over studies of up to five factors with up to five levels each."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.study import Study

#: Paths that do not touch each other, with values that the baseline does not have.
KNOBS = {
    "batch": ("data.batch_size", [8, 16, 24, 32]),
    "dropout": ("model.dropout", [0.1, 0.2, 0.3, 0.4]),
    "kernel": ("model.kernel_size", [1, 2, 4, 5]),
    "split": ("data.split_seed", [1, 2, 3, 4]),
    "momentum": ("training.optimizer.momentum", [0.1, 0.5, 0.8, 0.95]),
}
sizes = st.lists(st.integers(1, 3), min_size=2, max_size=4)
#: Time on a shared machine says nothing; the same examples in each run.
properties = settings(max_examples=30, deadline=None, derandomize=True)


def study(sizes, *designs, **more):
    """A study whose factors have these numbers of levels beside their reference."""
    knobs = list(KNOBS.items())[: len(sizes)]
    return Study.from_dict(
        {
            "name": "x",
            "baseline": {
                "data": {"name": "digits"},
                "model": {"name": "convnet"},
                "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
            },
            "factors": {
                name: {"path": path, "levels": values[:size]}
                for (name, (path, values)), size in zip(knobs, sizes, strict=True)
            },
            "designs": list(designs),
            **more,
        }
    )


def keys(study):
    return [variant.key for variant in study.variants()]


def off(study, variant):
    return {
        factor.name: variant.levels[factor.name]
        for factor in study.factors
        if variant.levels[factor.name] != factor.reference
    }


@properties
@given(sizes)
def test_a_grid_has_the_product_of_the_levels(sizes):
    grid = study(sizes, {"kind": "grid"})
    product = math.prod(size + 1 for size in sizes)
    assert len(grid.variants()) == len(set(keys(grid))) == product
    assert grid.count() == 3 * product


@properties
@given(sizes)
def test_one_at_a_time_has_the_baseline_and_each_level_alone(sizes):
    made = study(sizes, {"kind": "one-at-a-time"})
    assert len(made.variants()) == 1 + sum(sizes)
    assert made.variants()[0].name == "baseline"
    assert made.variants()[0].key == made.baseline.key
    assert all(len(off(made, variant)) == 1 for variant in made.variants()[1:])


def test_without_designs_every_level_is_tried_alone():
    default = Study.from_dict(
        {
            "name": "x",
            "baseline": {
                "data": {"name": "digits"},
                "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
            },
            "factors": {name: {"path": path, "levels": levels} for name, (path, levels) in KNOBS.items()},
        }
    )
    assert [design.name for design in default.designs] == ["one-at-a-time"]
    assert len(default.variants()) == 1 + 4 * len(KNOBS)


@properties
@given(st.integers(2, 5))
def test_leave_one_out_removes_each_component_once(factors):
    made = study([1] * factors, {"kind": "leave-one-out"})
    assert len(made.variants()) == 1 + factors
    assert [list(off(made, variant)) for variant in made.variants()[1:]] == [[factor.name] for factor in made.factors]


@properties
@given(st.integers(2, 5), st.booleans())
def test_a_ladder_takes_one_step_after_the_other(factors, reverse):
    names = list(KNOBS)[:factors]
    made = study([1] * factors, {"kind": "ladder", "factors": names, "reverse": reverse})
    order = names[::-1] if reverse else names
    assert [set(off(made, variant)) for variant in made.variants()] == [set(order[:n]) for n in range(factors + 1)]
    assert made.outline().designs[0].factors == tuple(order)


@properties
@given(sizes)
def test_pairs_meet_in_at_least_one_cell(sizes):
    made = study(sizes, {"kind": "pairs"})
    rows = [tuple(variant.levels.values()) for variant in made.variants()]
    for one, two in itertools.combinations(range(len(sizes)), 2):
        levels = [[level.name for level in made.factors[index].levels] for index in (one, two)]
        assert {(row[one], row[two]) for row in rows} == set(itertools.product(*levels))
    assert len(rows) <= math.prod(size + 1 for size in sizes)


@properties
@given(sizes)
def test_pairs_that_are_excluded_never_meet_and_all_others_do(sizes):
    first, second, *_ = KNOBS
    banned = (str(KNOBS[first][1][0]), str(KNOBS[second][1][0]))
    knobs = list(KNOBS.items())[: len(sizes)]
    factors = {
        name: {"path": path, "levels": values[:size]} for (name, (path, values)), size in zip(knobs, sizes, strict=True)
    }
    factors[first] = {
        "levels": {
            str(value): {KNOBS[first][0]: value, **({"excludes": [f"{second}={banned[1]}"]} if index == 0 else {})}
            for index, value in enumerate(KNOBS[first][1][: sizes[0]])
        }
    }
    made = study(sizes, {"kind": "pairs"}, factors=factors)
    rows = [tuple(variant.levels.values()) for variant in made.variants()]
    for one, two in itertools.combinations(range(len(sizes)), 2):
        levels = [[level.name for level in made.factors[index].levels] for index in (one, two)]
        wanted = set(itertools.product(*levels))
        if (one, two) == (0, 1):
            wanted.discard(banned)
        assert {(row[one], row[two]) for row in rows} == wanted


@properties
@given(sizes, st.integers(1, 3), st.integers(0, 5))
def test_random_cells_are_distinct_and_grow_by_appending(sizes, runs, seed):
    few = study(sizes, {"kind": "random", "runs": runs, "seed": seed})
    assert len(few.variants()) == 1 + runs
    if math.prod(size + 1 for size in sizes) > runs + 1:
        more = study(sizes, {"kind": "random", "runs": runs + 1, "seed": seed})
        assert keys(more)[:-1] == keys(few)


designs = st.lists(
    st.sampled_from(
        [
            {"kind": "one-at-a-time"},
            {"kind": "grid", "factors": ["batch", "dropout"]},
            {"kind": "pairs"},
            {"kind": "random", "runs": 3},
            {"kind": "ladder", "factors": ["dropout", "batch"], "levels": {"dropout": 0.1, "batch": 8}},
        ]
    ),
    min_size=2,
    max_size=5,
    unique_by=lambda design: design["kind"],
)


@properties
@given(sizes, designs, st.randoms(use_true_random=False))
def test_the_order_of_the_designs_changes_no_variant(sizes, designs, random):
    shuffled = random.sample(designs, len(designs))
    one, two = study(sizes, *designs), study(sizes, *shuffled)
    assert {(variant.key, variant.name, frozenset(variant.designs)) for variant in one.variants()} == {
        (variant.key, variant.name, frozenset(variant.designs)) for variant in two.variants()
    }


@properties
@given(sizes, designs)
def test_designs_share_equal_cells_and_each_is_known_to_have_asked(sizes, designs):
    together = study(sizes, *designs)
    assert len(keys(together)) == len(set(keys(together)))
    for design in designs:
        alone = set(keys(study(sizes, design)))
        asked = {variant.key for variant in together.variants() if design["kind"] in variant.designs}
        assert alone - asked <= {together.baseline.key}
        assert asked <= alone


@properties
@given(sizes, designs)
def test_adding_a_design_keeps_every_variant(sizes, designs):
    before = study(sizes, *designs[:-1])
    assert set(keys(before)) <= set(keys(study(sizes, *designs)))


@properties
@given(sizes)
def test_adding_a_level_a_factor_or_seeds_keeps_every_variant(sizes):
    for kind in ("one-at-a-time", "grid"):
        before = {variant.name: variant.key for variant in study(sizes, {"kind": kind}).variants()}
        wider = study([min(size + 1, 4) for size in sizes], {"kind": kind}, seeds={"count": 9})
        longer = study([*sizes, 1][:5], {"kind": kind})
        for grown in (wider, longer):
            after = {variant.name: variant.key for variant in grown.variants()}
            assert before.items() <= after.items()


@properties
@given(sizes, st.randoms(use_true_random=False))
def test_the_order_of_keys_in_the_file_changes_no_key(sizes, random):
    def shuffled(value):
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in random.sample(list(value), len(value))}
        return value

    knobs = list(KNOBS.items())[: len(sizes)]
    document = {
        "name": "x",
        "baseline": {
            "data": {"name": "digits", "batch_size": 64, "validation": 0.2},
            "model": {"name": "convnet", "channels": [8, 16], "norm": "batch"},
            "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True}},
        },
        "factors": {
            name: {"levels": {str(value): {path: value} for value in values[:size]}}
            for (name, (path, values)), size in zip(knobs, sizes, strict=True)
        },
        "designs": [{"kind": "grid"}],
    }
    del document["factors"]["momentum" if "momentum" in document["factors"] else "batch"]
    assert set(keys(Study.from_dict(document))) == set(keys(Study.from_dict(shuffled(document))))


@properties
@given(sizes)
def test_listing_the_reference_level_changes_nothing(sizes):
    made = study(sizes, {"kind": "grid"})
    listed = {"batch": {"path": "data.batch_size", "levels": [64, *KNOBS["batch"][1][: sizes[0]]]}}
    rest = {
        name: {"path": path, "levels": values[:size]}
        for (name, (path, values)), size in zip(list(KNOBS.items())[1 : len(sizes)], sizes[1:], strict=True)
    }
    again = study(sizes, {"kind": "grid"}, factors=listed | rest)
    assert [(v.name, v.key, v.levels) for v in made.variants()] == [(v.name, v.key, v.levels) for v in again.variants()]


def test_a_design_can_use_some_levels_of_a_factor():
    made = study([4, 4], {"kind": "grid", "levels": {"batch": [8, 32], "dropout": 0.3}})
    assert len(made.variants()) == 3 * 2


def test_designs_of_one_kind_are_numbered():
    grid = {"kind": "grid", "factors": ["batch", "dropout"]}
    made = study([1, 1, 1], grid, {"kind": "grid"}, {**grid, "name": "mine"})
    assert [design.name for design in made.designs] == ["grid", "grid 2", "mine"]


def test_leave_one_out_needs_to_know_which_level_removes():
    with pytest.raises(StudyError, match="remove ="):
        study([2, 1], {"kind": "leave-one-out"})
    factors = {
        "batch": {"path": "data.batch_size", "levels": [8, 16], "remove": 16},
        "dropout": {"path": "model.dropout", "levels": [0.1]},
    }
    made = study([2, 1], {"kind": "leave-one-out"}, factors=factors)
    assert [variant.name for variant in made.variants()] == ["baseline", "batch=16", "dropout=0.1"]
