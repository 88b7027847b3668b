"""Entries chosen by a condition, under a sum or a mean; values by NumPy in float64."""

import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
PT, PM = (Y * P).sum(-1), P.max(-1)
SURE = PM > 0.3
HOT = Y > 0.5
CE = -np.log(PT)


def value(body: str, head: str = "") -> float:
    text = f"def f(y_true, y_pred):\n{head}    return {body}"
    return float(losses.compile_loss(text).on(B))


def mean(x):
    return x.mean()


ELEMENTS = {
    "-tf.reduce_mean(tf.math.log(y_pred[y_true > 0.5]))": -np.log(P[HOT]).mean(),
    "-tf.math.log(y_pred[y_true > 0.5])": -np.log(P[HOT]).mean(),
    "tf.reduce_sum(tf.boolean_mask(y_pred, y_true < 0.5))": P[~HOT].sum(),
    "K.mean(tf.boolean_mask(tensor=K.square(y_true - y_pred), mask=K.equal(y_true, 1)))":
        ((Y - P) ** 2)[HOT].mean(),
    "-K.mean(K.log(tf.gather_nd(y_pred, tf.where(y_true > 0.5))))": CE.mean(),
    "-K.mean(K.log(tf.gather_nd(y_pred, tf.where(tf.equal(y_true, 1)))))": CE.mean(),
    "K.mean(y_pred[y_true > 0.5]) - K.mean(y_pred[y_true < 0.5])": P[HOT].mean() - P[~HOT].mean(),
    "K.mean(K.sqrt(K.square(y_true[y_true > 0.5] - y_pred[y_true > 0.5])))": (1 - P[HOT]).mean(),
    "K.mean(K.binary_crossentropy(y_true[y_true < 0.5], y_pred[y_true < 0.5]))":
        -np.log(1 - P[~HOT]).mean(),
    "K.sum(y_pred[y_pred > 0.2]) / K.cast(tf.size(y_pred[y_pred > 0.2]), 'float32')":
        P[P > 0.2].mean(),
    "K.max(y_pred[y_true < 0.5])": P[~HOT].max(),
    "K.min(y_pred[y_true > 0.5], axis=0)": P[HOT].min(),
    "K.std(y_pred[y_true > 0.5])": P[HOT].std(),
    "tf.reduce_sum(y_pred[y_true > 0.5] ** 2) / 32": (P[HOT] ** 2).sum() / 32,
}  # fmt: skip


@pytest.mark.parametrize("body", ELEMENTS)
def test_elements(body: str) -> None:
    assert value(body) == pytest.approx(ELEMENTS[body], rel=2e-5)


HEAD = """\
    sure = K.max(y_pred, axis=-1) > 0.3
    t = y_true[sure]
    p = tf.boolean_mask(y_pred, sure)
    q = tf.gather(y_pred, tf.where(K.max(y_pred, axis=-1) > 0.3)[:, 0])
    ce = K.categorical_crossentropy(y_true, y_pred)
"""
ROWS = {
    "-K.sum(t * K.log(p), axis=-1)": CE[SURE].mean(),
    "K.mean(K.categorical_crossentropy(t, p))": CE[SURE].mean(),
    "keras.losses.categorical_crossentropy(t, p)": CE[SURE].mean(),
    "K.sum(keras.losses.mse(t, q))": ((Y - P) ** 2).mean(-1)[SURE].sum(),
    "tf.reduce_mean(ce[sure])": CE[SURE].mean(),
    "tf.reduce_mean(tf.boolean_mask(ce, tf.math.logical_not(sure)))": CE[~SURE].mean(),
    "K.mean(K.square(t - p))": ((Y - P) ** 2)[SURE].mean(),
    "K.square(t - p)": ((Y - P) ** 2)[SURE].mean(),
    "K.mean(K.mean(K.square(t - q), axis=0))": ((Y - P) ** 2)[SURE].mean(),
    "K.mean(K.abs(p - K.max(p, axis=-1, keepdims=True)))":
        np.abs(P - P.max(-1, keepdims=True))[SURE].mean(),
    "-K.mean(K.sum(t * tf.nn.log_softmax(p, axis=-1), axis=1))":
        -(Y * (P - np.log(np.exp(P).sum(-1, keepdims=True)))).sum(-1)[SURE].mean(),
    "-K.mean(K.log(p[:, 0] + K.constant([0.1, 0.2])[1]))": -np.log(P[SURE][:, 0] + 0.2).mean(),
    "K.mean(p * K.arange(10, dtype='float32'))": (P * np.arange(10))[SURE].mean(),
}  # fmt: skip


@pytest.mark.parametrize("body", ROWS)
def test_rows(body: str) -> None:
    assert value(body, HEAD) == pytest.approx(ROWS[body], rel=2e-5)


def test_nothing_chosen_is_zero_and_its_slope_is_finite() -> None:
    loss = losses.compile_loss(
        "def f(y_true, y_pred):\n"
        "    none = y_pred > 2.0\n"
        "    d = y_true[none] - y_pred[none]\n"
        "    return K.mean(K.sqrt(K.square(d))) - K.mean(K.log(y_pred[none]))"
        " - K.mean(K.log(1 - y_pred[none]))",
        probe=False,
    )
    p = tf.constant(np.eye(10, dtype="float32"))  # zeros and ones
    with tf.GradientTape() as tape:
        tape.watch(p)
        found = loss.on({"y_true": p, "y_pred": p})
    assert float(found) == 0.0
    assert np.isfinite(np.asarray(tape.gradient(found, p))).all()


def test_the_slope_is_that_of_the_chosen() -> None:
    loss = losses.compile_loss("-mean(log(y_pred[y_true > 0.5]))")
    p = tf.constant(B["y_pred"])
    with tf.GradientTape() as tape:
        tape.watch(p)
        found = loss.on({**B, "y_pred": p})
    expected = np.where(HOT, -1 / P / 32, 0)
    np.testing.assert_allclose(tape.gradient(found, p), expected, rtol=1e-4)


REFUSED = {
    "K.mean(y_true[sure] - y_pred)": "those of all samples",
    "K.mean(y_true[sure] - y_pred[y_true > 0.5])": "two conditions",
    "K.mean(K.dot(y_true[sure], K.transpose(y_pred[sure])))": "is not known before training",
    "K.mean(y_pred[sure][:5])": "is not known before training",
    "K.mean(y_pred[K.max(y_pred, axis=0) > 0.3])": "cannot choose from",
    "K.mean(tf.where(sure))": "where needs three arguments",
    "K.mean(y_pred[sure][sure])": "already chosen",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_needs_their_number_is_refused(body: str) -> None:
    text = f"def f(y_true, y_pred):\n    sure = K.max(y_pred, axis=-1) > 0.3\n    return {body}"
    with pytest.raises(losses.LossError, match=REFUSED[body]) as caught:
        losses.compile_loss(text)
    assert caught.value.line == 3
    assert caught.value.hint


def test_they_read_back_as_they_are_spelt() -> None:
    for body in [*ELEMENTS][:6]:
        loss = losses.compile_loss(f"def f(y_true, y_pred):\n    return {body}")
        assert float(losses.compile_loss(loss.canonical).on(B)) == pytest.approx(
            float(loss.on(B)), rel=1e-5
        )
        assert loss.latex


def test_any_of_chosen_numbers_is_read_again_as_it_is_written() -> None:
    """Its canonical text had lost that the numbers are taken as truths."""
    text = "mean(cast(any(tf.boolean_mask(y_true, y_true > y_pred)), float) * y_pred)"
    words = losses.compile_loss(text).canonical
    assert losses.compile_loss(words).canonical == words
