"""What `plan --power` promises before the first run."""

import pytest

from ablate.orchestrate.power import detectable
from ablate.statistics import detectable_effect
from ablate.study import parse_study

TEXT = """
name = "x"

[seeds]
count = 5

[statistics]
test = "auto"

[baseline.data]
name = "digits"

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.1 }

[factors.dropout]
path = "model.dropout"
levels = [0.3, 0.5]
"""


def promised(text: str) -> float | None:
    (found,) = detectable(parse_study(text), None)
    return found.effect


@pytest.mark.parametrize("test", ["auto", "welch"])
def test_a_fixed_design_promises_what_variants_that_scatter_more_find_too(test: str) -> None:
    """Welch's test holds those to .7 alpha with five seeds, and nobody knows yet which they are."""
    assert promised(TEXT.replace("auto", test)) == pytest.approx(detectable_effect(5, 0.7 * 0.05 / 2))


@pytest.mark.parametrize(("old", "new"), [("auto", "paired"), ("auto", "dunnett"), ("count = 5", "looks = [5, 8]")])
def test_what_keeps_all_of_alpha_promises_no_less(old: str, new: str) -> None:
    assert promised(TEXT.replace(old, new)) == pytest.approx(detectable_effect(5, 0.05 / 2))


def test_one_seed_promises_nothing() -> None:
    assert promised(TEXT.replace("count = 5", "count = 1")) is None
