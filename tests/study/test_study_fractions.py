"""Fractions against the tables of Box, Hunter & Hunter (Statistics for Experimenters, 2nd ed., table 6.22)."""

import itertools
import math

import pytest

from ablate.errors import StudyError
from ablate.study import Study
from ablate.study.designs import Refusal
from ablate.study.designs.fraction import aliases_of, checked_matrix

#: (factors, wanted resolution) -> (runs, resolution of the book's design with as many runs); None: full factorial.
TABLE = {
    (3, 3): (4, 3),
    (4, 3): (8, 4),
    (5, 3): (8, 3),
    (6, 3): (8, 3),
    (7, 3): (8, 3),
    (8, 3): (16, 4),
    (9, 3): (16, 3),
    (10, 3): (16, 3),
    (11, 3): (16, 3),
    (3, 4): (8, None),
    (4, 4): (8, 4),
    (5, 4): (16, 5),
    (6, 4): (16, 4),
    (7, 4): (16, 4),
    (8, 4): (16, 4),
    (9, 4): (32, 4),
    (10, 4): (32, 4),
    (11, 4): (32, 4),
    (4, 5): (16, None),
    (5, 5): (16, 5),
    (6, 5): (32, 6),
    (7, 5): (64, 7),
    (8, 5): (64, 5),
    (9, 5): (128, 6),
    (10, 5): (128, 5),
    (11, 5): (128, 5),
}
PATHS = [
    ("data.batch_size", 8),
    ("data.split_seed", 1),
    ("model.dropout", 0.1),
    ("model.kernel_size", 5),
    ("model.norm", "batch"),
    ("model.activation", "elu"),
    ("model.pool", "average"),
    ("model.blocks", 1),
    ("model.head", "global_average"),
    ("training.epochs", 4),
    ("training.optimizer.momentum", 0.9),
]


def study(factors, **design):
    return Study.from_dict(
        {
            "name": "x",
            "baseline": {
                "data": {"name": "digits"},
                "model": {"name": "convnet"},
                "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
            },
            "factors": {
                chr(ord("A") + index): {"path": path, "levels": [value]}
                for index, (path, value) in enumerate(PATHS[:factors])
            },
            "designs": [{"kind": "fraction", **design}],
        }
    )


def signs(made):
    """+1 where a factor is off its reference: the coding in which aliases are printed."""
    return [
        [1 if variant.levels[factor.name] != factor.reference else -1 for factor in made.factors]
        for variant in made.variants()
    ]


def column(matrix, effect):
    return [math.prod(row[index] for index in effect) for row in matrix]


@pytest.mark.parametrize(("factors", "wanted"), TABLE)
def test_runs_and_resolution_are_those_of_the_book(factors, wanted):
    runs, resolution = TABLE[factors, wanted]
    made = study(factors, resolution=wanted)
    design = made.designs[0]
    assert len(made.variants()) == design.cells == runs
    assert design.aliases.resolution == resolution
    matrix = signs(made)
    shortest = next(
        (
            order
            for order in range(1, factors + 1)
            for effect in itertools.combinations(range(factors), order)
            if abs(sum(column(matrix, effect))) == runs
        ),
        None,
    )
    assert shortest == resolution


@pytest.mark.parametrize(("factors", "wanted"), [(5, 3), (7, 3), (7, 4), (8, 5)])
def test_the_defining_relation_and_the_chains_hold_in_the_matrix(factors, wanted):
    made = study(factors, resolution=wanted)
    aliases, matrix = made.designs[0].aliases, signs(made)

    def effect(text):
        sign = -1 if text.startswith("-") else 1
        letters = text.removeprefix("-").split("*")
        return [sign * value for value in column(matrix, [ord(letter) - ord("A") for letter in letters])]

    runs = len(matrix)
    assert len(aliases.defining_relation) == 2**factors // runs - 1
    assert all(effect(word) == [1] * runs for word in aliases.defining_relation)
    assert aliases.chains
    for first, *rest in aliases.chains:
        assert all(effect(other) == effect(first) for other in rest)


def test_the_smallest_fraction_reads_as_in_the_book():
    aliases = study(3, resolution=3).designs[0].aliases
    assert [word.removeprefix("-") for word in aliases.defining_relation] == ["A*B*C"]
    assert {tuple(effect.removeprefix("-") for effect in chain) for chain in aliases.chains} == {
        ("A", "B*C"),
        ("B", "A*C"),
        ("C", "A*B"),
    }


@pytest.mark.parametrize(("factors", "runs"), [(3, 4), (4, 8), (7, 8), (8, 12), (11, 12)])
def test_plackett_burman_keeps_main_effects_apart(factors, runs):
    made = study(factors, construction="plackett-burman")
    assert len(made.variants()) == runs
    matrix = signs(made)
    for one, two in itertools.combinations(range(factors), 2):
        assert sum(row[one] * row[two] for row in matrix) == 0
    if runs == 12:
        aliases = made.designs[0].aliases
        assert aliases.resolution == 3
        assert not any(word.count("*") == 2 for word in aliases.defining_relation)
        assert {round(abs(correlation), 3) for _, _, correlation in aliases.partial} == {0.333}


@pytest.mark.parametrize("factors", range(3, 12))
def test_the_baseline_is_one_of_the_runs(factors):
    made = study(factors, resolution=3)
    assert "fraction" in made.variants()[0].designs


def test_a_matrix_that_is_not_what_was_asked_is_refused():
    half = tuple(row for row in itertools.product((1, -1), repeat=4) if row[0] * row[1] * row[2] == 1)
    assert aliases_of(half, list("ABCD")).resolution == 3
    assert checked_matrix(half, 3) == half
    with pytest.raises(Refusal, match="resolution 3; ask for less"):
        checked_matrix(half, 4)


def test_a_constraint_that_breaks_a_fraction_is_refused():
    with pytest.raises(StudyError, match="forbid 4 of its cells"):
        Study.from_dict(
            {
                "name": "x",
                "baseline": {
                    "data": {"name": "digits"},
                    "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
                },
                "factors": {
                    "a": {"path": "data.batch_size", "levels": [8]},
                    "b": {"path": "model.dropout", "levels": [0.1], "excludes": ["a=8"]},
                    "c": {"path": "training.epochs", "levels": [4]},
                    "d": {"path": "model.norm", "levels": ["batch"]},
                },
                "designs": [{"kind": "fraction", "resolution": 5}],
            }
        )
