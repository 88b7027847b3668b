"""Texts whose operation broke: guarded, finite where they broke, and the same elsewhere."""

import numpy as np
import pytest

import losses
from losses.language.draws import batch

B = batch(0, 10)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("mean(y_true * log(y_pred - 0.05))", "mean(y_true * log(maximum(y_pred - 0.05, 1e-7)))"),
        (
            "x = y_pred - 0.05\n-sum(\n  y_true *\n  K.log(x), axis=-1)",
            "x = y_pred - 0.05\n-sum(\n  y_true *\n  K.log(maximum(x, 1e-7)), axis=-1)",
        ),
        ("sum(sqrt(y_true - y_pred))", "sum(sqrt(maximum(y_true - y_pred, 1e-12)))"),
        (
            "sum(y_pred / (y_true * 2))",
            "sum(y_pred / (where(abs(y_true * 2) < 1e-7, 1e-7, y_true * 2)))",
        ),
        ("mean(exp(200 * y_pred))", "mean(exp(minimum(200 * y_pred, 80.0)))"),
        ("sum((y_true - y_pred)**1.5)", "sum((maximum(y_true - y_pred, 1e-12))**1.5)"),
        ("ε = 0.05\nmean(y_true * log(y_pred - ε))", None),
    ],
)
def test_what_broke_is_guarded_where_it_stands(text: str, mended: str | None) -> None:
    loss = losses.compile_loss(text, probe=False)
    found = loss.mended(B)
    assert found is not None and found != text
    assert mended is None or found == mended
    again = losses.compile_loss(found, probe=False)
    assert np.isfinite(float(again.on(B))) and again.find_nonfinite(B) is None


def test_a_guard_keeps_every_value_that_there_was() -> None:
    typed, kept = "sum(log(y_pred - 0.05))", "sum(log(maximum(y_pred - 0.05, 1e-7)))"
    assert losses.compile_loss(typed, probe=False).mended(B) == kept
    sound = {**B, "y_pred": np.full((24, 10), 0.1, "float32")}
    one, two = (float(losses.compile_loss(text).on(sound)) for text in (typed, kept))
    assert one == pytest.approx(two)
    assert losses.compile_loss(kept).mended(B) is None  # nothing to mend


def test_what_no_guard_helps_is_not_offered() -> None:
    assert losses.compile_loss("mean(y_pred) * 1e30 * 1e30", probe=False).mended(B) is None
    assert losses.get("focal").mended(B) is None
