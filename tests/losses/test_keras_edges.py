"""Where Keras' losses have a convention of their own that ordinary batches do not show: saturated
probabilities, what alpha weighs, who counts in a mean. Values from Keras in the same process."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_keras_contract import CASES, K, same

import losses

# -- probabilities of exactly 0 and 1

SATURATED = np.array([[1, 0, 0], [1, 0, 0], [0, 0.5, 0.5], [0, 1, 0]], "float32")
Y = np.eye(3, dtype="float32")[[0, 1, 2, 2]]
OF_PROBABILITIES = [n for n in CASES if CASES[n][2][1].max() < 1]
TAKES_LABELS = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")


@pytest.mark.parametrize("name", [*OF_PROBABILITIES, "binary_focal_crossentropy"])
def test_saturated_probabilities_cost_what_they_cost_in_keras(name: str) -> None:
    parameters, make = CASES[name][:2] if name in CASES else ({}, K.BinaryFocalCrossentropy)
    y = Y.argmax(-1) if name in TAKES_LABELS else Y
    for kept in ({}, {"reduction": "none"}):
        same(losses.get(name, **parameters, **kept)(y, SATURATED),
             make(**parameters, **kept)(y, SATURATED))  # fmt: skip


def test_a_text_that_asks_for_the_other_answer_costs_what_keras_says() -> None:
    text = "-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred), axis=-1)"
    loss = losses.compile_loss(text, num_classes=3, probe=False)
    same(loss(Y, SATURATED), K.BinaryCrossentropy()(Y, SATURATED))


def test_a_probability_of_zero_has_a_power_of_zero_and_a_finite_slope() -> None:
    """(1 - 0^q) / q; 0^q has no slope there, and Keras' is infinite."""
    p = tf.constant(SATURATED)
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = losses.get("categorical_generalized_cross_entropy", q=0.5)([0, 1, 2, 2], p)
    assert float(value) == pytest.approx((0 + 2 + 2 * (1 - 0.5**0.5) + 2) / 4, rel=1e-6)
    assert np.isfinite(tf.convert_to_tensor(tape.gradient(value, p))).all()


# -- what alpha and beta weigh

TVERSKY = {"alpha": 0.2, "beta": 0.9}
INFO = {info.name: info for info in losses.catalog()}
MISSED = np.array([[0.3, 0.1, 0.1], [0.1, 0.2, 0.1], [0.1, 0.1, 0.2]], "float32")


@pytest.mark.parametrize(
    "loss",
    [losses.get("tversky_keras", **TVERSKY), losses.get("tversky", **TVERSKY),
     losses.compile_loss("keras.losses.Tversky(alpha=0.2, beta=0.9)(y_true, y_pred)",
                         num_classes=3),
     losses.compile_loss("tversky_keras(y_true, y_pred, 0.2, 0.9)", num_classes=3),
     losses.compile_loss(INFO["tversky_keras"].text, TVERSKY, num_classes=3)],
)  # fmt: skip
def test_alpha_weighs_in_tversky_what_it_weighs_in_keras(loss: Any) -> None:
    y = np.eye(3)
    tp, missed, wrong = 0.7, 3 - 0.7, MISSED.sum() - 0.7  # far from symmetric
    by_hand = 1 - tp / (tp + 0.2 * missed + 0.9 * wrong)
    assert float(loss(y, MISSED)) == pytest.approx(by_hand, rel=1e-5)
    same(loss(y, MISSED), K.Tversky(**TVERSKY)(y, MISSED))


# -- one value an anchor

LABELS = np.array([1, 1, 2, 2, 3, 4])  # the last two have no other sample of their class
X = np.random.default_rng(3).normal(size=(6, 4)).astype("float32")
X /= np.linalg.norm(X, axis=-1, keepdims=True)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean",
                                       "mean_with_sample_weight", "none", None])  # fmt: skip
def test_circle_gives_each_anchor_its_value(reduction: str | None) -> None:
    loss, held = losses.get("circle", reduction=reduction), K.Circle(reduction=reduction)
    for weight in (None, 2.0, np.array([2.0, 2, 1, 1, 0.5, 3]), np.array([0.0, 0, 1, 1, 1, 1])):
        same(loss(LABELS, X, sample_weight=weight), held(LABELS, X, sample_weight=weight), 1e-4)
    column = np.array([2.0, 2, 1, 1, 0.5, 3])[:, None]
    same(loss(LABELS, X, sample_weight=column), held(LABELS, X, sample_weight=column), 1e-4)


def test_circle_is_the_same_batch_mean_wherever_it_is_called() -> None:
    batch = {"labels": LABELS, "features": X}
    expected = float(K.Circle()(LABELS, X))
    for loss in (losses.get("circle"), losses.compile_loss(INFO["circle"].text, probe=False),
                 losses.compile_loss("circle()", probe=False)):  # fmt: skip
        assert float(loss.on(batch)) == pytest.approx(expected, rel=1e-4)
    alone = {"labels": np.arange(6), "features": X}
    assert float(losses.get("circle").on(alone)) == 0


# -- along another axis

RNG = np.random.default_rng(5)
IMAGES = RNG.dirichlet([1, 1, 1], (2, 4, 5)).astype("float32")  # (B, H, W, C)
MASKS = np.eye(3, dtype="float32")[RNG.integers(0, 3, (2, 4, 5))]
FIRST = (np.moveaxis(MASKS, -1, 1), np.moveaxis(IMAGES, -1, 1))  # (B, C, H, W)
AXES: dict[str, tuple[Any, list[Any]]] = {
    "cosine_similarity": (K.CosineSimilarity, [-1, 0, 1, -2]),
    "binary_crossentropy": (K.BinaryCrossentropy, [-1, 1, 2]),
    "categorical_crossentropy": (K.CategoricalCrossentropy, [-1, 1]),
    "binary_focal_crossentropy": (K.BinaryFocalCrossentropy, [1, -2]),
    "categorical_focal_crossentropy": (K.CategoricalFocalCrossentropy, [1]),
    "sparse_categorical_crossentropy": (K.SparseCategoricalCrossentropy, [-1]),
    "dice": (K.Dice, [None, (1, 2, 3), [1, -1], 0, -1]),
    "tversky": (K.Tversky, [None, (1, 2, 3), (0, 2, 3)]),
}
ASKED = [(name, axis) for name, (_, axes) in AXES.items() for axis in axes]


@pytest.mark.parametrize(("name", "axis"), ASKED, ids=str)
def test_axis_is_obeyed_and_kept(name: str, axis: Any) -> None:
    y, p = (MASKS.argmax(-1), IMAGES) if name.startswith("sparse") else FIRST
    held = axis if not isinstance(axis, list) else tuple(axis)
    for reduction in ("sum_over_batch_size", "none"):
        loss = losses.get(name, axis=axis, reduction=reduction)
        theirs = AXES[name][0](axis=held, reduction=reduction)
        same(loss(y, p), theirs(y, p))
        again = keras.losses.deserialize(keras.losses.serialize(loss))
        same(again(y, p), theirs(y, p))
        each = np.asarray(theirs.call(tf.constant(y, "float32"), tf.constant(p)))
        if each.shape:
            weight = np.linspace(0, 2, each.size).reshape(each.shape).astype("float32")
            same(loss(y, p, sample_weight=weight), theirs(y, p, sample_weight=weight))


def test_logits_become_probabilities_along_the_axis_asked_for() -> None:
    z = (10 * RNG.normal(size=(2, 3, 4))).astype("float32")
    y = np.moveaxis(np.eye(3, dtype="float32")[RNG.integers(0, 3, (2, 4))], -1, 1)
    loss = losses.get("categorical_crossentropy", axis=1, from_logits=True)
    same(loss(y, z), K.CategoricalCrossentropy(axis=1, from_logits=True)(y, z))


@pytest.mark.parametrize(
    ("name", "axis", "says", "hint"),
    [("cosine_similarity", (0, 1), "a single axis, not", "such as -1"),
     ("binary_crossentropy", None, "a single axis, not None", "such as -1"),
     ("dice", "all", "one axis or more, not 'all'", "None for all"),
     ("sparse_categorical_crossentropy", 1, "along the last axis", "moveaxis(y_pred, 1, -1)"),
     ("huber", 0, "along the last axis", "moveaxis(y_pred, 0, -1)"),
     ("circle", 0, "circle has no parameter 'axis'", "leave axis out")],
)  # fmt: skip
def test_an_axis_that_cannot_be_is_refused(name: str, axis: Any, says: str, hint: str) -> None:
    with pytest.raises(losses.LossError) as caught:
        losses.get(name, axis=axis)
    assert says in caught.value.message and hint in str(caught.value.hint)


@pytest.mark.parametrize(("name", "axis"), [("cosine_similarity", 4), ("dice", (1, -5))])
def test_an_axis_that_is_not_there_is_refused(name: str, axis: Any) -> None:
    with pytest.raises(losses.LossError, match=r"there is no axis .* which has 4"):
        losses.get(name, axis=axis)(*FIRST)


def test_a_configuration_from_before_there_was_axis_is_read() -> None:
    config = losses.get("dice").get_config()
    del config["axis"]
    same(losses.get("dice").from_config(config)(*FIRST), K.Dice()(*FIRST))
