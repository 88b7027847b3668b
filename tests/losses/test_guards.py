"""What does not fit is told in our words, of every named loss and metric, eagerly and inside
`model.fit`; what fits in Keras fits here."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import losses
from losses.language.errors import LossError

P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2]], "float32")
Y = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
NUMBERS = np.array([0, 1, 2, 0])
# What Keras hands to a loss is all that these need; the others say so instead, before they look.
LOSSES = [info.name for info in losses.catalog()]
METRICS = [info.name for info in losses.metrics()]
ON_FEATURES = {
    info.name for info in losses.catalog()
    if losses.targets.prediction(info.inputs) == "features"
}  # fmt: skip

# y_true, y_pred, and what the message has to name.
WRONG: dict[str, tuple[Any, Any, str]] = {
    "fewer samples": (Y[:3], P, "y_true of shape"),
    "fewer class numbers": (NUMBERS[:3], P, "y_true of shape"),
    "more axes": (np.stack([Y, Y]), P, "y_true of shape"),
    "a single number": (np.float32(1), P, "y_true with an axis"),
    "a single prediction": (Y, np.float32(0.5), "y_pred with an axis"),
    "two single numbers": (np.float32(1), np.float32(0.5), "y_true with an axis"),
    "no axis of classes": (Y, P[:, 0], "of shape|feature vectors"),
    "strings": (NUMBERS.astype(str), P, "y_true of numbers, got strings"),
    "strings in a list": ([["a"] * 3] * 4, P, "y_true of numbers, got strings"),
    "strings predicted": (Y, P.astype(str), "y_pred of numbers, got strings"),
    "objects": (np.full((4, 3), None), P, "y_true of numbers, got Python objects"),
    "complex numbers": (Y, P.astype("complex64"), "y_pred of numbers, got complex"),
    "complex truths": (tf.constant(Y, "complex64"), P, "y_true of numbers, got complex"),
    "dates": (NUMBERS.astype("datetime64[s]"), P, "y_true of numbers, got dates"),
    "nothing": (None, P, "y_true as a tensor, got None"),
    "nothing predicted": (Y, None, "y_pred as a tensor, got None"),
    "a dictionary": ({"a": Y}, P, "y_true as a tensor, got a dict"),
    "rows of unequal length": ([[1, 0, 0], [1]], P, "y_true as one array"),
    "half a class": (NUMBERS + 0.5, P, "one-hot|class numbers from 0"),
    "a class below 0": (NUMBERS - 1, P, "one-hot|class numbers from 0"),
}  # fmt: skip
# These a loss on features takes: its y_pred is as wide as it likes.
WRONG_OF_CLASSES = {
    "other classes": (np.eye(5, dtype="float32")[NUMBERS], P, "y_true of shape"),
    "a class too many": (NUMBERS + 1, P, "one-hot|class numbers from 0 to 2, got 3"),
}


def lacks(name: str) -> bool:
    """Whether a loss wants more than Keras hands over, or weights of so many classes."""
    try:
        losses.get(name)(Y, P)
    except LossError:
        return True
    return False


LACKING = {name for name in LOSSES if lacks(name)}


def refused(call: Callable[[Any, Any], Any], y_true: Any, y_pred: Any, says: str) -> None:
    with pytest.raises(LossError, match=says) as caught:
        call(y_true, y_pred)
    assert caught.value.hint
    assert "EagerTensor" not in str(caught.value) and "function_node" not in str(caught.value)


@pytest.mark.parametrize("name", LOSSES)
def test_an_empty_batch_is_refused_in_our_words(name: str) -> None:
    for y_true in (Y[:0], NUMBERS[:0]):
        with pytest.raises(LossError, match="y_pred of at least one sample, got an empty batch"):
            losses.get(name)(y_true, P[:0])


@pytest.mark.parametrize("wrong", [*WRONG, *WRONG_OF_CLASSES])
def test_every_named_loss_tells_what_does_not_fit(wrong: str) -> None:
    y_true, y_pred, says = (WRONG | WRONG_OF_CLASSES)[wrong]
    for name in LOSSES:
        if wrong in WRONG or name not in ON_FEATURES:
            refused(losses.get(name), y_true, y_pred, ".*" if name in LACKING else says)


@pytest.mark.parametrize("wrong", [*WRONG, *WRONG_OF_CLASSES])
def test_every_metric_tells_what_does_not_fit(wrong: str) -> None:
    y_true, y_pred, says = (WRONG | WRONG_OF_CLASSES)[wrong]
    for name in METRICS:
        refused(losses.get_metric(name).update_state, y_true, y_pred, f"{says}|two classes or more")


IN_GRAPHS = {
    "more axes": np.stack([Y, Y], axis=1),
    "other classes": np.eye(5, dtype="float32")[NUMBERS],
    "strings": np.array(["a", "b", "c", "a"]),
    "complex numbers": Y.astype("complex64"),
}
# One of each family: a step of `model.fit` takes too long to be traced for all.
FITTED = ["focal", "brier", "huber", "nce", "sparsemax", "sparse_categorical_crossentropy"]


@pytest.mark.parametrize("wrong", IN_GRAPHS)
def test_inside_a_graph_every_loss_and_metric_tells_it(wrong: str) -> None:
    y_true = tf.constant(IN_GRAPHS[wrong])
    unknown = tf.TensorSpec((None, *y_true.shape[1:]), y_true.dtype)  # as Keras' graphs have it
    for name in LOSSES:
        if wrong != "other classes" or name not in ON_FEATURES:
            traced = tf.function(losses.get(name), autograph=False)
            with pytest.raises(LossError) as caught:
                traced.get_concrete_function(unknown, tf.TensorSpec((None, 3), tf.float32))
            assert caught.value.hint
    for name in METRICS:
        traced = tf.function(losses.get_metric(name).update_state, autograph=False)
        with pytest.raises(LossError):
            traced.get_concrete_function(unknown, tf.TensorSpec((None, 3), tf.float32))


@pytest.mark.parametrize("wrong", IN_GRAPHS)
def test_inside_model_fit_it_is_told_before_the_first_step(wrong: str) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    rows = tf.data.Dataset.from_tensor_slices((P, IN_GRAPHS[wrong])).batch(4)
    for name in FITTED:
        model.compile(loss=losses.get(name), optimizer="sgd")
        with pytest.raises(LossError, match=r"one-hot|y_true of"):
            model.fit(rows, shuffle=False, verbose=0)
    model.compile(metrics=[losses.get_metric("brier")])
    with pytest.raises(LossError, match="y_true of"):
        model.evaluate(rows, verbose=0)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.ones(3), "sample weights of shape"),
        (np.array(list("abcd")), "sample_weight of numbers, got strings"),
        ([1, [2]], "sample_weight as one array"),
    ],
)
def test_wrong_weights_are_told(weights: Any, says: str) -> None:
    with pytest.raises(LossError, match=says):
        losses.get("focal")(Y, P, weights)
    with pytest.raises(LossError, match=says):
        losses.get_metric("accuracy").update_state(Y, P, weights)


def test_a_text_is_guarded_as_a_name_is() -> None:
    written = losses.compile_loss("-sum(y_true * log(y_pred), axis=-1)")
    for y_true, y_pred, says in WRONG.values():
        with pytest.raises(LossError, match=says.replace("class numbers from 0", "one-hot")):
            written(y_true, y_pred)


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        (Y.astype(bool), P),
        (Y.astype("int64"), P),
        (Y.tolist(), P.tolist()),
        (tf.constant(Y, "float64"), tf.constant(P, "float16")),
        (tf.constant(Y, "bfloat16"), tf.constant(P, "bfloat16")),
        (Y[..., None], P),  # Keras drops a last axis of 1
    ],
)
def test_what_keras_takes_is_taken(y_true: Any, y_pred: Any) -> None:
    expected = float(keras.losses.CategoricalCrossentropy()(np.asarray(Y), np.asarray(P)))
    assert float(losses.get("categorical_crossentropy")(y_true, y_pred)) == pytest.approx(
        expected, rel=2e-2
    )


def test_numbers_that_do_not_count_may_be_any() -> None:
    """-1 is what padding has: ignored, weighed by 0 or masked it is not looked at."""
    numbers = np.array([0, 1, -1, 0])
    ignoring = losses.get("sparse_categorical_crossentropy", ignore_class=-1)
    assert np.isfinite(float(ignoring(numbers, P)))
    plain = losses.get("sparse_categorical_crossentropy")
    assert np.isfinite(float(plain(numbers, P, np.array([1.0, 1, 0, 1]))))
    masked = tf.constant(P)
    masked._keras_mask = tf.constant([True, True, False, True])
    assert np.isfinite(float(plain(numbers, masked)))
    with pytest.raises(LossError, match="class numbers from 0 to 2, got -1"):
        plain(numbers, P)
