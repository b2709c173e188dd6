"""Numbers as text, also those of networks that exploded."""

import pytest

from ablate.metrics import METRICS
from ablate.report import numbers

LOSS, ACCURACY = METRICS["train_loss"], METRICS["test_accuracy"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.5, "+2.5000"),
        (-0.25, "−0.2500"),
        (0.00001, "0.0000"),
        (-0.00001, "0.0000"),
        (3381.076, "+3,381.0760"),
        (-3381.076, "−3,381.0760"),
        (1.5428e13, "+1.54e+13"),
        (-1.5428e13, "−1.54e+13"),
        (1.2e300, "+1.20e+300"),
        (None, "–"),
    ],
)
def test_differences_of_losses_have_a_sign_whatever_their_size(value: float | None, text: str) -> None:
    assert numbers.signed(LOSS, value) == text


def test_a_loss_out_of_bounds_does_not_widen_a_table() -> None:
    assert numbers.plain(LOSS, 15_428_969_981_542.4) == "1.54e+13"
    assert numbers.plain(LOSS, 142_790.2156) == "142,790.2156"
    assert numbers.mean_sd(ACCURACY, 0.8731, 0.0042) == "87.31 ± 0.42"
