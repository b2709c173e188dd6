"""Confusion matrices, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as of_scikit_learn

from ablate.statistics import class_accuracies, confusion_matrix, pooled


def test_it_counts_as_scikit_learn_does() -> None:
    draws = np.random.default_rng(0)
    truth, predicted = draws.integers(0, 5, 300), draws.integers(0, 5, 300)
    found = confusion_matrix(truth.astype("<u2"), predicted.astype("<u2"), 6)  # the sixth class comes nowhere
    assert (found == of_scikit_learn(truth, predicted, labels=range(6))).all()
    assert found.dtype == np.int64


def test_300_classes_do_not_run_over_two_bytes() -> None:
    truth = np.array([299, 299, 0], dtype="<u2")
    found = confusion_matrix(truth, np.array([299, 1, 0], dtype="<u2"), 300)
    assert (found[299, 299], found[299, 1], found[0, 0], found.sum()) == (1, 1, 1, 3)


def test_accuracies_of_seeds_and_of_all_together() -> None:
    seeds = [np.array([[3, 1], [0, 4]]), np.array([[1, 3], [2, 2]])]
    assert class_accuracies(np.stack(seeds)).tolist() == [[0.75, 1.0], [0.25, 0.5]]
    assert pooled(seeds).tolist() == [[4, 4], [2, 6]]
    assert class_accuracies(pooled(seeds)).tolist() == [0.5, 0.75]


def test_a_class_without_examples_has_no_accuracy() -> None:
    found = class_accuracies(confusion_matrix(np.array([0, 0]), np.array([0, 1]), 2))
    assert found[0] == 0.5
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("truth", "predicted", "classes"), [([0, 1], [0], 2), ([2], [0], 2), ([0], [5], 2), ([0], [0], 0)]
)
def test_what_cannot_be_counted_is_refused(truth: list[int], predicted: list[int], classes: int) -> None:
    with pytest.raises(ValueError, match="class"):
        confusion_matrix(np.array(truth), np.array(predicted), classes)


def test_no_examples_are_no_mistake() -> None:
    nothing = np.array([], dtype="<u2")
    assert confusion_matrix(nothing, nothing, 2).tolist() == [[0, 0], [0, 0]]
