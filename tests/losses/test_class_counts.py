"""A loss is drawn for as many classes as it is asked for."""

import numpy as np
import pytest

import losses


@pytest.mark.parametrize("classes", [2, 26])
def test_the_curve_of_the_true_class_is_that_of_so_many_classes(classes: int) -> None:
    """Brier score at p: (1 - p)^2 + (C - 1) ((1 - p) / (C - 1))^2, the rest shared evenly."""
    text = "sum(square(y_true - y_pred), axis=-1)"
    drawn = losses.portrait(text, {}, "curve", None, None, classes)
    p, found = np.asarray(drawn["p"], float), np.asarray(drawn["loss"], float)
    expected = (1 - p) ** 2 * (1 + 1 / (classes - 1))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
