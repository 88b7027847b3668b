"""What is said of sizes, and results that Keras takes though they are not one value a sample."""

import re

import numpy as np
import pytest
import reference

import losses

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")


def refused(body: str) -> losses.LossError:
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(body)
    return caught.value


WRONG = {
    "K.flatten(y_true) * K.log(y_pred)": "(10B,) and (B, 10)",
    "K.sum(K.reshape(y_pred, (-1, 3)), axis=-1)": "(B, 10) cannot be reshaped to (-1, 3)",
    "K.dot(y_true, y_pred)": "(B, 10) and (B, 10)",
    "y_pred @ features": "(B, 10) and (B, D)",
    "K.reshape(y_pred @ K.transpose(y_pred), (-1,)) * K.flatten(y_pred)": "(B * B,) and (10B,)",
    "K.concatenate([K.concatenate([y_pred, y_pred], axis=0), features], axis=0)": "(2B, 10)",
    "K.repeat_elements(y_true, 3, axis=0) * y_pred": "(3B, 10) and (B, 10)",
    "K.ones((34, 10)) * y_pred": "(34, 10) and (B, 10)",
    "K.ones((17, 10)) * y_pred": "(17, 10) and (B, 10)",
    "y_pred[:, 17]": "there is no entry 17: the axis has size 10",
    "features * y_pred": "(B, D) and (B, 10)",
    "K.squeeze(K.reshape(features, (-1,)) * K.flatten(y_pred), 0)": "(?,) and (10B,)",
}  # fmt: skip


@pytest.mark.parametrize("body", WRONG)
def test_no_size_of_ours_is_shown(body: str) -> None:
    error = refused(body)
    assert WRONG[body] in error.message
    typed = set(re.findall(r"\d+", body)) | {"10"}
    assert {n for n in re.findall(r"(?<![\w])\d+(?!\w)", error.message)} <= typed


@pytest.mark.parametrize(
    ("body", "hint"),
    [("y_pred / K.sum(y_pred, axis=-1)", "keepdims=True in sum(...)"),
     ("K.exp(y_pred - K.max(y_pred, axis=1)) * y_true", "keepdims=True in max(...)"),
     ("y_pred - tf.reduce_mean(y_pred, -1)", "keepdims=True in mean(...)"),
     ("K.mean(y_true, axis=-1) * y_pred", "keepdims=True in mean(...)"),
     ("sample_weight * K.square(y_true - y_pred)", "[..., None]")],
)  # fmt: skip
def test_a_kept_axis_is_the_hint(body: str, hint: str) -> None:
    error = refused(body)
    assert hint in (error.hint or "")
    assert "(B,) would be (B, 1)" in (error.hint or "")


def per_class(text: str) -> losses.WrittenLoss:
    loss = losses.compile_loss(text)
    said = [w for w in loss.warnings if w.code == "per-class"]
    assert said and "mean(...)" in (said[0].hint or "")
    return loss


def test_one_value_a_class_is_averaged_as_in_keras() -> None:
    tp, t, p = (Y * P).sum(0), Y.sum(0), P.sum(0)
    texts = {
        "1 - 2 * K.sum(y_true * y_pred, axis=0) / (K.sum(y_true, axis=0) + K.sum(y_pred, axis=0))":
            (1 - 2 * tp / (t + p)).mean(),
        "1 - (K.sum(y_true * y_pred, 0) + 1) / (K.sum(y_true + y_pred - y_true * y_pred, 0) + 1)":
            (1 - (tp + 1) / ((Y + P - Y * P).sum(0) + 1)).mean(),
        "tf.reduce_mean(tf.square(y_true - y_pred), axis=0)": ((Y - P) ** 2).mean(),
    }  # fmt: skip
    for text, expected in texts.items():
        loss = per_class(text)
        assert float(loss.on(B)) == pytest.approx(expected, rel=1e-5)
        again = losses.compile_loss(f"mean({text})")
        assert not [w for w in again.warnings if w.code == "per-class"]
        assert float(again.on(B)) == pytest.approx(expected, rel=1e-5)


def test_one_entry_is_one_number() -> None:
    expected = ((Y - P) ** 2).mean()
    for text in (
        "tf.zeros(1) + K.mean(K.square(y_true - y_pred))",
        "K.reshape(K.mean(K.square(y_true - y_pred)), (1,))",
        "K.mean(K.square(y_true - y_pred), keepdims=True)",
        "tf.expand_dims(K.mean(K.square(y_true - y_pred)), 0)",
    ):
        loss = losses.compile_loss(text)
        assert float(loss.on(B)) == pytest.approx(expected, rel=1e-5)
        assert np.shape(loss.values({k: B[k] for k in loss.inputs})) == ()
        assert not loss.warnings
