"""The options of Keras' losses, in named losses and in texts that spell Keras' calls:
from_logits, label_smoothing, alpha a class, ignore_class."""

import inspect
import re

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

BATCH = reference.batch()
Y, P, Z, LABELS = (BATCH[name] for name in ("y_true", "y_pred", "logits", "labels"))
ALPHA = np.linspace(0.1, 1, 10).round(2).tolist()
# name -> the class of Keras, and options that it has.
OPTIONS = {
    "binary_crossentropy": ("BinaryCrossentropy", {"label_smoothing": 0.2}),
    "binary_focal_crossentropy": (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.2},
    ),
    "categorical_crossentropy": ("CategoricalCrossentropy", {"label_smoothing": 0.2}),
    "categorical_focal_crossentropy": (
        "CategoricalFocalCrossentropy",
        {"alpha": ALPHA, "gamma": 1.5, "label_smoothing": 0.2},
    ),
    "sparse_categorical_crossentropy": ("SparseCategoricalCrossentropy", {"ignore_class": 3}),
}
BOTH = pytest.mark.parametrize("from_logits", [False, True])
EACH = pytest.mark.parametrize("name", OPTIONS)


def theirs(name: str, target: np.ndarray, prediction: np.ndarray, **more: object) -> float:
    cls, options = OPTIONS[name]
    made = getattr(keras.losses, cls)(**options, **more)
    return float(made(tf.constant(target), tf.constant(prediction)))


def target_of(name: str) -> np.ndarray:
    return LABELS if name.startswith("sparse") else Y


def spelled(options: dict[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


@EACH
@BOTH
def test_a_named_loss_has_keras_options(name: str, from_logits: bool) -> None:
    given = Z if from_logits else P
    loss = losses.get(name, **OPTIONS[name][1], from_logits=from_logits)
    found = loss(target_of(name), given)
    expected = theirs(name, target_of(name), given, from_logits=from_logits)
    assert float(found) == pytest.approx(expected, rel=2e-6)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(target_of(name), given)) == pytest.approx(expected, rel=2e-6)


@EACH
@BOTH
@pytest.mark.parametrize("form", ["class", "function", "factory"])
def test_a_text_that_spells_keras_means_keras(name: str, from_logits: bool, form: str) -> None:
    cls, options = OPTIONS[name]
    prediction = "logits" if from_logits else "y_pred"
    options = {**options, "from_logits": from_logits}
    target = "labels" if name.startswith("sparse") else "y_true"
    if form == "class":
        text = f"keras.losses.{cls}({spelled(options)})({target}, {prediction})"
    elif form == "factory":
        text = (
            f"made = tf.keras.losses.{cls}({spelled(options)})\n\n"
            f"def loss(y_true, y_pred):\n    return made({target}, {prediction})"
        )
    else:
        text = f"keras.losses.{name}({target}, {prediction}, {spelled(options)})"
    given = Z if from_logits else P
    expected = theirs(name, target_of(name), given, from_logits=from_logits)
    if form == "function" and "ignore_class" in options:  # K.mean of what the function gives
        expected = float(np.mean(keras.losses.sparse_categorical_crossentropy(
            LABELS, given, from_logits=from_logits, ignore_class=3)))  # fmt: skip
        text = f"mean({text})"
    written = losses.compile_loss(text, probe=False)
    assert float(written.on(BATCH)) == pytest.approx(expected, rel=2e-6)
    once = written.canonical
    assert losses.compile_loss(once, probe=False).canonical == once


@EACH
def test_by_position_they_stand_where_keras_has_them(name: str) -> None:
    cls, options = OPTIONS[name]
    options = {**options, "from_logits": True}
    order = [n for n in inspect.signature(getattr(keras.losses, cls).__init__).parameters
             if n in options]  # fmt: skip
    values = ", ".join(repr(options[n]) for n in order)
    target = "labels" if name.startswith("sparse") else "y_true"
    expected = theirs(name, target_of(name), Z, from_logits=True)
    whole = losses.compile_loss(f"keras.losses.{cls}({values})({target}, logits)", probe=False)
    assert float(whole.on(BATCH)) == pytest.approx(expected, rel=2e-6)
    call = f"keras.losses.{name}({target}, logits, {values})"
    if "ignore_class" in options:
        call = f"sum({call}) / sum(cast(labels != 3, 'float32'))"
    assert float(losses.compile_loss(call, probe=False).on(BATCH)) == pytest.approx(
        expected, rel=2e-6
    )


@pytest.mark.parametrize("gap", [5.0, 30.0, 100.0])
@pytest.mark.parametrize(
    ("text", "kind"),
    [("keras.losses.CategoricalCrossentropy(from_logits=True)(y_true, logits)", "softmax"),
     ("keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)", "softmax"),
     ("keras.losses.BinaryCrossentropy(from_logits=True)(y_true, logits)", "sigmoid")],
)  # fmt: skip
def test_logits_far_apart_are_right_with_their_slope(text: str, kind: str, gap: float) -> None:
    """In float64, also outside of a graph."""
    z = np.zeros((4, 10))
    labels = np.arange(4)
    z[labels, labels + 1] = gap  # sure of a wrong class
    y = np.eye(10)[labels]
    if kind == "softmax":
        shares = np.exp(z - gap) / np.exp(z - gap).sum(-1, keepdims=True)
        expected = gap + np.log(np.exp(z - gap).sum(-1)) - z[labels, labels]
        slope = (shares - y) / 4
    else:
        each = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        expected, slope = each.mean(-1), (1 / (1 + np.exp(-z)) - y) / 40
    given = {"y_true": y.astype("float32"), "labels": labels, "logits": tf.constant(z, "float32")}
    loss = losses.compile_loss(text, probe=False)
    for run in (lambda: loss.on(given), tf.function(lambda: loss.on(given))):
        with tf.GradientTape() as tape:
            tape.watch(given["logits"])
            value = run()
        assert float(value) == pytest.approx(expected.mean(), rel=1e-5)
        np.testing.assert_allclose(tape.gradient(value, given["logits"]), slope, atol=1e-6)


def test_ignored_samples_teach_nothing_and_are_not_counted() -> None:
    labels = np.array([0, 1, 255, 2])
    p = P[:4]
    right = -np.log(p[[0, 1, 3], [0, 1, 2]].astype("float64"))
    for reduction, expected in (("sum_over_batch_size", right.mean()), ("sum", right.sum())):
        loss = losses.get("sparse_categorical_crossentropy", ignore_class=255, reduction=reduction)
        assert float(loss(labels, p)) == pytest.approx(expected, rel=1e-6)
        same = keras.losses.SparseCategoricalCrossentropy(ignore_class=255, reduction=reduction)
        assert float(loss(labels, p)) == pytest.approx(float(same(labels, p)), rel=1e-6)
    loss = losses.get("sparse_categorical_crossentropy", ignore_class=255)
    assert float(loss.on({"labels": labels, "y_pred": p})) == pytest.approx(right.mean(), rel=1e-6)
    weights = np.array([1.0, 2.0, 7.0, 0.5])
    same = keras.losses.SparseCategoricalCrossentropy(ignore_class=255)
    assert float(loss(labels, p, weights)) == pytest.approx(
        float(same(labels, p, weights)), rel=1e-6
    )
    assert float(
        losses.weighed(loss, {"labels": labels, "y_pred": p}, weights.astype("float32"))
    ) == pytest.approx(float(same(labels, p, weights)), rel=1e-6)
    nothing = np.full(4, 255)
    assert float(loss.on({"labels": nothing, "y_pred": p})) == 0.0


def test_labels_that_are_no_class_numbers_are_refused() -> None:
    text = "keras.losses.SparseCategoricalCrossentropy()(1 - y_true, y_pred)"
    assert "class numbers" in losses.check(text)["error"]["message"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("keras.losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.9])", "2 numbers for 10 classes"),
     ("keras.losses.SparseCategoricalCrossentropy(ignore_class=1.5)", "whole number"),
     ("focal(alpha=[0.1, 0.9])", "must be a number"),
     ("keras.losses.CategoricalCrossentropy(label_smoothing='a')", "label_smoothing"),
     ("center(from_logits=True)", "takes no logits")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(text: str, words: str) -> None:
    assert words in losses.check(text)["error"]["message"]


def test_python_refuses_the_same() -> None:
    with pytest.raises(losses.LossError, match=re.escape("2 numbers for 10 classes")):
        losses.get("categorical_focal_crossentropy", alpha=[0.1, 0.9]).on(BATCH)
    with pytest.raises(losses.LossError, match="whole number"):
        losses.get("sparse_categorical_crossentropy", ignore_class=1.5)
    with pytest.raises(losses.LossError, match="must be a number"):
        losses.get("focal", alpha=[0.1, 0.9])
